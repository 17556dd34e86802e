"""What users do, as a sequence of calls: the same on whatever answers the AWS API.

A scenario leaves nothing behind, and names things so that two runs agree.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Network
from itertools import islice
from typing import Any

from tests.parity.recording import Recording

Call = Callable[..., dict[str, Any]]
POLICY = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:DeleteObject",'
    '"Resource":"arn:aws:s3:::parity-settings-7f3a/keep/*"}]}'
)


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


def versions(call: Recording) -> None:
    bucket, key = "parity-versions-7f3a", "k"
    call("s3", "create_bucket", Bucket=bucket)
    call("s3", "get_bucket_versioning", Bucket=bucket)
    call("s3", "put_object", Bucket=bucket, Key=key, Body=b"null")
    call("s3", "put_bucket_versioning", Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    call("s3", "get_bucket_versioning", Bucket=bucket)
    first = call("s3", "put_object", Bucket=bucket, Key=key, Body=b"one")["VersionId"]
    call("s3", "put_object", Bucket=bucket, Key=key, Body=b"two")
    call("s3", "get_object", Bucket=bucket, Key=key, VersionId=first)
    call("s3", "head_object", Bucket=bucket, Key=key, VersionId="null")
    call("s3", "list_object_versions", Bucket=bucket)
    marker = call("s3", "delete_object", Bucket=bucket, Key=key)["VersionId"]
    call("s3", "get_object", Bucket=bucket, Key=key)
    call("s3", "head_object", Bucket=bucket, Key=key, VersionId=marker)
    call("s3", "list_object_versions", Bucket=bucket, Prefix="k")
    call("s3", "delete_object", Bucket=bucket, Key=key, VersionId=marker)
    call("s3", "get_object", Bucket=bucket, Key=key)
    source = {"Bucket": bucket, "Key": key, "VersionId": first}
    call("s3", "copy_object", Bucket=bucket, Key="c", CopySource=source)
    call("s3", "delete_object", Bucket=bucket, Key=key)
    call("s3", "delete_bucket", Bucket=bucket)
    listed = call("s3", "list_object_versions", Bucket=bucket)
    gone = [{n: one[n] for n in ("Key", "VersionId")} for one in (*listed["Versions"], *listed["DeleteMarkers"])]
    call("s3", "delete_objects", Bucket=bucket, Delete={"Objects": gone, "Quiet": True})
    call("s3", "delete_bucket", Bucket=bucket)


def object_tags(call: Recording) -> None:
    bucket, key = "parity-tags-7f3a", "k"
    call("s3", "create_bucket", Bucket=bucket)
    call("s3", "get_bucket_tagging", Bucket=bucket)
    call("s3", "put_bucket_tagging", Bucket=bucket, Tagging={"TagSet": [{"Key": "team", "Value": "a b"}]})
    call("s3", "get_bucket_tagging", Bucket=bucket)
    call("s3", "delete_bucket_tagging", Bucket=bucket)
    call("s3", "put_object", Bucket=bucket, Key=key, Body=b"one", Tagging="a=1&b=%C3%BC")
    call("s3", "get_object", Bucket=bucket, Key=key)
    call("s3", "get_object_tagging", Bucket=bucket, Key=key)
    call("s3", "put_object_tagging", Bucket=bucket, Key=key, Tagging={"TagSet": [{"Key": "c", "Value": ""}]})
    call("s3", "copy_object", Bucket=bucket, Key="kept", CopySource={"Bucket": bucket, "Key": key})
    call("s3", "get_object_tagging", Bucket=bucket, Key="kept")
    replaced = {"TaggingDirective": "REPLACE", "Tagging": "d=4"}
    call("s3", "copy_object", Bucket=bucket, Key="new", CopySource={"Bucket": bucket, "Key": key}, **replaced)
    call("s3", "get_object_tagging", Bucket=bucket, Key="new")
    twice = [{"Key": "c", "Value": "1"}, {"Key": "c", "Value": "2"}]
    call("s3", "put_object_tagging", Bucket=bucket, Key=key, Tagging={"TagSet": twice})
    many = [{"Key": str(number), "Value": ""} for number in range(11)]
    call("s3", "put_object_tagging", Bucket=bucket, Key=key, Tagging={"TagSet": many})
    call("s3", "delete_object_tagging", Bucket=bucket, Key=key)
    call("s3", "get_object_tagging", Bucket=bucket, Key=key)
    call("s3", "get_object_tagging", Bucket=bucket, Key="nothing")
    for name in (key, "kept", "new"):
        call("s3", "delete_object", Bucket=bucket, Key=name)
    call("s3", "delete_bucket", Bucket=bucket)


def bucket_settings(call: Recording) -> None:
    bucket = "parity-settings-7f3a"
    call("s3", "create_bucket", Bucket=bucket)
    for setting in ("policy", "cors", "website", "lifecycle_configuration", "ownership_controls", "logging"):
        call("s3", f"get_bucket_{setting}", Bucket=bucket)
    call("s3", "get_object_lock_configuration", Bucket=bucket)
    call("s3", "get_bucket_accelerate_configuration", Bucket=bucket)
    call("s3", "get_bucket_request_payment", Bucket=bucket)
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://*.example"], "MaxAgeSeconds": 5}
    call("s3", "put_bucket_cors", Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    call("s3", "get_bucket_cors", Bucket=bucket)
    call("s3", "delete_bucket_cors", Bucket=bucket)
    call("s3", "put_bucket_cors", Bucket=bucket, CORSConfiguration={"CORSRules": [{**rule, "AllowedMethods": ["X"]}]})
    site = {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"}}
    call("s3", "put_bucket_website", Bucket=bucket, WebsiteConfiguration=site)
    call("s3", "get_bucket_website", Bucket=bucket)
    call("s3", "delete_bucket_website", Bucket=bucket)
    old = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "old/"}, "Expiration": {"Days": 3}}
    call("s3", "put_bucket_lifecycle_configuration", Bucket=bucket, LifecycleConfiguration={"Rules": [old]})
    call("s3", "get_bucket_lifecycle_configuration", Bucket=bucket)
    call("s3", "delete_bucket_lifecycle", Bucket=bucket)
    call("s3", "put_bucket_policy", Bucket=bucket, Policy="no policy")
    call("s3", "put_bucket_policy", Bucket=bucket, Policy=POLICY)
    call("s3", "get_bucket_policy", Bucket=bucket)
    call("s3", "delete_bucket_policy", Bucket=bucket)
    blocked = {"BlockPublicAcls": True, "IgnorePublicAcls": True}
    call("s3", "put_public_access_block", Bucket=bucket, PublicAccessBlockConfiguration=blocked)
    call("s3", "get_public_access_block", Bucket=bucket)
    call("s3", "delete_public_access_block", Bucket=bucket)
    call("s3", "delete_bucket", Bucket=bucket)


def locks(call: Recording) -> None:
    bucket, key = "parity-locks-7f3a", "k"
    call("s3", "create_bucket", Bucket=bucket, ObjectLockEnabledForBucket=True)
    call("s3", "get_object_lock_configuration", Bucket=bucket)
    call("s3", "get_bucket_versioning", Bucket=bucket)
    made = {"Bucket": bucket, "Key": key}
    version = call("s3", "put_object", **made, Body=b"one")["VersionId"]
    until = datetime.now(UTC) + timedelta(days=1)
    kept = {"Mode": "GOVERNANCE", "RetainUntilDate": until}
    call("s3", "get_object_retention", **made)
    call("s3", "put_object_retention", **made, Retention=kept)
    call("s3", "get_object_retention", **made)
    call("s3", "put_object_legal_hold", **made, LegalHold={"Status": "ON"})
    call("s3", "get_object_legal_hold", **made)
    call("s3", "head_object", **made)
    call("s3", "delete_object", **made, VersionId=version)
    call("s3", "put_object_legal_hold", **made, LegalHold={"Status": "OFF"})
    call("s3", "delete_object", **made, VersionId=version)
    call("s3", "delete_object", **made, VersionId=version, BypassGovernanceRetention=True)
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


def addresses(call: Recording) -> None:
    tags = [{"ResourceType": "elastic-ip", "Tags": [{"Key": "Name", "Value": "parity"}]}]
    made = call("ec2", "allocate_address", Domain="vpc", TagSpecifications=tags)["AllocationId"]
    call("ec2", "describe_addresses", AllocationIds=[made])
    call("ec2", "describe_addresses", Filters=[{"Name": "tag:Name", "Values": ["parity"]}])
    call("ec2", "associate_address", AllocationId=made, NetworkInterfaceId="eni-0123456789abcdef0")
    call("ec2", "disassociate_address", AssociationId="eipassoc-0123456789abcdef0")
    call("ec2", "release_address", AllocationId=made)
    call("ec2", "release_address", AllocationId=made)
    call("ec2", "describe_addresses", AllocationIds=[made])


def interfaces(call: Recording) -> None:
    subnet = call.boto("ec2").describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"][0]
    group = call("ec2", "create_security_group", GroupName="parity-7f3b", Description="parity")["GroupId"]
    wanted = {"SubnetId": subnet["SubnetId"], "Description": "parity", "Groups": [group]}
    made = call("ec2", "create_network_interface", **wanted)["NetworkInterface"]["NetworkInterfaceId"]
    call("ec2", "describe_network_interfaces", NetworkInterfaceIds=[made])
    told = {"NetworkInterfaceId": made}
    call("ec2", "modify_network_interface_attribute", **told, SourceDestCheck={"Value": False})
    call("ec2", "describe_network_interfaces", Filters=[{"Name": "group-id", "Values": [group]}])
    call("ec2", "assign_private_ip_addresses", **told, SecondaryPrivateIpAddressCount=1)
    call("ec2", "detach_network_interface", AttachmentId="eni-attach-0123456789abcdef0")
    call("ec2", "delete_network_interface", **told)
    call("ec2", "delete_network_interface", **told)
    call("ec2", "delete_security_group", GroupId=group)


def ipv6(call: Recording) -> None:
    asked = {"CidrBlock": "10.88.0.0/16", "AmazonProvidedIpv6CidrBlock": True}
    vpc = call("ec2", "create_vpc", **asked)["Vpc"]["VpcId"]
    [held] = call("ec2", "describe_vpcs", VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"]
    block, other = map(str, islice(IPv6Network(held["Ipv6CidrBlock"]).subnets(new_prefix=64), 2))
    # In a zone that is named: moto takes any one where none is.
    wanted = {"VpcId": vpc, "CidrBlock": "10.88.1.0/24", "Ipv6CidrBlock": block, "AvailabilityZone": "us-east-1a"}
    subnet = call("ec2", "create_subnet", **wanted)["Subnet"]["SubnetId"]
    call("ec2", "modify_subnet_attribute", SubnetId=subnet, AssignIpv6AddressOnCreation={"Value": True})
    found = call("ec2", "describe_subnets", SubnetIds=[subnet])["Subnets"][0]
    made = call("ec2", "create_network_interface", SubnetId=subnet, Ipv6AddressCount=2)["NetworkInterface"]
    interface = made["NetworkInterfaceId"]
    row = call("ec2", "describe_network_interfaces", NetworkInterfaceIds=[interface])["NetworkInterfaces"][0]
    gone = [row["Ipv6Addresses"][0]["Ipv6Address"]]
    call("ec2", "unassign_ipv6_addresses", NetworkInterfaceId=interface, Ipv6Addresses=gone)
    call("ec2", "assign_ipv6_addresses", NetworkInterfaceId=interface, Ipv6AddressCount=1)
    call("ec2", "describe_network_interfaces", NetworkInterfaceIds=[interface])
    call("ec2", "delete_network_interface", NetworkInterfaceId=interface)
    call("ec2", "modify_subnet_attribute", SubnetId=subnet, AssignIpv6AddressOnCreation={"Value": False})
    [part] = found["Ipv6CidrBlockAssociationSet"]
    call("ec2", "disassociate_subnet_cidr_block", AssociationId=part["AssociationId"])
    call("ec2", "associate_subnet_cidr_block", SubnetId=subnet, Ipv6CidrBlock=other)
    call("ec2", "describe_subnets", SubnetIds=[subnet])
    call("ec2", "delete_subnet", SubnetId=subnet)
    call("ec2", "disassociate_vpc_cidr_block", AssociationId=held["AssociationId"])
    call("ec2", "describe_vpcs", VpcIds=[vpc])
    call("ec2", "delete_vpc", VpcId=vpc)


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


def snapshots(call: Recording) -> None:
    boto = call.boto("ec2")
    zone, region = boto.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"], boto.meta.region_name
    volume = call("ec2", "create_volume", AvailabilityZone=zone, Size=1, VolumeType="gp2")["VolumeId"]
    boto.get_waiter("volume_available").wait(VolumeIds=[volume])
    tags = [{"ResourceType": "snapshot", "Tags": [{"Key": "Name", "Value": "parity"}]}]
    made = call("ec2", "create_snapshot", VolumeId=volume, Description="parity", TagSpecifications=tags)["SnapshotId"]
    boto.get_waiter("snapshot_completed").wait(SnapshotIds=[made])
    call("ec2", "describe_snapshots", SnapshotIds=[made])
    call("ec2", "describe_snapshots", OwnerIds=["self"], Filters=[{"Name": "volume-id", "Values": [volume]}])
    copied = call("ec2", "copy_snapshot", SourceSnapshotId=made, SourceRegion=region)["SnapshotId"]
    boto.get_waiter("snapshot_completed").wait(SnapshotIds=[copied])
    call("ec2", "describe_snapshots", SnapshotIds=[copied])
    call("ec2", "describe_snapshot_attribute", SnapshotId=made, Attribute="createVolumePermission")
    call("ec2", "delete_snapshot", SnapshotId=copied)
    call("ec2", "delete_snapshot", SnapshotId=made)
    call("ec2", "describe_snapshots", SnapshotIds=[made])
    call("ec2", "delete_snapshot", SnapshotId=made)
    call("ec2", "create_snapshot", VolumeId="vol-00000000000000000")
    call("ec2", "delete_volume", VolumeId=volume)
    boto.get_waiter("volume_deleted").wait(VolumeIds=[volume])


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
        call.boto("ec2").get_waiter(waiter).wait(InstanceIds=[instance], WaiterConfig={"Delay": 1, "MaxAttempts": 120})
        call("ec2", "describe_instances", InstanceIds=[instance])
    call("ec2", "describe_instance_status", InstanceIds=[instance])
    call("ec2", "reboot_instances", InstanceIds=[instance])
    call("ec2", "terminate_instances", InstanceIds=[instance])
    call.boto("ec2").get_waiter("instance_terminated").wait(
        InstanceIds=[instance], WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )
    call("ec2", "describe_instances", InstanceIds=["i-0123456789abcdef0"])


def identity(call: Recording) -> None:
    call("sts", "get_caller_identity")


ALL: tuple[Callable[[Recording], None], ...] = (
    identity,
    *(objects, uploads, versions, object_tags, bucket_settings, locks),
    *(groups, addresses, interfaces, ipv6, volumes, snapshots, keys, instances),
)
