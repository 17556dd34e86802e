"""The same journey by each client, looked at from OpenStack's side after every step."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from openstack.connection import Connection

from tests.ec2.conftest import eventually, instance_type
from tests.journeys import clients, resources
from tests.support.clients import REGION
from tests.support.gateway import Gateway
from tests.support.leftovers import inventory
from tests.support.names import native_uuid, unique
from tests.support.target import Target

pytestmark = [pytest.mark.tool, pytest.mark.timeout(600)]

__all__ = ["instance_type"]
ACCOUNT = "main"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEvW5pXfYbQfT4rF6v0x2v3m0dXkzYg3p1Z3m6m1mB1k journey"
HERE = Path(__file__).parent
TEXTS = {"key", "public_ip"}  # what was made and has no id
Client = Callable[[str, Mapping[str, Any]], dict[str, Any]]  # a step and what it needs → what it made or saw


@pytest.fixture
def environment(gateway: Gateway, cloud: Target, tmp_path: Path) -> dict[str, str]:
    """The environment of a client: the endpoint and the keys, and no configuration of this machine."""
    keys = cloud.keys[ACCOUNT]
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": gateway.url,
        "AWS_ACCESS_KEY_ID": keys.access,
        "AWS_SECRET_ACCESS_KEY": keys.secret,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def resource_client(environment: Mapping[str, str]) -> Client:
    """Run the steps by boto3's resources, in this process."""
    ec2 = boto3.resource(
        "ec2",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=REGION,
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )
    return lambda step, asked: dict(getattr(resources, step)(ec2, asked))


def javascript(environment: Mapping[str, str]) -> Client:
    """Run the steps by the AWS SDK for JavaScript v3."""
    if not (node := shutil.which("node")) or not shutil.which("npm"):
        pytest.skip("there is no node, or no npm, on the PATH")
    try:
        packages = clients.javascript()
    except clients.NotInstalledError as error:
        pytest.skip(f"the AWS SDK for JavaScript cannot be installed here: {error}")
    return program([node, str(HERE / "javascript.cjs")], {**environment, "NODE_PATH": str(packages)})


def boto2(environment: Mapping[str, str]) -> Client:
    """Run the steps by boto 2, whose last release is of 2018."""
    return python("boto2.py", environment)


def libcloud(environment: Mapping[str, str]) -> Client:
    """Run the steps by libcloud's EC2 driver."""
    return python("libcloud_ec2.py", environment)


def python(script: str, environment: Mapping[str, str]) -> Client:
    try:
        interpreter = clients.python()
    except clients.NotInstalledError as error:
        pytest.skip(f"boto 2 and libcloud cannot be installed here: {error}")
    return program([str(interpreter), str(HERE / script)], environment)


def program(command: list[str], environment: Mapping[str, str]) -> Client:
    """Run the steps by a program that is given a step as its argument, and reads and writes JSON."""

    def run(step: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        done = subprocess.run(
            [*command, step],
            env=dict(environment),
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return dict(json.loads(done.stdout))

    return run


@pytest.mark.parametrize("client", [resource_client, javascript, boto2, libcloud])
def test_a_journey(
    client: Callable[[Mapping[str, str]], Client],
    environment: Mapping[str, str],
    openstack_main: Connection,
    instance_type: str,
) -> None:
    run, name, before = client(environment), unique("journey"), inventory(openstack_main)
    made = run("make", {"name": name, "type": instance_type, "key": KEY})
    check_made(openstack_main, name, made)
    seen = run("change", {"made": made})
    assert (seen["tags"], seen["state"], seen["public"]) == ({"Name": name, "Stage": "two"}, "running", True)
    assert seen["volumes"] == [made["volume"]]
    check_changed(openstack_main, made)
    run("end", {"made": made})
    assert eventually(lambda: inventory(openstack_main).keys() <= before.keys())


def check_made(connection: Connection, name: str, made: Mapping[str, str]) -> None:
    """Look at what was made with OpenStack's own client."""
    network, uuids = connection.network, {kind: native_uuid(one) for kind, one in made.items() if kind not in TEXTS}
    # Some clients name what exists already, by a tag.
    assert any(tag.endswith(f":Name={name}") for tag in network.get_router(uuids["vpc"]).tags)
    assert network.get_subnet(uuids["subnet"]).cidr == "10.60.1.0/24"
    assert ports_in(connection, uuids["group"]) == {(22, 22)}
    server = connection.compute.get_server(uuids["instance"])
    assert (server.status, server.key_name, server.metadata["tag:Name"]) == ("ACTIVE", name, name)
    [port] = network.ports(device_id=server.id)
    assert port.security_group_ids == [uuids["group"]]
    assert network.get_ip(uuids["address"]).port_id == port.id

    def holders() -> list[str]:
        return [one["server_id"] for one in connection.block_storage.get_volume(uuids["volume"]).attachments]

    assert eventually(lambda: holders() == [server.id])  # a volume is `in-use` before Cinder has attached it
    image = connection.image.get_image(uuids["image"])
    assert (image.name, image.status) == (name, "active")


def check_changed(connection: Connection, made: Mapping[str, str]) -> None:
    """Look at what the change did with OpenStack's own client."""
    assert ports_in(connection, native_uuid(made["group"])) == {(22, 22), (443, 443)}
    assert connection.compute.get_server(native_uuid(made["instance"])).metadata["tag:Stage"] == "two"


def ports_in(connection: Connection, group: str) -> set[tuple[int, int]]:
    rules = connection.network.security_group_rules(security_group_id=group, direction="ingress")
    return {(rule.port_range_min, rule.port_range_max) for rule in rules}
