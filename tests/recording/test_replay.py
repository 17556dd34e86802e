"""`passerelle replay` of recorded calls on two endpoints that differ, undone at the end."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from recording.lines import Line, load
from tests.conftest import remove_bucket
from tests.recording.commands import PYTHON, Passerelle, script
from tests.support.clients import Boto
from tests.support.names import unique

WHEN = "2026-01-01T00:00:00.000000Z"
# Two volumes, an object of two parts, and questions about all of them by id, by ARN, and by what an answer said.
CALLS = """
import boto3, sys
ec2, s3, sts = (boto3.client(name) for name in ("ec2", "s3", "sts"))
account = sts.get_caller_identity()["Account"]
zone = ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
group = ec2.create_security_group(GroupName="replayed", Description="d", VpcId=vpc)["GroupId"]
ec2.authorize_security_group_ingress(GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0")
volume = ec2.create_volume(Size=1, AvailabilityZone=zone)["VolumeId"]
ec2.create_tags(Resources=[volume], Tags=[{"Key": "Name", "Value": "replayed"}])
image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
made = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=subnet, SecurityGroupIds=[group],
                         UserData="a secret")["Instances"][0]["InstanceId"]
ec2.get_waiter("instance_running").wait(InstanceIds=[made])
ec2.describe_instances(InstanceIds=[made])
s3.create_bucket(Bucket=sys.argv[1])
upload = s3.create_multipart_upload(Bucket=sys.argv[1], Key="k")["UploadId"]
parts = []
for number, length in ((1, 5 << 20), (2, 7)):
    part = s3.upload_part(Bucket=sys.argv[1], Key="k", UploadId=upload, PartNumber=number, Body=b"x" * length)
    parts.append({"PartNumber": number, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]})
etag = s3.complete_multipart_upload(Bucket=sys.argv[1], Key="k", UploadId=upload, MultipartUpload={"Parts": parts})
s3.get_object(Bucket=sys.argv[1], Key="k", IfMatch=etag["ETag"])["Body"].read()
s3.put_bucket_versioning(Bucket=sys.argv[1], VersioningConfiguration={"Status": "Enabled"})
version = s3.put_object(Bucket=sys.argv[1], Key="v", Body=b"v", SSECustomerAlgorithm="AES256",
                        SSECustomerKey="k" * 32)["VersionId"]
s3.get_object(Bucket=sys.argv[1], Key="v", VersionId=version, SSECustomerAlgorithm="AES256",
              SSECustomerKey="k" * 32)["Body"].read()
"""


@pytest.fixture(scope="module")
def recorded(moto: Boto, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of CALLS on the one moto."""
    user = Passerelle(tmp_path_factory.mktemp("recorded"), moto.url, moto.keys["main"])
    user.record(PYTHON, script(user.home, "calls.py", CALLS), unique("bucket"))
    return user.home / "recording.jsonl"


def replayed(user: Passerelle, *words: str | Path, check: int = 0) -> dict[str, Any]:
    """Replay and return the report."""
    user.replay(*words, "--format", "json", "-o", "report.json", check=check)
    found = json.loads((user.home / "report.json").read_text())
    assert isinstance(found, dict)
    return found


def recording(user: Passerelle, *lines: Line) -> Path:
    return script(user.home, "recording.jsonl", "".join(line.text() for line in lines))


