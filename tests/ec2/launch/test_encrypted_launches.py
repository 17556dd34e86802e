"""A launch answers success for encrypted volumes alone where it was asked for them, also when it is repeated."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from adapters.types.block import Snapshot, Volume, VolumeType
from adapters.types.compute import AttachedVolume, BlockDevice, NewServer
from adapters.types.network import SubnetPool
from shim.config import Settings
from shim.ec2.launch.run_instances import run_instances
from shim.ec2.launch.volumes import matched
from shim.errors import AwsError
from tests.ec2.acting import act
from tests.ec2.instances.test_instance_rows import SERVER, volume
from tests.ec2.launch.test_launch_request import ASKED
from tests.ec2.launch.test_launch_volumes import Cinder, Nova, call_of

LUKS = {"gp3": "luks"}


class Encrypting(Cinder):
    """A Cinder with some volume types."""

    def __init__(self, *types: str) -> None:
        super().__init__()
        self.types = types

    async def volume_types(self) -> list[VolumeType]:
        return [VolumeType(name, name, {}) for name in self.types]


class Booting(Nova):
    """A Nova that makes a given volume with each server."""

    def __init__(self, cinder: Cinder, made: Volume) -> None:
        super().__init__(cinder)
        self.template = made

    def volumes_arrive(self) -> None:
        for server in self.alive:
            self.cinder.made.setdefault(server, replace(self.template, id=server))
            self.alive[server] = replace(self.alive[server], volumes=(AttachedVolume(server, True),))


PLAIN = volume("0", "/dev/vdb", size=3, type="luks")
SEALED = replace(PLAIN, encrypted=True)


def launch(nova: Nova, types: Mapping[str, str] = LUKS, **ebs: Any) -> None:
    call = call_of(nova)
    call.settings = Settings.model_validate({"page_token_key": "key", "ec2_encrypted_volume_types": dict(types)})
    asked = {"VolumeSize": 3, "VolumeType": "gp3", "Encrypted": True, **ebs}
    mappings = [{"DeviceName": "/dev/sdf", "Ebs": asked}]
    asyncio.run(act(run_instances, call, {**ASKED, "ClientToken": "token", "BlockDeviceMappings": mappings}))


def refused(nova: Nova, types: Mapping[str, str] = LUKS, **ebs: Any) -> str:
    with pytest.raises(AwsError) as caught:
        launch(nova, types, **ebs)
    return caught.value.code


@pytest.mark.parametrize(("kind", "native"), [("gp3", "gp3"), ("gp2", "gp3"), ("gp3", "luks")])
def test_no_default_replaces_a_type_that_is_to_encrypt(kind: str, native: str) -> None:
    nova = Booting(Encrypting("shared"), PLAIN)
    assert refused(nova, {kind: native}, VolumeType=kind) == "UnsupportedOperation"
    assert nova.made == 0


def test_a_launch_whose_volume_is_not_encrypted_is_taken_back() -> None:
    nova = Booting(Encrypting("luks"), PLAIN)
    assert refused(nova) == "UnsupportedOperation"
    assert (nova.made, nova.alive) == (1, {})


def test_a_type_that_encrypts_for_some_may_be_plain_for_others() -> None:
    nova = Booting(Encrypting("luks"), PLAIN)
    launch(nova, Encrypted=False, VolumeType="luks")
    assert len(nova.alive) == 1


@pytest.mark.parametrize("types", [("luks",), ()])
def test_a_repetition_looks_at_what_a_killed_gateway_did_not(types: tuple[str, ...]) -> None:
    cinder = Encrypting("luks")
    nova = Booting(cinder, SEALED)
    launch(nova)
    [made] = cinder.made
    cinder.made[made], cinder.types = replace(PLAIN, id=made), types
    assert refused(nova) == "UnsupportedOperation"
    cinder.made[made] = replace(SEALED, id=made)
    launch(nova)
    assert cinder.items() == [{f"ec2:dev:{made}": "/dev/sdf", "ec2:type": "gp3", "ec2:az": "nova"}]
    assert nova.made == 1


def test_a_repetition_leaves_alone_what_was_encrypted_when_it_was_marked() -> None:
    cinder = Encrypting("luks")
    nova = Booting(cinder, SEALED)
    launch(nova)
    cinder.made = {one: replace(made, encrypted=False, type="shared") for one, made in cinder.made.items()}
    launch(nova)
    assert nova.made == len(nova.alive) == 1


@pytest.mark.parametrize("kind", ["gp2", "gp3"])
def test_the_type_that_was_asked_for_is_kept(kind: str) -> None:
    cinder = Encrypting("luks")
    launch(Booting(cinder, SEALED), {"gp2": "luks", "gp3": "luks"}, VolumeType=kind)
    assert [one["ec2:type"] for one in cinder.items()] == [kind]


ON = [SubnetPool("1", "ec2 ebs-encryption-by-default", "p", ())]


def launch_by_default(nova: Nova, *, on: bool = True, **ebs: Any) -> None:
    call = call_of(nova)
    call.settings = Settings.model_validate({"page_token_key": "key", "ec2_encrypted_volume_types": LUKS})
    found = cast(Any, call.cloud.network)
    found._lists["subnet_pools"] = ON if on else []
    mappings = [{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 3, "VolumeType": "gp3", **ebs}}]
    asyncio.run(act(run_instances, call, {**ASKED, "ClientToken": "token", "BlockDeviceMappings": mappings}))


@pytest.mark.parametrize("asked", [{}, {"Encrypted": False}])
def test_default_encryption(asked: dict[str, bool]) -> None:
    cinder = Encrypting("luks")
    nova = Booting(cinder, SEALED)
    launch_by_default(nova, **asked)
    assert cinder.items() == [
        {f"ec2:dev:{one}": "/dev/sdf", "ec2:type": "gp3", "ec2:az": "nova"} for one in cinder.made
    ]


def test_a_repetition_looks_at_a_volume_that_default_encryption_was_for() -> None:
    cinder = Encrypting("luks")
    nova = Booting(cinder, SEALED)
    launch_by_default(nova)
    cinder.made = {one: replace(PLAIN, id=one) for one in cinder.made}  # not marked: the gateway was killed before
    for on in (True, False):
        with pytest.raises(AwsError) as caught:
            launch_by_default(nova, on=on)
        assert caught.value.code == "UnsupportedOperation"


@pytest.mark.parametrize("root", [{"VolumeSize": 100}, {"Encrypted": False}])
def test_a_root_volume_that_would_be_plain_is_refused(root: dict[str, Any]) -> None:
    nova = Booting(Encrypting("luks"), SEALED)
    call = call_of(nova)
    call.settings = Settings.model_validate({"page_token_key": "key", "ec2_encrypted_volume_types": LUKS})
    cast(Any, call.cloud.network)._lists["subnet_pools"] = ON
    mappings = [{"DeviceName": "/dev/sda1", "Ebs": root}]
    with pytest.raises(AwsError) as caught:
        asyncio.run(act(run_instances, call, {**ASKED, "BlockDeviceMappings": mappings}))
    assert caught.value.code == "UnsupportedOperation"
    assert nova.made == 0


@pytest.mark.parametrize("names", ["12", "21"])
def test_volumes_of_one_size_are_told_apart_by_encryption(names: str) -> None:
    free, sealed = (f"/dev/sd{one}" for one in "fg")
    devices = (
        BlockDevice("blank", size=3, device=free),
        BlockDevice("blank", size=3, device=sealed, volume_type="luks", encrypted_as="gp3"),
    )
    one, other = replace(PLAIN, id=names[0], type="__DEFAULT__"), replace(SEALED, id=names[1])
    server = replace(SERVER, volumes=tuple(AttachedVolume(name, True) for name in names))
    found = {name: device.device for name, device in matched(server, [one, other], devices).items()}
    assert found == {one.id: free, other.id: sealed}


SNAPSHOT = Snapshot(
    "00000000-0000-4000-8000-00000000005a", "s", "", "p", "source", "available", 3, "100%", SEALED.created_at, {}
)
OF_SNAPSHOT: dict[str, Any] = {"SnapshotId": "snap-" + SNAPSHOT.id.replace("-", "")}


class OfSnapshots(Encrypting):
    """A Cinder with a snapshot of a volume."""

    def __init__(self, source: Volume, *types: str) -> None:
        super().__init__(*types)
        self.source = source

    async def snapshot(self, id: str) -> Snapshot:
        return SNAPSHOT

    async def volume(self, id: str) -> Volume:
        return self.source if id == SNAPSHOT.volume_id else await super().volume(id)


class Asked(Booting):
    """A Nova that remembers what it was asked for."""

    async def create_server(self, new: NewServer) -> str:
        self.devices = new.devices
        return await super().create_server(new)


@pytest.mark.parametrize("kind", ["gp3", "fast", None])
def test_a_volume_of_an_encrypted_snapshot_has_the_snapshots_type(kind: str | None) -> None:
    cinder = OfSnapshots(SEALED, "luks", "gp3", "fast")
    nova = Asked(cinder, replace(SEALED, snapshot_id=SNAPSHOT.id))
    launch(nova, **OF_SNAPSHOT, Encrypted=None, VolumeType=kind)
    assert [one.volume_type for one in nova.devices if one.source == "snapshot"] == [None]
    assert [one.get("ec2:type") for one in cinder.items()] == [kind]


def test_a_volume_of_a_plain_snapshot_has_the_type_that_was_asked_for() -> None:
    nova = Asked(OfSnapshots(PLAIN, "gp3"), replace(PLAIN, snapshot_id=SNAPSHOT.id))
    launch(nova, **OF_SNAPSHOT, Encrypted=False)
    assert [one.volume_type for one in nova.devices if one.source == "snapshot"] == ["gp3"]


@pytest.mark.parametrize("kind", ["gp3", None])
def test_a_volume_of_an_encrypted_snapshot_cannot_be_plain(kind: str | None) -> None:
    nova = Asked(OfSnapshots(SEALED, "luks", "gp3"), SEALED)
    assert refused(nova, **OF_SNAPSHOT, Encrypted=False, VolumeType=kind) == "InvalidBlockDeviceMapping"
    assert nova.made == 0


def test_a_type_that_is_not_there_is_refused_for_an_encrypted_snapshot_too() -> None:
    nova = Asked(OfSnapshots(SEALED, "luks"), SEALED)
    assert refused(nova, **OF_SNAPSHOT, Encrypted=None, VolumeType="fast") == "UnknownVolumeType"
