"""IPv6 addresses of interfaces and instances are further addresses of Neutron's ports."""

from collections.abc import Callable
from ipaddress import IPv6Address, IPv6Network
from typing import Any

import pytest
from openstack.connection import Connection

from tests.ec2.client_errors import code
from tests.ec2.conftest import WAIT, end
from tests.ec2.ipv6.conftest import Vpc
from tests.ec2.network.test_security_groups import uuid


@pytest.fixture(scope="module")
def subnet(v6: Any, vpc: Vpc) -> str:
    """A subnet with an IPv6 block, number 10 of the VPC's."""
    made = v6.create_subnet(VpcId=vpc.id, CidrBlock="10.64.10.0/24", Ipv6CidrBlock=vpc.subnet(10))
    return str(made["Subnet"]["SubnetId"])


def addresses(row: Any) -> list[str]:
    return [one["Ipv6Address"] for one in row["Ipv6Addresses"]]


def held(connection: Connection, interface: str) -> set[str]:
    """Return a port's IPv6 addresses, as Neutron has them."""
    fixed = connection.network.get_port(uuid(interface)).fixed_ips
    return {one["ip_address"] for one in fixed if ":" in one["ip_address"]}


def test_addresses_of_an_interface(v6: Any, openstack_main: Connection, vpc: Vpc, subnet: str) -> None:
    first, second, third = (vpc.address(10, host) for host in (0x10, 0x11, 0x12))
    made = v6.create_network_interface(SubnetId=subnet, Ipv6Addresses=[{"Ipv6Address": first}])["NetworkInterface"]
    eni = made["NetworkInterfaceId"]
    assert (addresses(made), held(openstack_main, eni)) == ([first], {first})
    assert len(made["PrivateIpAddresses"]) == 1
    answer = v6.assign_ipv6_addresses(NetworkInterfaceId=eni, Ipv6Addresses=[second, first])
    assert answer["AssignedIpv6Addresses"] == [second, first]
    assert held(openstack_main, eni) == {first, second}
    [more] = v6.assign_ipv6_addresses(NetworkInterfaceId=eni, Ipv6AddressCount=1)["AssignedIpv6Addresses"]
    assert IPv6Address(more) in IPv6Network(vpc.subnet(10))
    assert held(openstack_main, eni) == {first, second, more}
    wanted = [{"Name": "ipv6-addresses.ipv6-address", "Values": [second]}]
    [row] = v6.describe_network_interfaces(Filters=wanted)["NetworkInterfaces"]
    assert (row["NetworkInterfaceId"], set(addresses(row)), row["SubnetId"]) == (eni, {first, second, more}, subnet)
    # A secondary IPv4 address leaves the IPv6 ones alone.
    v6.assign_private_ip_addresses(NetworkInterfaceId=eni, SecondaryPrivateIpAddressCount=1)
    assert held(openstack_main, eni) == {first, second, more}
    gone = {"NetworkInterfaceId": eni, "Ipv6Addresses": [first, more]}
    assert v6.unassign_ipv6_addresses(**gone)["UnassignedIpv6Addresses"] == [first, more]
    assert held(openstack_main, eni) == {second}
    assert code(v6.unassign_ipv6_addresses, **gone) == "InvalidParameterValue"

    twin = v6.create_network_interface(SubnetId=subnet, Ipv6AddressCount=2)["NetworkInterface"]
    assert len(addresses(twin)) == 2
    here = {"NetworkInterfaceId": twin["NetworkInterfaceId"]}
    assert code(v6.assign_ipv6_addresses, **here, Ipv6Addresses=[second]) == "InvalidIPAddress.InUse"
    assert code(v6.assign_ipv6_addresses, **here, Ipv6Addresses=["fd00::1"]) == "InvalidParameterValue"
    assert code(v6.assign_ipv6_addresses, **here, Ipv6Addresses=["10.64.10.9"]) == "InvalidParameterValue"
    assert code(v6.assign_ipv6_addresses, **here) == "MissingParameter"
    both = {"Ipv6Addresses": [third], "Ipv6AddressCount": 1}
    assert code(v6.assign_ipv6_addresses, **here, **both) == "InvalidParameterCombination"


