"""Counts the OpenStack calls of each AWS call with warm caches, from the gateway's log lines."""

from collections.abc import Callable
from typing import Any

from botocore import xform_name

from bench.stage import Stage
from tests.ec2.lookups import LOOKUPS
from tests.support.names import unique

LISTS = (
    "DescribeRegions",
    "DescribeAvailabilityZones",
    "DescribeAccountAttributes",
    "DescribeInstanceTypes",
    "DescribeImages",
    "DescribeKeyPairs",
    "DescribeSecurityGroups",
    "DescribeSecurityGroupRules",
    "DescribeInstances",
    "DescribeInstanceStatus",
    "DescribeVolumes",
    "DescribeVpcs",
    "DescribeSubnets",
    "DescribeRouteTables",
    "DescribeNetworkInterfaces",
    "DescribeAddresses",
    "DescribeTags",
)
PART = b"p" * (5 << 20)


def run(stage: Stage) -> None:
    """Make one call of each kind and print its cost."""
    s3, ec2, sts = (stage.aws(service) for service in ("s3", "ec2", "sts"))
    sts.get_caller_identity()  # the key's secret and token are in the cache from here on
    print(f"   {'call':42} {'OpenStack calls':>15} {'ms':>8}")
    show(stage, "sts GetCallerIdentity", sts.get_caller_identity)
    objects(stage, s3, unique("bench"))
    lists(stage, ec2)
    instance(stage, ec2)


def show(stage: Stage, name: str, call: Callable[..., Any], **params: Any) -> Any:
    """Make a call, print its cost, and return the answer."""
    answer = call(**params)
    line = stage.gateway.call(answer)
    print(f"   {name:42} {line['upstream_calls']:15} {line['ms']:8.1f}", flush=True)
    return answer


def objects(stage: Stage, s3: Any, bucket: str) -> None:
    """Measure calls from a bucket's creation to its deletion."""
    one = {"Bucket": bucket, "Key": "k"}
    show(stage, "s3 CreateBucket", s3.create_bucket, Bucket=bucket)
    show(stage, "s3 PutObject", s3.put_object, **one, Body=b"x")
    show(stage, "s3 PutObject If-None-Match", s3.put_object, Bucket=bucket, Key="new", Body=b"x", IfNoneMatch="*")
    show(stage, "s3 HeadObject", s3.head_object, **one)
    show(stage, "s3 GetObject", s3.get_object, **one)["Body"].read()
    show(stage, "s3 CopyObject", s3.copy_object, Bucket=bucket, Key="copy", CopySource=one)
    show(stage, "s3 ListObjectsV2", s3.list_objects_v2, Bucket=bucket)
    show(stage, "s3 ListBuckets", s3.list_buckets)
    upload = show(stage, "s3 CreateMultipartUpload", s3.create_multipart_upload, Bucket=bucket, Key="m")["UploadId"]
    where = {"Bucket": bucket, "Key": "m", "UploadId": upload}
    parts = [
        show(stage, f"s3 UploadPart {n}", s3.upload_part, **where, PartNumber=n, Body=PART)["ETag"] for n in (1, 2)
    ]
    listed = [{"ETag": etag, "PartNumber": number} for number, etag in enumerate(parts, 1)]
    show(stage, "s3 ListParts", s3.list_parts, **where)
    show(stage, "s3 CompleteMultipartUpload", s3.complete_multipart_upload, **where, MultipartUpload={"Parts": listed})
    keys = [{"Key": key} for key in ("k", "new", "copy", "m")]
    show(stage, "s3 DeleteObjects (4)", s3.delete_objects, Bucket=bucket, Delete={"Objects": keys})
    show(stage, "s3 DeleteBucket", s3.delete_bucket, Bucket=bucket)


def lists(stage: Stage, ec2: Any) -> None:
    """Measure the lists that most tools read first."""
    for name in LISTS:
        show(stage, f"ec2 {name}", getattr(ec2, xform_name(name)))


def lookups(stage: Stage, ec2: Any) -> None:
    """Measure lookups of one id, of whatever the project has."""
    for one in LOOKUPS:
        if (known := one.first(ec2)) is not None:
            print(f"   ec2 {one.action + ' (one id)':38} {one.calls(ec2, stage.gateway, known):15}", flush=True)


def several(stage: Stage, ec2: Any, image: str) -> None:
    """Measure the cost of an additional instance in a launch, without volumes and with a tagged volume each."""
    volume: dict[str, Any] = {
        "BlockDeviceMappings": [{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1}}],
        "TagSpecifications": [{"ResourceType": "volume", "Tags": [{"Key": "a", "Value": "b"}]}],
    }
    for count in (1, 5):
        for what, more in (("", {}), (" with a tagged volume each", volume)):
            asked = {"ImageId": image, "InstanceType": "t3.nano", "MinCount": count, "MaxCount": count, **more}
            made = show(stage, f"ec2 RunInstances ({count}){what}", ec2.run_instances, **asked)["Instances"]
            ids = [one["InstanceId"] for one in made]
            ec2.terminate_instances(InstanceIds=ids)
            ec2.get_waiter("instance_terminated").wait(InstanceIds=ids, WaiterConfig={"Delay": 1, "MaxAttempts": 120})


def instance(stage: Stage, ec2: Any) -> None:
    """Measure calls from an instance's and a volume's creation to their deletion."""
    image = ec2.describe_images()["Images"][0]["ImageId"]
    several(stage, ec2, image)
    made = show(
        stage, "ec2 RunInstances", ec2.run_instances, ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1
    )["Instances"][0]
    ids = {"InstanceIds": [made["InstanceId"]]}
    try:
        ec2.get_waiter("instance_running").wait(**ids, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
        lookups(stage, ec2)
        tags = [{"Key": "a", "Value": "b"}]
        show(stage, "ec2 CreateTags", ec2.create_tags, Resources=ids["InstanceIds"], Tags=tags)
        show(stage, "ec2 StopInstances", ec2.stop_instances, **ids)
    finally:
        show(stage, "ec2 TerminateInstances", ec2.terminate_instances, **ids)
        ec2.get_waiter("instance_terminated").wait(**ids, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
