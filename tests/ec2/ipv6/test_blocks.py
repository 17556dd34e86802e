"""The IPv6 blocks of VPCs and subnets: parts of a subnet pool, and second subnets of Neutron."""

from ipaddress import IPv6Address, IPv6Network
from typing import Any

import pytest
from openstack.connection import Connection

from tests.ec2.client_errors import code
from tests.ec2.ipv6.conftest import POOL, Vpc
from tests.ec2.network.test_security_groups import uuid
from tests.support.clients import Boto


def described(v6: Any, vpc: str) -> Any:
    return v6.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]


def seen(v6: Any, subnet: str) -> Any:
    return v6.describe_subnets(SubnetIds=[subnet])["Subnets"][0]


def holders(connection: Connection, vpc: str) -> list[Any]:
    return list(connection.network.networks(tags=f"ec2:ipv6-of={uuid(vpc)}"))


def natives(connection: Connection, subnet: str) -> list[Any]:
    """Return the IPv6 subnets on a subnet's network."""
    home = connection.network.get_subnet(uuid(subnet)).network_id
    return [one for one in connection.network.subnets(network_id=home) if one.ip_version == 6]


def doors(connection: Connection, vpc: str, native: Any) -> list[Any]:
    """Return the router's ports on a native subnet."""
    ports = connection.network.ports(device_id=uuid(vpc))
    return [one for one in ports if any(fixed["subnet_id"] == native.id for fixed in one.fixed_ips)]


def test_a_vpc_made_with_a_block(v6: Any, openstack_main: Connection, pool: Any, vpc: Vpc) -> None:
    row = described(v6, vpc.id)
    [one] = row["Ipv6CidrBlockAssociationSet"]
    assert (one["Ipv6CidrBlock"], one["Ipv6CidrBlockState"]["State"], one["Ipv6Pool"]) == (
        vpc.block,
        "associated",
        "Amazon",
    )
    block = IPv6Network(vpc.block)
    assert (block.prefixlen, block.subnet_of(IPv6Network(POOL))) == (56, True)
    for name, value in {
        "ipv6-cidr-block": vpc.block,
        "ipv6-pool": "Amazon",
        "association-id": one["AssociationId"],
        "state": "associated",
    }.items():
        wanted = [{"Name": f"ipv6-cidr-block-association.{name}", "Values": [value]}]
        assert vpc.id in [found["VpcId"] for found in v6.describe_vpcs(Filters=wanted)["Vpcs"]]
    # Neutron holds the block, and shows it.
    [holder] = holders(openstack_main, vpc.id)
    native = openstack_main.network.get_subnet(holder.subnet_ids[0])
    assert (native.cidr, native.subnet_pool_id, native.is_dhcp_enabled) == (vpc.block, pool.id, False)
    assert f"ec2:ipv6-block={vpc.block.replace('/', '-')}" in openstack_main.network.get_router(uuid(vpc.id)).tags
    # What holds it is no subnet and no VPC of EC2.
    assert [one["VpcId"] for one in v6.describe_vpcs()["Vpcs"]].count(f"vpc-{holder.id.replace('-', '')}") == 0
    assert f"subnet-{native.id.replace('-', '')}" not in {one["SubnetId"] for one in v6.describe_subnets()["Subnets"]}
    # The VPC's route table, network ACL and default group have IPv6 from the beginning.
    here = [{"Name": "vpc-id", "Values": [vpc.id]}]
    [table] = v6.describe_route_tables(Filters=here)["RouteTables"]
    assert {"DestinationIpv6CidrBlock": vpc.block, "GatewayId": "local"}.items() <= table["Routes"][1].items()
    assert entries(v6, vpc.id) == {(egress, number) for egress in (True, False) for number in (100, 101, 32767, 32768)}
    [group] = v6.describe_security_groups(Filters=here)["SecurityGroups"]
    assert [one["CidrIpv6"] for one in group["IpPermissionsEgress"][0]["Ipv6Ranges"]] == ["::/0"]
    made = v6.create_security_group(GroupName="of-ipv6", Description="d", VpcId=vpc.id)["GroupId"]
    [group] = v6.describe_security_groups(GroupIds=[made])["SecurityGroups"]
    assert [one["CidrIpv6"] for one in group["IpPermissionsEgress"][0]["Ipv6Ranges"]] == ["::/0"]
    v6.delete_security_group(GroupId=made)


def entries(v6: Any, vpc: str) -> set[tuple[bool, int]]:
    [acl] = v6.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"]
    return {(one["Egress"], one["RuleNumber"]) for one in acl["Entries"]}


