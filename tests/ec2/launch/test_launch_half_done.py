"""A launch that fails part-way: no instances below MinCount, and no resources left behind."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from adapters.errors import BackendError, Fault
from adapters.types.compute import ComputeLimits, Flavor, NewServer, Server, Zone
from adapters.types.network import Network, SecurityGroup, Subnet
from shim.config import Settings
from shim.context import Call, Caller
from shim.ec2.launch.run_instances import run_instances
from shim.errors import AwsError
from shim.locks import Locks
from tests.ec2.acting import act
from tests.ec2.instances.test_instance_costs import Counted
from tests.ec2.instances.test_instance_rows import NET, SERVER
from tests.ec2.launch.test_launch_request import ASKED, FLAVOR, IMAGE

UNLIMITED = ComputeLimits(instances=-1, cores=-1, ram=-1, keypairs=-1, metadata_items=-1)


def id_of(number: int) -> str:
    return str(UUID(int=number))


class Nova(Counted):
    """A Nova that creates `room` servers and then fails."""

    def __init__(self, room: int, fault: Fault, detail: str) -> None:
        flavor: Flavor = FLAVOR
        super().__init__(Counter(), flavors=[flavor], zones=[Zone("nova", True)], limits=UNLIMITED)
        self.room, self.fault, self.detail = room, fault, detail
        self.alive: dict[str, Server] = {}
        self.made = 0
        self.busy = asyncio.Event()

    async def create_server(self, new: NewServer) -> str:
        self.busy.set()
        await asyncio.sleep(0.01)
        if self.made == self.room:
            raise BackendError(self.fault, service="compute", resource="server", detail=self.detail)
        self.made += 1
        id = id_of(self.made)  # noqa: A001
        building = replace(SERVER, status="BUILD", created_at=datetime.now(UTC), launched_at=None)
        self.alive[id] = replace(building, id=id, metadata=new.metadata)
        return id

    async def delete_server(self, id: str) -> None:
        del self.alive[id]

    async def servers(self, *, tag: str = "", **_: object) -> list[Server]:
        return list(self.alive.values())

    async def server(self, id: str) -> Server:
        return self.alive[id]


class Landing(Nova):
    """A Nova in which the servers of `late` appear soon after a list."""

    def __init__(self, room: int) -> None:
        super().__init__(room, Fault.QUOTA, "")
        self.late: dict[str, Server] = {}

    async def servers(self, *, tag: str = "", **_: object) -> list[Server]:
        there = list(self.alive.values())
        self.alive |= self.late
        return there


class Cloud:
    """A cloud with one network, one image, and that Nova."""

    def __init__(self, nova: Nova) -> None:
        counts: Counter[str] = Counter()
        subnet = Subnet("c" * 32, "", "p", NET, 4, "10.0.0.0/24", None, (), ())
        network = Network(NET, "default", "p", False, False, "ACTIVE", (subnet.id,), (), ())
        group = SecurityGroup("a" * 32, "default", "", "p", (), ())
        self.compute: Any = nova
        self.network: Any = Counted(counts, networks=[network], subnets=[subnet], security_groups=[group])
        self.images: Any = Counted(counts, image=IMAGE)
        self.block: Any = Counted(counts)
        self.objects: Any = Counted(counts)
        self.key_manager: Any = Counted(counts)


def launched(nova: Nova, **more: Any) -> Any:
    caller = Caller("access", "u", "user", "p", "project", "123456789012", frozenset())
    settings = Settings.model_validate({"page_token_key": "key"})
    locks = Locks("file:///nowhere")
    call = Call(Cloud(nova), caller, "r", "us-east-1", "RunInstances", settings, locks)
    return asyncio.run(act(run_instances, call, {**ASKED, **more}))


def run(nova: Nova, **more: Any) -> list[str]:
    return [one["InstanceId"] for one in launched(nova, **more)["Instances"]]


@pytest.mark.parametrize("room", [0, 1, 4, 8, 9])
def test_fewer_than_the_least_is_none(room: int) -> None:
    nova = Nova(room, Fault.QUOTA, "Quota exceeded for instances")
    with pytest.raises(AwsError) as refused:
        run(nova, MinCount=10, MaxCount=20)
    assert refused.value.code == "InstanceLimitExceeded"
    assert (nova.made, nova.alive) == (room, {})


@pytest.mark.parametrize("room", [10, 13, 19, 20, 30])
def test_as_many_as_there_is_room_for(room: int) -> None:
    nova = Nova(room, Fault.QUOTA, "Quota exceeded for instances")
    made = run(nova, MinCount=10, MaxCount=20)
    assert len(made) == len(nova.alive) == min(room, 20)


def test_what_is_no_lack_of_room_takes_everything_back() -> None:
    nova = Nova(15, Fault.INVALID, "Something is wrong")
    with pytest.raises(BackendError):
        run(nova, MinCount=10, MaxCount=20)
    assert (nova.made, nova.alive) == (15, {})


@pytest.mark.parametrize(
    ("detail", "code"),
    [
        ("Quota exceeded for cores: Requested 1, but already used 20 of 20 cores", "VcpuLimitExceeded"),
        ("Maximum number of metadata items exceeds 10", "TagLimitExceeded"),
        ("Quota exceeded, too many servers in group", "InstanceLimitExceeded"),
    ],
)
def test_quotas_have_names(detail: str, code: str) -> None:
    with pytest.raises(AwsError) as refused:
        run(Nova(0, Fault.QUOTA, detail))
    assert refused.value.code == code


def test_a_client_that_hangs_up_leaves_nothing() -> None:
    nova = Nova(100, Fault.QUOTA, "")

    async def hang_up() -> None:
        caller = Caller("access", "u", "user", "p", "project", "123456789012", frozenset())
        settings = Settings.model_validate({"page_token_key": "key"})
        locks = Locks("file:///nowhere")
        call = Call(Cloud(nova), caller, "r", "us-east-1", "RunInstances", settings, locks)
        task = asyncio.create_task(act(run_instances, call, {**ASKED, "MinCount": 20, "MaxCount": 20}))
        await nova.busy.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(hang_up())
    assert nova.made
    assert nova.alive == {}


def test_a_repeated_request_has_the_first_ones_answer_while_nova_builds() -> None:
    """Neutron has no port yet: the instance's place is known only from the request."""
    nova = Nova(1, Fault.QUOTA, "")
    first = launched(nova, ClientToken="token")
    assert launched(nova, ClientToken="token") == first
    assert first["Instances"][0]["SecurityGroups"]
    assert nova.made == 1


def test_what_nova_still_makes_for_a_killed_gateway_is_waited_for() -> None:
    nova, asked = Landing(5), {"MinCount": 4, "MaxCount": 4, "ClientToken": "token"}
    first = run(nova, **asked)
    for number in (4, 3):  # the last one had not been asked for, and the one before it has not come yet
        nova.late[id_of(number)] = nova.alive.pop(id_of(number))
    del nova.late[id_of(4)]
    assert run(nova, **asked)[:3] == first[:3]
    assert (nova.made, len(nova.alive)) == (5, 4)