def things(boto: Boto) -> dict[str, Any]:
    """Return what the calls made and nobody has undone."""
    ec2 = boto("ec2")
    states = [{"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}]
    in_vpc = [{"Name": "cidr", "Values": ["10.9.0.0/16"]}]
    return {
        "buckets": boto("s3").list_buckets()["Buckets"],
        "instances": ec2.describe_instances(Filters=states)["Reservations"],
        "volumes": ec2.describe_volumes(Filters=[{"Name": "size", "Values": ["1"]}])["Volumes"],
        "vpcs": ec2.describe_vpcs(Filters=in_vpc)["Vpcs"],
    }


def count(boto: Boto) -> dict[str, int]:
    return {name: len(found) for name, found in things(boto).items()}


def test_a_recording_runs_again_and_leaves_nothing(passerelle: Passerelle, moto: Boto, recorded: Path) -> None:
    before = count(moto)
    made = next(one.params["Bucket"] for one in load(recorded) if one.operation == "CreateBucket")
    remove_bucket(moto("s3"), made)
    found = replayed(passerelle, recorded, "--on", moto.url, "--on", moto.url, "--yes")
    assert (found["differences"], found["skipped"], found["left"]) == ([], [], [])
    assert found["compared"] == 20
    assert count(moto) == {**before, "buckets": before["buckets"] - 1}


def test_without_yes_nothing_is_changed(passerelle: Passerelle, moto: Boto, recorded: Path) -> None:
    before = count(moto)
    found = replayed(passerelle, recorded, "--on", moto.url)
    assert count(moto) == before
    assert not found["differences"]
    whys = {one["operation"]: one["why"] for one in found["skipped"]}
    assert whys["ec2 CreateVpc"] == "it changes something, and --yes was not given"
    assert whys["ec2 DescribeInstances"].endswith("--yes was not given")
    assert "ec2 DescribeImages" not in whys


def test_what_is_kept_stays(passerelle: Passerelle, moto: Boto) -> None:
    made = Line(WHEN, "ec2", "CreateVpc", {"CidrBlock": "10.9.0.0/16"}, 200, "", {"Vpc": {"VpcId": "vpc-11111111"}})
    before = count(moto)["vpcs"]
    path = recording(passerelle, made)
    replayed(passerelle, path, "--on", moto.url, "--yes", "--keep", check=1)
    assert count(moto)["vpcs"] == before + 1
    replayed(passerelle, path, "--on", moto.url, "--yes", check=1)
    assert count(moto)["vpcs"] == before + 1


def test_only_what_the_replay_made_is_changed(passerelle: Passerelle, moto: Boto) -> None:
    ec2, s3, bucket = moto("ec2"), moto("s3"), unique("bucket")
    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"precious")
    listed = Line(
        WHEN, "ec2", "DescribeVpcs", {"VpcIds": [vpc]}, 200, "", {"Vpcs": [{"VpcId": vpc, "CidrBlock": "10.8.0.0/16"}]}
    )
    all_vpcs = Line(WHEN, "ec2", "DescribeVpcs", {}, 200, "", {"Vpcs": [{"VpcId": vpc, "CidrBlock": "10.8.0.0/16"}]})
    lines = (
        listed,
        all_vpcs,
        Line(WHEN, "ec2", "DeleteVpc", {"VpcId": vpc}, 200),
        Line(WHEN, "s3", "CreateBucket", {"Bucket": bucket}, 200),
        Line(WHEN, "s3", "DeleteObject", {"Bucket": bucket, "Key": "k"}, 204),
    )
    found = replayed(passerelle, recording(passerelle, *lines), "--on", moto.url, "--on", moto.url, "--yes")
    assert [one["why"] for one in found["skipped"]] == [
        f"it names {vpc}, which no earlier answer of the recording names",
        "it changes what the replay did not make",
        f"the bucket {bucket} is there already",
        f"it names the bucket {bucket}: the bucket {bucket} is there already",
    ]
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"precious"
    assert ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]
    remove_bucket(s3, bucket)


DIFFERS = Line(WHEN, "ec2", "DescribeRegions", {"RegionNames": ["us-east-1"]}, 200, "", {"Regions": []})
FAILS = Line(WHEN, "ec2", "DescribeVpcs", {"VpcIds": ["vpc-12345678"]}, 400, "Another")


def test_each_difference_is_reported_or_explained(passerelle: Passerelle) -> None:
    path = recording(passerelle, DIFFERS, FAILS)
    found = replayed(passerelle, path, "--on", passerelle.url, check=1)
    assert {(one["operation"], one["kind"], one["path"], one["a"], one["b"]) for one in found["differences"]} == {
        ("ec2 DescribeRegions", "items", "Regions[]", "0", "1"),
        ("ec2 DescribeVpcs", "error", "", "Another", "InvalidVpcID.NotFound"),
    }
    entry = '[[difference]]\noperation = "{}"\nkind = "{}"\nsentence = "It says so."\nsource = "https://docs"\n'
    known = entry.format("ec2 DescribeR*", "items") + entry.format("ec2 DescribeVpcs", "error")
    script(passerelle.home, "known-differences.toml", known + entry.format("s3 *", "value"))
    found = replayed(passerelle, path, "--on", passerelle.url)
    assert {one["known"]["sentence"] for one in found["differences"]} == {"It says so."}
    assert found["stale"] == ["s3 * value"]
    assert "1 known difference not found any more" in found["summary"]


def test_the_report_is_a_table_or_junits(passerelle: Passerelle) -> None:
    path = recording(passerelle, DIFFERS, FAILS, Line(WHEN, "kms", "Decrypt", unread="no model of it is read here"))
    shown = passerelle.replay(path, "--on", passerelle.url, check=1).stdout
    assert " ".join(shown.split()).startswith("0 of 2 calls have the same answer on both. 2 differences unexplained")
    assert "kms Decrypt (3): calls of kms are not made again" in shown
    suite = ET.fromstring(  # noqa: S314
        passerelle.replay(path, "--on", passerelle.url, "--format", "junit", check=1).stdout
    )
    assert (suite.attrib["tests"], suite.attrib["failures"], suite.attrib["skipped"]) == ("4", "2", "1")


def test_what_cannot_begin_is_told(passerelle: Passerelle) -> None:
    path = recording(passerelle, FAILS)
    on = ("--on", passerelle.url)
    assert "two endpoints" in passerelle.replay(path, *on, *on, *on, check=2).stderr
    assert "could not be found" in passerelle.replay(path, "--on", f"nobody@{passerelle.url}", check=2).stderr
    (passerelle.home / ".aws").mkdir()
    script(passerelle.home / ".aws", "credentials", "[bare]\naws_access_key_id = a\naws_secret_access_key = b\n")
    assert "no URL" in passerelle.replay(path, "--on", "bare", check=2, AWS_ENDPOINT_URL="").stderr
    broken = script(passerelle.home, "broken", path.read_text() + "{}\n")
    assert "line 2 is no call that was recorded" in passerelle.replay(broken, *on, check=2).stderr
    known = script(passerelle.home, "known.toml", '[[difference]]\noperation = "ec2 *"\nsource = "x"\n')
    assert "entry 1 has no sentence" in passerelle.replay(path, *on, "--known", known, check=2).stderr
