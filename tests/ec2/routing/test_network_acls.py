"""Network ACLs: what allows everything is kept, what lets nothing pass switches the router's port off."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from openstack.connection import Connection

from tests.ec2.client_errors import code, refusal
from tests.ec2.network.test_security_groups import uuid
from tests.ec2.network.test_vpc_lives import tagged
from tests.ec2.routing.test_internet_gateways import vpc

__all__ = ["vpc"]
ALL = {"Protocol": "-1", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0"}


def acl_of(ec2: Any, subnet: str) -> dict[str, Any]:
    [found] = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])["NetworkAcls"]
    return dict(found)


def rules(acl: dict[str, Any]) -> set[tuple[bool, int, str]]:
    return {(one["Egress"], one["RuleNumber"], one["RuleAction"]) for one in acl["Entries"]}


def passes(connection: Connection, vpc: str, subnet: str) -> bool:
    """Tell whether the router's port on a subnet is switched on."""
    [port] = [
        one
        for one in connection.network.ports(device_id=uuid(vpc))
        if any(fixed["subnet_id"] == uuid(subnet) for fixed in one.fixed_ips)
    ]
    return bool(port.is_admin_state_up)


def test_the_default_acl_is_adopted(ec2: Any, openstack_main: Connection, vpc: str) -> None:
    """Terraform's aws_default_network_acl deletes every entry, and creates those of the configuration."""
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.30.1.0/24")["Subnet"]["SubnetId"]
    acl = acl_of(ec2, subnet)
    id, last = acl["NetworkAclId"], {(True, 32767, "deny"), (False, 32767, "deny")}  # noqa: A001
    assert rules(acl) == {(True, 100, "allow"), (False, 100, "allow"), *last}
    ec2.delete_network_acl_entry(NetworkAclId=id, RuleNumber=100, Egress=True)
    assert not passes(openstack_main, vpc, subnet)
    ec2.delete_network_acl_entry(NetworkAclId=id, RuleNumber=100, Egress=False)
    assert rules(acl_of(ec2, subnet)) == last
    later = ec2.create_subnet(VpcId=vpc, CidrBlock="10.30.2.0/24")["Subnet"]["SubnetId"]
    assert not passes(openstack_main, vpc, later)
    for egress in (True, False):
        wanted = {"NetworkAclId": id, "RuleNumber": 7, "Egress": egress, **ALL, "PortRange": {"From": 0, "To": 0}}
        ec2.create_network_acl_entry(**wanted)
        assert code(ec2.create_network_acl_entry, **wanted) == "NetworkAclEntryAlreadyExists"
    ipv6 = {"NetworkAclId": id, "RuleNumber": 8, "Egress": True, "Protocol": "-1", "RuleAction": "allow"}
    ec2.create_network_acl_entry(**ipv6, Ipv6CidrBlock="::/0")
    ec2.replace_network_acl_entry(**{**wanted, "RuleNumber": 7})
    assert rules(acl_of(ec2, subnet)) == {(True, 7, "allow"), (True, 8, "allow"), (False, 7, "allow"), *last}
    assert passes(openstack_main, vpc, subnet)
    assert passes(openstack_main, vpc, later)
    assert code(ec2.delete_network_acl, NetworkAclId=id) == "InvalidParameterValue"


@pytest.mark.parametrize("opens", [False, True])
def test_subnets_that_are_made_at_the_same_time_follow_the_default_acl(
    ec2: Any, openstack_main: Connection, vpc: str, opens: bool
) -> None:
    """Terraform makes a VPC's subnets and adopts its default ACL at once."""
    [acl] = ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"]
    entry = {"NetworkAclId": acl["NetworkAclId"], "RuleNumber": 100, "Egress": True}
    if opens:
        ec2.delete_network_acl_entry(**entry)

    def make(place: int) -> str:
        return str(ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.30.{place}.0/24")["Subnet"]["SubnetId"])

    with ThreadPoolExecutor() as pool:
        made = [pool.submit(make, place) for place in range(4)]
        if opens:
            ec2.create_network_acl_entry(**entry, **ALL)
        else:
            ec2.delete_network_acl_entry(**entry)
    assert [passes(openstack_main, vpc, one.result()) for one in made] == [opens] * 4


def test_an_acl_of_its_own(ec2: Any, openstack_main: Connection, vpc: str) -> None:
    asked = {"VpcId": vpc, "TagSpecifications": tagged("network-acl", Name="web")}
    made = ec2.create_network_acl(**asked)["NetworkAcl"]
    id, subnet = made["NetworkAclId"], ec2.create_subnet(VpcId=vpc, CidrBlock="10.30.1.0/24")["Subnet"]["SubnetId"]  # noqa: A001
    assert (made["IsDefault"], made["Associations"]) == (False, [])
    assert "web" in openstack_main.network.get_subnet_pool(uuid(id)).name
    [old] = acl_of(ec2, subnet)["Associations"]
    association = old["NetworkAclAssociationId"]
    ec2.replace_network_acl_association(AssociationId=association, NetworkAclId=id)
    assert acl_of(ec2, subnet)["NetworkAclId"] == id
    assert not passes(openstack_main, vpc, subnet)  # it has no entries yet
    for egress in (True, False):
        ec2.create_network_acl_entry(NetworkAclId=id, RuleNumber=100, Egress=egress, **ALL)
    assert passes(openstack_main, vpc, subnet)
    assert code(ec2.delete_network_acl, NetworkAclId=id) == "DependencyViolation"
    ec2.replace_network_acl_association(AssociationId=association, NetworkAclId=old["NetworkAclId"])
    ec2.delete_network_acl(NetworkAclId=id)
    assert openstack_main.network.find_subnet_pool(uuid(id)) is None


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"RuleAction": "deny"}, "UnsupportedOperation"),
        ({"Protocol": "6", "PortRange": {"From": 22, "To": 22}}, "UnsupportedOperation"),
        ({"CidrBlock": "10.0.0.0/8"}, "UnsupportedOperation"),
        ({"RuleNumber": 32767}, "InvalidParameterValue"),
        ({"Ipv6CidrBlock": "::/0"}, "MissingParameter"),
        ({}, "InvalidNetworkAclID.NotFound"),
    ],
)
def test_what_neutron_cannot_deny_is_refused(ec2: Any, params: dict[str, Any], expected: str) -> None:
    wanted = {"NetworkAclId": "acl-12345678", "RuleNumber": 1, "Egress": False, **ALL, **params}
    assert code(ec2.create_network_acl_entry, **wanted) == expected


def test_entries_that_are_not_there(ec2: Any, vpc: str) -> None:
    [acl] = ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"]
    gone = {"NetworkAclId": acl["NetworkAclId"], "RuleNumber": 9, "Egress": True}
    assert refusal(ec2.delete_network_acl_entry, **gone) == (
        "InvalidNetworkAclEntry.NotFound",
        "The network acl entry identified by 9 does not exist.",
    )
    assert code(ec2.replace_network_acl_entry, **gone, **ALL) == "InvalidNetworkAclEntry.NotFound"
