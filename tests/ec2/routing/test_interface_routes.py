"""Routes to instances and network interfaces: extra routes of the VPC's router."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from openstack.connection import Connection

from tests.ec2.client_errors import code, refusal
from tests.ec2.conftest import WAIT, Launch, end
from tests.ec2.network.test_security_groups import uuid
from tests.ec2.routing.test_internet_gateways import vpc
from tests.ec2.routing.test_route_tables import CIDR, main_table, table

__all__ = ["vpc"]
FAR = "10.99.0.0/16"


def extra(network: Any, vpc: str) -> set[tuple[str, str]]:
    """Return the extra routes of the VPC's router, as Neutron tells them."""
    return {(one["destination"], one["nexthop"]) for one in network.get_router(uuid(vpc)).routes}


def route_to(ec2: Any, table_id: str, block: str) -> dict[str, Any]:
    [found] = [one for one in table(ec2, table_id)["Routes"] if one["DestinationCidrBlock"] == block]
    return dict(found)


@pytest.fixture
def subnet(ec2: Any, vpc: str) -> str:
    return str(ec2.create_subnet(VpcId=vpc, CidrBlock="10.30.1.0/24")["Subnet"]["SubnetId"])


@pytest.fixture
def interfaces(ec2: Any, subnet: str) -> Iterator[list[str]]:
    """Two interfaces of the subnet, with the addresses .10 and .11; those that are left are deleted."""
    made = [
        ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress=f"10.30.1.{last}")["NetworkInterface"][
            "NetworkInterfaceId"
        ]
        for last in (10, 11)
    ]
    yield made
    found = ec2.describe_network_interfaces(Filters=[{"Name": "subnet-id", "Values": [subnet]}])["NetworkInterfaces"]
    for one in found:
        ec2.delete_network_interface(NetworkInterfaceId=one["NetworkInterfaceId"])


def test_a_route_to_an_interface(
    ec2: Any, openstack_main: Connection, vpc: str, subnet: str, interfaces: list[str], launch: Launch
) -> None:
    network, (first, second) = openstack_main.network, interfaces
    main = main_table(ec2, vpc)["RouteTableId"]
    native = {"destination": "10.98.0.0/16", "nexthop": "10.30.1.11"}
    network.add_extra_routes_to_router(uuid(vpc), {"router": {"routes": [native]}})
    wanted = {"RouteTableId": main, "DestinationCidrBlock": FAR, "NetworkInterfaceId": first}
    assert ec2.create_route(**wanted)["Return"]
    assert extra(network, vpc) == {(FAR, "10.30.1.10"), ("10.98.0.0/16", "10.30.1.11")}
    seen = route_to(ec2, main, FAR)
    assert (seen["NetworkInterfaceId"], seen["State"], "InstanceId" in seen) == (first, "blackhole", False)
    for there in (FAR, CIDR):  # the second is the local route
        assert code(ec2.create_route, **{**wanted, "DestinationCidrBlock": there}) == "RouteAlreadyExists"

    ec2.replace_route(**{**wanted, "NetworkInterfaceId": second})
    assert extra(network, vpc) == {(FAR, "10.30.1.11"), ("10.98.0.0/16", "10.30.1.11")}
    ec2.replace_route(**wanted)

    [instance] = launch(NetworkInterfaces=[{"DeviceIndex": 0, "NetworkInterfaceId": first}])
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    ec2.modify_network_interface_attribute(NetworkInterfaceId=first, SourceDestCheck={"Value": False})
    owner = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["OwnerId"]
    assert route_to(ec2, main, FAR) == {
        "DestinationCidrBlock": FAR,
        "InstanceId": instance,
        "InstanceOwnerId": owner,
        "NetworkInterfaceId": first,
        "Origin": "CreateRoute",
        "State": "active",
    }
    by_instance = [{"Name": "route.instance-id", "Values": [instance]}]
    assert [one["RouteTableId"] for one in ec2.describe_route_tables(Filters=by_instance)["RouteTables"]] == [main]
    ec2.create_route(RouteTableId=main, DestinationCidrBlock="10.97.0.0/16", InstanceId=instance)
    assert route_to(ec2, main, "10.97.0.0/16")["NetworkInterfaceId"] == first
    assert ("10.97.0.0/16", "10.30.1.10") in extra(network, vpc)

    end(ec2, [instance])
    ec2.delete_network_interface(NetworkInterfaceId=first)
    assert route_to(ec2, main, FAR)["State"] == "blackhole"
    ec2.delete_route(RouteTableId=main, DestinationCidrBlock="10.97.0.0/16")
    assert extra(network, vpc) == {("10.98.0.0/16", "10.30.1.11")}
    ec2.delete_route(RouteTableId=main, DestinationCidrBlock=FAR)
    assert extra(network, vpc) == {("10.98.0.0/16", "10.30.1.11")}