def test_a_vpc_gets_and_loses_its_block(v6: Any, openstack_main: Connection) -> None:
    vpc = v6.create_vpc(CidrBlock="10.65.0.0/16")["Vpc"]["VpcId"]
    assert described(v6, vpc)["Ipv6CidrBlockAssociationSet"] == []
    both = {"VpcId": vpc, "AmazonProvidedIpv6CidrBlock": True}
    assert code(v6.associate_vpc_cidr_block, **both, CidrBlock="10.66.0.0/16") == "InvalidParameterCombination"
    made = v6.associate_vpc_cidr_block(**both)["Ipv6CidrBlockAssociation"]
    assert made["Ipv6CidrBlockState"]["State"] == "associating"
    [one] = described(v6, vpc)["Ipv6CidrBlockAssociationSet"]
    assert (one["AssociationId"], one["Ipv6CidrBlock"]) == (made["AssociationId"], made["Ipv6CidrBlock"])
    assert code(v6.associate_vpc_cidr_block, **both) == "CidrLimitExceeded"
    assert (True, 101) in entries(v6, vpc)
    [group] = v6.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["SecurityGroups"]
    assert group["IpPermissionsEgress"][0]["Ipv6Ranges"] == [{"CidrIpv6": "::/0"}]

    first = str(next(IPv6Network(one["Ipv6CidrBlock"]).subnets(new_prefix=64)))
    subnet = v6.create_subnet(VpcId=vpc, CidrBlock="10.65.1.0/24", Ipv6CidrBlock=first)["Subnet"]["SubnetId"]
    gone = {"AssociationId": one["AssociationId"]}
    assert code(v6.disassociate_vpc_cidr_block, **gone) == "InvalidCidrBlock.InUse"
    v6.delete_subnet(SubnetId=subnet)
    v6.disassociate_vpc_cidr_block(**gone)
    assert described(v6, vpc)["Ipv6CidrBlockAssociationSet"] == []
    assert holders(openstack_main, vpc) == []
    assert code(v6.disassociate_vpc_cidr_block, **gone) == "InvalidVpcCidrBlockAssociationID.NotFound"
    v6.delete_vpc(VpcId=vpc)


