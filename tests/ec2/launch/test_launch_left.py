"""A client disconnects during its launch: no resources are left behind."""

import http.client
from typing import Any
from urllib.parse import urlencode, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.ec2.conftest import eventually
from tests.support.clients import REGION
from tests.support.gateway import Gateway
from tests.support.names import unique
from tests.support.target import Keys, Target

COUNT = 12  # more than one batch


def asked(url: str, keys: Keys, body: str) -> http.client.HTTPConnection:
    """Send a signed request without waiting for its answer."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    request = AWSRequest("POST", f"{url}/", headers=headers, data=body)
    SigV4Auth(Credentials(keys.access, keys.secret), "ec2", REGION).add_auth(request)
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    connection.request("POST", "/", body, dict(request.headers.items()))
    return connection


def test_what_was_made_is_taken_back(
    gateway: Gateway, cloud: Target, openstack_alt: Any, image: str, instance_type: str
) -> None:
    name = unique("left")
    body = {
        "Action": "RunInstances",
        "Version": "2016-11-15",
        "ImageId": image,
        "InstanceType": instance_type,
        "MinCount": COUNT,
        "MaxCount": COUNT,
        "TagSpecification.1.ResourceType": "instance",
        "TagSpecification.1.Tag.1.Key": "Name",
        "TagSpecification.1.Tag.1.Value": name,
    }

    def there() -> list[str]:
        return [one.id for one in openstack_alt.compute.servers(details=False, name=name) if one.name == name]

    connection = asked(gateway.url, cloud.keys["alt"], urlencode(body))
    try:
        # At once: a fast machine ends the launch soon after its first server is there.
        assert eventually(lambda: bool(there()), pause=0.05)
        connection.close()
        assert eventually(lambda: not there())
        # The log line is written after the undo.
        assert eventually(lambda: bool(gateway.lines(action="RunInstances", status=499)))
    finally:
        connection.close()
        for one in there():
            openstack_alt.compute.delete_server(one)
