"""Two gateway processes on one port: one is killed between calls, and nothing is noticed."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.clients import Boto
from tests.support.gateway import Gateway, faults
from tests.support.gateway import gateway as run_gateway
from tests.support.target import Target
from tests.support.wire import free_port

PART = 5 << 20


@pytest.fixture
def pair(cloud: Target) -> Iterator[tuple[Gateway, Gateway]]:
    """Two gateways that share a port."""
    options = ("--reuse-port", "--port", str(free_port()))
    with ExitStack() as stack:
        first, second = (stack.enter_context(run_gateway(cloud, f"replica-{i}", *options)) for i in (1, 2))
        yield first, second
        assert not faults(second.log)


def test_a_killed_replica_is_not_missed(pair: tuple[Gateway, Gateway], cloud: Target, bucket: str) -> None:
    first, second = pair
    assert first.url == second.url
    clients = Boto(first.url, dict(cloud.keys))
    try:
        check_work_goes_on(clients, pair, bucket)
    finally:
        clients.close()


def check_work_goes_on(clients: Boto, pair: tuple[Gateway, Gateway], bucket: str) -> None:
    """Begin an upload, a listing and a conditional write with two replicas, and end them with one."""
    first, second = pair
    s3, ec2 = clients("s3"), clients("ec2")
    for i in range(20):  # a connection each, so that the kernel gives both some
        clients.session().client("s3", endpoint_url=first.url, region_name="us-east-1").put_object(
            Bucket=bucket, Key=f"k{i:02}", Body=b"x"
        )
    assert first.lines(action="PutObject")
    assert second.lines(action="PutObject")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="large")["UploadId"]
    parts = [s3.upload_part(Bucket=bucket, Key="large", UploadId=upload, PartNumber=1, Body=b"a" * PART)]
    page = s3.list_objects_v2(Bucket=bucket, MaxKeys=7)
    types = ec2.describe_instance_types(MaxResults=5)
    kept = s3.put_object(Bucket=bucket, Key="once", Body=b"1", IfNoneMatch="*")["ETag"]

    os.kill(first.process.pid, signal.SIGKILL)
    first.process.wait()

    parts.append(s3.upload_part(Bucket=bucket, Key="large", UploadId=upload, PartNumber=2, Body=b"b"))
    listed = [{"ETag": part["ETag"], "PartNumber": number} for number, part in enumerate(parts, 1)]
    s3.complete_multipart_upload(Bucket=bucket, Key="large", UploadId=upload, MultipartUpload={"Parts": listed})
    assert s3.get_object(Bucket=bucket, Key="large")["Body"].read() == b"a" * PART + b"b"
    more = s3.list_objects_v2(Bucket=bucket, ContinuationToken=page["NextContinuationToken"])
    assert [entry["Key"] for entry in more["Contents"]][:2] == ["k07", "k08"]
    following = ec2.describe_instance_types(MaxResults=5, NextToken=types["NextToken"])["InstanceTypes"]
    assert not {t["InstanceType"] for t in following} & {t["InstanceType"] for t in types["InstanceTypes"]}
    assert s3.put_object(Bucket=bucket, Key="once", Body=b"2", IfMatch=kept)["ETag"] != kept
    assert second.lines(action="CompleteMultipartUpload")
    assert s3.head_object(Bucket=bucket, Key="large")["ContentLength"] == PART + 1
