"""Rules that are changed, described and tagged, and port 0: what Neutron cannot hold stands in the group's tags."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openstack.connection import Connection

from adapters.errors import BackendError, Fault
from adapters.types.network import NewRule, Rule, SecurityGroup
from shim.ec2.network import rule_facts
from shim.ec2.network.ip_permissions import Permission
from shim.ec2.network.rule_changes import modify_security_group_rules
from shim.ec2.network.security_group_rules import revoke_security_group_ingress
from shim.ec2.tags.tags import create_tags, delete_tags
from shim.errors import AwsError
from shim.locks import Locks
from shim.protocol.operation import Handler
from tests.ec2.acting import act
from tests.ec2.client_errors import code
from tests.ec2.test_half_done import call, stored
from tests.support.names import native_uuid, unique

GROUP = "00000000-0000-4000-8000-000000000001"
SG = "sg-" + GROUP.replace("-", "")
SSH = NewRule(GROUP, "ingress", "IPv4", "tcp", 22, 22, "10.0.0.0/8")


@dataclass
class Neutron:
    """One group with rules and tags in memory, and calls that fail."""

    fails_at: str = ""
    rules: dict[str, Rule] = field(default_factory=dict)
    tags: set[str] = field(default_factory=set)
    made: int = 100

    async def security_group(self, id: str) -> SecurityGroup:
        await asyncio.sleep(0)
        return SecurityGroup(GROUP, "web", "", "p", tuple(self.rules.values()), tuple(sorted(self.tags)))

    async def security_groups(self, **_: object) -> list[SecurityGroup]:
        return [await self.security_group(GROUP)]

    async def create_rules(self, rules: list[NewRule]) -> list[Rule]:
        await asyncio.sleep(0)
        made = [stored(rule, self.made + place) for place, rule in enumerate(rules)]
        self.made += len(made)
        self.rules |= {rule.id: rule for rule in made}
        return made

    async def delete_rule(self, id: str) -> None:
        await asyncio.sleep(0)
        if self.fails_at == "delete":
            raise BackendError(Fault.UNAVAILABLE, service="network")
        del self.rules[id]

    async def add_tag(self, resource: str, id: str, tag: str) -> None:
        await asyncio.sleep(0)
        if self.fails_at == "tag":
            raise BackendError(Fault.UNAVAILABLE, service="network")
        self.tags.add(tag)

    async def remove_tag(self, resource: str, id: str, tag: str) -> None:
        await asyncio.sleep(0)
        self.tags.discard(tag)

    def ranges(self) -> list[str | None]:
        return [rule.remote_prefix for rule in self.rules.values()]


def modify(neutron: Neutron, rule: str, **wanted: Any) -> Any:
    asked = [{"SecurityGroupRuleId": f"sgr-{rule.replace('-', '')}", "SecurityGroupRule": wanted}]
    here = call("ModifySecurityGroupRules", network=neutron)
    return asyncio.run(act(modify_security_group_rules, here, {"GroupId": SG, "SecurityGroupRules": asked}))


CHANGED = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "192.0.2.0/24"}


@pytest.mark.parametrize("fails_at", ["delete", "tag"])
@pytest.mark.parametrize("wanted", [CHANGED, {**CHANGED, "CidrIpv4": "10.0.0.0/8", "Description": "new"}])
def test_a_change_that_fails_leaves_the_rule(fails_at: str, wanted: dict[str, Any]) -> None:
    old = stored(SSH, 1)
    neutron = Neutron(fails_at, {old.id: old})
    with pytest.raises(BackendError):
        modify(neutron, old.id, **wanted)
    neutron.fails_at = ""
    assert "10.0.0.0/8" in neutron.ranges()
    assert {rule.description for rule in neutron.rules.values() if rule.remote_prefix == "10.0.0.0/8"} == {""}


def test_a_rule_keeps_its_id_through_changes() -> None:
    old = stored(SSH, 1)
    neutron = Neutron(rules={old.id: old})
    for last in ("192.0.2.0/24", "198.51.100.0/24"):
        modify(neutron, old.id, **{**CHANGED, "CidrIpv4": last})
        assert neutron.ranges() == [last]
        group = asyncio.run(neutron.security_group(GROUP))
        assert [one.id for one in rule_facts.of_group(group)] == [old.id.replace("-", "")]
        assert len(neutron.tags) == 1


@pytest.mark.parametrize("late", range(12))
@pytest.mark.parametrize("other", ["changed", "revoked"])
def test_rules_that_change_at_once_keep_their_tags(other: str, late: int) -> None:
    """A change reads the group, and takes away what its tags say of rules that are gone: another's must not seem so."""
    one, two = stored(SSH, 1), stored(replace(SSH, remote_prefix="198.51.100.0/24"), 2)
    known = [rule.id.replace("-", "") for rule in (one, two)]
    tags = {tag for rule in known for tag in rule_facts.tag_strings(rule, {"Name": rule})}
    neutron = Neutron(rules={one.id: one, two.id: two}, tags=tags)
    here = call("ModifySecurityGroupRules", network=neutron)

    async def first() -> None:
        asked = [{"SecurityGroupRuleId": f"sgr-{known[0]}", "SecurityGroupRule": CHANGED}]
        await act(modify_security_group_rules, here, {"GroupId": SG, "SecurityGroupRules": asked})

    async def second() -> None:
        for _ in range(late):
            await asyncio.sleep(0)
        if other == "revoked":
            named = {"GroupId": SG, "SecurityGroupRuleIds": [f"sgr-{known[1]}"]}
            await act(revoke_security_group_ingress, here, named)
            return
        asked = [{"SecurityGroupRuleId": f"sgr-{known[1]}", "SecurityGroupRule": {**CHANGED, "FromPort": 21}}]
        await act(modify_security_group_rules, here, {"GroupId": SG, "SecurityGroupRules": asked})

    async def both() -> SecurityGroup:
        await asyncio.gather(first(), second())
        return await neutron.security_group(GROUP)

    group = asyncio.run(both())
    left = known if other == "changed" else known[:1]
    assert {rule: told["Name"] for rule, told in rule_facts.tags_of(group).items()} == {rule: rule for rule in left}
    assert sorted(rule.id for rule in rule_facts.of_group(group)) == left