def test_two_projects_share_a_pool_to_its_end(v6: Any, clients: Boto, admin: Connection, vpc: Vpc) -> None:
    """Neutron gives no block twice, whoever asks for it; the block of a VPC that is deleted is free again."""
    asked = {"CidrBlock": "10.67.0.0/16", "AmazonProvidedIpv6CidrBlock": True}
    other = clients("ec2", "alt")
    made = other.create_vpc(**asked)["Vpc"]
    try:
        block = made["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
        assert {block, vpc.block} == {str(one) for one in IPv6Network(POOL).subnets(new_prefix=56)}
        before = {one.id for one in admin.network.routers()}, {one.id for one in admin.network.networks()}
        assert code(v6.create_vpc, **asked) == "InsufficientCidrBlocks"
        assert ({one.id for one in admin.network.routers()}, {one.id for one in admin.network.networks()}) == before
    finally:
        other.delete_vpc(VpcId=made["VpcId"])
    assert holders(admin, made["VpcId"]) == []


def test_a_subnet_made_with_a_block(v6: Any, openstack_main: Connection, vpc: Vpc) -> None:
    asked = {"VpcId": vpc.id, "CidrBlock": "10.64.1.0/24"}
    for wrong, refusal in {
        "2001:db8:ffff::/64": "InvalidSubnet.Range",
        vpc.subnet(4).replace("/64", "/62"): "InvalidSubnet.Range",
        vpc.subnet(1).replace("/64", "/129"): "InvalidParameterValue",
        "10.64.1.0/24": "InvalidParameterValue",
        "x": "InvalidParameterValue",
    }.items():
        assert code(v6.create_subnet, **asked, Ipv6CidrBlock=wrong) == refusal, wrong
    made = v6.create_subnet(**asked, Ipv6CidrBlock=vpc.subnet(1))["Subnet"]
    row = seen(v6, made["SubnetId"])
    [one] = row["Ipv6CidrBlockAssociationSet"]
    assert made["Ipv6CidrBlockAssociationSet"] == [one]
    assert (one["Ipv6CidrBlock"], one["Ipv6CidrBlockState"]) == (vpc.subnet(1), {"State": "associated"})
    assert (row["AssignIpv6AddressOnCreation"], row["Ipv6Native"], row["AvailableIpAddressCount"]) == (
        False,
        False,
        251,
    )
    for name, value in {"ipv6-cidr-block": vpc.subnet(1), "association-id": one["AssociationId"]}.items():
        wanted = [{"Name": f"ipv6-cidr-block-association.{name}", "Values": [value]}]
        assert [found["SubnetId"] for found in v6.describe_subnets(Filters=wanted)["Subnets"]] == [made["SubnetId"]]
    [native] = natives(openstack_main, made["SubnetId"])
    assert (native.cidr, native.gateway_ip) == (vpc.subnet(1), vpc.address(1, 1))
    assert (native.ipv6_address_mode, native.ipv6_ra_mode) == ("dhcpv6-stateful", "dhcpv6-stateful")
    assert native.allocation_pools[0]["start"] == vpc.address(1, 4)
    assert [port.is_admin_state_up for port in doors(openstack_main, vpc.id, native)] == [True]
    twin = {"VpcId": vpc.id, "CidrBlock": "10.64.2.0/24", "Ipv6CidrBlock": vpc.subnet(1)}
    assert code(v6.create_subnet, **twin) == "InvalidSubnet.Conflict"
    # An IPv6 subnet is part of its subnet, and no subnet itself.
    alone = f"subnet-{native.id.replace('-', '')}"
    assert code(v6.delete_subnet, SubnetId=alone) == "InvalidSubnetID.NotFound"
    assert code(v6.describe_subnets, SubnetIds=[alone]) == "InvalidSubnetID.NotFound"
    home = openstack_main.network.get_subnet(uuid(made["SubnetId"])).network_id
    v6.delete_subnet(SubnetId=made["SubnetId"])
    assert openstack_main.network.find_network(home) is None


def test_a_subnet_gets_and_loses_its_block(v6: Any, openstack_main: Connection, vpc: Vpc) -> None:
    subnet = v6.create_subnet(VpcId=vpc.id, CidrBlock="10.64.3.0/24")["Subnet"]["SubnetId"]
    on = {"SubnetId": subnet, "AssignIpv6AddressOnCreation": {"Value": True}}
    assert code(v6.modify_subnet_attribute, **on) == "InvalidParameterValue"
    assert code(v6.associate_subnet_cidr_block, SubnetId=subnet, Ipv6CidrBlock="fd00::/64") == "InvalidSubnet.Range"
    assert code(v6.associate_subnet_cidr_block, SubnetId=subnet) == "MissingParameter"
    made = v6.associate_subnet_cidr_block(SubnetId=subnet, Ipv6CidrBlock=vpc.subnet(3))["Ipv6CidrBlockAssociation"]
    assert made["Ipv6CidrBlockState"]["State"] == "associating"
    more = {"SubnetId": subnet, "Ipv6CidrBlock": vpc.subnet(4)}
    assert code(v6.associate_subnet_cidr_block, **more) == "CidrLimitExceeded"
    v6.modify_subnet_attribute(**on)
    assert seen(v6, subnet)["AssignIpv6AddressOnCreation"]
    taken = v6.create_network_interface(SubnetId=subnet)["NetworkInterface"]
    assert IPv6Address(taken["Ipv6Addresses"][0]["Ipv6Address"]) in IPv6Network(vpc.subnet(3))
    gone = {"AssociationId": made["AssociationId"]}
    assert code(v6.disassociate_subnet_cidr_block, **gone) == "InvalidCidrBlock.InUse"
    v6.delete_network_interface(NetworkInterfaceId=taken["NetworkInterfaceId"])
    answer = v6.disassociate_subnet_cidr_block(**gone)
    assert (answer["SubnetId"], answer["Ipv6CidrBlockAssociation"]["Ipv6CidrBlock"]) == (subnet, vpc.subnet(3))
    row = seen(v6, subnet)
    assert (row["Ipv6CidrBlockAssociationSet"], row["AssignIpv6AddressOnCreation"]) == ([], False)
    assert natives(openstack_main, subnet) == []
    assert code(v6.disassociate_subnet_cidr_block, **gone) == "InvalidSubnetCidrBlockAssociationID.NotFound"


def test_without_dns_support_no_ipv6_resolver_is_announced(v6: Any, openstack_main: Connection, vpc: Vpc) -> None:
    def servers(subnet: str) -> list[list[str]]:
        found = (openstack_main.network.get_subnet(uuid(subnet)), *natives(openstack_main, subnet))
        return [list(one.dns_nameservers) for one in found]

    asked = {"VpcId": vpc.id, "CidrBlock": "10.64.5.0/24", "Ipv6CidrBlock": vpc.subnet(5)}
    subnets = [v6.create_subnet(**asked)["Subnet"]["SubnetId"]]
    try:
        v6.modify_vpc_attribute(VpcId=vpc.id, EnableDnsSupport={"Value": False})
        asked |= {"CidrBlock": "10.64.6.0/24", "Ipv6CidrBlock": vpc.subnet(6)}
        subnets.append(v6.create_subnet(**asked)["Subnet"]["SubnetId"])
        assert [servers(one) for one in subnets] == [[["0.0.0.0"], ["::"]]] * 2  # noqa: S104 - Neutron's words for none
    finally:
        v6.modify_vpc_attribute(VpcId=vpc.id, EnableDnsSupport={"Value": True})
    try:
        assert [servers(one) for one in subnets] == [[[], []]] * 2
    finally:
        for one in subnets:
            v6.delete_subnet(SubnetId=one)


def test_a_network_acl_opens_and_closes_ipv6(v6: Any, openstack_main: Connection, vpc: Vpc) -> None:
    asked = {"VpcId": vpc.id, "CidrBlock": "10.64.5.0/24", "Ipv6CidrBlock": vpc.subnet(5)}
    subnet = v6.create_subnet(**asked)["Subnet"]["SubnetId"]
    old = openstack_main.network.get_subnet(uuid(subnet))
    [native] = natives(openstack_main, subnet)

    def open_now() -> tuple[bool, bool]:
        [first], [second] = (doors(openstack_main, vpc.id, one) for one in (old, native))
        return first.is_admin_state_up, second.is_admin_state_up

    [acl] = v6.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc.id]}])["NetworkAcls"]
    one = {"NetworkAclId": acl["NetworkAclId"], "RuleNumber": 101, "Egress": False}
    v6.delete_network_acl_entry(**one)
    assert open_now() == (True, False)
    bare = v6.create_subnet(VpcId=vpc.id, CidrBlock="10.64.7.0/24")["Subnet"]["SubnetId"]
    v6.associate_subnet_cidr_block(SubnetId=bare, Ipv6CidrBlock=vpc.subnet(7))
    [closed] = natives(openstack_main, bare)
    assert [port.is_admin_state_up for port in doors(openstack_main, vpc.id, closed)] == [False]
    v6.create_network_acl_entry(**one, Protocol="-1", RuleAction="allow", Ipv6CidrBlock="::/0")
    assert open_now() == (True, True)


