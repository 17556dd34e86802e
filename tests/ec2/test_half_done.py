"""Multi-step actions whose cloud fails part-way: everything is undone, and the failure is reported."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest

from adapters.errors import BackendError, Fault
from adapters.ports.cloud import Cloud
from adapters.types.block import Volume
from adapters.types.compute import KeyPair
from adapters.types.network import NewRule, Rule, SecurityGroup
from shim.config import Settings
from shim.context import Call, Caller
from shim.ec2.instances import key_pairs
from shim.ec2.network import ip_permissions as permissions
from shim.ec2.network.ip_permissions import Permission
from shim.ec2.network.security_group_rules import revoke_security_group_ingress
from shim.ec2.network.security_groups import create_security_group, describe_security_groups
from shim.ec2.tags.codec import to_neutron
from shim.ec2.tags.creating import half_done_name
from shim.ec2.tags.tags import create_tags, describe_tags
from shim.ec2.volumes.attachments import attach_volume
from shim.errors import AwsError
from shim.locks import Locks
from tests.ec2.acting import act

UUID = "00000000-0000-4000-8000-000000000001"
DOWN = BackendError(Fault.UNAVAILABLE, service="network")


@dataclass
class Neutron:
    """The part of Neutron that these actions use, in memory, with calls that fail."""

    fails_at: str = ""
    rules: dict[str, Rule] = field(default_factory=dict)
    groups: dict[str, SecurityGroup] = field(default_factory=dict)
    made: int = 1

    async def networks(self) -> list[Any]:
        return []

    async def ports(self, **_: Any) -> list[Any]:
        return []

    async def security_groups(self, *, name: str | None = None) -> list[SecurityGroup]:
        return [group for group in self.groups.values() if name in (None, group.name)]

    async def security_group(self, id: str) -> SecurityGroup:
        return SecurityGroup(id, "web", "", "p", tuple(self.rules.values()), ())

    async def create_security_group(self, name: str, description: str) -> SecurityGroup:
        id = f"00000000-0000-4000-8000-{self.made:012d}"  # noqa: A001
        self.made += 1
        self.groups[id] = SecurityGroup(id, name, description, "p", tuple(self.rules.values()), ())
        return self.groups[id]

    async def rename_security_group(self, id: str, name: str) -> None:
        self.groups[id] = replace(self.groups[id], name=name)

    async def delete_security_group(self, id: str) -> None:
        if self.fails_at == "killed":
            raise DOWN
        del self.groups[id]

    async def set_tags(self, resource: str, id: str, tags: Collection[str]) -> None:
        if self.fails_at in ("set_tags", "killed"):
            raise DOWN

    async def delete_rule(self, id: str) -> None:
        if self.fails_at == id:
            raise DOWN
        del self.rules[id]

    async def create_rules(self, rules: Sequence[NewRule]) -> list[Rule]:
        made = [stored(rule, 100 + len(self.rules) + place) for place, rule in enumerate(rules)]
        self.rules |= {rule.id: rule for rule in made}
        return made


def stored(rule: NewRule, place: int) -> Rule:
    return Rule(
        f"00000000-0000-4000-9000-{place:012d}", rule.security_group_id, "p", rule.direction, rule.ethertype,
        rule.protocol, rule.port_min, rule.port_max, rule.remote_prefix, rule.remote_group_id, None, rule.description,
    )  # fmt: skip


def call(operation: str, **ports: Any) -> Call:
    return Call(
        cloud=cast("Cloud", SimpleNamespace(**ports)),
        caller=Caller("AK", "u", "user", "p", "project", "123456789012", frozenset()),
        request_id="r",
        region="us-east-1",
        operation=operation,
        settings=Settings.model_validate({}),
        locks=Locks(""),
    )


def test_revoking_two_rules_when_the_second_resists_brings_the_first_back() -> None:
    # The second permission is a pair of Neutron rules, and deleting its second rule fails.
    wanted = [
        Permission(False, "tcp", 22, 22, "ipv4", "10.0.0.0/8", "why"),
        Permission(False, "tcp", 80, 80, "group", UUID, "why"),
    ]
    rules = [
        stored(rule, place) for place, rule in enumerate(r for one in wanted for r in permissions.rules(UUID, one))
    ]
    neutron = Neutron(fails_at=rules[2].id, rules={rule.id: rule for rule in rules})
    named = ["sgr-" + rule.id.replace("-", "") for rule in rules[:2]]
    request = {"GroupId": "sg-" + UUID.replace("-", ""), "SecurityGroupRuleIds": named}

    async def revoke() -> None:
        await revoke_security_group_ingress(call("RevokeSecurityGroupIngress", network=neutron), request)

    with pytest.raises(BackendError) as failed:
        anyio.run(revoke)
    assert failed.value is DOWN
    assert set(permissions.fold(neutron.rules.values())) == set(wanted)
    assert len(neutron.rules) == 3
    assert {rule.description for rule in neutron.rules.values()} == {"why"}


def test_a_group_whose_tags_cannot_be_kept_is_not_made() -> None:
    neutron = Neutron(fails_at="set_tags")
    tags = [{"ResourceType": "security-group", "Tags": [{"Key": "a", "Value": "b"}]}]
    request = {"GroupName": "web", "Description": "d", "TagSpecifications": tags}

    async def create() -> None:
        await act(create_security_group, call("CreateSecurityGroup", network=neutron), request)

    with pytest.raises(BackendError):
        anyio.run(create)
    assert neutron.groups == {}


def test_a_group_that_a_killed_gateway_left_half_done_is_not_shown_and_not_in_the_way() -> None:
    """Killed before the tags: the group exists with Neutron's own rules, and is not undone."""
    neutron, network = Neutron(fails_at="killed"), {}
    tags = [{"ResourceType": "security-group", "Tags": [{"Key": "a", "Value": "b"}]}]
    request = {"GroupName": "web", "Description": "d", "TagSpecifications": tags}
    network["network"] = neutron

    async def create() -> Any:
        return await act(create_security_group, call("CreateSecurityGroup", **network), request)

    async def shown() -> Any:
        return await act(describe_security_groups, call("DescribeSecurityGroups", **network), {})

    with pytest.raises(BackendError):
        anyio.run(create)
    assert len(neutron.groups) == 1
    assert anyio.run(shown)["SecurityGroups"] == []
    neutron.fails_at = ""
    made = anyio.run(create)["GroupId"]
    assert [group.name for group in neutron.groups.values()] == ["web"]
    assert [group["GroupId"] for group in anyio.run(shown)["SecurityGroups"]] == [made]
    with pytest.raises(AwsError) as refused:
        anyio.run(create)
    assert refused.value.code == "InvalidGroup.Duplicate"