@pytest.mark.parametrize("late", range(12))
@pytest.mark.parametrize("other", [create_tags, delete_tags])
def test_tags_that_change_at_once_are_all_changed(other: Handler, late: int) -> None:
    one = stored(SSH, 1)
    known, long = one.id.replace("-", ""), "x" * 255
    neutron = Neutron(rules={one.id: one}, tags=set(rule_facts.tag_strings(known, {"Name": "old", "Owner": long})))
    here = replace(call("CreateTags", network=neutron), locks=Locks(""))

    async def change(handler: Handler, key: str, pauses: int) -> None:
        for _ in range(pauses):
            await asyncio.sleep(0)
        await act(handler, here, {"Resources": [f"sgr-{known}"], "Tags": [{"Key": key, "Value": long}]})

    async def both() -> SecurityGroup:
        await asyncio.gather(change(create_tags, "Stage", 0), change(other, "Owner", late))
        return await neutron.security_group(GROUP)

    left = {"Name": "old", "Owner": long, "Stage": long}
    if other is delete_tags:
        del left["Owner"]
    assert rule_facts.tags_of(asyncio.run(both())) == {known: left}


def test_what_does_not_fit_is_refused_before_anything_is_changed() -> None:
    old = stored(SSH, 1)
    neutron = Neutron(rules={old.id: old}, tags={f"t:{number}" for number in range(50)})
    with pytest.raises(AwsError) as refused:
        modify(neutron, old.id, **CHANGED)
    assert refused.value.code == "TagLimitExceeded"
    assert neutron.ranges() == ["10.0.0.0/8"]


