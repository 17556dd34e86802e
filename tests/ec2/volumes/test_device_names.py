"""Device names of attachments: a name must be unused on the instance, in any spelling."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from adapters.errors import BackendError, Fault
from adapters.types.block import Volume
from adapters.types.compute import AttachedVolume
from shim.ec2.engine import ids
from shim.ec2.volumes.attachments import attach_volume
from shim.errors import AwsError
from tests.ec2.instances.test_instance_costs import Counted
from tests.ec2.instances.test_instance_rows import SERVER, volume
from tests.ec2.test_half_done import call

HELD = replace(volume("7", "/dev/vdb", id=str(UUID("7" * 32))), metadata={f"ec2:dev:{SERVER.id}": "/dev/sdf"})
FREE = replace(volume("8", "", id=str(UUID("8" * 32))), status="available", attachments=(), metadata={})
HOLDER = replace(SERVER, volumes=(AttachedVolume(HELD.id, False),))


class Nova(Counted):
    """A Nova that accepts every volume, or refuses each with the same message."""

    def __init__(self, says: str = "") -> None:
        super().__init__(Counter(), server=HOLDER)
        self.says = says
        self.taken: list[str] = []

    async def attach_volume(self, server_id: str, volume_id: str, device: str) -> None:
        if self.says:
            raise BackendError(
                Fault.IN_USE, service="compute", resource="volume_attachment", id=volume_id, detail=self.says
            )
        self.taken.append(device)


def attach(device: str, nova: Nova) -> Any:
    volumes: dict[str, Volume] = {HELD.id: HELD, FREE.id: FREE}
    request = {"VolumeId": ids.aws("vol", FREE.id), "InstanceId": ids.aws("i", HOLDER.id), "Device": device}
    block = Counted(Counter(), volume=volumes.__getitem__)
    return asyncio.run(attach_volume(call("AttachVolume", block=block, compute=nova), request))


@pytest.mark.parametrize(
    "device", ["/dev/sdf", "sdf", "/dev/xvdf", "xvdf", "vdf", "/dev/sda1", "/dev/sda", "sda", "xvda", "/dev/vda"]
)
def test_a_name_that_is_taken(device: str) -> None:
    nova = Nova()
    with pytest.raises(AwsError) as refused:
        attach(device, nova)
    assert refused.value.code == "InvalidParameterValue"
    assert f"Attachment point {device} is already in use" in refused.value.message
    assert nova.taken == []


@pytest.mark.parametrize(
    ("device", "asked"), [("/dev/sdg", "/dev/sdg"), ("xvdaa", "/dev/xvdaa"), ("sdf1", "/dev/sdf1")]
)
def test_a_name_that_is_free(device: str, asked: str) -> None:
    nova = Nova()
    assert attach(device, nova)["Device"] == device
    assert nova.taken == [asked]


def test_what_nova_alone_knows_to_be_taken() -> None:
    with pytest.raises(AwsError) as refused:
        attach("/dev/sdh", Nova("The supplied device path (/dev/sdh) is in use."))
    assert (refused.value.code, refused.value.message) == (
        "InvalidParameterValue",
        "Invalid value '/dev/sdh' for unixDevice. Attachment point /dev/sdh is already in use",
    )


def test_a_volume_that_another_call_attached_meanwhile() -> None:
    with pytest.raises(BackendError):
        attach("/dev/sdh", Nova("volume 8 is already attached to instances: 1"))
