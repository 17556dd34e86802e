"""Security group rules by permission and by id, through both APIs."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from openstack.connection import Connection

from tests.ec2.client_errors import code, refusal
from tests.ec2.network.test_security_groups import described, uuid
from tests.support.names import unique

SSH = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}


def ssh(*cidrs: str) -> dict[str, Any]:
    return {**SSH, "IpRanges": [{"CidrIp": cidr} for cidr in cidrs]}


@pytest.fixture
def group(ec2: Any) -> Iterator[str]:
    """The id of a fresh group."""
    made: str = ec2.create_security_group(GroupName=unique("group"), Description="of a test")["GroupId"]
    yield made
    ec2.delete_security_group(GroupId=made)


def ingress(ec2: Any, group: str) -> list[dict[str, Any]]:
    [found] = described(ec2, GroupIds=[group])
    permissions: list[dict[str, Any]] = found["IpPermissions"]
    return permissions


def rules(ec2: Any, group: str, *, egress: bool = False) -> list[dict[str, Any]]:
    of_group = [{"Name": "group-id", "Values": [group]}]
    found = ec2.describe_security_group_rules(Filters=of_group)["SecurityGroupRules"]
    return [rule for rule in found if rule["IsEgress"] == egress]


def native(connection: Connection, group: str, direction: str = "ingress") -> list[tuple[Any, ...]]:
    """The rules as Neutron has them."""
    found = connection.network.get_security_group(uuid(group)).security_group_rules
    return sorted(
        (r["ethertype"], r["protocol"], r["port_range_min"], r["port_range_max"], r["remote_ip_prefix"])
        for r in found
        if r["direction"] == direction
    )


def test_several_sources_are_several_rules(ec2: Any, openstack_main: Connection, group: str) -> None:
    permission = {
        **SSH,
        "IpRanges": [{"CidrIp": "192.0.2.7/24", "Description": "office"}, {"CidrIp": "198.51.100.1/32"}],
        "Ipv6Ranges": [{"CidrIpv6": "2001:db8::/32"}],
    }
    made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    assert made["Return"]
    assert [rule.get("CidrIpv4") or rule["CidrIpv6"] for rule in made["SecurityGroupRules"]] == [
        "192.0.2.0/24", "198.51.100.1/32", "2001:db8::/32"
    ]  # fmt: skip
    assert made["SecurityGroupRules"][0]["Description"] == "office"
    assert native(openstack_main, group) == [
        ("IPv4", "tcp", 22, 22, "192.0.2.0/24"),
        ("IPv4", "tcp", 22, 22, "198.51.100.1/32"),
        ("IPv6", "tcp", 22, 22, "2001:db8::/32"),
    ]
    [shown] = ingress(ec2, group)
    assert shown["IpRanges"] == [{"CidrIp": "192.0.2.0/24", "Description": "office"}, {"CidrIp": "198.51.100.1/32"}]
    assert shown["Ipv6Ranges"] == [{"CidrIpv6": "2001:db8::/32"}]
    ids = {rule["SecurityGroupRuleId"] for rule in made["SecurityGroupRules"]}
    assert {rule["SecurityGroupRuleId"] for rule in rules(ec2, group)} == ids
    by_id = ec2.describe_security_group_rules(SecurityGroupRuleIds=sorted(ids))["SecurityGroupRules"]
    assert sorted(by_id, key=str) == sorted(made["SecurityGroupRules"], key=str)


def test_what_describe_answers_can_be_sent_back(ec2: Any, group: str) -> None:
    """The usual way to empty a group: revoke what it shows."""
    wide = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group, "Description": "itself"}]}
    icmp = {"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    gre = {"IpProtocol": "47", "IpRanges": [{"CidrIp": "192.0.2.0/24"}]}
    all_tcp = {"IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535, "IpRanges": [{"CidrIp": "192.0.2.0/24"}]}
    ping6 = {"IpProtocol": "icmpv6", "FromPort": 128, "ToPort": 0, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    asked = [ssh("192.0.2.0/24"), wide, icmp, gre, all_tcp, ping6]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=asked)
    shown = ingress(ec2, group)
    assert sorted(simplified(shown), key=str) == sorted(asked, key=str)
    gone = ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=shown)
    assert gone["UnknownIpPermissions"] == []
    assert len(gone["RevokedSecurityGroupRules"]) == len(asked)
    assert ingress(ec2, group) == []
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=shown)
    assert ingress(ec2, group) == shown


def simplified(permissions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out empty lists, and the owner of each group."""
    kept = [{name: value for name, value in one.items() if value != []} for one in copy.deepcopy(permissions)]
    for permission in kept:
        for pair in permission.get("UserIdGroupPairs", ()):
            assert len(pair.pop("UserId")) == 12
    return kept


