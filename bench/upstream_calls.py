"""Counts the OpenStack calls of each AWS call with warm caches, from the gateway's log lines.

A read is made three times and the least counts, as entries of caches that expire add calls to some.
"""

from collections.abc import Callable
from typing import Any

from botocore import xform_name

from bench.bars import BARS
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
# The most calls of those that have a bar.
MOST = {
    "DescribeInstances": 6,
    "DescribeVpcs": 4,
    "DescribeSubnets": 4,
    "DescribeRouteTables": 4,
    "DescribeNetworkInterfaces": 4,
    "DescribeAddresses": 4,
}
LOOKUP, LAUNCH, INSTANCE_MORE = 2, 12, 2  # of one id; of one instance; for each further instance of a launch
PART = b"p" * (5 << 20)


def run(stage: Stage) -> None:
    """Make one call of each kind and print its cost."""
    s3, ec2, sts = (stage.aws(service) for service in ("s3", "ec2", "sts"))
    sts.get_caller_identity()  # the key's secret and token are in the cache from here on
    print(f"   {'call':48} {'OpenStack calls':>15} {'ms':>8}   bar")
    show(stage, "sts GetCallerIdentity", sts.get_caller_identity)
    objects(stage, s3, unique("bench"))
    lists(stage, ec2)
    instance(stage, ec2)


def show(stage: Stage, name: str, call: Callable[..., Any], **params: Any) -> Any:
    """Make a call, print its cost, and return the answer."""
    answer = call(**params)
    line = stage.gateway.call(answer)
    told(name, line["upstream_calls"], f"{line['ms']:.1f}")
    return answer


def told(name: str, calls: float, ms: str = "", most: int | None = None) -> None:
    """Print a cost, and whether it meets its bar if it has one."""
    bar = "" if most is None else f"   {most}: {BARS.at_most(f'upstream: {name}', calls, most)}"
    print(f"   {name:48} {calls:15g} {ms:>8}{bar}", flush=True)


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
        lines = [stage.gateway.call(getattr(ec2, xform_name(name))()) for _ in range(3)]
        least = min(lines, key=lambda line: (line["upstream_calls"], line["ms"]))
        told(f"ec2 {name}", least["upstream_calls"], f"{least['ms']:.1f}", MOST.get(name))


def lookups(stage: Stage, ec2: Any) -> None:
    """Measure lookups of one id, of whatever the project has."""
    for one in LOOKUPS:
        if (known := one.first(ec2)) is not None:
            told(f"ec2 {one.action} (one id)", one.calls(ec2, stage.gateway, known), most=LOOKUP)


def several(stage: Stage, ec2: Any, image: str) -> None:
    """Measure a launch and an additional instance in it, without volumes and with a tagged volume each."""
    volume: dict[str, Any] = {
        "BlockDeviceMappings": [{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1}}],
        "TagSpecifications": [{"ResourceType": "volume", "Tags": [{"Key": "a", "Value": "b"}]}],
    }
    launched(stage, ec2, image, 1)  # the instance type is known from here on
    for what, more in (("", {}), (" with a tagged volume each", volume)):
        one, five = (launched(stage, ec2, image, count, **more) for count in (1, 5))
        told(f"ec2 RunInstances (1){what}", one["upstream_calls"], f"{one['ms']:.1f}", None if more else LAUNCH)
        told(f"ec2 RunInstances (5){what}", five["upstream_calls"], f"{five['ms']:.1f}")
        each = (five["upstream_calls"] - one["upstream_calls"]) / 4
        # A launch with volumes also waits until they are there, and asks each second: that is no cost of an instance.
        told(f"ec2 RunInstances, one more{what}", each, most=None if more else INSTANCE_MORE)


def launched(stage: Stage, ec2: Any, image: str, count: int, **more: Any) -> dict[str, Any]:
    """Launch so many instances and terminate them; return the log line of the launch."""
    answer = ec2.run_instances(ImageId=image, InstanceType="t3.nano", MinCount=count, MaxCount=count, **more)
    ids = [one["InstanceId"] for one in answer["Instances"]]
    ec2.terminate_instances(InstanceIds=ids)
    ec2.get_waiter("instance_terminated").wait(InstanceIds=ids, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    return stage.gateway.call(answer)


def instance(stage: Stage, ec2: Any) -> None:
    """Measure calls from an instance's and a volume's creation to their deletion."""
    image = ec2.describe_images()["Images"][0]["ImageId"]
    several(stage, ec2, image)
    made = ec2.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1)["Instances"][0]
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
