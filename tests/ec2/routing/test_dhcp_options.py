"""DHCP options and further CIDR blocks of a VPC."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from openstack.connection import Connection

from tests.ec2.client_errors import code, refusal
from tests.ec2.conftest import Launch
from tests.ec2.network.test_security_groups import uuid
from tests.ec2.network.test_vpc_lives import tagged
from tests.ec2.routing.test_internet_gateways import vpc
from tests.support.names import native_uuid

__all__ = ["vpc"]
SERVERS = [{"Key": "domain-name-servers", "Values": ["10.30.0.9", "9.9.9.9"]}]

NONE = ["0.0.0.0"]  # noqa: S104 - Neutron's word for no name server


def test_name_servers_of_a_vpc(ec2: Any, openstack_main: Connection, vpc: str) -> None:
    def servers(subnet: str) -> list[str]:
        return list(openstack_main.network.get_subnet(uuid(subnet)).dns_nameservers)

    def shown() -> str:
        return str(ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["DhcpOptionsId"])

    first = ec2.create_subnet(VpcId=vpc, CidrBlock="10.30.1.0/24")["Subnet"]["SubnetId"]
    asked = {"DhcpConfigurations": SERVERS, "TagSpecifications": tagged("dhcp-options", Name="ours")}
    made = ec2.create_dhcp_options(**asked)["DhcpOptions"]
    options = made["DhcpOptionsId"]
    assert ec2.describe_dhcp_options(DhcpOptionsIds=[options])["DhcpOptions"] == [made]
    [configuration] = made["DhcpConfigurations"]
    assert [one["Value"] for one in configuration["Values"]] == ["10.30.0.9", "9.9.9.9"]
    ec2.associate_dhcp_options(DhcpOptionsId=options, VpcId=vpc)
    second = ec2.create_subnet(VpcId=vpc, CidrBlock="10.30.2.0/24")["Subnet"]["SubnetId"]
    assert shown() == options
    assert servers(first) == servers(second) == ["10.30.0.9", "9.9.9.9"]
    assert code(ec2.delete_dhcp_options, DhcpOptionsId=options) == "DependencyViolation"
    ec2.associate_dhcp_options(DhcpOptionsId="default", VpcId=vpc)
    assert (shown(), servers(first), servers(second)) == ("default", [], [])
    ec2.delete_dhcp_options(DhcpOptionsId=options)
    assert openstack_main.network.find_subnet_pool(uuid(options)) is None
    assert refusal(ec2.describe_dhcp_options, DhcpOptionsIds=[options]) == (
        "InvalidDhcpOptionID.NotFound",
        f"The dhcpOption ID '{options}' does not exist",
    )


def test_subnets_that_are_made_at_the_same_time_get_the_name_servers(
    ec2: Any, openstack_main: Connection, vpc: str
) -> None:
    """Terraform makes a VPC's subnets and associates its options at once."""
    options = ec2.create_dhcp_options(DhcpConfigurations=SERVERS)["DhcpOptions"]["DhcpOptionsId"]

    def make(place: int) -> str:
        return str(ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.30.{place}.0/24")["Subnet"]["SubnetId"])

    with ThreadPoolExecutor() as pool:
        made = [pool.submit(make, place) for place in range(4)]
        ec2.associate_dhcp_options(DhcpOptionsId=options, VpcId=vpc)
    natives = [openstack_main.network.get_subnet(uuid(one.result())) for one in made]
    assert [one.dns_nameservers for one in natives] == [["10.30.0.9", "9.9.9.9"]] * 4
    ec2.associate_dhcp_options(DhcpOptionsId="default", VpcId=vpc)
    ec2.delete_dhcp_options(DhcpOptionsId=options)


def test_without_dns_support_no_resolver_is_announced(ec2: Any, openstack_main: Connection, vpc: str) -> None:
    def servers() -> list[list[str]]:
        return [list(openstack_main.network.get_subnet(uuid(one)).dns_nameservers) for one in subnets]

    def told(attribute: str) -> bool:
        return bool(ec2.describe_vpc_attribute(VpcId=vpc, Attribute=f"e{attribute[1:]}")[attribute]["Value"])

    def switch(attribute: str, value: bool) -> None:
        ec2.modify_vpc_attribute(VpcId=vpc, **{attribute: {"Value": value}})

    assert told("EnableDnsSupport")
    subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock="10.30.1.0/24")["Subnet"]["SubnetId"]]
    switch("EnableDnsHostnames", True)
    switch("EnableDnsSupport", False)
    assert (told("EnableDnsSupport"), told("EnableDnsHostnames")) == (False, True)
    switch("EnableDnsHostnames", False)
    hostnames = {"VpcId": vpc, "EnableDnsHostnames": {"Value": True}}
    assert code(ec2.modify_vpc_attribute, **hostnames) == "InvalidParameterCombination"
    subnets.append(ec2.create_subnet(VpcId=vpc, CidrBlock="10.30.2.0/24")["Subnet"]["SubnetId"])
    assert servers() == [NONE] * 2
    # Name servers of DHCP options are no resolver of the cloud's.
    options = ec2.create_dhcp_options(DhcpConfigurations=SERVERS)["DhcpOptions"]["DhcpOptionsId"]
    ec2.associate_dhcp_options(DhcpOptionsId=options, VpcId=vpc)
    assert servers() == [["10.30.0.9", "9.9.9.9"]] * 2
    ec2.associate_dhcp_options(DhcpOptionsId="default", VpcId=vpc)
    ec2.delete_dhcp_options(DhcpOptionsId=options)
    assert servers() == [NONE] * 2
    switch("EnableDnsSupport", True)
    switch("EnableDnsSupport", True)
    assert told("EnableDnsSupport")
    assert servers() == [[]] * 2


