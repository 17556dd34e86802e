"""Fixtures of the EC2 scenarios: an image, an instance type, and instances that are deleted afterwards."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

Launch = Callable[..., list[str]]

WAIT = {"Delay": 1, "MaxAttempts": 120}


@pytest.fixture(scope="session")
def image(ec2: Any) -> str:
    """A public image that is ready to use."""
    found = ec2.describe_images(
        Owners=["amazon"],
        Filters=[{"Name": "architecture", "Values": ["x86_64"]}, {"Name": "state", "Values": ["available"]}],
    )["Images"]
    return str(found[0]["ImageId"])


@pytest.fixture(scope="session")
def instance_type(ec2: Any) -> str:
    """The smallest instance type that has its own disk."""
    types = ec2.describe_instance_types()["InstanceTypes"]
    local = [one for one in types if "instance-store" in one["SupportedRootDeviceTypes"]]
    smallest = min(local, key=lambda one: (one["MemoryInfo"]["SizeInMiB"], one["VCpuInfo"]["DefaultVCpus"]))
    return str(smallest["InstanceType"])


@pytest.fixture
def launch(ec2: Any, image: str, instance_type: str) -> Iterator[Launch]:
    """Launch instances and return their ids; they are terminated after the test."""
    launched: list[str] = []

    def run(count: int = 1, **more: Any) -> list[str]:
        wanted = {"ImageId": image, "InstanceType": instance_type, "MinCount": count, "MaxCount": count, **more}
        made = [one["InstanceId"] for one in ec2.run_instances(**wanted)["Instances"]]
        launched.extend(made)
        return made

    yield run
    end(ec2, launched)


@pytest.fixture(scope="module")
def instance(ec2: Any, image: str, instance_type: str) -> Iterator[str]:
    """One running instance for the tests of a module, which must leave it unchanged."""
    made = ec2.run_instances(ImageId=image, InstanceType=instance_type, MinCount=1, MaxCount=1)["Instances"]
    ids = [one["InstanceId"] for one in made]
    ec2.get_waiter("instance_running").wait(InstanceIds=ids, WaiterConfig=WAIT)
    yield ids[0]
    end(ec2, ids)


def end(ec2: Any, ids: list[str]) -> None:
    """Terminate instances and wait until they are terminated."""
    if ids:
        ec2.terminate_instances(InstanceIds=ids)
        ec2.get_waiter("instance_terminated").wait(InstanceIds=ids, WaiterConfig=WAIT)


def eventually(check: Callable[[], bool], seconds: float = 60.0, *, pause: float = 0.5) -> bool:
    """Return whether a condition becomes true in time; for conditions without an AWS waiter."""
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True


def refused(code: str, status: int = 400) -> Any:
    """Expect AWS's error of that code and status."""
    return pytest.raises(ClientError, check=lambda error: _is(error, code, status))


def _is(error: ClientError, code: str, status: int) -> bool:
    found = error.response
    assert found["Error"]["Code"] == code, found["Error"]
    return bool(found["ResponseMetadata"]["HTTPStatusCode"] == status)