def test_a_subnet_without_ipv6_gives_none(v6: Any, vpc: Vpc) -> None:
    subnet = v6.create_subnet(VpcId=vpc.id, CidrBlock="10.64.11.0/24")["Subnet"]["SubnetId"]
    assert code(v6.create_network_interface, SubnetId=subnet, Ipv6AddressCount=1) == "InvalidParameterValue"
    made = v6.create_network_interface(SubnetId=subnet)["NetworkInterface"]
    assert addresses(made) == []
    here = {"NetworkInterfaceId": made["NetworkInterfaceId"]}
    assert code(v6.assign_ipv6_addresses, **here, Ipv6AddressCount=1) == "InvalidParameterValue"


Run = Callable[..., Any]


@pytest.fixture
def run(v6: Any, image: str, instance_type: str) -> Any:
    """Launch an instance, and return its row; it is terminated at the end."""
    made: list[str] = []

    def launch(**more: Any) -> Any:
        asked = {"ImageId": image, "InstanceType": instance_type, "MinCount": 1, "MaxCount": 1, **more}
        [one] = v6.run_instances(**asked)["Instances"]
        made.append(one["InstanceId"])
        v6.get_waiter("instance_running").wait(InstanceIds=made, WaiterConfig=WAIT)
        return v6.describe_instances(InstanceIds=[one["InstanceId"]])["Reservations"][0]["Instances"][0]

    yield launch
    end(v6, made)


def test_addresses_of_instances(v6: Any, openstack_main: Connection, vpc: Vpc, subnet: str, run: Run) -> None:
    """An instance has the IPv6 addresses that it asks for, or its subnet gives: Neutron alone would give it one."""
    bare = run(SubnetId=subnet)["NetworkInterfaces"][0]
    assert addresses(bare) == []
    assert held(openstack_main, bare["NetworkInterfaceId"]) == set()
    named = vpc.address(10, 0x20)
    asked = {"SubnetId": subnet, "PrivateIpAddress": "10.64.10.99"}
    one = run(**asked, Ipv6Addresses=[{"Ipv6Address": named}])
    assert (one["Ipv6Address"], one["PrivateIpAddress"]) == (named, "10.64.10.99")
    wanted = [{"Name": "network-interface.ipv6-addresses.ipv6-address", "Values": [named]}]
    [found] = v6.describe_instances(Filters=wanted)["Reservations"]
    assert found["Instances"][0]["InstanceId"] == one["InstanceId"]
    v6.modify_subnet_attribute(SubnetId=subnet, AssignIpv6AddressOnCreation={"Value": True})
    try:
        unasked = run(SubnetId=subnet)
        assert len(addresses(unasked["NetworkInterfaces"][0])) == 1
    finally:
        v6.modify_subnet_attribute(SubnetId=subnet, AssignIpv6AddressOnCreation={"Value": False})


def test_addresses_that_no_instance_can_have(v6: Any, vpc: Vpc, subnet: str, image: str, instance_type: str) -> None:
    asked = {"ImageId": image, "InstanceType": instance_type, "MinCount": 1, "MaxCount": 1}
    one = [{"Ipv6Address": vpc.address(10, 0x30)}]
    for more, refusal in (
        ({"SubnetId": subnet, "Ipv6AddressCount": 1, "Ipv6Addresses": one}, "InvalidParameterCombination"),
        ({"SubnetId": subnet, "Ipv6Addresses": one, "MaxCount": 2}, "InvalidParameterCombination"),
        ({"SubnetId": subnet, "Ipv6Addresses": [{"Ipv6Address": "fd00::1"}]}, "InvalidParameterValue"),
        (
            {"NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": subnet}], "Ipv6AddressCount": 1},
            "InvalidParameterCombination",
        ),
    ):
        assert code(v6.run_instances, **{**asked, **more}) == refusal, more
