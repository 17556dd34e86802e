"""Network interfaces through both APIs: ports of servers, unattached ports, and ports of other services."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from openstack.connection import Connection

from adapters.errors import BackendError, Fault
from adapters.types.compute import Zone
from adapters.types.network import AllowedAddress, FixedAddress, FloatingIp, Network, Port, SecurityGroup
from shim.cache import Cache
from shim.config import Settings
from shim.ec2.engine import ids
from shim.ec2.network.interface_rows import ANYWHERE, APART, PLACE, PRIMARY, association_id
from shim.ec2.network.interfaces import describe_network_interfaces
from shim.errors import AwsError
from tests.ec2.acting import act
from tests.ec2.client_errors import code
from tests.ec2.conftest import WAIT, eventually
from tests.ec2.instances.test_instance_costs import Counted
from tests.ec2.instances.test_instance_rows import GROUP, ID, NET, SERVER, port
from tests.ec2.network.test_security_groups import uuid
from tests.ec2.test_half_done import call
from tests.support.names import unique

SERVERS = [port("1", "m1", "10.0.1.5"), port("2", "m2", "10.0.0.5")]
FREE = replace(port("3", "m3", "10.0.0.6"), device_id="", device_owner="")
EXTERNAL = FloatingIp("e" * 32, "p", "172.24.0.9", "x", None, None, "ACTIVE", ())


class Cloud:
    """Ports on one network, and the servers that hold some of them."""

    def __init__(self, ports: list[Port], servers: list[Any], floating: tuple[FloatingIp, ...] = ()) -> None:
        self.counts: Counter[str] = Counter()
        self.cache = Cache()
        by_id = {server.id: server for server in servers}
        self.network = Counted(
            self.counts,
            ports=ports,
            networks=[Network(NET, "default", "p", False, False, "ACTIVE", (), (), ())],
            security_groups=[SecurityGroup(GROUP, "web", "", "p", (), ())],
            floating_ips=list(floating),
        )
        zones = [Zone("nova", True), Zone("a", True)]

        def server(id: str) -> Any:
            if id not in by_id:
                raise BackendError(Fault.NOT_FOUND, service="compute", resource="server", id=id)
            return by_id[id]

        self.compute = Counted(self.counts, zones=zones, servers=servers, server=server)

    def describe(self, **req: Any) -> list[dict[str, Any]]:
        here = call("DescribeNetworkInterfaces", network=self.network, compute=self.compute)
        here.cache = self.cache
        here.settings = Settings.model_validate({"zones": ["a", "nova"]})
        found: list[dict[str, Any]] = asyncio.run(act(describe_network_interfaces, here, req))["NetworkInterfaces"]
        return found


def by(name: str, *values: str) -> dict[str, Any]:
    return {"Filters": [{"Name": name, "Values": [*values]}]}


def named(rows: list[dict[str, Any]]) -> list[str]:
    return [row["NetworkInterfaceId"][4:5] for row in rows]


def test_a_servers_interfaces_have_the_places_that_the_instance_shows() -> None:
    # Nova lists m2 first, so that m2 is eth0; the other one outlives the server.
    cloud = Cloud([replace(SERVERS[0], tags=(APART,)), SERVERS[1]], [SERVER])
    rows = cloud.describe()
    assert (cloud.counts["server"], cloud.counts["servers"]) == (1, 0)
    told = [(row["Attachment"]["DeviceIndex"], row["Attachment"]["DeleteOnTermination"]) for row in rows]
    assert told == [(1, False), (0, True)]
    assert {row["Attachment"]["InstanceId"] for row in rows} == {ids.aws("i", ID)}
    assert {(row["Status"], row["AvailabilityZone"], row["RequesterManaged"]) for row in rows} == {
        ("in-use", "us-east-1b", False)
    }


def test_an_index_that_was_asked_for_is_kept_and_needs_no_server() -> None:
    cloud = Cloud([replace(SERVERS[0], tags=(f"{PLACE}5",)), SERVERS[1]], [SERVER])
    assert [row["Attachment"]["DeviceIndex"] for row in cloud.describe()] == [5, 0]
    later = replace(SERVERS[1], created_at=SERVERS[1].created_at + timedelta(seconds=1))
    cloud = Cloud([later, replace(SERVERS[0], tags=(f"{PLACE}99999",))], [SERVER])
    assert [row["Attachment"]["DeviceIndex"] for row in cloud.describe()] == [0, 1]
    assert (cloud.counts["server"], cloud.counts["servers"]) == (0, 0)


def test_the_primary_address_is_the_one_that_was_first() -> None:
    addresses = tuple(FixedAddress("c" * 32, f"10.0.0.{last}") for last in (6, 7, 8))
    [row] = Cloud([replace(FREE, fixed=addresses, tags=(f"{PRIMARY}10.0.0.7",))], []).describe()
    assert row["PrivateIpAddress"] == "10.0.0.7"
    told = [(one["PrivateIpAddress"], one["Primary"]) for one in row["PrivateIpAddresses"]]
    assert told == [("10.0.0.7", True), ("10.0.0.6", False), ("10.0.0.8", False)]


@pytest.mark.parametrize(
    ("changes", "checked"),
    [
        ({}, True),
        ({"port_security": False}, False),
        ({"allowed": (AllowedAddress("10.1.0.0/16"),)}, True),
        ({"allowed": (AllowedAddress("0.0.0.0/1"),)}, True),
        ({"allowed": (AllowedAddress("0.0.0.0/0"),)}, False),
        ({"allowed": tuple(map(AllowedAddress, ANYWHERE))}, False),
    ],
)
def test_what_may_send_from_anywhere_is_not_checked(changes: dict[str, Any], checked: bool) -> None:
    [row] = Cloud([replace(FREE, **changes)], []).describe()
    assert row["SourceDestCheck"] is checked


def test_a_port_of_nobody_is_available_in_the_zone_of_its_subnet() -> None:
    [row] = Cloud([FREE], []).describe()
    assert (row["Status"], row["Attachment"], row["AvailabilityZone"]) == ("available", None, "us-east-1a")
    assert row["Groups"] == [{"GroupId": ids.aws("sg", GROUP), "GroupName": "web"}]


@pytest.mark.parametrize("owner", ["network:dhcp", "network:router_interface", "network:floatingip"])
def test_neutrons_own_ports_are_no_interfaces(owner: str) -> None:
    assert Cloud([replace(FREE, device_id="x", device_owner=owner)], []).describe() == []


def test_another_services_port_is_managed_by_it() -> None:
    [row] = Cloud([replace(FREE, device_id="lb-1", device_owner="Octavia")], []).describe()
    assert (row["Status"], row["RequesterManaged"], row["RequesterId"]) == ("in-use", True, "Octavia")
    assert row["Attachment"]["InstanceOwnerId"] == "Octavia"
    assert "InstanceId" not in row["Attachment"]


def test_a_server_out_of_sight_still_holds_its_port() -> None:
    [row] = Cloud([SERVERS[0]], []).describe()
    assert (row["Attachment"]["InstanceId"], row["AvailabilityZone"]) == (ids.aws("i", ID), "us-east-1b")


def test_each_address_has_its_own_floating_one() -> None:
    two = replace(FREE, fixed=(*FREE.fixed, FixedAddress("c" * 32, "10.0.0.7"), FixedAddress("d" * 32, "fd00::7")))
    second = replace(EXTERNAL, port_id=two.id, fixed="10.0.0.7")
    [row] = Cloud([two], [], (second, replace(EXTERNAL, id="f" * 32))).describe()
    assert row["Association"] is None
    assert [(one["Primary"], one["PrivateIpAddress"]) for one in row["PrivateIpAddresses"]] == [
        (True, "10.0.0.6"),
        (False, "10.0.0.7"),
    ]
    assert row["PrivateIpAddresses"][1]["Association"]["PublicIp"] == "172.24.0.9"
    assert row["Ipv6Addresses"] == [{"Ipv6Address": "fd00::7"}]
    first = replace(EXTERNAL, port_id=two.id, fixed="10.0.0.6")
    [row] = Cloud([two], [], (first,)).describe(**by("association.allocation-id", ids.aws("eipalloc", EXTERNAL.id)))
    assert row["Association"]["AssociationId"] == association_id(EXTERNAL.id, two.id, "10.0.0.6")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (by("attachment.instance-id", ids.aws("i", ID)), ["1", "2"]),
        (by("attachment.device-index", "0"), ["2"]),
        (by("attachment.delete-on-termination", "true"), ["1", "2"]),
        (by("availability-zone", "us-east-1b"), ["1", "2"]),
        (by("availability-zone-id", "us-east-1-az1"), ["3"]),
        (by("addresses.private-ip-address", "10.0.0.*"), ["2", "3"]),
        (by("mac-address", "m1", "m3"), ["1", "3"]),
        (by("status", "available"), ["3"]),
        (by("attachment.attachment-id", ids.aws("eni-attach", FREE.id)), []),
        (by("interface-type", "interface"), ["1", "2", "3"]),
        (by("requester-managed", "true"), []),
        (by("group-name", "web"), ["1", "2", "3"]),
    ],
)
def test_filters(filters: dict[str, Any], expected: list[str]) -> None:
    assert named(Cloud([*SERVERS, FREE], [SERVER]).describe(**filters)) == expected


def test_calls_do_not_grow() -> None:
    ports, servers = [], []
    for number in range(300):
        same = str(UUID(int=number))
        servers.append(replace(SERVER, id=same))
        ports.append(replace(SERVERS[0], id=same, device_id=same))
    cloud = Cloud([*ports, FREE], servers)

    def spent(**req: Any) -> int:
        before = cloud.counts.total()
        cloud.describe(**req)
        return cloud.counts.total() - before

    assert spent() == 2 + 3  # zones, networks and the names of groups are remembered for a while
    assert spent() == 2
    assert spent(**by("group-id", "sg-" + "0" * 32)) == 2
    assert spent(NetworkInterfaceIds=[ids.aws("eni", ports[7].id)]) == 2


def test_pages_are_for_those_who_name_none() -> None:
    with pytest.raises(AwsError) as refused:
        Cloud([], []).describe(NetworkInterfaceIds=["eni-" + "0" * 32], MaxResults=5)
    assert refused.value.code == "InvalidParameterCombination"


@pytest.fixture
def native(openstack_main: Connection) -> Iterator[Any]:
    """A port on the default network, with a description, a tag of the gateway's and a strange one."""
    network = openstack_main.network.find_network("default", project_id=openstack_main.current_project_id)
    made = openstack_main.network.create_port(network_id=network.id, description=unique("port"))
    openstack_main.network.set_tags(made, ["t:00000000:Name=native", "theirs"])
    yield made
    openstack_main.network.delete_port(made.id)


