"""The zone of a volume: the one that it was asked for in, which binds it, else Cinder's, which does not."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from adapters.types.block import BlockZone, NewVolume, Volume
from adapters.types.compute import Server, Zone
from shim.ec2.engine import ids
from shim.ec2.volumes.attachments import attach_volume, detach_volume
from shim.ec2.volumes.volumes import create_volume, describe_volume_status, describe_volumes
from shim.errors import AwsError
from tests.ec2.acting import act
from tests.ec2.instances.test_instance_costs import Counted
from tests.ec2.instances.test_instance_rows import SERVER, volume
from tests.ec2.test_half_done import call

VOLUME = replace(volume("8", "", id=str(UUID("8" * 32))), status="available", attachments=(), metadata={})
NAMED = {"VolumeId": ids.aws("vol", VOLUME.id), "InstanceId": ids.aws("i", SERVER.id)}
ONE, THREE = ("nova",), ("nova", "two", "three")


class Cinder(Counted):
    """A Cinder of these zones with one volume."""

    def __init__(self, held: Volume, *zones: str) -> None:
        super().__init__(Counter(), zones=[BlockZone(one, True) for one in zones])
        self.held = held

    async def volume(self, id: str) -> Volume:
        return self.held

    async def volumes(self, **_: object) -> list[Volume]:
        return [self.held]

    async def create_volume(self, new: NewVolume) -> Volume:
        self.held = replace(VOLUME, zone=new.zone or "nova", metadata=new.metadata)
        return self.held

    async def set_volume_metadata(self, id: str, items: Mapping[str, str]) -> None:
        self.held = replace(self.held, metadata={**self.held.metadata, **items})


def here(cinder: Cinder, server: Server, action: str = "AttachVolume") -> Any:
    nova = Counted(Counter(), server=server, servers=[server], zones=[Zone(one, True) for one in (*THREE, "internal")])
    return call(action, block=cinder, compute=nova)


def attach(held: Volume, zone: str, cinders: tuple[str, ...]) -> str:
    """Attach a volume to a server in that zone; return AWS's error, or "attached"."""
    try:
        asyncio.run(
            act(attach_volume, here(Cinder(held, *cinders), replace(SERVER, zone=zone)), {**NAMED, "Device": "xvdf"})
        )
    except AwsError as refused:
        return refused.code
    return "attached"


@pytest.mark.parametrize(
    ("native", "asked", "server", "cinders", "told"),
    [
        pytest.param("two", "", "two", THREE, "attached", id="Cinder's zone is the server's, and nobody asked for it"),
        pytest.param("two", "", "three", THREE, "attached", id="Cinder's zone is another, and nobody asked for it"),
        pytest.param("two", "two", "two", THREE, "attached", id="asked for in Cinder's zone, and the server is there"),
        pytest.param("two", "two", "three", THREE, "InvalidVolume.ZoneMismatch", id="asked for in another of Cinder's"),
        pytest.param("nova", "nova", "three", ONE, "InvalidVolume.ZoneMismatch", id="asked for in Cinder's only zone"),
        pytest.param("nova", "two", "two", ONE, "attached", id="asked for in the server's zone"),
        pytest.param("nova", "two", "three", ONE, "InvalidVolume.ZoneMismatch", id="asked for in another"),
        pytest.param("nova", "two", "nova", ONE, "InvalidVolume.ZoneMismatch", id="asked for in another than Cinder's"),
        pytest.param("nova", "", "three", ONE, "attached", id="Cinder has no such zone, and nobody asked for one"),
        pytest.param("disks", "disks", "three", ("disks", "three"), "attached", id="Cinder's zone is none of Nova's"),
        pytest.param("nova", "gone", "three", ONE, "attached", id="the zone that was asked for is gone"),
        pytest.param("two", "two", "", THREE, "attached", id="the server is in no zone yet"),
    ],
)
def test_a_volume_is_attached_within_its_zone(
    native: str, asked: str, server: str, cinders: tuple[str, ...], told: str
) -> None:
    marks = {"ec2:az": asked} if asked else {}
    assert attach(replace(VOLUME, zone=native, metadata=marks), server, cinders) == told


def test_a_volume_comes_back_to_the_server_that_had_it() -> None:
    """Nova may move a server to another zone, as for a resize, where nothing binds it to one."""
    marks = {"ec2:az": "two", f"ec2:dev:{SERVER.id}": "/dev/xvdf"}
    assert attach(replace(VOLUME, zone="nova", metadata=marks), "three", ONE) == "attached"


def test_a_root_volume_is_shown_where_its_instance_is() -> None:
    server = replace(SERVER, zone="three")
    root = replace(volume("8", "/dev/vda", id=VOLUME.id), zone="nova", metadata={})
    for describe, rows in ((describe_volumes, "Volumes"), (describe_volume_status, "VolumeStatuses")):
        answer = asyncio.run(act(describe, here(Cinder(root, *ONE), server, "DescribeVolumes"), {}))
        assert [row["AvailabilityZone"] for row in answer[rows]] == ["three"]


def held_by(server: Server, **marks: str) -> Volume:
    """Return a volume of Cinder's only zone that a server holds."""
    one = volume("8", "/dev/vdf", id=VOLUME.id)
    return replace(one, zone="nova", metadata={f"ec2:{name}": value for name, value in marks.items()})


@pytest.mark.parametrize(("marks", "zone"), [({}, "us-east-1a"), ({"az": "two"}, "two")])
def test_a_volume_is_shown_in_its_own_zone_whoever_holds_it(marks: dict[str, str], zone: str) -> None:
    server = replace(SERVER, zone="three")
    cinder = Cinder(held_by(server, **marks), *ONE)
    for describe, rows in ((describe_volumes, "Volumes"), (describe_volume_status, "VolumeStatuses")):
        answer = asyncio.run(act(describe, here(cinder, server, "DescribeVolumes"), {}))
        assert [row["AvailabilityZone"] for row in answer[rows]] == [zone]


def test_a_detached_volume_stays_in_its_own_zone() -> None:
    server = replace(SERVER, zone="three")
    cinder = Cinder(held_by(server), *ONE)
    asyncio.run(act(detach_volume, here(cinder, server, "DetachVolume"), NAMED))
    assert cinder.held == held_by(server)


@pytest.mark.parametrize(
    ("asked", "cinders", "zone"), [("us-east-1a", ONE, "nova"), ("two", ONE, "nova"), ("two", THREE, "two")]
)
def test_a_new_volume_is_bound_to_the_zone_that_was_asked_for(asked: str, cinders: tuple[str, ...], zone: str) -> None:
    cinder = Cinder(VOLUME, *cinders)
    made = asyncio.run(act(create_volume, here(cinder, SERVER, "CreateVolume"), {"Size": 1, "AvailabilityZone": asked}))
    assert made["AvailabilityZone"] == asked
    assert (cinder.held.zone, cinder.held.metadata) == (zone, {"ec2:az": "nova" if asked == "us-east-1a" else asked})