def test_routes_of_tables_in_use(
    ec2: Any, openstack_main: Connection, vpc: str, subnet: str, interfaces: list[str]
) -> None:
    network, (first, second) = openstack_main.network, interfaces
    main, other = main_table(ec2, vpc)["RouteTableId"], ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=other, DestinationCidrBlock=FAR, NetworkInterfaceId=first)
    assert extra(network, vpc) == set()  # no subnet uses the table
    association = ec2.associate_route_table(RouteTableId=other, SubnetId=subnet)["AssociationId"]
    assert extra(network, vpc) == {(FAR, "10.30.1.10")}
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.30.2.0/24")  # it uses the main table
    wanted = {"RouteTableId": main, "DestinationCidrBlock": FAR, "NetworkInterfaceId": second}
    assert code(ec2.create_route, **wanted) == "UnsupportedOperation"
    assert [one["DestinationCidrBlock"] for one in table(ec2, main)["Routes"]] == ["10.30.0.0/16"]
    ec2.create_route(**{**wanted, "NetworkInterfaceId": first})
    ec2.disassociate_route_table(AssociationId=association)
    assert extra(network, vpc) == {(FAR, "10.30.1.10")}  # the main table has the same route
    ec2.delete_route(RouteTableId=main, DestinationCidrBlock=FAR)
    assert extra(network, vpc) == set()

    # A subnet goes although routes lead to addresses in it.
    ec2.create_route(**wanted)
    assert extra(network, vpc) == {(FAR, "10.30.1.11")}
    for one in interfaces:
        ec2.delete_network_interface(NetworkInterfaceId=one)
    ec2.delete_subnet(SubnetId=subnet)
    assert extra(network, vpc) == set()
    assert route_to(ec2, main, FAR)["State"] == "blackhole"


def test_of_routes_at_the_same_time_only_one_that_contradicts_fails(
    ec2: Any, openstack_main: Connection, vpc: str, subnet: str, interfaces: list[str]
) -> None:
    first, second = interfaces
    main, other = main_table(ec2, vpc)["RouteTableId"], ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=other, SubnetId=subnet)
    wanted = [(main, FAR, first), (other, FAR, second), *((main, f"10.9{one}.0.0/16", first) for one in (1, 2, 3))]

    def create(asked: tuple[str, str, str]) -> str:
        names = ("RouteTableId", "DestinationCidrBlock", "NetworkInterfaceId")
        try:
            ec2.create_route(**dict(zip(names, asked, strict=True)))
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return ""

    with ThreadPoolExecutor(len(wanted)) as threads:
        codes = list(threads.map(create, wanted))
    assert (sorted(codes[:2]), codes[2:]) == (["", "UnsupportedOperation"], ["", "", ""])
    hop = "10.30.1.10" if codes[0] == "" else "10.30.1.11"
    assert extra(openstack_main.network, vpc) == {
        (FAR, hop),
        *((f"10.9{one}.0.0/16", "10.30.1.10") for one in (1, 2, 3)),
    }
    shown = [one for where in (main, other) for one in table(ec2, where)["Routes"]]
    assert sum(one["DestinationCidrBlock"] == FAR for one in shown) == 1


def test_refusals(ec2: Any, vpc: str, subnet: str, interfaces: list[str]) -> None:
    first = interfaces[0]
    main = main_table(ec2, vpc)["RouteTableId"]
    wanted = {"RouteTableId": main, "DestinationCidrBlock": FAR, "NetworkInterfaceId": first}
    gone = "eni-12345678123456781234567812345678"
    assert code(ec2.create_route, **{**wanted, "NetworkInterfaceId": gone}) == "InvalidNetworkInterfaceID.NotFound"
    assert code(ec2.create_route, **wanted, InstanceId=gone.replace("eni", "i")) == "InvalidParameterCombination"
    del wanted["NetworkInterfaceId"]
    assert code(ec2.create_route, **wanted, InstanceId=gone.replace("eni", "i")) == "InvalidInstanceID.NotFound"
    for block in ("0.0.0.0/0", "10.30.1.0/24"):
        asked = {**wanted, "DestinationCidrBlock": block, "NetworkInterfaceId": first}
        assert code(ec2.create_route, **asked) == "UnsupportedOperation"
    other = ec2.create_vpc(CidrBlock="10.31.0.0/16")["Vpc"]["VpcId"]
    theirs = main_table(ec2, other)["RouteTableId"]
    asked = {**wanted, "RouteTableId": theirs, "NetworkInterfaceId": first}
    assert refusal(ec2.create_route, **asked) == (
        "InvalidParameterValue",
        f"route table {theirs} and interface {first} belong to different networks",
    )
    ec2.delete_vpc(VpcId=other)
