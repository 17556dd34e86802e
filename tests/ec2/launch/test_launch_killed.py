"""A gateway is killed during a launch, and another one gets the request again with the same ClientToken."""

import threading
import time
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError

from tests.ec2.conftest import WAIT, end, eventually, refused
from tests.ec2.instances.test_instances import server_id
from tests.support.clients import Boto
from tests.support.gateway import gateway as run_gateway
from tests.support.names import unique
from tests.support.target import Target

COUNT = 6


def test_the_next_gateway_ends_the_launch(
    aws: Boto, cloud: Target, openstack_alt: Any, image: str, instance_type: str
) -> None:
    ec2, token = aws("ec2", "alt"), unique("token")
    asked = {"ImageId": image, "InstanceType": instance_type, "MinCount": COUNT, "MaxCount": COUNT}
    with run_gateway(cloud, "killed") as first:
        killed = Boto(first.url, dict(cloud.keys))

        def launch() -> None:
            with suppress(BotoCoreError):
                killed("ec2", "alt", retries={"max_attempts": 0}).run_instances(**asked, ClientToken=token)

        asking = threading.Thread(target=launch)
        asking.start()
        try:
            wait_for_some(ec2, token)
        finally:
            first.process.kill()
            asking.join()
            killed.close()
    made = launched(ec2, asked, token)
    try:
        assert len(made) == COUNT
        # Each repetition deletes the servers that Nova still creates for the killed gateway's requests.
        assert eventually(lambda: launched(ec2, asked, token) == with_token(ec2, token) == made)
        ec2.get_waiter("instance_running").wait(InstanceIds=made, WaiterConfig=WAIT)
    finally:
        end(ec2, made)
    with refused("IdempotentInstanceTerminated"):
        ec2.run_instances(**asked, ClientToken=token)
    assert not with_token(ec2, token)
    ids = {server_id(one) for one in made}
    assert eventually(lambda: not ids & {one.id for one in openstack_alt.compute.servers()})


def launched(ec2: Any, asked: dict[str, Any], token: str) -> list[str]:
    """Launch with a token, for the first time or again."""
    return sorted(one["InstanceId"] for one in ec2.run_instances(**asked, ClientToken=token)["Instances"])


def with_token(ec2: Any, token: str) -> list[str]:
    """Return the instances of a token that are not being terminated."""
    pages = ec2.describe_instances(
        Filters=[
            {"Name": "client-token", "Values": [token]},
            {"Name": "instance-state-name", "Values": ["pending", "running"]},
        ]
    )["Reservations"]
    return sorted(one["InstanceId"] for page in pages for one in page["Instances"])


def wait_for_some(ec2: Any, token: str, seconds: float = 60) -> None:
    """Wait until the launch has begun."""
    deadline = time.monotonic() + seconds
    while not with_token(ec2, token):
        assert time.monotonic() < deadline
        time.sleep(0.05)