def test_a_source_group_lets_in_both_versions_of_ip_and_is_one_rule(
    ec2: Any, openstack_main: Connection, group: str
) -> None:
    permission = {**SSH, "UserIdGroupPairs": [{"GroupId": group}]}
    [made] = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])["SecurityGroupRules"]
    assert made["ReferencedGroupInfo"]["GroupId"] == group
    assert native(openstack_main, group) == [("IPv4", "tcp", 22, 22, None), ("IPv6", "tcp", 22, 22, None)]
    gone = ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[made["SecurityGroupRuleId"]])
    assert gone["RevokedSecurityGroupRules"][0]["ReferencedGroupId"] == group
    assert native(openstack_main, group) == []


def test_flat_parameters_of_old_clients(ec2: Any, openstack_main: Connection, group: str) -> None:
    name = described(ec2, GroupIds=[group])[0]["GroupName"]
    flat = {"IpProtocol": "TCP", "FromPort": 80, "ToPort": 81, "CidrIp": "10.0.0.0/8"}
    ec2.authorize_security_group_ingress(GroupName=name, **flat)
    assert native(openstack_main, group) == [("IPv4", "tcp", 80, 81, "10.0.0.0/8")]
    ec2.revoke_security_group_ingress(GroupName=name, **flat)
    ec2.authorize_security_group_ingress(GroupName=name, SourceSecurityGroupName=name)
    assert sorted(permission["IpProtocol"] for permission in ingress(ec2, group)) == ["icmp", "tcp", "udp"]
    ec2.revoke_security_group_ingress(GroupName=name, SourceSecurityGroupName=name)
    assert native(openstack_main, group) == []


def test_egress(ec2: Any, openstack_main: Connection, group: str) -> None:
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    assert code(ec2.authorize_security_group_egress, GroupId=group, IpPermissions=[everything]) == (
        "InvalidPermission.Duplicate"
    )
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[everything])
    assert native(openstack_main, group, "egress") == []
    made = ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[ssh("0.0.0.0/0")])["SecurityGroupRules"]
    assert [rule["IsEgress"] for rule in made] == [True]
    assert native(openstack_main, group, "egress") == [("IPv4", "tcp", 22, 22, "0.0.0.0/0")]
    assert ingress(ec2, group) == []
    wrong_way = {"GroupId": group, "SecurityGroupRuleIds": [made[0]["SecurityGroupRuleId"]]}
    assert code(ec2.revoke_security_group_ingress, **wrong_way) == "InvalidSecurityGroupRuleId.NotFound"
    ec2.revoke_security_group_egress(**wrong_way)
    assert rules(ec2, group, egress=True) == []


@pytest.mark.parametrize("spelling", ["tcp", "TCP", "6"])
def test_a_rule_is_there_once_however_it_is_spelled(ec2: Any, group: str, spelling: str) -> None:
    """CVE-2012-2654: protocols must be compared without regard to case, or a rule opens what it should not."""
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[ssh("10.0.0.0/8")])
    again = {**ssh("10.1.2.3/8"), "IpProtocol": spelling}
    said, message = refusal(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[again])
    assert said == "InvalidPermission.Duplicate"
    assert "10.0.0.0/8" in message
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[again])
    assert ingress(ec2, group) == []


def test_all_or_nothing(ec2: Any, openstack_main: Connection, group: str) -> None:
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[ssh("10.0.0.0/8")])
    both = [ssh("192.0.2.0/24"), ssh("10.0.0.0/8")]
    assert (
        code(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=both) == "InvalidPermission.Duplicate"
    )
    assert len(native(openstack_main, group)) == 1
    twice = [ssh("192.0.2.0/24", "192.0.2.0/24")]
    assert code(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=twice) == "InvalidParameterValue"
    assert len(native(openstack_main, group)) == 1
    one = rules(ec2, group)[0]["SecurityGroupRuleId"]
    missing = ["sgr-" + "0" * 32, one]
    assert code(ec2.revoke_security_group_ingress, GroupId=group, SecurityGroupRuleIds=missing) == (
        "InvalidSecurityGroupRuleId.NotFound"
    )
    assert len(native(openstack_main, group)) == 1


