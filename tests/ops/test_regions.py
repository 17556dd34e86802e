"""Regions as real clients meet them: any name means this cloud, but for the names of the catalogue's other regions."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.ec2.conftest import WAIT
from tests.support.clients import AwsCli, Boto
from tests.support.gateway import Gateway
from tests.support.gateway import gateway as run_gateway
from tests.support.names import unique
from tests.support.operator import admin, region
from tests.support.target import Target

ALIAS = "eu-west-3"
OTHER = "Region-Two"


@pytest.fixture(scope="module")
def other_region(cloud: Target) -> Iterator[str]:
    """Another region in the catalogue of the same Keystone."""
    with admin(cloud) as operator, region(operator.identity, OTHER):
        yield OTHER


@pytest.fixture(scope="module")
def two_regions(cloud: Target, other_region: str) -> Iterator[Gateway]:
    """A gateway that has logged in since the catalogue has two regions."""
    with run_gateway(cloud, "regions") as running:
        yield running


@pytest.fixture(scope="module")
def clients(two_regions: Gateway, cloud: Target) -> Iterator[Boto]:
    found = Boto(two_regions.url, dict(cloud.keys))
    yield found
    found.close()


@pytest.fixture
def aliased(clients: Boto) -> Iterator[str]:
    """A bucket made in a region whose name is an alias."""
    name, s3 = unique("alias"), clients("s3", region=ALIAS)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": ALIAS})
    yield name
    s3.delete_object(Bucket=name, Key="k")
    s3.delete_bucket(Bucket=name)


@pytest.mark.parametrize("name", [ALIAS, "RegionOne", "us-east-1"])
def test_ec2_answers_follow_the_region_asked_for(clients: Boto, name: str) -> None:
    ec2 = clients("ec2", region=name)
    assert name in [one["RegionName"] for one in ec2.describe_regions()["Regions"]]
    zones = ec2.describe_availability_zones()["AvailabilityZones"]
    assert {(one["RegionName"], one["GroupName"]) for one in zones} == {(name, name)}
    assert (zones[0]["ZoneName"], zones[0]["ZoneId"]) == (f"{name}a", f"{name.lower()}-az1")
    assert {one["AvailabilityZone"] for one in ec2.describe_subnets()["Subnets"]} == {f"{name}a"}
    subnets = ec2.describe_subnets()["Subnets"]
    assert {one["SubnetArn"].split(":")[3] for one in subnets} == {name}
    assert {one["Location"] for one in ec2.describe_instance_type_offerings()["InstanceTypeOfferings"]} == {name}


@pytest.mark.parametrize("zone", [f"{ALIAS}a", "nova"])
def test_a_volume_is_made_in_a_zone_of_the_region_asked_for(clients: Boto, zone: str) -> None:
    ec2 = clients("ec2", region=ALIAS)
    made = ec2.create_volume(Size=1, AvailabilityZone=zone)
    try:
        assert made["AvailabilityZone"] == f"{ALIAS}a"
        ec2.get_waiter("volume_available").wait(VolumeIds=[made["VolumeId"]], WaiterConfig=WAIT)
        asked = [{"Name": "availability-zone", "Values": [f"{ALIAS}*"]}]
        (seen,) = ec2.describe_volumes(VolumeIds=[made["VolumeId"]], Filters=asked)["Volumes"]
        assert seen["AvailabilityZone"] == f"{ALIAS}a"
        (elsewhere,) = clients("ec2").describe_volumes(VolumeIds=[made["VolumeId"]])["Volumes"]
        assert elsewhere["AvailabilityZone"] == "us-east-1a"
    finally:
        ec2.delete_volume(VolumeId=made["VolumeId"])
        ec2.get_waiter("volume_deleted").wait(VolumeIds=[made["VolumeId"]], WaiterConfig=WAIT)
    with pytest.raises(ClientError, match=r"InvalidZone\.NotFound"):
        ec2.create_volume(Size=1, AvailabilityZone="us-east-1a")


@pytest.mark.parametrize("name", [ALIAS, "RegionOne"])
def test_s3_answers_follow_the_region_asked_for(clients: Boto, aliased: str, name: str) -> None:
    s3 = clients("s3", region=name)
    assert s3.get_bucket_location(Bucket=aliased)["LocationConstraint"] == name
    assert s3.head_bucket(Bucket=aliased)["BucketRegion"] == name
    listed = s3.list_buckets(BucketRegion=name)["Buckets"]
    assert {one["BucketRegion"] for one in listed if one["Name"] == aliased} == {name}
    s3.put_object(Bucket=aliased, Key="k", Body=b"presigned")
    url = clients("s3", region=name, signature_version="s3v4").generate_presigned_url(
        "get_object", {"Bucket": aliased, "Key": "k"}
    )
    assert f"%2F{name}%2Fs3%2F" in url
    answer = httpx.get(url)
    assert (answer.status_code, answer.content) == (200, b"presigned")


def test_a_bucket_location_takes_the_same_names(clients: Boto) -> None:
    s3, name = clients("s3"), unique("location")
    for refused in (OTHER, "not a region", "us-east-1"):
        with pytest.raises(ClientError, match="InvalidLocationConstraint"):
            s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": refused})
    with pytest.raises(ClientError, match="IllegalLocationConstraintException"):
        clients("s3", region=ALIAS).create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": ALIAS})
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] is None
    s3.delete_bucket(Bucket=name)


def test_another_region_of_the_catalogue_is_refused(clients: Boto) -> None:
    said = f"Credential should be scoped to a valid region, not '{OTHER}'."
    for service, call, code, status in (
        ("ec2", "describe_regions", "AuthFailure", 401),
        ("sts", "get_caller_identity", "SignatureDoesNotMatch", 403),
    ):
        with pytest.raises(ClientError, match=re.escape(said)) as caught:
            getattr(clients(service, region=OTHER), call)()
        answer = caught.value.response
        assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    with pytest.raises(ClientError) as caught:
        clients("s3", region=OTHER).list_buckets()
    refusal: dict[str, Any] = {**caught.value.response}
    assert refusal["Error"]["Code"] == "AuthorizationHeaderMalformed"
    assert refusal["Error"]["Region"] == "RegionOne"
    assert refusal["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"] == "RegionOne"


def test_sdks_find_a_bucket_that_is_in_this_region(clients: Boto, aliased: str) -> None:
    """boto3 signs anew for the region that the refusal names, with a body (GET) and without one (HEAD)."""
    s3 = clients("s3", region=OTHER)
    for call in (s3.head_bucket, s3.get_bucket_location):
        answer = call(Bucket=aliased)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert s3.get_bucket_location(Bucket=aliased)["LocationConstraint"] == "RegionOne"


def test_a_presigned_url_for_another_region_is_refused(clients: Boto, aliased: str) -> None:
    url = clients("s3", region=OTHER, signature_version="s3v4").generate_presigned_url(
        "get_object", {"Bucket": aliased, "Key": "k"}
    )
    answer = httpx.get(url)
    assert (answer.status_code, answer.headers["x-amz-bucket-region"]) == (400, "RegionOne")
    assert "<Code>AuthorizationQueryParametersError</Code>" in answer.text
    assert f"the region '{OTHER}' is wrong; expecting 'RegionOne'" in answer.text
    assert "<Region>RegionOne</Region>" in answer.text


def test_the_cli_in_a_region_of_aws(two_regions: Gateway, cloud: Target, home: Path) -> None:
    aws = AwsCli(two_regions.url, dict(cloud.keys), home)
    name = unique("cli")
    aws("s3", "mb", f"s3://{name}", "--region", ALIAS)
    try:
        where = aws.json("s3api", "get-bucket-location", "--bucket", name, "--region", ALIAS)
        assert where["LocationConstraint"] == ALIAS
    finally:
        aws("s3", "rb", f"s3://{name}", "--region", ALIAS)
    zones = aws.json("ec2", "describe-availability-zones", "--region", ALIAS)["AvailabilityZones"]
    assert {one["RegionName"] for one in zones} == {ALIAS}
    refused = aws("ec2", "describe-availability-zones", "--region", OTHER, check=False)
    assert refused.returncode != 0
    assert "Credential should be scoped to a valid region" in refused.stderr


def test_a_list_of_names_is_strict(cloud: Target, other_region: str) -> None:
    settings = {"region_names": json.dumps([ALIAS, other_region])}
    with run_gateway(cloud, "strict-regions", settings=settings) as running:
        clients = Boto(running.url, dict(cloud.keys))
        for name in (ALIAS, other_region, "RegionOne"):
            told = clients("ec2", region=name).describe_regions()["Regions"]
            assert {one["RegionName"] for one in told} == {ALIAS, other_region, "RegionOne"}
        for name in ("us-east-1", "eu-west-1"):
            with pytest.raises(ClientError, match="scoped to a valid region"):
                clients("ec2", region=name).describe_regions()
        clients.close()
