"""What every test may ask for: a cloud, a gateway in front of it, and clients of both."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import hypothesis
import openstack
import pytest

from adapters.embedded import facts
from tests.support import leftovers
from tests.support.clients import AwsCli, Boto
from tests.support.gateway import Gateway, faults
from tests.support.gateway import gateway as run_gateway
from tests.support.names import unique
from tests.support.target import Keys, Target, target

NEEDS_CLOUD = "cloud"
LONG = {"terraform", "embedded", "ops", "tempest"}  # folders with tests of a minute or more
WEBSITES = "s3-website.localhost"  # where the gateway shows buckets as websites

# An example that takes longer on a busy machine is no fault, nor a strategy that draws slowly: tests count work, and no
# test looks at the clock.
hypothesis.settings.register_profile(
    "any-machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any-machine")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark whatever asks for the cloud, and run it last: pure tests fail in seconds.

    Of these, the folders with long tests come first, so that no worker is left with one of them at the end.
    """
    for item in items:
        if NEEDS_CLOUD in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.cloud)
    items.sort(key=lambda item: (item.get_closest_marker("cloud") is not None, not LONG & set(item.path.parts)))


@pytest.fixture(scope="session")
def cloud(pytestconfig: pytest.Config) -> Iterator[Target]:
    """A real OpenStack, up and answering.  What the session left in it is an error of the session."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    with ExitStack() as stack:
        with capture.global_and_fixture_disabled():  # bringing it up takes a while: say what happens
            found = stack.enter_context(target(progress))
        before = {account: inventory(found, account) for account in found.keys}
        yield found
        left = left_behind(found, before)
        assert not left, "the tests left behind: " + ", ".join(left)


def progress(line: str) -> None:
    """Show a line while tests run."""
    print(f"\n  cloud: {line}", end="", file=sys.__stderr__, flush=True)


def inventory(cloud: Target, account: str) -> dict[str, str]:
    """Return what a project of the cloud holds."""
    with cloud.connect(account) as connection:
        return leftovers.inventory(connection)


def left_behind(cloud: Target, before: Mapping[str, dict[str, str]], seconds: float = 60) -> list[str]:
    """Return what is there and was not before.

    What the last test deleted may take OpenStack a moment more: a volume without attachments, a server that is DELETED.
    """
    deadline = time.monotonic() + seconds
    while True:
        after = {account: inventory(cloud, account) for account in before}
        left = [thing for account in after for thing in leftovers.new_things(before[account], after[account])]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.5)


@pytest.fixture(scope="session")
def gateway(cloud: Target) -> Iterator[Gateway]:
    """A gateway process in front of the cloud.  A bug in its log is an error, even where a client's retry hid it."""
    with run_gateway(cloud, "gateway", "--s3-website-hosts", WEBSITES) as running:
        yield running
    wrong = faults(running.log)
    assert not wrong, "the gateway logged:\n" + "\n".join(wrong[:20])


@pytest.fixture(scope="session")
def aws(gateway: Gateway, cloud: Target) -> Iterator[Boto]:
    """boto3 clients by service and account: `aws("ec2")`, `aws("s3", "alt")`."""
    clients = Boto(gateway.url, dict(cloud.keys))
    yield clients
    clients.close()


@pytest.fixture(scope="session")
def reader_aws(gateway: Gateway, cloud: Target) -> Iterator[Boto]:
    """boto3 clients for account `reader`: a user who has the role reader on main's project, and no other."""
    known = cloud.state / "cloud" / "facts.json"
    if not known.exists():
        pytest.skip("another cloud has no such user, and a reader may not make an access key")
    account = facts.load(known).accounts["reader"]
    clients = Boto(gateway.url, {"reader": Keys(account.access, account.secret)})
    yield clients
    clients.close()


@pytest.fixture(scope="session")
def s3(aws: Boto) -> Any:
    """S3 for the main account."""
    return aws("s3")


@pytest.fixture(scope="session")
def alt_s3(aws: Boto) -> Any:
    """S3 for another account."""
    return aws("s3", "alt")


@pytest.fixture(scope="session")
def ec2(aws: Boto) -> Any:
    """EC2 for the main account."""
    return aws("ec2")


@pytest.fixture(scope="session")
def sts(aws: Boto) -> Any:
    """STS for the main account."""
    return aws("sts")


@pytest.fixture(scope="session")
def aws_cli(gateway: Gateway, cloud: Target, tmp_path_factory: pytest.TempPathFactory) -> AwsCli:
    """The AWS CLI: `aws_cli("s3", "ls")`, `aws_cli.json("ec2", "describe-instances")`."""
    return AwsCli(gateway.url, dict(cloud.keys), tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def openstack_main(cloud: Target) -> Iterator[openstack.connection.Connection]:
    """The native view of the main project."""
    with cloud.connect("main") as connection:
        yield connection


@pytest.fixture(scope="session")
def openstack_alt(cloud: Target) -> Iterator[openstack.connection.Connection]:
    """The native view of the other project."""
    with cloud.connect("alt") as connection:
        yield connection


@pytest.fixture
def bucket(s3: Any) -> Iterator[str]:
    """A fresh bucket, emptied and deleted afterwards, unfinished uploads included."""
    name = unique("bucket")
    s3.create_bucket(Bucket=name)
    yield name
    remove_bucket(s3, name)


def remove_bucket(s3: Any, bucket: str, seconds: float = 30) -> None:
    """Empty and delete a bucket; where Swift's listing lags behind its objects for a moment, it takes two goes."""
    deadline = time.monotonic() + seconds
    while True:
        empty_bucket(s3, bucket)
        try:
            s3.delete_bucket(Bucket=bucket)
        except s3.exceptions.ClientError as e:
            if e.response["Error"]["Code"] != "BucketNotEmpty" or time.monotonic() > deadline:
                raise
            if not delete_versions(s3, bucket):
                time.sleep(0.5)
        else:
            return


def empty_bucket(s3: Any, bucket: str) -> None:
    """Delete every object of a bucket and abort every upload."""
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in page.get("Uploads", ()):
            s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        if keys := [{"Key": entry["Key"]} for entry in page.get("Contents", ())]:
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
            assert not answer.get("Errors"), answer["Errors"]


def delete_versions(s3: Any, bucket: str) -> int:
    """Delete all versions and delete markers of a bucket for good; return how many there were."""
    count = 0
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        rows = page.get("Versions", []) + page.get("DeleteMarkers", [])
        if found := [{"Key": row["Key"], "VersionId": row["VersionId"]} for row in rows]:
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": found, "Quiet": True})
            assert not answer.get("Errors"), answer["Errors"]
        count += len(found)
    return count


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A directory for a command-line client's files."""
    return tmp_path
