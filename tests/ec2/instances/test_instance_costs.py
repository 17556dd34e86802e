"""DescribeInstances makes as many OpenStack calls for five hundred servers as for one."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from adapters.errors import BackendError, Fault
from adapters.types.block import Volume
from adapters.types.compute import AttachedVolume, Server
from adapters.types.network import Network, Port, SecurityGroup
from shim.config import Settings
from shim.context import Call, Caller
from shim.ec2.attributes.reading import describe_instance_attribute
from shim.ec2.instances.instances import describe_instances
from shim.ec2.instances.status import describe_instance_status
from shim.ec2.tags.tags import describe_tags
from shim.locks import Locks
from tests.ec2.acting import act
from tests.ec2.instances.test_instance_rows import NET, SERVER, port, volume


class Counted:
    """Any port of a cloud: each list is a given one, every call is counted."""

    def __init__(self, counts: Counter[str], **lists: Any) -> None:
        self._counts = counts
        self._lists = lists

    def __getattr__(self, name: str) -> Any:
        async def call(*args: object, **options: object) -> Any:
            self._counts[name] += 1
            found = self._lists.get(name, [])
            return found(*args, **options) if callable(found) else found

        return call


def absent(container: str, name: str, **_: object) -> None:
    """Answer as a Swift that has no such object."""
    raise BackendError(Fault.NOT_FOUND, service="object-store", resource="object", id=name)


class Cloud:
    """A cloud that holds `count` servers, each with a port and, if `disks` is set, a volume."""

    def __init__(self, count: int, *, disks: bool = True) -> None:
        self.counts: Counter[str] = Counter()
        servers, ports, volumes = self._things(count)
        if not disks:
            servers, volumes = [replace(server, volumes=()) for server in servers], []
        by_id = {server.id: server for server in servers}
        network = Network(NET, "default", "p", False, False, "ACTIVE", (), (), ())
        group = SecurityGroup("a" * 32, "web", "", "p", (), ())
        self.compute: Any = Counted(self.counts, servers=servers, server=by_id.__getitem__)
        self.network: Any = Counted(self.counts, networks=[network], ports=ports, security_groups=[group])
        self.block: Any = Counted(self.counts, volumes=volumes, volume={v.id: v for v in volumes}.__getitem__)
        self.images: Any = Counted(self.counts)
        self.objects: Any = Counted(self.counts, get=absent)
        self.key_manager: Any = Counted(self.counts)

    @staticmethod
    def _things(count: int) -> tuple[list[Server], list[Port], list[Volume]]:
        servers, ports, volumes = [], [], []
        for number in range(count):
            uuid = str(UUID(int=number))
            disk = volume("0", "/dev/vda", id=uuid)
            volumes.append(replace(disk, attachments=(replace(disk.attachments[0], server_id=uuid),)))
            ports.append(replace(port("0", f"m{number}", "10.0.0.5"), id=uuid, device_id=uuid))
            servers.append(
                replace(SERVER, id=uuid, metadata={"tag:Name": f"n{number}"}, volumes=(AttachedVolume(uuid, True),))
            )
        return servers, ports, volumes


def call(cloud: Cloud, operation: str) -> Call:
    caller = Caller("access", "u", "user", "p", "project", "123456789012", frozenset())
    settings = Settings.model_validate({"page_token_key": "key"})
    return Call(cloud, caller, "r", "us-east-1", operation, settings, Locks("file:///nowhere"))


@pytest.mark.parametrize(
    ("operation", "action", "items"),
    [
        ("DescribeInstances", describe_instances, "Reservations"),
        ("DescribeInstanceStatus", describe_instance_status, "InstanceStatuses"),
        ("DescribeTags", describe_tags, "Tags"),
    ],
)
def test_calls_do_not_grow_with_servers(operation: str, action: Any, items: str) -> None:
    spent = []
    for count in (1, 500):
        cloud = Cloud(count)
        answer = asyncio.run(act(action, call(cloud, operation), {}))
        assert len(answer[items]) == count
        spent.append(cloud.counts)
    assert spent[0] == spent[1]
    assert max(spent[1].values()) == 1  # no list is read twice
    assert sum(spent[1].values()) <= 12


def test_one_named_instance_is_read_by_itself() -> None:
    cloud = Cloud(500)
    answer = asyncio.run(act(describe_instances, call(cloud, "DescribeInstances"), {"InstanceIds": [f"i-{'0' * 32}"]}))
    assert len(answer["Reservations"]) == 1
    assert cloud.counts["servers"] == 0
    assert cloud.counts["server"] == 1


def test_pages_of_five_hundred() -> None:
    cloud, seen, token = Cloud(500), [], None
    while token != "":
        req = {"MaxResults": 300, **({"NextToken": token} if token else {})}
        answer = asyncio.run(act(describe_instances, call(cloud, "DescribeInstances"), req))
        seen += [one["Instances"][0]["InstanceId"] for one in answer["Reservations"]]
        token = answer.get("NextToken", "")
    assert len(seen) == len(set(seen)) == 500
    assert seen == sorted(seen)


ONE = {"InstanceIds": [f"i-{'0' * 32}"]}


@pytest.mark.parametrize(("asked", "disks", "most"), [({}, True, 5), (ONE, True, 4), (ONE, False, 3)])
def test_instances_cost_few_calls_with_a_warm_cache(asked: dict[str, Any], disks: bool, most: int) -> None:
    cloud = Cloud(5, disks=disks)
    question = call(cloud, "DescribeInstances")
    asyncio.run(act(describe_instances, question, asked))
    if not asked:
        assert cloud.counts.total() <= 6, cloud.counts  # and with a cold one
    cloud.counts.clear()
    asyncio.run(act(describe_instances, question, asked))
    assert cloud.counts.total() <= most, cloud.counts


def test_an_attribute_costs_one_call() -> None:
    cloud = Cloud(5)
    asked = {"InstanceId": f"i-{'0' * 32}", "Attribute": "disableApiTermination"}
    asyncio.run(act(describe_instance_attribute, call(cloud, "DescribeInstanceAttribute"), asked))
    assert dict(cloud.counts) == {"server": 1}