def test_what_is_not_there_is_not_revoked(ec2: Any, openstack_main: Connection, group: str) -> None:
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[ssh("10.0.0.0/8")])
    # In the default VPC AWS returns the permissions that it did not find.
    answer = ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[ssh("10.0.0.0/8", "192.0.2.0/24")])
    assert answer["UnknownIpPermissions"][0]["IpRanges"] == [{"CidrIp": "192.0.2.0/24"}]
    assert [rule["CidrIpv4"] for rule in answer["RevokedSecurityGroupRules"]] == ["10.0.0.0/8"]
    router = openstack_main.network.create_router(name=unique("router"))
    try:
        # In another one it refuses the whole request.
        other = ec2.create_security_group(
            GroupName=unique("group"), Description="elsewhere", VpcId="vpc-" + router.id.replace("-", "")
        )["GroupId"]
        ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=[ssh("10.0.0.0/8")])
        assert (
            code(ec2.revoke_security_group_ingress, GroupId=other, IpPermissions=[ssh("10.0.0.0/8", "192.0.2.0/24")])
            == "InvalidPermission.NotFound"
        )
        assert len(native(openstack_main, other)) == 1
        ec2.delete_security_group(GroupId=other)
    finally:
        openstack_main.network.delete_router(router)


@pytest.mark.parametrize(
    ("permission", "expected"),
    [
        ({"IpRanges": [{"CidrIp": "10.0.0.0/8"}]}, "MissingParameter"),
        ({**SSH}, "MissingParameter"),
        ({**SSH, "IpProtocol": "bogus", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, "InvalidParameterValue"),
        ({**SSH, "IpProtocol": "0", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, "InvalidParameterValue"),
        ({"IpProtocol": "tcp", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, "InvalidParameterValue"),
        ({**SSH, "ToPort": 21, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, "InvalidParameterValue"),
        ({**SSH, "IpRanges": [{"CidrIp": "10.0.0.1"}]}, "InvalidParameterValue"),
        ({**SSH, "IpRanges": [{"CidrIp": "::/0"}]}, "InvalidParameterValue"),
        ({**SSH, "Ipv6Ranges": [{"CidrIpv6": "10.0.0.0/8"}]}, "InvalidParameterValue"),
        ({**SSH, "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "x" * 256}]}, "InvalidParameterValue"),
        ({**SSH, "UserIdGroupPairs": [{"GroupId": "sg-" + "0" * 32}]}, "InvalidGroup.NotFound"),
        ({**SSH, "UserIdGroupPairs": [{"GroupId": "web"}]}, "InvalidGroupId.Malformed"),
        ({**SSH, "UserIdGroupPairs": [{"GroupName": "nobody-made-this"}]}, "InvalidGroup.NotFound"),
        ({**SSH, "UserIdGroupPairs": [{"UserId": "123456789012"}]}, "MissingParameter"),
        ({**SSH, "PrefixListIds": [{"PrefixListId": "pl-12345678"}]}, "InvalidPrefixListID.NotFound"),
    ],
)
def test_what_is_no_permission_is_refused(
    ec2: Any, openstack_main: Connection, group: str, permission: dict[str, Any], expected: str
) -> None:
    good = ssh("203.0.113.0/24")
    assert code(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[good, permission]) == expected
    assert native(openstack_main, group) == []


def test_a_group_of_another_account_is_no_source(ec2: Any, aws: Any, group: str) -> None:
    theirs = aws("ec2", "alt").describe_security_groups()["SecurityGroups"][0]
    pair = {"GroupId": theirs["GroupId"], "UserId": theirs["OwnerId"]}
    permission = {**SSH, "UserIdGroupPairs": [pair]}
    assert (
        code(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[permission]) == "InvalidGroup.NotFound"
    )


def test_requests_that_say_nothing(ec2: Any, group: str) -> None:
    assert code(ec2.authorize_security_group_ingress, GroupId=group) == "MissingParameter"
    assert code(ec2.revoke_security_group_ingress, GroupId=group) == "MissingParameter"
    assert code(ec2.authorize_security_group_ingress, IpPermissions=[ssh("10.0.0.0/8")]) == "MissingParameter"


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"SecurityGroupRuleIds": ["sgr-12345678"]}, "InvalidSecurityGroupRuleId.NotFound"),
        ({"SecurityGroupRuleIds": ["sg-12345678"]}, "InvalidSecurityGroupRuleId.Malformed"),
        ({"Filters": [{"Name": "colour", "Values": ["red"]}]}, "InvalidParameterValue"),
    ],
)
def test_rules_that_are_not_there(ec2: Any, params: dict[str, Any], expected: str) -> None:
    assert code(ec2.describe_security_group_rules, **params) == expected