def test_changes_at_the_same_time_end_as_the_last_one_says(ec2: Any, openstack_main: Connection, vpc: str) -> None:
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.30.1.0/24")["Subnet"]["SubnetId"]
    options = ec2.create_dhcp_options(DhcpConfigurations=SERVERS)["DhcpOptions"]["DhcpOptionsId"]
    wanted = [options, "default"] * 3
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda one: ec2.associate_dhcp_options(DhcpOptionsId=one, VpcId=vpc), wanted))
    last = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["DhcpOptionsId"]
    servers = openstack_main.network.get_subnet(uuid(subnet)).dns_nameservers
    assert servers == ([] if last == "default" else ["10.30.0.9", "9.9.9.9"])
    ec2.associate_dhcp_options(DhcpOptionsId="default", VpcId=vpc)
    ec2.delete_dhcp_options(DhcpOptionsId=options)


def test_ports_get_the_options_that_a_subnet_cannot_have(
    ec2: Any, openstack_main: Connection, vpc: str, launch: Launch
) -> None:
    """Interfaces that are there get them, those that are made later, and those of a launch."""

    def given(port: str) -> dict[str, str]:
        found = openstack_main.network.get_port(port).extra_dhcp_opts
        return {one["opt_name"]: one["opt_value"] for one in found}

    def interface(where: str = "") -> str:
        return str(ec2.create_network_interface(SubnetId=where or subnet)["NetworkInterface"]["NetworkInterfaceId"])

    def associate(options: str) -> None:
        ec2.associate_dhcp_options(DhcpOptionsId=options, VpcId=vpc)

    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.30.1.0/24")["Subnet"]["SubnetId"]
    domain = [{"Key": "domain-name", "Values": ["example.org"]}]
    wanted = [*domain, {"Key": "ntp-servers", "Values": ["10.30.0.7"]}, *SERVERS]
    both, single = (
        ec2.create_dhcp_options(DhcpConfigurations=one)["DhcpOptions"]["DhcpOptionsId"] for one in (wanted, domain)
    )
    interfaces = [interface()]
    try:
        associate(both)
        interfaces.append(interface())
        (made,) = launch(SubnetId=subnet)
        (port,) = openstack_main.network.ports(device_id=native_uuid(made))  # the launch waited for it
        ports = [*map(uuid, interfaces), port.id]
        all_of_it = {"domain-name": "example.org", "ntp-server": "10.30.0.7"}
        assert [given(one) for one in ports] == [all_of_it] * 3
        assert openstack_main.network.get_subnet(uuid(subnet)).dns_nameservers == ["10.30.0.9", "9.9.9.9"]
        associate(single)
        assert [given(one) for one in ports] == [{"domain-name": "example.org"}] * 3
        later = ec2.create_subnet(VpcId=vpc, CidrBlock="10.30.2.0/24")["Subnet"]["SubnetId"]
        interfaces.append(interface(later))
        assert given(uuid(interfaces[-1])) == {"domain-name": "example.org"}
        associate("default")
        assert [given(one) for one in (*ports, uuid(interfaces[-1]))] == [{}] * 4
        interfaces.append(interface())
        assert given(uuid(interfaces[-1])) == {}
    finally:
        for one in interfaces:
            ec2.delete_network_interface(NetworkInterfaceId=one)
        associate("default")
        for one in (both, single):
            ec2.delete_dhcp_options(DhcpOptionsId=one)