def test_made_by_openstack_read_by_aws(ec2: Any, sts: Any, native: Any, openstack_main: Connection) -> None:
    eni = ids.aws("eni", native.id)
    ec2.get_waiter("network_interface_available").wait(NetworkInterfaceIds=[eni])
    [seen] = ec2.describe_network_interfaces(NetworkInterfaceIds=[eni])["NetworkInterfaces"]
    address = native.fixed_ips[0]
    [subnet] = ec2.describe_subnets(SubnetIds=[seen["SubnetId"]])["Subnets"]
    assert seen["SubnetId"] == ids.aws("subnet", address["subnet_id"])
    assert (seen["VpcId"], seen["AvailabilityZone"]) == (subnet["VpcId"], subnet["AvailabilityZone"])
    assert (seen["PrivateIpAddress"], seen["MacAddress"]) == (address["ip_address"], native.mac_address)
    assert (seen["Description"], seen["Status"]) == (native.description, "available")
    assert seen["OwnerId"] == sts.get_caller_identity()["Account"]
    assert seen["TagSet"] == [{"Key": "Name", "Value": "native"}]
    assert [one["GroupId"] for one in seen["Groups"]] == [ids.aws("sg", one) for one in native.security_group_ids]
    assert "Attachment" not in seen
    assert "Association" not in seen
    for name, value in {
        "description": native.description,
        "group-id": seen["Groups"][0]["GroupId"],
        "private-ip-address": address["ip_address"],
        "subnet-id": seen["SubnetId"],
        "tag:Name": "native",
        "vpc-id": seen["VpcId"],
    }.items():
        found = ec2.describe_network_interfaces(**by(name, value))["NetworkInterfaces"]
        assert eni in [one["NetworkInterfaceId"] for one in found], name
    ec2.create_tags(Resources=[eni], Tags=[{"Key": "Name", "Value": "ours"}])
    assert "theirs" in openstack_main.network.get_port(native.id).tags
    [seen] = ec2.describe_network_interfaces(**by("tag:Name", "ours"))["NetworkInterfaces"]
    assert seen["NetworkInterfaceId"] == eni


