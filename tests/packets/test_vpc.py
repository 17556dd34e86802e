"""A VPC as AWS describes it, by its packets: who reaches whom, before, while and after the API changes it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from adapters.embedded.ovn.control import OUTSIDE
from tests.ec2.conftest import WAIT
from tests.packets.machines import NOTHING, OUTSIDE_ADDRESS, Machines, settles
from tests.support.names import unique

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(900)]  # the first test brings up a cloud
EVERYWHERE = "0.0.0.0/0"
CIDR = "10.60.0.0/16"
PUBLIC, PRIVATE = "10.60.0.0/24", "10.60.1.0/24"


@dataclass(slots=True)
class Site:
    """A VPC with an internet gateway, a subnet with a route to it, one without, and an open security group."""

    ec2: Any
    machines: Machines
    vpc: str
    gateway: str
    public: str
    private: str
    private_table: str
    group: str

    def launch(self, subnet: str, *names: str, group: str = "", **more: Any) -> list[str]:
        """Launch an instance per name in a subnet, and wait until it has its address and listens."""
        image = self.ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
        groups = [group or self.group]
        wanted = {"ImageId": image, "InstanceType": "t3.nano", "SubnetId": subnet, "SecurityGroupIds": groups, **more}
        made = self.ec2.run_instances(**wanted, MinCount=len(names), MaxCount=len(names))["Instances"]
        ids = [one["InstanceId"] for one in made]
        self.ec2.get_waiter("instance_running").wait(InstanceIds=ids, WaiterConfig=WAIT)
        for instance, name in zip(ids, names, strict=True):
            address = self.address(instance)
            settles(address, self.machines.address, instance)
            self.machines.listen(instance, name)
        return ids

    def address(self, instance: str) -> str:
        """Return the private address of an instance, as EC2 tells it."""
        return str(self._described(instance)["PrivateIpAddress"])

    def interface(self, instance: str) -> str:
        """Return the id of the network interface of an instance."""
        return str(self._described(instance)["NetworkInterfaces"][0]["NetworkInterfaceId"])

    def _described(self, instance: str) -> Any:
        [[one]] = [each["Instances"] for each in self.ec2.describe_instances(InstanceIds=[instance])["Reservations"]]
        return one


def open_group(ec2: Any, vpc: str) -> str:
    """Make a security group that lets in pings, and connections to port 80."""
    group = str(ec2.create_security_group(GroupName=unique("open"), Description="open", VpcId=vpc)["GroupId"])
    anyone = [{"CidrIp": EVERYWHERE}]
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1, "IpRanges": anyone},
            {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": anyone},
        ],
    )
    return group


@pytest.fixture(scope="module")
def site(packet_ec2: Any, machines: Machines) -> Site:
    """The VPC of this module; the cloud goes with it, so nothing is deleted."""
    ec2 = packet_ec2
    vpc = ec2.create_vpc(CidrBlock=CIDR)["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    public, private = (ec2.create_subnet(VpcId=vpc, CidrBlock=one)["Subnet"]["SubnetId"] for one in (PUBLIC, PRIVATE))
    tables = [ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"] for _ in (public, private)]
    for table, subnet in zip(tables, (public, private), strict=True):
        ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    ec2.create_route(RouteTableId=tables[0], DestinationCidrBlock=EVERYWHERE, GatewayId=gateway)
    return Site(ec2, machines, vpc, gateway, public, private, tables[1], open_group(ec2, vpc))


@pytest.fixture(scope="module")
def web(site: Site) -> list[str]:
    """Two instances in the public subnet, without public addresses."""
    return site.launch(site.public, "web1", "web2")


@pytest.fixture(scope="module")
def inner(site: Site) -> list[str]:
    """Two instances in the private subnet."""
    return site.launch(site.private, "inner1", "inner2")


@pytest.fixture
def elastic(site: Site) -> Iterator[dict[str, str]]:
    """An elastic IP address, released afterwards."""
    made = site.ec2.allocate_address(Domain="vpc")
    yield {"id": made["AllocationId"], "ip": made["PublicIp"]}
    [found] = site.ec2.describe_addresses(AllocationIds=[made["AllocationId"]])["Addresses"]
    if "AssociationId" in found:
        site.ec2.disassociate_address(AssociationId=found["AssociationId"])
    site.ec2.release_address(AllocationId=made["AllocationId"])


def test_subnets_of_a_vpc_reach_each_other(site: Site, web: list[str], inner: list[str]) -> None:
    """ "local" is a route of every route table."""
    see, there = site.machines, site.address(inner[0])
    settles(True, see.ping, web[0], there)
    assert see.connect(web[0], there) == f"inner1 saw {site.address(web[0])}"
    assert see.connect(inner[0], site.address(web[1])) == f"web2 saw {there}"


def test_an_instance_without_an_address_and_without_a_nat_gateway_reaches_nothing(
    site: Site, web: list[str], inner: list[str]
) -> None:
    for instance in (web[0], inner[0]):
        assert site.machines.connect(instance, OUTSIDE_ADDRESS) == NOTHING
        assert not site.machines.ping(instance, OUTSIDE_ADDRESS)


def test_an_elastic_address_reaches_in_and_out_and_moves(site: Site, web: list[str], elastic: dict[str, str]) -> None:
    see, ec2, ip = site.machines, site.ec2, elastic["ip"]
    ec2.associate_address(AllocationId=elastic["id"], InstanceId=web[0])
    from_outside = f"saw {OUTSIDE_ADDRESS}"
    settles(f"web1 {from_outside}", see.connect, OUTSIDE, ip)
    assert see.connect(web[0], OUTSIDE_ADDRESS) == f"outside saw {ip}"
    assert see.connect(web[1], OUTSIDE_ADDRESS) == NOTHING
    ec2.associate_address(AllocationId=elastic["id"], InstanceId=web[1])
    settles(f"web2 {from_outside}", see.connect, OUTSIDE, ip)
    assert see.connect(web[1], OUTSIDE_ADDRESS) == f"outside saw {ip}"
    assert see.connect(web[0], OUTSIDE_ADDRESS) == NOTHING
    [found] = ec2.describe_addresses(AllocationIds=[elastic["id"]])["Addresses"]
    ec2.disassociate_address(AssociationId=found["AssociationId"])
    settles(NOTHING, see.connect, OUTSIDE, ip)
    assert see.connect(web[1], OUTSIDE_ADDRESS) == NOTHING


def test_a_security_group_and_a_reference_to_it_stop_and_let_pass_under_way(site: Site, web: list[str]) -> None:
    see, ec2 = site.machines, site.ec2
    closed, members = (
        ec2.create_security_group(GroupName=unique(name), Description=name, VpcId=site.vpc)["GroupId"]
        for name in ("closed", "members")
    )
    [guarded] = site.launch(site.public, "guarded", group=closed)
    there, seen = site.address(guarded), f"guarded saw {site.address(web[0])}"
    assert see.connect(web[0], there) == NOTHING
    assert see.connect(guarded, site.address(web[0])).startswith("web1 saw")  # answers to its own connections pass

    http = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}
    by_group = [{**http, "UserIdGroupPairs": [{"GroupId": members}]}]
    ec2.authorize_security_group_ingress(GroupId=closed, IpPermissions=by_group)
    assert see.connect(web[0], there) == NOTHING  # not a member
    interface = site.interface(web[0])
    ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=[site.group, members])
    settles(seen, see.connect, web[0], there)
    assert see.connect(web[1], there) == NOTHING
    ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=[site.group])
    settles(NOTHING, see.connect, web[0], there)
    ec2.revoke_security_group_ingress(GroupId=closed, IpPermissions=by_group)

    by_block = [{**http, "IpRanges": [{"CidrIp": f"{site.address(web[0])}/32"}]}]
    ec2.authorize_security_group_ingress(GroupId=closed, IpPermissions=by_block)
    settles(seen, see.connect, web[0], there)
    assert see.connect(web[1], there) == NOTHING
    ec2.revoke_security_group_ingress(GroupId=closed, IpPermissions=by_block)
    settles(NOTHING, see.connect, web[0], there)


def test_a_nat_gateway_hides_many_instances_behind_one_address(
    site: Site, web: list[str], inner: list[str], elastic: dict[str, str]
) -> None:
    """Instances learn the route by DHCP, so those that run get it and lose it when they reboot or renew their lease."""
    see, ec2, ip = site.machines, site.ec2, elastic["ip"]
    nat = ec2.create_nat_gateway(SubnetId=site.public, AllocationId=elastic["id"])["NatGateway"]["NatGatewayId"]
    ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[nat])
    ec2.create_route(RouteTableId=site.private_table, DestinationCidrBlock=EVERYWHERE, NatGatewayId=nat)
    ec2.reboot_instances(InstanceIds=inner)
    for instance in inner:
        out = f"outside saw {ip}"
        settles(out, see.connect, instance, OUTSIDE_ADDRESS)
        assert see.connect(web[0], site.address(instance)).endswith(f"saw {site.address(web[0])}")
    assert see.connect(web[0], OUTSIDE_ADDRESS) == NOTHING  # another subnet, another route table
    assert see.connect(OUTSIDE, ip) == NOTHING
    ec2.delete_route(RouteTableId=site.private_table, DestinationCidrBlock=EVERYWHERE)
    ec2.delete_nat_gateway(NatGatewayId=nat)
    ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=[nat])
    for instance in inner:
        settles(NOTHING, see.connect, instance, OUTSIDE_ADDRESS)
    ec2.reboot_instances(InstanceIds=inner)  # else they still send to the NAT gateway what no other route leads away
    for instance in inner:
        settles(True, see.ping, instance, site.address(web[0]))


def test_two_vpcs_with_one_cidr_block_never_meet(site: Site, web: list[str]) -> None:
    see, ec2 = site.machines, site.ec2
    other = ec2.create_vpc(CidrBlock=CIDR)["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=other, CidrBlock=PUBLIC)["Subnet"]["SubnetId"]
    apart = Site(ec2, see, other, "", subnet, "", "", open_group(ec2, other))
    same = site.address(web[0])
    [twin] = apart.launch(subnet, "twin", PrivateIpAddress=same)
    [peer] = apart.launch(subnet, "peer")
    assert see.connect(peer, same) == f"twin saw {site.address(peer)}"
    assert see.connect(web[1], same) == f"web1 saw {site.address(web[1])}"
    assert see.connect(peer, site.address(web[1])) in (NOTHING, f"twin saw {site.address(peer)}")
    assert see.connect(twin, OUTSIDE_ADDRESS) == NOTHING


def test_the_metadata_service_answers_each_instance_with_its_own(site: Site, web: list[str], inner: list[str]) -> None:
    for instance in (*web, inner[0]):
        metadata = partial(site.machines.get, instance, "169.254.169.254")
        assert metadata("/latest/meta-data/local-ipv4") == site.address(instance)
        assert {"instance-id", "hostname", "placement/"} <= set(metadata("/latest/meta-data/").split())


def test_a_route_through_an_instance_works_only_without_its_source_and_destination_check(
    site: Site, web: list[str], inner: list[str]
) -> None:
    """As in a network behind a virtual appliance: the instance has an address that its interface does not."""
    see, ec2, behind = site.machines, site.ec2, "192.168.77.1"
    see.run(web[1], "ip", "address", "add", f"{behind}/32", "dev", "lo")
    interface, answer = site.interface(web[1]), f"web2 saw {site.address(inner[0])}"
    route = {"RouteTableId": site.private_table, "DestinationCidrBlock": "192.168.77.0/24"}
    ec2.create_route(**route, NetworkInterfaceId=interface)
    assert see.connect(inner[0], behind) == NOTHING
    ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, SourceDestCheck={"Value": False})
    settles(answer, see.connect, inner[0], behind)
    ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, SourceDestCheck={"Value": True})
    settles(NOTHING, see.connect, inner[0], behind)
    ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, SourceDestCheck={"Value": False})
    settles(answer, see.connect, inner[0], behind)
    ec2.delete_route(**route)
    settles(NOTHING, see.connect, inner[0], behind)


def test_a_peering_connection_joins_two_vpcs_until_it_is_deleted(site: Site, inner: list[str]) -> None:
    see, ec2, block = site.machines, site.ec2, "10.61.0.0/16"
    other = ec2.create_vpc(CidrBlock=block)["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=other, CidrBlock="10.61.0.0/24")["Subnet"]["SubnetId"]
    [table] = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [other]}])["RouteTables"]
    beyond = Site(ec2, see, other, "", subnet, "", "", open_group(ec2, other))
    [far] = beyond.launch(subnet, "far")
    there, answer = beyond.address(far), f"far saw {site.address(inner[0])}"
    peering = ec2.create_vpc_peering_connection(VpcId=site.vpc, PeerVpcId=other)["VpcPeeringConnection"]
    peer = {"VpcPeeringConnectionId": peering["VpcPeeringConnectionId"]}
    ec2.accept_vpc_peering_connection(**peer)
    assert see.connect(inner[0], there) == NOTHING  # no route yet
    ec2.create_route(RouteTableId=site.private_table, DestinationCidrBlock=block, **peer)
    ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock=CIDR, **peer)
    settles(answer, see.connect, inner[0], there)
    assert see.connect(far, site.address(inner[0])) == f"inner1 saw {there}"
    ec2.delete_vpc_peering_connection(**peer)
    settles(NOTHING, see.connect, inner[0], there)