def test_the_tags_of_a_half_done_group_are_neither_shown_nor_changed() -> None:
    """They are written before the group has its name."""
    neutron, tags = Neutron(), tuple(to_neutron({"a": "b"}))
    other = UUID[:-1] + "2"
    neutron.groups[UUID] = SecurityGroup(UUID, half_done_name("web"), "", "p", (), tags)
    neutron.groups[other] = SecurityGroup(other, "web", "", "p", (), tags)
    only_groups = {"Filters": [{"Name": "resource-type", "Values": ["security-group"]}]}

    async def shown() -> Any:
        return await act(describe_tags, call("DescribeTags", network=neutron), only_groups)

    async def tag() -> None:
        request = {"Resources": [f"sg-{UUID.replace('-', '')}"], "Tags": [{"Key": "c", "Value": ""}]}
        await create_tags(call("CreateTags", network=neutron), request)

    assert [one["ResourceId"] for one in anyio.run(shown)["Tags"]] == [f"sg-{other.replace('-', '')}"]
    with pytest.raises(AwsError) as refused:
        anyio.run(tag)
    assert refused.value.code == "InvalidGroup.NotFound"


@pytest.mark.parametrize("name", [half_done_name("web"), "ec2:half-done abc"])
def test_nobody_can_name_a_group_as_if_it_were_half_done(name: str) -> None:
    neutron = Neutron()

    async def create() -> None:
        await act(
            create_security_group, call("CreateSecurityGroup", network=neutron), {"GroupName": name, "Description": "d"}
        )

    with pytest.raises(AwsError) as refused:
        anyio.run(create)
    assert (refused.value.code, refused.value.refused) == ("InvalidParameterValue", "GroupName")
    assert neutron.groups == {}


@dataclass
class Cinder:
    """A volume with its metadata."""

    metadata: dict[str, str]

    async def volume(self, id: str) -> Volume:
        fields = dict.fromkeys(("snapshot_id", "created_at"))
        return Volume(
            id=id, name="", project_id="p", status="available", size=1, zone="z", type="t", encrypted=False,
            multiattach=False, bootable=False, metadata=dict(self.metadata), attachments=(), **cast("Any", fields),
        )  # fmt: skip

    async def set_volume_metadata(self, id: str, items: dict[str, str]) -> None:
        self.metadata |= items

    async def delete_volume_metadata(self, id: str, key: str) -> None:
        del self.metadata[key]


class Nova:
    """A server that refuses volumes, and one key pair."""

    pair = KeyPair("web", "ssh", "ssh-rsa AAAA", "00:11")

    async def keypairs(self) -> list[KeyPair]:
        return [self.pair]

    async def server(self, id: str) -> Any:
        return SimpleNamespace(id=id, volumes=(), zone="nova")

    async def attach_volume(self, server_id: str, volume_id: str, device: str) -> None:
        raise BackendError(Fault.CONFLICT, service="compute", resource="volume_attachment", id=volume_id)


def test_an_attachment_that_nova_refuses_leaves_no_device_name_behind() -> None:
    cinder = Cinder({"tag:Name": "data", "ec2:dev:" + "f" * 32: "/dev/sdz"})
    digits = UUID.replace("-", "")
    request = {"VolumeId": f"vol-{digits}", "InstanceId": f"i-{digits}", "Device": "/dev/sdf"}

    async def attach() -> None:
        await attach_volume(call("AttachVolume", block=cinder, compute=Nova()), request)

    with pytest.raises(BackendError):
        anyio.run(attach)
    assert cinder.metadata == {"tag:Name": "data"}  # the mark of an earlier server is removed too


@pytest.mark.parametrize("refusing", ["group", "key"])
def test_tags_that_one_resource_cannot_take_are_written_to_none(refusing: str) -> None:
    """Nova cannot change key pairs, and a group's store holds fewer tags than EC2 allows."""
    cinder, neutron, nova = Cinder({}), Neutron(), Nova()
    neutron.groups[UUID] = SecurityGroup(UUID, "web", "", "p", (), ())
    ports: dict[str, Any] = {"block": cinder, "network": neutron, "compute": nova}
    others = {"group": f"sg-{UUID.replace('-', '')}", "key": key_pairs.row(call(""), nova.pair)["KeyPairId"]}
    request = {
        "Resources": [f"vol-{UUID.replace('-', '')}", others[refusing]],
        "Tags": [{"Key": f"k{number}", "Value": ""} for number in range(40)],
    }

    async def tag() -> None:
        await create_tags(call("CreateTags", **ports), request)

    with pytest.raises(AwsError) as refused:
        anyio.run(tag)
    assert refused.value.code == {"group": "TagLimitExceeded", "key": "UnsupportedOperation"}[refusing]
    assert cinder.metadata == {}
