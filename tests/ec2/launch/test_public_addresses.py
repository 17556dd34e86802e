"""A public address at launch: a floating IP that comes with the instance and goes with it."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from openstack.connection import Connection

from adapters.errors import BackendError, Fault
from adapters.types.network import FloatingIp, Network, Port, Subnet
from shim.ec2.engine.errors import translate
from shim.ec2.instances import facts
from shim.ec2.launch.addresses import give
from shim.ec2.launch.placement import gives_public_address
from shim.ec2.launch.request import Interface
from shim.ec2.network.facts import MAP_PUBLIC
from shim.ec2.network.interface_rows import AUTOMATIC
from shim.errors import AwsError
from tests.ec2.conftest import WAIT, Launch, eventually, refused
from tests.ec2.instances.test_instance_costs import Counted
from tests.ec2.instances.test_instance_rows import SERVER, port
from tests.ec2.test_half_done import call
from tests.support.names import native_uuid, unique

NETWORK = Network("e" * 32, "public", "p", True, False, "ACTIVE", (), (), ())
PORT = port("1", "m1", "10.0.0.5")
WANTING = replace(SERVER, metadata={facts.PUBLIC: "1"})


class Neutron(Counted):
    """A Neutron that has the port from its second list on, and refuses addresses with `fault`."""

    def __init__(self, fault: Fault | None = None, *held: FloatingIp) -> None:
        super().__init__(Counter(), networks=[NETWORK], floating_ips=list(held))
        self.fault, self.looks, self.made = fault, 0, list[tuple[str, ...]]()

    async def ports(self, **_: object) -> list[Port]:
        self.looks += 1
        return [PORT] if self.looks > 1 else []

    async def create_floating_ip(self, *asked: str) -> FloatingIp:
        if self.fault:
            raise BackendError(self.fault, service="network", resource="floatingip")
        self.made.append(asked)
        return FloatingIp("a" * 32, "p", "172.24.0.9", NETWORK.id, PORT.id, PORT.fixed[0].address, "ACTIVE", ())


def given(neutron: Neutron, server: Any = WANTING) -> list[tuple[str, ...]]:
    nova = Counted(Counter(), server=WANTING)
    asyncio.run(give(call("RunInstances", network=neutron, compute=nova), [server]))
    return neutron.made


def test_an_address_is_given_once_neutron_has_the_port() -> None:
    assert given(Neutron()) == [(NETWORK.id, AUTOMATIC, PORT.id, "10.0.0.5")]


def test_none_is_given_to_who_has_one_or_wants_none() -> None:
    held = FloatingIp("a" * 32, "p", "172.24.0.9", NETWORK.id, PORT.id, "10.0.0.5", "ACTIVE", ())
    assert given(Neutron(None, held)) == []
    assert given(Neutron(), SERVER) == []
    assert given(Neutron(Fault.DUPLICATE)) == []


@pytest.mark.parametrize(("fault", "told"), [(None, True), (Fault.DUPLICATE, False)])
def test_what_a_new_launch_was_given_is_told_unless_another_request_gave_it(fault: Fault | None, told: bool) -> None:
    neutron, nova = Neutron(fault), Counted(Counter(), server=WANTING)
    here = call("RunInstances", network=neutron, compute=nova)
    given = asyncio.run(give(here, [WANTING], NETWORK.id))
    assert (given is not None) is told
    if given is not None:
        assert ([one.address for one in given.addresses], given.ports) == (["172.24.0.9"], [PORT])
    assert asyncio.run(give(here, [WANTING, replace(WANTING, id="f" * 32, status="ERROR")], NETWORK.id)) is None


def test_without_a_way_out_there_is_none() -> None:
    with pytest.raises(AwsError) as caught:
        given(Neutron(Fault.CONFLICT))
    assert caught.value.code == "Gateway.NotAttached"


@pytest.mark.parametrize(
    ("fault", "code"), [(Fault.NO_CAPACITY, "InsufficientAddressCapacity"), (Fault.QUOTA, "AddressLimitExceeded")]
)
def test_without_a_free_address_there_is_none(fault: Fault, code: str) -> None:
    with pytest.raises(BackendError) as caught:
        given(Neutron(fault))
    assert translate(caught.value).code == code


@pytest.mark.parametrize(
    ("interfaces", "expected"),
    [
        ([Interface()], True),
        ([Interface(public=True)], True),
        ([Interface(public=False)], False),
        ([Interface(port_id="p")], False),
        ([Interface(), Interface()], False),
    ],
)
def test_a_subnet_gives_an_address_to_a_single_new_interface(interfaces: list[Interface], expected: bool) -> None:
    mapped = Subnet("s", "", "p", "n", 4, "10.0.0.0/24", "10.0.0.1", (), (MAP_PUBLIC,))
    assert gives_public_address(interfaces, mapped) is expected
    assert gives_public_address(interfaces, replace(mapped, tags=())) is (interfaces == [Interface(public=True)])


# Through both APIs.

ASKED = {"NetworkInterfaces": [{"DeviceIndex": 0, "AssociatePublicIpAddress": True}]}


def held(connection: Connection, instance: str) -> list[Any]:
    """Return the floating IPs of an instance."""
    ports = [one.id for one in connection.network.ports(device_id=native_uuid(instance))]
    return [one for one in connection.network.ips() if one.port_id in ports]


def shown(ec2: Any, instance: str) -> dict[str, Any]:
    [page] = ec2.describe_instances(InstanceIds=[instance])["Reservations"]
    return dict(page["Instances"][0])


def test_an_address_comes_and_goes_with_its_instance(ec2: Any, launch: Launch, openstack_main: Connection) -> None:
    [instance] = launch(ClientToken=unique("token"), **ASKED)
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    [native] = held(openstack_main, instance)
    row = shown(ec2, instance)
    assert row["PublicIpAddress"] == native.floating_ip_address
    [nic] = row["NetworkInterfaces"]
    assert nic["Association"] == {
        "IpOwnerId": "amazon",
        "PublicDnsName": "",
        "PublicIp": native.floating_ip_address,
    }
    assert ec2.describe_addresses(Filters=[{"Name": "instance-id", "Values": [instance]}])["Addresses"] == []
    with refused("InvalidAddress.NotFound"):
        ec2.describe_addresses(PublicIps=[native.floating_ip_address])
    asked = {"NetworkInterfaceId": nic["NetworkInterfaceId"], "Attribute": "associatePublicIpAddress"}
    assert ec2.describe_network_interface_attribute(**asked)["AssociatePublicIpAddress"] is True

    # An Elastic IP address takes its place.
    made = ec2.allocate_address(Domain="vpc")["AllocationId"]
    try:
        ec2.associate_address(AllocationId=made, InstanceId=instance)
        assert [one.id for one in held(openstack_main, instance)] == [native_uuid(made)]
        assert openstack_main.network.find_ip(native.id) is None
    finally:
        ec2.release_address(AllocationId=made)


def test_terminating_releases_the_address(ec2: Any, launch: Launch, openstack_main: Connection) -> None:
    [instance] = launch(**ASKED)
    [native] = held(openstack_main, instance)
    ec2.terminate_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    assert openstack_main.network.find_ip(native.id) is None


def test_one_that_openstack_left_over_can_be_released(ec2: Any, launch: Launch, openstack_main: Connection) -> None:
    [instance] = launch(**ASKED)
    [native] = held(openstack_main, instance)
    openstack_main.compute.delete_server(native_uuid(instance))
    assert eventually(lambda: openstack_main.network.get_ip(native.id).port_id is None)
    [left] = ec2.describe_addresses(PublicIps=[native.floating_ip_address])["Addresses"]
    ec2.release_address(AllocationId=left["AllocationId"])


def test_a_vpc_without_an_internet_gateway_gives_none(ec2: Any, launch: Launch) -> None:
    vpc = ec2.create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.77.1.0/24")["Subnet"]["SubnetId"]
    try:
        with refused("Gateway.NotAttached"):
            launch(NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": subnet, "AssociatePublicIpAddress": True}])
        ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
        with refused("Gateway.NotAttached"):
            launch(SubnetId=subnet)
        assert ec2.describe_instances(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Reservations"] == []
    finally:
        ec2.delete_subnet(SubnetId=subnet)
        ec2.delete_vpc(VpcId=vpc)


def test_a_subnet_gives_addresses_unless_the_launch_says_otherwise(
    ec2: Any, launch: Launch, openstack_main: Connection
) -> None:
    def mapping(value: bool) -> list[str]:
        ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": value})
        found = ec2.describe_subnets(Filters=[{"Name": "map-public-ip-on-launch", "Values": ["true"]}])["Subnets"]
        return [one["SubnetId"] for one in found if one["MapPublicIpOnLaunch"]]

    [row] = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    subnet = row["SubnetId"]
    try:
        assert mapping(True) == mapping(True) == [subnet]
        assert "ec2:map-public-ip" in openstack_main.network.get_subnet(native_uuid(subnet)).tags
        assert ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["Tags"] == row["Tags"]
        [with_one] = launch(SubnetId=subnet)
        [native] = held(openstack_main, with_one)
        assert shown(ec2, with_one)["PublicIpAddress"] == native.floating_ip_address
        [without] = launch(NetworkInterfaces=[{"DeviceIndex": 0, "AssociatePublicIpAddress": False}])
        assert held(openstack_main, without) == []
    finally:
        assert mapping(False) == mapping(False) == []
    assert "ec2:map-public-ip" not in openstack_main.network.get_subnet(native_uuid(subnet)).tags


@pytest.mark.parametrize(
    "interfaces",
    [
        [{"DeviceIndex": 0, "AssociatePublicIpAddress": True}, {"DeviceIndex": 1}],
        [{"DeviceIndex": 0, "AssociatePublicIpAddress": True, "NetworkInterfaceId": f"eni-{'0' * 32}"}],
    ],
)
def test_only_a_single_new_interface_has_one(launch: Launch, interfaces: list[dict[str, Any]]) -> None:
    with refused("InvalidParameterCombination"):
        launch(NetworkInterfaces=interfaces)


@pytest.mark.parametrize(
    ("ebs", "code"),
    [
        ({"VolumeType": "gp3", "Iops": 4000}, "UnsupportedOperation"),
        ({"VolumeType": "io2", "Iops": 4000}, "UnsupportedOperation"),
        ({"VolumeType": "gp3", "Throughput": 500}, "UnsupportedOperation"),
        ({"VolumeType": "gp2", "Iops": 100}, "InvalidParameterCombination"),
        ({"VolumeType": "standard", "Throughput": 125}, "InvalidParameterCombination"),
    ],
)
def test_performance_that_cannot_be_promised_is_refused(launch: Launch, ebs: dict[str, Any], code: str) -> None:
    with refused(code):
        launch(BlockDeviceMappings=[{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 4, **ebs}}])