def test_options_that_this_clouds_dhcp_does_not_give_are_not_associated(ec2: Any, vpc: str) -> None:
    names = ["example.org", "example.net"]
    wanted = [{"Key": "domain-name", "Values": names}, {"Key": "netbios-node-type", "Values": ["2"]}]
    made = ec2.create_dhcp_options(DhcpConfigurations=wanted)["DhcpOptions"]
    assert [one["Value"] for one in made["DhcpConfigurations"][0]["Values"]] == names
    options = made["DhcpOptionsId"]
    said = refusal(ec2.associate_dhcp_options, DhcpOptionsId=options, VpcId=vpc)
    assert said == ("UnsupportedOperation", "The DHCP of this cloud does not give instances: netbios-node-type (2).")
    assert ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["DhcpOptionsId"] == "default"
    ec2.delete_dhcp_options(DhcpOptionsId=options)


@pytest.mark.parametrize(
    ("key", "values", "expected"),
    [
        ("colour", ["red"], "InvalidParameterValue"),
        ("domain-name-servers", ["ten"], "InvalidParameterValue"),
        ("domain-name-servers", ["10.0.0.1"] * 5, "InvalidParameterValue"),
        ("domain-name", ["a b"], "InvalidParameterValue"),
        ("netbios-node-type", ["1", "2"], "InvalidParameterValue"),
        ("netbios-node-type", ["3"], "InvalidParameterValue"),
    ],
)
def test_values_are_checked(ec2: Any, key: str, values: list[str], expected: str) -> None:
    assert code(ec2.create_dhcp_options, DhcpConfigurations=[{"Key": key, "Values": values}]) == expected


def test_options_that_are_not_there(ec2: Any) -> None:
    assert code(ec2.delete_dhcp_options, DhcpOptionsId="dopt-12345678") == "InvalidDhcpOptionID.NotFound"
    assert code(ec2.delete_dhcp_options, DhcpOptionsId="default") == "InvalidDhcpOptionsId.Malformed"
    assert code(ec2.associate_dhcp_options, DhcpOptionsId="default", VpcId="vpc-12345678") == "InvalidVpcID.NotFound"


def test_a_second_block(ec2: Any, openstack_main: Connection, vpc: str) -> None:
    made = ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.31.0.0/16")["CidrBlockAssociation"]
    [seen] = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]
    assert seen["CidrBlock"] == "10.30.0.0/16"
    blocks = {one["CidrBlock"]: one for one in seen["CidrBlockAssociationSet"]}
    assert blocks["10.31.0.0/16"]["AssociationId"] == made["AssociationId"]
    assert blocks["10.31.0.0/16"]["CidrBlockState"] == {"State": "associated"}
    assert "ec2:more-cidr=10.31.0.0-16" in openstack_main.network.get_router(uuid(vpc)).tags
    assert code(ec2.associate_vpc_cidr_block, VpcId=vpc, CidrBlock="10.31.8.0/24") == "InvalidVpc.Range"
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.31.1.0/24")["Subnet"]["SubnetId"]
    gone = {"AssociationId": made["AssociationId"]}
    assert code(ec2.disassociate_vpc_cidr_block, **gone) == "InvalidCidrBlock.InUse"
    ec2.delete_subnet(SubnetId=subnet)
    ec2.disassociate_vpc_cidr_block(**gone)
    assert code(ec2.disassociate_vpc_cidr_block, **gone) == "InvalidVpcCidrBlockAssociationID.NotFound"
    first = blocks["10.30.0.0/16"]["AssociationId"]
    assert code(ec2.disassociate_vpc_cidr_block, AssociationId=first) == "OperationNotPermitted"