def test_a_floating_ip_of_openstacks_is_an_association(ec2: Any, native: Any, openstack_main: Connection) -> None:
    outside = next(iter(openstack_main.network.networks(is_router_external=True)))
    made = openstack_main.network.create_ip(floating_network_id=outside.id, port_id=native.id)
    try:
        [seen] = ec2.describe_network_interfaces(**by("association.public-ip", made.floating_ip_address))[
            "NetworkInterfaces"
        ]
        assert seen["NetworkInterfaceId"] == ids.aws("eni", native.id)
        assert seen["Association"]["AllocationId"] == ids.aws("eipalloc", made.id)
        assert seen["PrivateIpAddresses"][0]["Association"] == seen["Association"]
    finally:
        openstack_main.network.delete_ip(made)


def test_made_by_aws_read_by_openstack(ec2: Any, instance: str, openstack_main: Connection) -> None:
    [port] = openstack_main.network.ports(device_id=uuid(instance))
    [seen] = ec2.describe_network_interfaces(**by("attachment.instance-id", instance))["NetworkInterfaces"]
    [shown] = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"]
    [inside] = shown["NetworkInterfaces"]
    assert seen["NetworkInterfaceId"] == ids.aws("eni", port.id)
    assert seen["Attachment"] == {
        **inside["Attachment"],
        "InstanceId": instance,
        "InstanceOwnerId": seen["OwnerId"],
    }
    assert {name: seen[name] for name in inside if name != "Attachment"} == {
        name: value for name, value in inside.items() if name != "Attachment"
    }
    assert seen["AvailabilityZone"] == shown["Placement"]["AvailabilityZone"]
    assert seen["PrivateIpAddress"] == port.fixed_ips[0]["ip_address"]


