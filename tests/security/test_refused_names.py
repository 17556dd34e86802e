"""What was refused is named in the call's record, and counted under names of AWS's models only."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.security.door import HOST, Door
from tests.security.requests import Wire, signed

FORM = {"content-type": "application/x-www-form-urlencoded"}


def ec2(form: str) -> Wire:
    return Wire("ec2", "", "POST", f"http://{HOST}/", FORM, f"Version=2016-11-15&{form}".encode())


def sts(form: str) -> Wire:
    return Wire("sts", "", "POST", f"http://{HOST}/", FORM, f"Version=2011-06-15&{form}".encode())


def s3(method: str, path: str, **headers: str) -> Wire:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return Wire("s3", "", method, f"http://{HOST}{path}", sent)


@pytest.mark.parametrize(
    ("wire", "refused", "label"),
    [
        (ec2("Action=DescribeSpotFleetRequests"), "DescribeSpotFleetRequests", "DescribeSpotFleetRequests"),
        (ec2("Action=MakeCoffee"), "MakeCoffee", "other"),
        (ec2("Action=DescribeVolumes&Coffee.1=black"), "Coffee.1", "other"),
        (ec2("Action=DescribeVolumes&Filter.1.Nam=x"), "Filter.1.Nam", "Filter"),
        (ec2("Action=DescribeVolumes&MaxResults=many"), "MaxResults", "MaxResults"),
        (
            ec2("Action=RunInstances&MaxCount=1&MinCount=1&ElasticGpuSpecification.1.Type=a"),
            "ElasticGpuSpecification",
            "ElasticGpuSpecification",
        ),
        (ec2("Action=AttachVolume&Device=a&InstanceId=i-12345678"), "VolumeId", "VolumeId"),
        (ec2("Action=DescribeVolumes&MaxResults=4"), "MaxResults", "MaxResults"),
        (ec2("Action=DescribeVolumes&Filter.1.Name=a.b&Filter.1.Value.1=c"), "Filters.a.b", "Filters"),
        (ec2("Action=DescribeVolumes&VolumeId.1=vol-x"), "vol-x", "other"),
        (ec2("Action=DeleteSecurityGroup&GroupId=sg-12345678&GroupName=web"), "GroupName", "GroupName"),
        (ec2("Action=DetachVolume&VolumeId=vol-12345678&Force=true"), "Force", "Force"),
        (sts("Action=GetFederationToken"), "GetFederationToken", "GetFederationToken"),
        (sts("Action=GetCallerIdentity&Milk=yes"), "Milk", "other"),
        (
            s3("PUT", "/bucket/key", x_amz_write_offset_bytes="1"),
            "x-amz-write-offset-bytes",
            "x-amz-write-offset-bytes",
        ),
        (s3("PUT", "/bucket/key", x_amz_coffee="a"), "x-amz-coffee", "other"),
        (s3("GET", "/bucket/key?torrent"), "GetObjectTorrent", "GetObjectTorrent"),
        (s3("GET", "/bucket?max-keys=many"), "max-keys", "max-keys"),
        (s3("DELETE", "/bucket?coffee"), "coffee", "other"),
    ],
    ids=lambda value: "" if isinstance(value, Wire) else value,
)
def test_the_record_names_what_was_refused(wire: Wire, refused: str, label: str) -> None:
    door = Door()
    request = signed(wire)
    door.knock(request.method, request.url, request.headers, request.body)
    (record,) = door.records
    assert (record.refused, record.refused_label) == (refused, label)
    assert record.reason
    assert not door.touched


def test_a_long_name_is_cut() -> None:
    door = Door()
    request = signed(ec2(f"Action=DescribeVolumes&{'C' * 5000}=1"))
    door.knock(request.method, request.url, request.headers, request.body)
    assert len(door.records[-1].refused) == 200


def test_clients_cannot_make_labels() -> None:
    """Whatever names a client makes up, the metric has one series for them."""
    door = Door()
    for number in range(50):
        request = signed(ec2(f"Action=DescribeVolumes&Made{number}=1"))
        door.knock(request.method, request.url, request.headers, request.body)
        wire = signed(s3("DELETE", f"/bucket?made{number}"))
        door.knock(wire.method, wire.url, wire.headers, wire.body)
    assert {record.refused_label for record in door.records} == {"other"}


def test_a_request_that_nobody_signed_names_nothing_of_its_own() -> None:
    door = Door()
    wire = replace(ec2("Action=DescribeVolumes&Coffee.1=black"))
    door.knock(wire.method, wire.url, wire.headers, wire.body)
    assert (door.records[-1].refused, door.records[-1].reason != "") == ("", True)


def test_why_a_stranger_is_refused_is_kept_for_the_operator() -> None:
    door, request = Door(), s3("GET", "/bucket/key")
    answer = door.knock(request.method, request.url, request.headers, request.body)
    (record,) = door.records
    assert record.reason == "nobody signed, and s3:GetObject on arn:aws:s3:::bucket/key is not open to anyone"
    assert record.reason.encode() not in answer.body