def test_ipv6_of_openstacks_own_tools_is_shown(v6: Any, openstack_main: Connection) -> None:
    network = openstack_main.network.create_network(name="dual")
    try:
        first = openstack_main.network.create_subnet(network_id=network.id, ip_version=4, cidr="10.68.0.0/24")
        second = openstack_main.network.create_subnet(network_id=network.id, ip_version=6, cidr="fd00:68::/64")
        subnet = f"subnet-{first.id.replace('-', '')}"
        row = seen(v6, subnet)
        assert [one["Ipv6CidrBlock"] for one in row["Ipv6CidrBlockAssociationSet"]] == [second.cidr]
        assert row["AssignIpv6AddressOnCreation"]  # Neutron gives each port an address of it
        [one] = described(v6, row["VpcId"])["Ipv6CidrBlockAssociationSet"]
        assert (one["Ipv6CidrBlock"], one.get("Ipv6Pool")) == (second.cidr, None)
        off = {"SubnetId": subnet, "AssignIpv6AddressOnCreation": {"Value": False}}
        assert code(v6.modify_subnet_attribute, **off) == "UnsupportedOperation"
        v6.disassociate_subnet_cidr_block(AssociationId=row["Ipv6CidrBlockAssociationSet"][0]["AssociationId"])
        assert openstack_main.network.find_subnet(second.id) is None
    finally:
        openstack_main.network.delete_network(network)


def test_without_a_pool_it_is_refused(aws: Boto, vpc: Vpc) -> None:
    plain = aws("ec2")
    asked = {"AmazonProvidedIpv6CidrBlock": True}
    assert code(plain.create_vpc, CidrBlock="10.69.0.0/16", **asked) == "UnsupportedOperation"
    assert code(plain.associate_vpc_cidr_block, VpcId=vpc.id, **asked) == "UnsupportedOperation"
    with pytest.raises(plain.exceptions.ClientError) as refused:
        plain.create_vpc(CidrBlock="10.69.0.0/16", DryRun=True, **asked)
    assert refused.value.response["Error"]["Code"] == "UnsupportedOperation"
