"""Elastic IP addresses: Neutron's floating IPs on a server's port, on an unattached port, and on no port."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from openstack.connection import Connection

from adapters.types.network import FloatingIp, Router
from shim.ec2.engine import ids
from shim.ec2.interfaces.address_attributes import describe_addresses_attribute
from shim.ec2.network import facts
from shim.ec2.network.addresses import describe_addresses
from shim.ec2.network.interface_rows import association_id
from shim.ec2.tags.codec import to_neutron
from shim.errors import AwsError
from tests.ec2.acting import act
from tests.ec2.client_errors import code
from tests.ec2.conftest import eventually
from tests.ec2.instances.test_instance_costs import Counted
from tests.ec2.instances.test_instance_rows import ID, port
from tests.ec2.network.test_security_groups import uuid
from tests.ec2.test_half_done import call

PORT = port("1", "m1", "10.0.0.5")
FREE = FloatingIp("a" * 32, "p", "172.24.0.9", "x", None, None, "DOWN", (*to_neutron({"Name": "web"}), "theirs"))
HELD = replace(FREE, id="b" * 32, address="172.24.0.10", port_id=PORT.id, fixed="10.0.0.5", tags=())
COUNTS: Counter[str] = Counter()


def describe(*floating: FloatingIp, ports: tuple[Any, ...] = (PORT,), **req: Any) -> list[dict[str, Any]]:
    network = Counted(COUNTS, floating_ips=list(floating), ports=list(ports))
    found: list[dict[str, Any]] = asyncio.run(act(describe_addresses, call("DescribeAddresses", network=network), req))[
        "Addresses"
    ]
    return found


def refused(**req: Any) -> AwsError:
    with pytest.raises(AwsError) as caught:
        describe(FREE, HELD, **req)
    return caught.value


def test_an_address_of_nothing_is_only_allocated() -> None:
    [row] = describe(FREE)
    assert row == {
        "AllocationId": ids.aws("eipalloc", FREE.id),
        "PublicIp": "172.24.0.9",
        "PublicIpv4Pool": "amazon",
        "Domain": "vpc",
        "NetworkBorderGroup": "us-east-1",
        "Tags": [{"Key": "Name", "Value": "web"}],
    }


def test_an_address_of_a_server_names_it() -> None:
    [row] = describe(HELD)
    assert row["AssociationId"] == association_id(HELD.id, PORT.id, "10.0.0.5")
    assert (row["InstanceId"], row["NetworkInterfaceId"]) == (ids.aws("i", ID), ids.aws("eni", PORT.id))
    assert (row["PrivateIpAddress"], row["Tags"]) == ("10.0.0.5", [])


@pytest.mark.parametrize("ports", [(), (replace(PORT, device_id="", device_owner=""),)])
def test_an_address_of_another_port_names_no_instance(ports: tuple[Any, ...]) -> None:
    [row] = describe(HELD, ports=ports)
    assert row["InstanceId"] is None
    assert row["NetworkInterfaceId"] == ids.aws("eni", PORT.id)


def test_other_projects_addresses_are_not_the_accounts() -> None:
    assert describe(replace(FREE, project_id="other")) == []


def test_addresses_are_found_by_either_name() -> None:
    assert [row["PublicIp"] for row in describe(FREE, HELD, PublicIps=["172.24.0.10"])] == ["172.24.0.10"]
    named = ids.aws("eipalloc", FREE.id)
    assert [row["PublicIp"] for row in describe(FREE, HELD, AllocationIds=[named])] == ["172.24.0.9"]
    both = describe(FREE, HELD, AllocationIds=[named], PublicIps=["172.24.0.10"])
    assert {row["PublicIp"] for row in both} == {"172.24.0.9", "172.24.0.10"}


@pytest.mark.parametrize(
    ("req", "error", "message"),
    [
        ({"PublicIps": ["172.24.0.9", "1.2.3.4"]}, "InvalidAddress.NotFound", "Address '1.2.3.4' not found."),
        (
            {"AllocationIds": ["eipalloc-12345678"]},
            "InvalidAllocationID.NotFound",
            "The allocation ID 'eipalloc-12345678' does not exist",
        ),
        (
            {"PublicIps": ["web"]},
            "InvalidParameterValue",
            "Invalid value 'web' for PublicIp. Not a valid IPv4 address",
        ),
    ],
)
def test_what_is_not_there_is_named(req: dict[str, Any], error: str, message: str) -> None:
    caught = refused(**req)
    assert (caught.code, caught.message, caught.status) == (error, message, 400)


def test_the_reverse_name_of_a_nat_gateways_address_is_read_like_any_other() -> None:
    """Terraform reads it for every address, and its plan fails where there is none."""
    tags = (facts.written(facts.ALLOCATION, ID), facts.written(facts.ADDRESS, "172.24.0.11"))
    network = Counted(Counter(), floating_ips=[FREE], routers=[Router("c" * 32, "", "p", "ACTIVE", tags)])
    named = ids.aws("eipalloc", ID)
    for asked in ({"AllocationIds": [named]}, {}):
        answer = asyncio.run(
            act(
                describe_addresses_attribute,
                call("DescribeAddressesAttribute", network=network),
                {**asked, "Attribute": "domain-name"},
            )
        )
        assert {"AllocationId": named, "PublicIp": "172.24.0.11"} in answer["Addresses"]


# Through both APIs.


@pytest.fixture
def outside(openstack_main: Connection) -> Any:
    return next(iter(openstack_main.network.networks(is_router_external=True)))


@pytest.fixture
def native(openstack_main: Connection, outside: Any) -> Iterator[Any]:
    """A floating IP that an OpenStack client made."""
    made = openstack_main.network.create_ip(floating_network_id=outside.id)
    try:
        yield made
    finally:
        openstack_main.network.delete_ip(made)


def by(name: str, value: str) -> dict[str, Any]:
    return {"Filters": [{"Name": name, "Values": [value]}]}


def test_made_by_openstack_read_by_aws(ec2: Any, native: Any, instance: str, openstack_main: Connection) -> None:
    allocation, address = ids.aws("eipalloc", native.id), native.floating_ip_address
    [seen] = ec2.describe_addresses(PublicIps=[address])["Addresses"]
    assert (seen["AllocationId"], seen["Domain"]) == (allocation, "vpc")
    assert {"AssociationId", "InstanceId", "NetworkInterfaceId"}.isdisjoint(seen)

    [interface] = ec2.describe_network_interfaces(**by("attachment.instance-id", instance))["NetworkInterfaces"]
    [held] = openstack_main.network.ports(device_id=uuid(instance))
    openstack_main.network.update_ip(native, port_id=held.id)
    ec2.create_tags(Resources=[allocation], Tags=[{"Key": "Name", "Value": "web"}])
    [seen] = ec2.describe_addresses(AllocationIds=[allocation])["Addresses"]
    for name, value in {
        "allocation-id": allocation,
        "association-id": association_id(native.id, held.id, interface["PrivateIpAddress"]),
        "domain": "vpc",
        "instance-id": instance,
        "network-interface-id": interface["NetworkInterfaceId"],
        "network-interface-owner-id": interface["OwnerId"],
        "private-ip-address": interface["PrivateIpAddress"],
        "public-ip": address,
        "tag:Name": "web",
    }.items():
        assert seen in ec2.describe_addresses(**by(name, value))["Addresses"], name
    assert ec2.describe_addresses(**by("instance-id", "i-12345678"))["Addresses"] == []
    [shown] = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"]
    assert shown["PublicIpAddress"] == address

    openstack_main.network.update_ip(native, port_id=None)
    assert eventually(lambda: "AssociationId" not in ec2.describe_addresses(PublicIps=[address])["Addresses"][0])
    assert code(ec2.describe_addresses, PublicIps=["192.0.2.1"]) == "InvalidAddress.NotFound"
