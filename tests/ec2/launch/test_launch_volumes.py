"""Tags and device names of the volumes that a launch makes, though the gateway that writes them be killed."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from adapters.errors import BackendError, Fault
from adapters.types.block import BlockLimits, Volume
from adapters.types.compute import AttachedVolume, NewServer
from shim.config import Settings
from shim.context import Call, Caller
from shim.ec2.launch.run_instances import run_instances
from shim.locks import Locks
from tests.ec2.instances.test_instance_costs import Counted
from tests.ec2.instances.test_instance_rows import volume
from tests.ec2.launch.test_launch_again import Remembering
from tests.ec2.launch.test_launch_half_done import Cloud
from tests.ec2.launch.test_launch_request import ASKED

REQUEST = {
    **ASKED,
    "ClientToken": "token",
    "BlockDeviceMappings": [{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 3}}],
    "TagSpecifications": [{"ResourceType": "volume", "Tags": [{"Key": "Name", "Value": "data"}]}],
}


class Cinder(Counted):
    """The volumes that Nova made."""

    def __init__(self) -> None:
        super().__init__(Counter(), limits=BlockLimits(-1, -1, 0, 0))
        self.made: dict[str, Volume] = {}
        self.fault: Fault | None = None

    async def volume(self, id: str) -> Volume:
        return self.made[id]

    async def volumes(self, **_: object) -> list[Volume]:
        return list(self.made.values())

    async def set_volume_metadata(self, id: str, items: dict[str, str]) -> None:
        if self.fault:
            raise BackendError(self.fault, service="block-storage", resource="volume", id=id)
        self.made[id] = replace(self.made[id], metadata={**self.made[id].metadata, **items})

    def items(self) -> list[dict[str, str]]:
        return [dict(one.metadata) for one in self.made.values()]


class Nova(Remembering):
    """A Nova that makes a volume with each server."""

    def __init__(self, cinder: Cinder) -> None:
        super().__init__()
        self.cinder = cinder
        self.with_volumes = True

    async def create_server(self, new: NewServer) -> str:
        made = await super().create_server(new)
        if self.with_volumes:
            self.volumes_arrive()
        return made

    def volumes_arrive(self) -> None:
        for server in self.alive:
            self.cinder.made.setdefault(server, volume("0", "/dev/vdb", id=server, size=3))
            self.alive[server] = replace(self.alive[server], volumes=(AttachedVolume(server, True),))


def launch(nova: Nova, **more: Any) -> list[dict[str, Any]]:
    caller = Caller("access", "u", "user", "p", "project", "123456789012", frozenset())
    cloud = Cloud(nova)
    cloud.block = nova.cinder
    settings = Settings.model_validate({"page_token_key": "key"})
    call = Call(cloud, caller, "r", "us-east-1", "RunInstances", settings, Locks("file:///nowhere"))
    return list(asyncio.run(run_instances(call, {**REQUEST, **more}))["Instances"])


def marks(nova: Nova) -> list[dict[str, str]]:
    return [{"tag:Name": "data", f"ec2:dev:{server}": "/dev/sdf"} for server in nova.cinder.made]


@pytest.mark.parametrize("status", ["BUILD", "ACTIVE"])
def test_volumes_that_were_not_marked_are_marked_by_the_repetition(status: str) -> None:
    nova = Nova(Cinder())
    launch(nova, MinCount=2, MaxCount=2)
    assert nova.cinder.items() == marks(nova)
    _, second = nova.cinder.made
    nova.cinder.made[second] = replace(nova.cinder.made[second], metadata={})
    nova.alive = {one.id: replace(one, status=status) for one in nova.alive.values()}
    launch(nova, MinCount=2, MaxCount=2)
    assert nova.cinder.items() == marks(nova)
    assert nova.made == 2


def test_what_was_marked_and_changed_stays_changed() -> None:
    nova = Nova(Cinder())
    launch(nova)
    (only,) = nova.cinder.made
    changed = {"tag:Name": "other"}
    nova.cinder.made[only] = replace(nova.cinder.made[only], metadata=changed)
    launch(nova)
    assert nova.cinder.items() == [changed]


def test_a_volume_that_was_taken_away_is_not_waited_for() -> None:
    nova = Nova(Cinder())
    launch(nova)
    nova.alive = {one.id: replace(one, status="ACTIVE", volumes=()) for one in nova.alive.values()}
    nova.cinder.made.clear()
    launch(nova)
    assert nova.cinder.items() == []


@pytest.mark.parametrize(("device", "kind"), [("/dev/sda1", "ebs"), ("/dev/sdf", "instance-store")])
def test_the_root_is_a_volume_from_the_first_answer_on(device: str, kind: str) -> None:
    """Nova tells of a server's volumes a while later."""
    nova = Nova(Cinder())
    nova.with_volumes = False
    asked = {"BlockDeviceMappings": [{"DeviceName": device, "Ebs": {"VolumeSize": 8}}], "TagSpecifications": []}
    if device == "/dev/sdf":  # whose name would have to be written
        nova.with_volumes = True
    for _ in range(2):
        (one,) = launch(nova, **asked)
        assert one["RootDeviceType"] == kind
