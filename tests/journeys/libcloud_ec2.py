"""The journey by libcloud, run as `python libcloud_ec2.py STEP` in an environment of its own, with JSON in and out."""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from libcloud.compute.base import NodeSize
from libcloud.compute.providers import get_driver

EVERYWHERE = {"cidr_ips": ["0.0.0.0/0"]}


def connection() -> Any:
    """Return the EC2 driver; it signs with version 2 unless it is told otherwise."""
    place = urlsplit(os.environ["AWS_ENDPOINT_URL"])
    return get_driver("ec2")(
        os.environ["AWS_ACCESS_KEY_ID"],
        os.environ["AWS_SECRET_ACCESS_KEY"],
        secure=place.scheme == "https",
        host=place.hostname,
        port=place.port,
        region=os.environ["AWS_REGION"],
        signature_version="4",
    )


def until(check: Callable[[], bool]) -> None:
    while not check():
        time.sleep(1)


def node(driver: Any, id: str) -> Any:
    return driver.list_nodes(ex_node_ids=[id])[0]


def volume(driver: Any, id: str) -> Any:
    return next(one for one in driver.list_volumes() if one.id == id)


def make(driver: Any, asked: Mapping[str, Any]) -> dict[str, str]:
    name = asked["name"]
    vpc = driver.ex_create_network("10.60.0.0/16", name=name)
    zone = driver.list_locations()[0]
    subnet = driver.ex_create_subnet(vpc.id, "10.60.1.0/24", zone.name, name=name)
    igw = driver.ex_create_internet_gateway(name=name)
    driver.ex_attach_internet_gateway(igw, vpc)
    group = driver.ex_create_security_group(name, "of a journey", vpc_id=vpc.id)["group_id"]
    driver.ex_authorize_security_group_ingress(group, 22, 22, **EVERYWHERE)
    driver.import_key_pair_from_string(name, asked["key"])
    base = driver.list_images(ex_owner="amazon", ex_filters={"architecture": "x86_64"})[0]
    size = NodeSize(asked["type"], asked["type"], 0, 0, 0, 0, driver)  # list_sizes() knows Amazon's types alone
    made = driver.create_node(
        name=name, image=base, size=size, ex_keyname=name, ex_subnet=subnet, ex_security_group_ids=[group]
    )
    until(lambda: bool(node(driver, made.id).extra["status"] == "running"))
    image = driver.create_image(made, name, reboot=False)
    until(lambda: bool(driver.get_image(image.id).extra["state"] == "available"))
    data = driver.create_volume(1, name, location=zone)
    until(lambda: bool(volume(driver, data.id).extra["state"] == "available"))
    driver.attach_volume(made, data, "/dev/sdf")
    until(lambda: bool(volume(driver, data.id).extra["state"] == "in-use"))
    address = driver.ex_allocate_address(domain="vpc")
    driver.ex_associate_address_with_node(made, address, domain="vpc")
    return {
        "vpc": vpc.id,
        "subnet": subnet.id,
        "igw": igw.id,
        "group": group,
        "key": name,
        "instance": made.id,
        "image": image.id,
        "volume": data.id,
        "address": address.extra["allocation_id"],
    }


def elastic(driver: Any, made: Mapping[str, str]) -> Any:
    known = driver.ex_describe_all_addresses()
    return next(one for one in known if one.extra["allocation_id"] == made["address"])


def change(driver: Any, asked: Mapping[str, Any]) -> dict[str, Any]:
    made = asked["made"]
    driver.ex_create_tags(node(driver, made["instance"]), {"Stage": "two"})
    driver.ex_authorize_security_group_ingress(made["group"], 443, 443, **EVERYWHERE)
    seen = node(driver, made["instance"])
    return {
        "tags": seen.extra["tags"],
        "state": seen.extra["status"],
        "public": set(seen.public_ips) == {elastic(driver, made).ip},  # listed once by its own list, once by the node
        "volumes": [one.id for one in driver.list_volumes(node=seen)],
    }


def end(driver: Any, asked: Mapping[str, Any]) -> dict[str, Any]:
    made = asked["made"]
    address = elastic(driver, made)
    driver.ex_disassociate_address(address, domain="vpc")
    driver.ex_release_address(address, domain="vpc")
    data = volume(driver, made["volume"])
    driver.detach_volume(data)
    until(lambda: bool(volume(driver, data.id).extra["state"] == "available"))
    driver.destroy_volume(data)
    driver.destroy_node(node(driver, made["instance"]))
    until(lambda: bool(node(driver, made["instance"]).extra["status"] == "terminated"))
    driver.delete_image(driver.get_image(made["image"]))
    driver.delete_key_pair(driver.get_key_pair(made["key"]))
    driver.ex_delete_security_group_by_id(made["group"])
    [subnet] = driver.ex_list_subnets(subnet_ids=[made["subnet"]])
    driver.ex_delete_subnet(subnet)
    [igw] = driver.ex_list_internet_gateways(gateway_ids=[made["igw"]])
    [vpc] = driver.ex_list_networks(network_ids=[made["vpc"]])
    driver.ex_detach_internet_gateway(igw, vpc)
    driver.ex_delete_internet_gateway(igw)
    driver.ex_delete_network(vpc)
    return {}


if __name__ == "__main__":
    steps = {"make": make, "change": change, "end": end}
    json.dump(steps[sys.argv[1]](connection(), json.load(sys.stdin)), sys.stdout)
