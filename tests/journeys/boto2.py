"""The journey by boto 2, run as `python boto2.py STEP` in an environment of its own, with JSON in and out."""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import boto.vpc
from boto.regioninfo import RegionInfo

EVERYWHERE = {"ip_protocol": "tcp", "cidr_ip": "0.0.0.0/0"}


def connection() -> Any:
    """Return a connection to the endpoint; boto 2 takes region and service from the host's name unless it is told."""
    place = urlsplit(os.environ["AWS_ENDPOINT_URL"])
    region = RegionInfo(name=os.environ["AWS_REGION"], endpoint=place.hostname)
    keys = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
    made = boto.vpc.VPCConnection(*keys, region=region, port=place.port, is_secure=place.scheme == "https")
    made.auth_region_name, made.auth_service_name = region.name, "ec2"
    return made


def until(check: Callable[[], bool]) -> None:
    while not check():
        time.sleep(1)


def make(ec2: Any, asked: Mapping[str, Any]) -> dict[str, str]:
    name = asked["name"]
    vpc = ec2.create_vpc("10.60.0.0/16")
    vpc.add_tag("Name", name)
    subnet = ec2.create_subnet(vpc.id, "10.60.1.0/24")
    igw = ec2.create_internet_gateway()
    ec2.attach_internet_gateway(igw.id, vpc.id)
    group = ec2.create_security_group(name, "of a journey", vpc_id=vpc.id)
    ec2.authorize_security_group(group_id=group.id, from_port=22, to_port=22, **EVERYWHERE)
    ec2.import_key_pair(name, asked["key"].encode())
    base = ec2.get_all_images(owners=["amazon"], filters={"architecture": "x86_64"})[0]
    [instance] = ec2.run_instances(
        base.id, key_name=name, instance_type=asked["type"], subnet_id=subnet.id, security_group_ids=[group.id]
    ).instances
    instance.add_tag("Name", name)
    until(lambda: instance.update() == "running")
    image = instance.create_image(name, no_reboot=True)
    until(lambda: bool(ec2.get_image(image).state == "available"))
    volume = ec2.create_volume(1, instance.placement)
    until(lambda: bool(volume.update() == "available"))
    volume.attach(instance.id, "/dev/sdf")
    until(lambda: bool(volume.update() == "in-use"))
    address = ec2.allocate_address(domain="vpc")
    ec2.associate_address(instance.id, allocation_id=address.allocation_id)
    return {
        "vpc": vpc.id,
        "subnet": subnet.id,
        "igw": igw.id,
        "group": group.id,
        "key": name,
        "instance": instance.id,
        "image": image,
        "volume": volume.id,
        "address": address.allocation_id,
    }


def change(ec2: Any, asked: Mapping[str, Any]) -> dict[str, Any]:
    made = asked["made"]
    ec2.create_tags([made["instance"]], {"Stage": "two"})
    ec2.authorize_security_group(group_id=made["group"], from_port=443, to_port=443, **EVERYWHERE)
    [instance] = ec2.get_only_instances([made["instance"]])
    [address] = ec2.get_all_addresses(allocation_ids=[made["address"]])
    return {
        "tags": dict(instance.tags),
        "state": instance.state,
        "public": instance.ip_address == address.public_ip,
        "volumes": [one.volume_id for one in instance.block_device_mapping.values()],
    }


def end(ec2: Any, asked: Mapping[str, Any]) -> dict[str, Any]:
    made = asked["made"]
    [address] = ec2.get_all_addresses(allocation_ids=[made["address"]])
    ec2.disassociate_address(association_id=address.association_id)
    ec2.release_address(allocation_id=address.allocation_id)
    [volume] = ec2.get_all_volumes([made["volume"]])
    volume.detach()
    until(lambda: bool(volume.update() == "available"))
    volume.delete()
    [instance] = ec2.get_only_instances([made["instance"]])
    instance.terminate()
    until(lambda: instance.update() == "terminated")
    ec2.deregister_image(made["image"])
    ec2.delete_key_pair(made["key"])
    ec2.delete_security_group(group_id=made["group"])
    ec2.delete_subnet(made["subnet"])
    ec2.detach_internet_gateway(made["igw"], made["vpc"])
    ec2.delete_internet_gateway(made["igw"])
    ec2.delete_vpc(made["vpc"])
    return {}


if __name__ == "__main__":
    steps = {"make": make, "change": change, "end": end}
    json.dump(steps[sys.argv[1]](connection(), json.load(sys.stdin)), sys.stdout)
