"""Tags and device names of the volumes of a launch, even if the gateway is killed while it writes them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
from tests.ec2.acting import act
from tests.ec2.instances.test_instance_costs import Counted
from tests.ec2.instances.test_instance_rows import volume
from tests.ec2.launch.test_launch_again import Remembering
from tests.ec2.launch.test_launch_half_done import Cloud, id_of
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


def call_of(nova: Nova) -> Call:
    caller = Caller("access", "u", "user", "p", "project", "123456789012", frozenset())
    cloud = Cloud(nova)
    cloud.block = nova.cinder
    settings = Settings.model_validate({"page_token_key": "key"})
    return Call(cloud, caller, "r", "us-east-1", "RunInstances", settings, Locks("file:///nowhere"))


def launch(nova: Nova, **more: Any) -> list[dict[str, Any]]:
    return list(asyncio.run(act(run_instances, call_of(nova), {**REQUEST, **more}))["Instances"])


def marks(nova: Nova) -> list[dict[str, str]]:
    return [{"tag:Name": "data", f"ec2:dev:{server}": "/dev/sdf", "ec2:az": "nova"} for server in nova.cinder.made]


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


def test_volumes_of_a_server_in_no_zone_yet_are_bound_to_none() -> None:
    nova = Nova(Cinder())
    launch(nova)
    for one, made in nova.cinder.made.items():
        nova.alive[one] = replace(nova.alive[one], zone="")
        nova.cinder.made[one] = replace(made, metadata={})
    launch(nova)
    assert [sorted(items) for items in nova.cinder.items()] == [[f"ec2:dev:{one}", "tag:Name"] for one in nova.alive]


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


@pytest.mark.parametrize(("device", "kind"), [("/dev/sda1", "ebs"), ("/dev/sdf", "ebs")])
def test_the_root_device_type_is_the_same_from_the_first_answer_on(device: str, kind: str) -> None:
    """Nova lists a server's volumes only later."""
    nova = Nova(Cinder())
    nova.with_volumes = False
    asked = {"BlockDeviceMappings": [{"DeviceName": device, "Ebs": {"VolumeSize": 8}}], "TagSpecifications": []}
    if device == "/dev/sdf":  # whose name would have to be written
        nova.with_volumes = True
    for _ in range(2):
        (one,) = launch(nova, **asked)
        assert one["RootDeviceType"] == kind


class Resisting(Nova):
    """A Nova that fails to delete some servers, and deletes the others slowly."""

    def __init__(self, cinder: Cinder) -> None:
        super().__init__(cinder)
        self.resists: set[str] = set()
        self.deleting = asyncio.Event()

    async def delete_server(self, id: str) -> None:
        self.deleting.set()
        if id in self.resists:
            raise BackendError(Fault.UNAVAILABLE, service="compute", resource="server", id=id)
        await asyncio.sleep(0.01)
        await super().delete_server(id)


THREE = {"MinCount": 3, "MaxCount": 3}


@pytest.mark.parametrize("place", range(3))
def test_a_launch_whose_volumes_cannot_be_marked_is_taken_back_past_a_failure(
    place: int, caplog: pytest.LogCaptureFixture
) -> None:
    nova = Resisting(Cinder())
    nova.cinder.fault = Fault.INVALID
    nova.resists = {id_of(place + 1)}
    with pytest.raises(BackendError) as failed:
        launch(nova, **THREE)
    assert (failed.value.fault, failed.value.service) == (Fault.INVALID, "block-storage"), "the error that came first"
    assert set(nova.alive) == nova.resists
    assert id_of(place + 1) in caplog.text
    nova.cinder.fault, nova.resists = None, set()
    launch(nova, **THREE)
    assert set(nova.alive) == {id_of(number) for number in (4, 5, 6)}, "none of the first attempt counts as launched"


def test_a_client_that_hangs_up_does_not_stop_the_taking_back() -> None:
    nova = Resisting(Cinder())
    nova.cinder.fault = Fault.INVALID

    async def hang_up() -> None:
        task = asyncio.create_task(act(run_instances, call_of(nova), {**REQUEST, **THREE}))
        await nova.deleting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(hang_up())
    assert nova.made == 3
    assert nova.alive == {}


def test_a_lock_that_cannot_be_had_for_the_taking_back_does_not_hide_the_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    nova = Resisting(Cinder())
    nova.cinder.fault = Fault.INVALID
    call = call_of(nova)
    call.locks = OnceLocked("file:///nowhere")
    with pytest.raises(BackendError) as failed:
        asyncio.run(act(run_instances, call, {**REQUEST, **THREE}))
    assert (failed.value.fault, failed.value.service) == (Fault.INVALID, "block-storage")
    assert "could not take back" in caplog.text


class OnceLocked(Locks):
    """Locks that can be held once; afterwards their service cannot be reached."""

    held = False

    @asynccontextmanager
    async def hold(self, sort: str, account: str = "", *name: str) -> AsyncIterator[None]:
        if self.held:
            raise BackendError(Fault.UNAVAILABLE, service="coordination")
        self.held = True
        yield
