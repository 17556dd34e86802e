"""The journey by boto3's resources, which are objects with attributes, collections and waiters of their own."""

from collections.abc import Mapping
from typing import Any


def make(ec2: Any, asked: Mapping[str, Any]) -> dict[str, str]:
    name = asked["name"]
    tags = [{"Key": "Name", "Value": name}]
    vpc = ec2.create_vpc(CidrBlock="10.60.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tags}])
    subnet = vpc.create_subnet(CidrBlock="10.60.1.0/24")
    igw = ec2.create_internet_gateway()
    vpc.attach_internet_gateway(InternetGatewayId=igw.id)
    group = vpc.create_security_group(GroupName=name, Description="of a journey")
    group.authorize_ingress(IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0")
    key = ec2.import_key_pair(KeyName=name, PublicKeyMaterial=asked["key"])
    amd64 = [{"Name": "architecture", "Values": ["x86_64"]}]
    base = next(iter(ec2.images.filter(Owners=["amazon"], Filters=amd64)))
    [instance] = subnet.create_instances(
        ImageId=base.id,
        InstanceType=asked["type"],
        MinCount=1,
        MaxCount=1,
        KeyName=key.name,
        SecurityGroupIds=[group.id],
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
    )
    instance.wait_until_running()
    image = instance.create_image(Name=name, NoReboot=True)
    image.wait_until_exists(Filters=[{"Name": "state", "Values": ["available"]}])
    instance.reload()
    volume = ec2.create_volume(AvailabilityZone=instance.placement["AvailabilityZone"], Size=1)
    volume.meta.client.get_waiter("volume_available").wait(
        VolumeIds=[volume.id], WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )
    volume.attach_to_instance(InstanceId=instance.id, Device="/dev/sdf")
    address = ec2.VpcAddress(vpc.meta.client.allocate_address(Domain="vpc")["AllocationId"])
    address.associate(InstanceId=instance.id)
    return {
        "vpc": vpc.id,
        "subnet": subnet.id,
        "igw": igw.id,
        "group": group.id,
        "key": key.name,
        "instance": instance.id,
        "image": image.id,
        "volume": volume.id,
        "address": address.allocation_id,
    }


def change(ec2: Any, asked: Mapping[str, Any]) -> dict[str, Any]:
    made = asked["made"]
    instance, address = ec2.Instance(made["instance"]), ec2.VpcAddress(made["address"])
    instance.create_tags(Tags=[{"Key": "Stage", "Value": "two"}])
    ec2.SecurityGroup(made["group"]).authorize_ingress(IpProtocol="tcp", FromPort=443, ToPort=443, CidrIp="0.0.0.0/0")
    instance.reload()
    return {
        "tags": {tag["Key"]: tag["Value"] for tag in instance.tags},
        "state": instance.state["Name"],
        "public": instance.public_ip_address == address.public_ip,
        "volumes": [one.id for one in instance.volumes.all()],
    }


def end(ec2: Any, asked: Mapping[str, Any]) -> dict[str, Any]:
    made = asked["made"]
    instance, volume, vpc = ec2.Instance(made["instance"]), ec2.Volume(made["volume"]), ec2.Vpc(made["vpc"])
    address = ec2.VpcAddress(made["address"])
    address.association.delete()
    address.release()
    volume.detach_from_instance()
    volume.meta.client.get_waiter("volume_available").wait(
        VolumeIds=[volume.id], WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )
    volume.delete()
    instance.terminate()
    instance.wait_until_terminated()
    ec2.Image(made["image"]).deregister()
    ec2.KeyPair(made["key"]).delete()
    ec2.SecurityGroup(made["group"]).delete()
    for subnet in vpc.subnets.all():
        subnet.delete()
    for igw in vpc.internet_gateways.all():
        igw.detach_from_vpc(VpcId=vpc.id)
        igw.delete()
    vpc.delete()
    return {}