def test_an_interface_ends_with_its_instance(ec2: Any, launch: Any) -> None:
    [instance] = launch()
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    [seen] = ec2.describe_network_interfaces(**by("attachment.instance-id", instance))["NetworkInterfaces"]
    ec2.terminate_instances(InstanceIds=[instance])
    gone = by("network-interface-id", seen["NetworkInterfaceId"])
    assert eventually(lambda: not ec2.describe_network_interfaces(**gone)["NetworkInterfaces"])
    named = {"NetworkInterfaceIds": [seen["NetworkInterfaceId"]]}
    assert code(ec2.describe_network_interfaces, **named) == "InvalidNetworkInterfaceID.NotFound"


def test_routers_and_dhcp_have_none(ec2: Any, openstack_main: Connection) -> None:
    inner = {port.id for port in openstack_main.network.ports() if port.device_owner.startswith("network:")}
    assert inner
    shown = {one["NetworkInterfaceId"] for one in ec2.describe_network_interfaces()["NetworkInterfaces"]}
    assert not shown & {ids.aws("eni", one) for one in inner}


def test_pages(ec2: Any, openstack_main: Connection) -> None:
    network = openstack_main.network.find_network("default", project_id=openstack_main.current_project_id)
    mark = unique("pages")
    ports = [openstack_main.network.create_port(network_id=network.id, description=mark) for _ in range(7)]
    try:
        pages = ec2.get_paginator("describe_network_interfaces").paginate(
            **by("description", mark), PaginationConfig={"PageSize": 5}
        )
        counted = [[one["NetworkInterfaceId"] for one in page["NetworkInterfaces"]] for page in pages]
        assert [len(page) for page in counted] == [5, 2]
        assert [one for page in counted for one in page] == sorted(ids.aws("eni", port.id) for port in ports)
    finally:
        for port in ports:
            openstack_main.network.delete_port(port)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"NetworkInterfaceIds": ["eni-12345678"]}, "InvalidNetworkInterfaceID.NotFound"),
        ({"NetworkInterfaceIds": ["eni-" + "0" * 32]}, "InvalidNetworkInterfaceID.NotFound"),
        ({"NetworkInterfaceIds": ["vpc-12345678"]}, "InvalidNetworkInterfaceId.Malformed"),
        ({"NetworkInterfaceIds": ["eni-12345678"], "MaxResults": 5}, "InvalidParameterCombination"),
        (by("colour", "red"), "InvalidParameterValue"),
        ({"DryRun": True}, "DryRunOperation"),
    ],
)
def test_what_is_not_there(ec2: Any, params: dict[str, Any], expected: str) -> None:
    assert code(ec2.describe_network_interfaces, **params) == expected