TAG_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=128)


@given(st.dictionaries(TAG_TEXT, st.text(st.characters(exclude_categories=["Cs"]), max_size=256), max_size=3))
def test_tags_of_rules_are_read_as_written(tags: dict[str, str]) -> None:
    strings = rule_facts.tag_strings(GROUP.replace("-", ""), tags)
    assert all(len(one) <= 255 and not {"/", ","} & {*one} and one.strip() == one for one in strings)
    group = SecurityGroup(GROUP, "", "", "p", (), tuple(reversed(strings)))
    assert rule_facts.tags_of(group).get(GROUP.replace("-", ""), {}) == tags


@given(st.booleans(), st.sampled_from(["tcp", "udp"]), st.text(st.characters(codec="ascii"), max_size=40))
def test_port_0_alone_is_read_as_written(egress: bool, protocol: str, description: str) -> None:
    known = rule_facts.new_id()
    one = Permission(egress, protocol, 0, 0, "ipv6", "fd00::/8", description, (str(UUID(known)),), known)
    [fact] = rule_facts.written(one, {})
    assert "/" not in fact
    [read] = rule_facts.of_group(SecurityGroup(GROUP, "", "", "p", (), (fact,)))
    assert (read, read.id, read.description) == (one, known, description)


@pytest.mark.parametrize("tag", ["ec2:sgr=", "ec2:sgr=a:b", "ec2:r0=a:b", "ec2:rt=x", "ec2:p0=", "ec2:r0=" + "0" * 32])
def test_what_others_write_into_the_tags_harms_nothing(tag: str) -> None:
    rule = stored(SSH, 1)
    group = SecurityGroup(GROUP, "", "", "p", (rule,), (tag,))
    assert [one.id for one in rule_facts.of_group(group)] == [rule.id.replace("-", "")]
    assert rule_facts.tags_of(group) == {}
    assert replace(group, tags=()).rules == group.rules


# Through both APIs.


@pytest.fixture
def group(ec2: Any) -> Iterator[str]:
    made = str(ec2.create_security_group(GroupName=unique("rules"), Description="x")["GroupId"])
    yield made
    ec2.delete_security_group(GroupId=made)


def permission(first: int, last: int, cidr: str = "10.0.0.0/8", **more: Any) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": first, "ToPort": last, "IpRanges": [{"CidrIp": cidr, **more}]}


def rules(ec2: Any, group: str, egress: bool = False) -> list[dict[str, Any]]:
    found = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    return [one for one in found if one["IsEgress"] is egress]


def native(openstack: Connection, group: str) -> list[tuple[Any, ...]]:
    found = openstack.network.security_group_rules(security_group_id=native_uuid(group), direction="ingress")
    return sorted((one.port_range_min, one.port_range_max, one.remote_ip_prefix, one.description) for one in found)


def test_a_rule_is_changed_in_place(ec2: Any, group: str, openstack_main: Connection) -> None:
    made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission(80, 80, Description="a")])
    known = made["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    ec2.create_tags(Resources=[known], Tags=[{"Key": "Name", "Value": "web"}])
    wanted = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 444, "CidrIpv4": "192.0.2.0/24", "Description": "b"}
    change = [{"SecurityGroupRuleId": known, "SecurityGroupRule": wanted}]
    assert ec2.modify_security_group_rules(GroupId=group, SecurityGroupRules=change)["Return"]
    [seen] = rules(ec2, group)
    assert (seen["SecurityGroupRuleId"], seen["FromPort"], seen["ToPort"]) == (known, 443, 444)
    assert (seen["CidrIpv4"], seen["Description"]) == ("192.0.2.0/24", "b")
    assert seen["Tags"] == [{"Key": "Name", "Value": "web"}]
    assert native(openstack_main, group) == [(443, 444, "192.0.2.0/24", "b")]
    told = [{"SecurityGroupRuleId": known, "Description": "c"}]
    ec2.update_security_group_rule_descriptions_ingress(GroupId=group, SecurityGroupRuleDescriptions=told)
    [seen] = rules(ec2, group)
    assert (seen["SecurityGroupRuleId"], seen["Description"]) == (known, "c")
    assert native(openstack_main, group) == [(443, 444, "192.0.2.0/24", "c")]
    assert (
        code(
            ec2.modify_security_group_rules,
            GroupId=group,
            SecurityGroupRules=[{"SecurityGroupRuleId": "sgr-" + "0" * 32, "SecurityGroupRule": wanted}],
        )
        == "InvalidSecurityGroupRuleId.NotFound"
    )
    ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[known])
    assert rules(ec2, group) == []
    assert openstack_main.network.get_security_group(native_uuid(group)).tags == []


