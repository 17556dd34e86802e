"""Everything that Terraform configures on a bucket: made, changed in place, imported and destroyed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openstack.connection import Connection

from shim.keystore import add
from tests.support.clients import Boto
from tests.support.gateway import Gateway, faults
from tests.support.gateway import gateway as run_gateway
from tests.support.leftovers import inventory
from tests.support.target import Target
from tests.terraform.conftest import ACCOUNT, Terraform, Workspace

# The provider reads lifecycle rules ten times, with five seconds between, before it takes them for written.
pytestmark = [pytest.mark.tool, pytest.mark.timeout(1800)]

CHANGED = "-var=changed=true"
NOT_CHANGED = {
    "aws_s3_bucket.kept",
    "aws_s3_bucket_versioning.kept",
    "aws_s3_bucket_request_payment_configuration.open",
}
NOT_IMPORTED = {"aws_s3_object_copy.copy"}  # the provider imports none
TOPIC = "arn:aws:sns:us-east-1::terraform"
OBJECTS = {"aws_s3_object.kept": "/kept", "aws_s3_object.open": "/a/text"}


@pytest.fixture
def sealing(cloud: Target, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway with keys for SSE-S3 and a destination of notifications."""
    keys, destinations = tmp_path / "sse.keys", tmp_path / "destinations.json"
    add(keys)
    destinations.write_text(json.dumps({TOPIC: {"url": "http://127.0.0.1:9/"}}))
    settings = {
        "sse_key_file": str(keys),
        "notification_file": str(destinations),
        "notification_dir": str(tmp_path / "notifications"),
    }
    with run_gateway(cloud, "terraform", settings=settings) as running:
        yield running
    assert not faults(running.log)


@pytest.fixture
def buckets(workspace: Workspace, sealing: Gateway, name: str) -> Iterator[Terraform]:
    """The configuration `buckets`, ready to be applied; whatever is in its state at the end is destroyed."""
    with workspace("buckets", sealing.url).ready(name=name, topic=TOPIC) as terraform:
        yield terraform


def test_every_configuration_of_a_bucket(
    buckets: Terraform, sealing: Gateway, cloud: Target, name: str, openstack_alt: Connection
) -> None:
    before = inventory(openstack_alt)
    buckets("apply", "-auto-approve")
    assert buckets.settled()
    made = resources(buckets)
    check_seen(buckets.outputs()["seen"], "one")

    planned = buckets.planned(CHANGED)
    assert set(map(tuple, planned.values())) == {("update",)}
    assert set(planned) == made - NOT_CHANGED
    buckets("apply", "-auto-approve", CHANGED)
    assert buckets.settled(CHANGED)
    check_seen(buckets.outputs()["seen"], "two")
    clients = Boto(sealing.url, dict(cloud.keys))
    check_changed(clients("s3", ACCOUNT), name)
    clients.close()

    buckets.import_again(
        {one: f"{name}-{one.rpartition('.')[2]}{OBJECTS.get(one, '')}" for one in made - NOT_IMPORTED}, CHANGED
    )

    buckets("destroy", "-auto-approve", CHANGED)
    assert not resources(buckets)
    assert inventory(openstack_alt).keys() <= before.keys()


def resources(buckets: Terraform) -> set[str]:
    """Return the addresses of the resources in the state."""
    return {one for one in buckets("state", "list").stdout.split() if not one.startswith("data.")}


def check_seen(seen: dict[str, Any], stage: str) -> None:
    """Look at what the data sources told."""
    [statement] = json.loads(seen["policy"])["Statement"]
    assert statement["Sid"] == stage.title()
    assert (seen["body"], seen["tags"]) == (stage, {"Team": "storage", "Stage": stage})


def check_changed(s3: Any, name: str) -> None:
    """Look at both buckets with boto3 after the change."""
    of = {"Bucket": f"{name}-open"}
    assert s3.get_bucket_versioning(**of)["Status"] == "Suspended"
    assert s3.get_bucket_ownership_controls(**of)["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "ObjectWriter"}]
    assert s3.get_public_access_block(**of)["PublicAccessBlockConfiguration"]["BlockPublicPolicy"] is True
    assert {grant["Permission"] for grant in s3.get_bucket_acl(**of)["Grants"]} == {"FULL_CONTROL", "READ_ACP"}
    assert s3.get_bucket_cors(**of)["CORSRules"][0]["AllowedOrigins"] == ["https://two.example"]
    rules = {rule["ID"]: rule for rule in s3.get_bucket_lifecycle_configuration(**of)["Rules"]}
    assert rules["old"]["Expiration"] == {"Days": 20}
    assert rules["uploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 3}
    assert s3.get_bucket_website(**of)["ErrorDocument"] == {"Key": "two.html"}
    assert s3.get_bucket_encryption(**of)["ServerSideEncryptionConfiguration"]["Rules"][0]["BucketKeyEnabled"] is True
    found = s3.get_object(**of, Key="a/text")
    assert (found["Body"].read(), found["Metadata"], found["TagCount"]) == (b"two", {"stage": "two"}, 2)
    # The provider does not copy again where only the source's content has changed; it puts the new tags.
    assert s3.get_object(**of, Key="copy")["Body"].read() == b"one"
    assert {"Key": "Stage", "Value": "two"} in s3.get_object_tagging(**of, Key="copy")["TagSet"]
    kept = {"Bucket": f"{name}-kept"}
    assert s3.get_bucket_logging(**kept)["LoggingEnabled"]["TargetPrefix"] == "logs/kept/"
    lock = s3.get_object_lock_configuration(**kept)["ObjectLockConfiguration"]
    assert lock["Rule"]["DefaultRetention"] == {"Mode": "GOVERNANCE", "Days": 2}
    assert s3.head_object(**kept, Key="kept")["ObjectLockMode"] == "GOVERNANCE"
    versions = s3.list_object_versions(**kept)["Versions"]
    assert [(one["Key"], one["IsLatest"]) for one in versions] == [("kept", True), ("kept", False)]
