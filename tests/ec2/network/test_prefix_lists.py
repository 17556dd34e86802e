"""Managed prefix lists are Neutron's address groups, and rules of security groups name them."""

from collections.abc import Iterator
from typing import Any

import pytest
from openstack.connection import Connection

from shim.ec2.engine import ids
from tests.ec2.client_errors import code
from tests.support.names import native_uuid, unique


@pytest.fixture
def listed(ec2: Any, openstack_main: Connection) -> Iterator[dict[str, Any]]:
    """A prefix list with one entry and room for another."""
    wanted = {"AddressFamily": "IPv4", "MaxEntries": 2, "Entries": [{"Cidr": "192.0.2.7/24"}]}
    made: dict[str, Any] = ec2.create_managed_prefix_list(PrefixListName=unique("list"), **wanted)["PrefixList"]
    yield made
    openstack_main.network.delete_address_group(native_uuid(made["PrefixListId"]), ignore_missing=True)


def entries(ec2: Any, named: str) -> list[str]:
    return [one["Cidr"] for one in ec2.get_managed_prefix_list_entries(PrefixListId=named)["Entries"]]


def test_a_lists_life(ec2: Any, listed: dict[str, Any], openstack_main: Connection) -> None:
    named = listed["PrefixListId"]
    native = openstack_main.network.get_address_group(native_uuid(named))
    assert (native.name, list(native.addresses)) == (listed["PrefixListName"], ["192.0.2.0/24"])
    assert (listed["Version"], listed["MaxEntries"], listed["AddressFamily"]) == (1, 2, "IPv4")
    change = {"PrefixListId": named, "AddEntries": [{"Cidr": "198.51.100.0/24"}]}
    modify = ec2.modify_managed_prefix_list
    assert code(modify, **change) == "MissingParameter"
    assert code(modify, **change, CurrentVersion=7) == "PrefixListVersionMismatch"
    assert modify(**change, CurrentVersion=1)["PrefixList"]["Version"] == 2
    more = {"PrefixListId": named, "CurrentVersion": 2, "AddEntries": [{"Cidr": "203.0.113.0/24"}]}
    assert code(modify, **more) == "PrefixListMaxEntriesExceeded"
    modify(**more, RemoveEntries=[{"Cidr": "192.0.2.0/24"}])
    assert entries(ec2, named) == ["198.51.100.0/24", "203.0.113.0/24"]
    assert set(openstack_main.network.get_address_group(native_uuid(named)).addresses) == {*entries(ec2, named)}
    ec2.modify_managed_prefix_list(PrefixListId=named, PrefixListName="renamed")
    [seen] = ec2.describe_managed_prefix_lists(PrefixListIds=[named])["PrefixLists"]
    assert (seen["PrefixListName"], seen["Version"], seen["State"]) == ("renamed", 3, "modify-complete")
    ec2.delete_managed_prefix_list(PrefixListId=named)
    assert openstack_main.network.find_address_group(native_uuid(named)) is None
    assert code(ec2.delete_managed_prefix_list, PrefixListId=named) == "InvalidPrefixListID.NotFound"


def test_a_list_in_rules(ec2: Any, listed: dict[str, Any], openstack_main: Connection) -> None:
    named = listed["PrefixListId"]
    group = ec2.create_security_group(GroupName=unique("list"), Description="x")["GroupId"]
    try:
        https = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "PrefixListIds": [{"PrefixListId": named}]}
        made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[https])["SecurityGroupRules"]
        assert [one["PrefixListId"] for one in made] == [named]
        found = openstack_main.network.security_group_rules(security_group_id=native_uuid(group), direction="ingress")
        assert {one.remote_address_group_id for one in found} == {native_uuid(named)}
        [shown] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
        assert shown["IpPermissions"][0]["PrefixListIds"] == [{"PrefixListId": named}]
        assert code(ec2.delete_managed_prefix_list, PrefixListId=named) == "DependencyViolation"
        ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[https])
    finally:
        ec2.delete_security_group(GroupId=group)


def test_made_by_openstack_read_by_aws(ec2: Any, openstack_main: Connection) -> None:
    native = openstack_main.network.create_address_group(name=unique("native"), addresses=["2001:db8::/32"])
    try:
        named = ids.aws("pl", native.id)
        [seen] = ec2.describe_managed_prefix_lists(Filters=[{"Name": "prefix-list-name", "Values": [native.name]}])[
            "PrefixLists"
        ]
        assert (seen["PrefixListId"], seen["AddressFamily"], seen["MaxEntries"]) == (named, "IPv6", 1)
        assert entries(ec2, named) == ["2001:db8::/32"]
    finally:
        openstack_main.network.delete_address_group(native)


def test_a_token_makes_one(ec2: Any, openstack_main: Connection) -> None:
    wanted = {"PrefixListName": unique("list"), "AddressFamily": "IPv4", "MaxEntries": 1, "ClientToken": unique("ct")}
    first = ec2.create_managed_prefix_list(**wanted)["PrefixList"]["PrefixListId"]
    try:
        assert ec2.create_managed_prefix_list(**wanted)["PrefixList"]["PrefixListId"] == first
        other = {**wanted, "MaxEntries": 2}
        assert code(ec2.create_managed_prefix_list, **other) == "IdempotentParameterMismatch"
    finally:
        openstack_main.network.delete_address_group(native_uuid(first))


NEW = {"PrefixListName": "n", "AddressFamily": "IPv4", "MaxEntries": 1}


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({**NEW, "AddressFamily": "IPv5"}, "InvalidParameterValue"),
        ({**NEW, "MaxEntries": 0}, "InvalidParameterValue"),
        ({**NEW, "PrefixListName": "com.amazonaws.x"}, "InvalidParameterValue"),
        ({**NEW, "Entries": [{"Cidr": "::/0"}]}, "InvalidParameterValue"),
        ({**NEW, "Entries": [{"Cidr": "10.0.0.0/8"}, {"Cidr": "11.0.0.0/8"}]}, "PrefixListMaxEntriesExceeded"),
        ({**NEW, "Entries": [{"Cidr": "10.0.0.0/8", "Description": "x"}]}, "UnsupportedOperation"),
    ],
)
def test_what_is_refused(ec2: Any, params: dict[str, Any], expected: str) -> None:
    assert code(ec2.create_managed_prefix_list, **params) == expected


def test_references_and_groups_of_a_vpc(ec2: Any) -> None:
    group = ec2.create_security_group(GroupName=unique("named"), Description="x")["GroupId"]
    try:
        [shown] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
        own = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "UserIdGroupPairs": [{"GroupId": group}]}
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[own])
        assert ec2.describe_security_group_references(GroupId=[group])["SecurityGroupReferenceSet"] == []
        assert ec2.describe_stale_security_groups(VpcId=shown["VpcId"])["StaleSecurityGroupSet"] == []
        found = ec2.get_security_groups_for_vpc(VpcId=shown["VpcId"])["SecurityGroupForVpcs"]
        assert group in [one["GroupId"] for one in found]
        assert {one["PrimaryVpcId"] for one in found} == {shown["VpcId"]}
    finally:
        ec2.delete_security_group(GroupId=group)
    assert code(ec2.describe_security_group_references, GroupId=[group]) == "InvalidGroup.NotFound"
    nowhere = {"VpcId": "vpc-" + "0" * 32}
    assert code(ec2.describe_stale_security_groups, **nowhere) == "InvalidVpcID.NotFound"
    assert code(ec2.get_security_groups_for_vpc, **nowhere) == "InvalidVpcID.NotFound"
