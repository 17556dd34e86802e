"""What users do, as a sequence of calls: the same on whatever answers the AWS API.

A scenario leaves nothing behind, and names things so that two runs agree.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.parity.recording import Recording

Call = Callable[..., dict[str, Any]]


def objects(call: Recording) -> None:
    bucket = "parity-objects-7f3a"
    call("s3", "create_bucket", Bucket=bucket)
    call("s3", "head_bucket", Bucket=bucket)
    call("s3", "get_bucket_location", Bucket=bucket)
    call("s3", "put_object", Bucket=bucket, Key="a/1", Body=b"one", ContentType="text/plain", Metadata={"k": "v"})
    call("s3", "put_object", Bucket=bucket, Key="a/ü 2", Body=b"two")
    call("s3", "put_object", Bucket=bucket, Key="b", Body=b"")
    call("s3", "get_object", Bucket=bucket, Key="a/1")
    call("s3", "get_object", Bucket=bucket, Key="a/1", Range="bytes=1-")
    call("s3", "get_object", Bucket=bucket, Key="a/1", Range="bytes=9-")
    call("s3", "get_object", Bucket=bucket, Key="nothing")
    call("s3", "head_object", Bucket=bucket, Key="a/ü 2")
    call("s3", "head_object", Bucket=bucket, Key="nothing")
    call("s3", "list_objects_v2", Bucket=bucket)
    call("s3", "list_objects_v2", Bucket=bucket, Prefix="a/", MaxKeys=1)
    call("s3", "list_objects_v2", Bucket=bucket, Delimiter="/")
    call("s3", "list_objects", Bucket=bucket, Delimiter="/")
    call("s3", "copy_object", Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "a/ü 2"})
    call("s3", "get_object", Bucket=bucket, Key="c")
    call("s3", "delete_bucket", Bucket=bucket)
    call("s3", "delete_objects", Bucket=bucket, Delete={"Objects": [{"Key": k} for k in ("a/1", "a/ü 2", "gone")]})
    call("s3", "delete_object", Bucket=bucket, Key="b")
    call("s3", "delete_object", Bucket=bucket, Key="c")
    call("s3", "delete_object", Bucket=bucket, Key="c")
    call("s3", "delete_bucket", Bucket=bucket)
    call("s3", "head_bucket", Bucket=bucket)
    call("s3", "list_objects_v2", Bucket=bucket)
    call("s3", "delete_bucket", Bucket=bucket)


def uploads(call: Recording) -> None:
    bucket, key, part = "parity-uploads-7f3a", "big", b"p" * (5 << 20)
    call("s3", "create_bucket", Bucket=bucket)
    upload = call("s3", "create_multipart_upload", Bucket=bucket, Key=key, ContentType="image/png")["UploadId"]
    names = {"Bucket": bucket, "Key": key, "UploadId": upload}
    first = call("s3", "upload_part", **names, PartNumber=1, Body=part)["ETag"]
    last = call("s3", "upload_part", **names, PartNumber=2, Body=b"end")["ETag"]
    parts = [{"PartNumber": 1, "ETag": first}, {"PartNumber": 2, "ETag": last}]
    call("s3", "complete_multipart_upload", **names, MultipartUpload={"Parts": parts[::-1]})
    call("s3", "complete_multipart_upload", **names, MultipartUpload={"Parts": parts})
    call("s3", "head_object", Bucket=bucket, Key=key)
    call("s3", "list_objects_v2", Bucket=bucket)
    call("s3", "list_multipart_uploads", Bucket=bucket)
    other = call("s3", "create_multipart_upload", Bucket=bucket, Key=key)["UploadId"]
    call("s3", "abort_multipart_upload", Bucket=bucket, Key=key, UploadId=other)
    call("s3", "list_parts", Bucket=bucket, Key=key, UploadId=other)
    call("s3", "delete_object", Bucket=bucket, Key=key)
    call("s3", "delete_bucket", Bucket=bucket)


def groups(call: Recording) -> None:
    group = call("ec2", "create_security_group", GroupName="parity-7f3a", Description="parity")["GroupId"]
    call("ec2", "create_security_group", GroupName="parity-7f3a", Description="again")
    web = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    call("ec2", "authorize_security_group_ingress", GroupId=group, IpPermissions=[web])
    call("ec2", "authorize_security_group_ingress", GroupId=group, IpPermissions=[web])
    call("ec2", "describe_security_groups", GroupIds=[group])
    call("ec2", "describe_security_group_rules", Filters=[{"Name": "group-id", "Values": [group]}])
    call("ec2", "revoke_security_group_ingress", GroupId=group, IpPermissions=[web])
    call("ec2", "delete_security_group", GroupId=group)
    call("ec2", "describe_security_groups", GroupIds=[group])
    call("ec2", "describe_security_groups", GroupIds=["sg-0123456789abcdef0"])


def volumes(call: Recording) -> None:
    zone = call("ec2", "describe_availability_zones")["AvailabilityZones"][0]["ZoneName"]
    call.steps.clear()  # moto has more zones than most clouds
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "Name", "Value": "parity"}]}]
    made = call("ec2", "create_volume", AvailabilityZone=zone, Size=1, VolumeType="gp2", TagSpecifications=tags)
    volume = made["VolumeId"]
    call.boto("ec2").get_waiter("volume_available").wait(VolumeIds=[volume])
    call("ec2", "describe_volumes", VolumeIds=[volume])
    call("ec2", "create_tags", Resources=[volume], Tags=[{"Key": "a/b", "Value": "ü"}])
    call("ec2", "describe_tags", Filters=[{"Name": "resource-id", "Values": [volume]}])
    call("ec2", "delete_tags", Resources=[volume], Tags=[{"Key": "Name"}])
    call("ec2", "describe_volumes", Filters=[{"Name": "tag:a/b", "Values": ["*"]}])
    call("ec2", "delete_volume", VolumeId=volume)
    call.boto("ec2").get_waiter("volume_deleted").wait(VolumeIds=[volume])
    call("ec2", "describe_volumes", VolumeIds=[volume])
    call("ec2", "delete_volume", VolumeId=volume)


def keys(call: Recording) -> None:
    call("ec2", "create_key_pair", KeyName="parity-7f3a", KeyType="ed25519")
    call("ec2", "create_key_pair", KeyName="parity-7f3a")
    call("ec2", "describe_key_pairs", KeyNames=["parity-7f3a"])
    call("ec2", "delete_key_pair", KeyName="parity-7f3a")
    call("ec2", "describe_key_pairs", KeyNames=["parity-7f3a"])
    call("ec2", "delete_key_pair", KeyName="parity-7f3a")


def instances(call: Recording) -> None:
    x86 = [{"Name": "architecture", "Values": ["x86_64"]}]
    image = call.boto("ec2").describe_images(Filters=x86)["Images"][0]["ImageId"]
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "parity"}]}]
    asked = {"ImageId": image, "InstanceType": "t2.micro", "MinCount": 1, "MaxCount": 1, "TagSpecifications": tags}
    call("ec2", "run_instances", **asked, DryRun=True)
    run = call("ec2", "run_instances", **asked)
    instance = run["Instances"][0]["InstanceId"]
    for waiter, step in (("instance_running", ""), ("instance_stopped", "stop"), ("instance_running", "start")):
        if step:
            call("ec2", f"{step}_instances", InstanceIds=[instance])
        call.boto("ec2").get_waiter(waiter).wait(InstanceIds=[instance], WaiterConfig={"Delay": 1})
        call("ec2", "describe_instances", InstanceIds=[instance])
    call("ec2", "describe_instance_status", InstanceIds=[instance])
    call("ec2", "reboot_instances", InstanceIds=[instance])
    call("ec2", "terminate_instances", InstanceIds=[instance])
    call.boto("ec2").get_waiter("instance_terminated").wait(InstanceIds=[instance], WaiterConfig={"Delay": 1})
    call("ec2", "describe_instances", InstanceIds=["i-0123456789abcdef0"])


def identity(call: Recording) -> None:
    call("sts", "get_caller_identity")


ALL: tuple[Callable[[Recording], None], ...] = (identity, objects, uploads, groups, volumes, keys, instances)