def test_descriptions_of_egress_rules(ec2: Any, group: str) -> None:
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "out"}]}
    update = ec2.update_security_group_rule_descriptions_egress
    ec2.update_security_group_rule_descriptions_egress(GroupId=group, IpPermissions=[everything])
    assert [one["Description"] for one in rules(ec2, group, egress=True)] == ["out"]
    assert code(update, GroupId=group, IpPermissions=[permission(1, 2)]) == "InvalidPermission.NotFound"
    assert code(update, GroupId=group) == "MissingParameter"


def test_tags_of_a_rule(ec2: Any, group: str, openstack_main: Connection) -> None:
    two = [{"Key": "Name", "Value": "ssh"}, {"Key": "a/b", "Value": ""}]
    tags = [{"ResourceType": "security-group-rule", "Tags": two}]
    wanted = {"GroupId": group, "IpPermissions": [permission(22, 22)], "TagSpecifications": tags}
    made = ec2.authorize_security_group_ingress(**wanted)
    known = made["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    assert made["SecurityGroupRules"][0]["Tags"] == two
    about = {"Filters": [{"Name": "resource-id", "Values": [known]}]}
    assert {one["ResourceType"] for one in ec2.describe_tags(**about)["Tags"]} == {"security-group-rule"}
    ec2.delete_tags(Resources=[known], Tags=[{"Key": "a/b"}])
    [seen] = ec2.describe_security_group_rules(Filters=[{"Name": "tag:Name", "Values": ["ssh"]}])["SecurityGroupRules"]
    assert (seen["SecurityGroupRuleId"], seen["Tags"]) == (known, [{"Key": "Name", "Value": "ssh"}])
    # The rule goes natively, and the next change of the group's rules forgets its tags.
    openstack_main.network.delete_security_group_rule(native_uuid(known))
    assert ec2.describe_tags(**about)["Tags"] == []
    other = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission(23, 23)])
    ec2.revoke_security_group_ingress(
        GroupId=group, SecurityGroupRuleIds=[other["SecurityGroupRules"][0]["SecurityGroupRuleId"]]
    )
    assert openstack_main.network.get_security_group(native_uuid(group)).tags == []


def test_ranges_that_begin_at_port_0(ec2: Any, group: str, openstack_main: Connection) -> None:
    ranges = [permission(0, 0), permission(0, 22)]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=ranges)
    assert sorted((one["FromPort"], one["ToPort"]) for one in rules(ec2, group)) == [(0, 0), (0, 22)]
    assert native(openstack_main, group) == [(1, 22, "10.0.0.0/8", "")]
    [shown] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert [(one["FromPort"], one["ToPort"]) for one in shown["IpPermissions"]] == [(0, 0), (0, 22)]
    again = {"GroupId": group, "IpPermissions": [permission(0, 0)]}
    assert code(ec2.authorize_security_group_ingress, **again) == "InvalidPermission.Duplicate"
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=ranges)
    assert rules(ec2, group) == []
    assert native(openstack_main, group) == []
    assert openstack_main.network.get_security_group(native_uuid(group)).tags == []
