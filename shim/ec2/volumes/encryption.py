"""Encrypted volumes: Cinder's volume type decides, and only administrators see which type encrypts.

So the operator names the type that encrypts for each type that clients may ask for (`ec2_encrypted_volume_types`).
Cinder gives a volume another encryption than its snapshot's neither when it makes the volume nor later, unless it moves
all data to another host.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from adapters.errors import absent_is
from adapters.types.block import Snapshot, Volume
from shim.concurrency import gather_all
from shim.config import Settings
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.volumes.rows import TYPE
from shim.ec2.volumes.types import GENERAL
from shim.errors import AwsError
from shim.protocol.values import depends

NEEDS_SETTING = depends(
    True, when="the operator names a volume type that encrypts (`PASSERELLE_EC2_ENCRYPTED_VOLUME_TYPES`)"
)
# CreateVolume says of its VolumeType: "Default: gp2".
DEFAULT = "gp2"


def encrypting(settings: Settings, kind: str | None) -> str:
    """Return Cinder's type for encrypted volumes of a type; raise UnsupportedOperation where there is none."""
    found = settings.ec2_encrypted_volume_types.get(kind or DEFAULT)
    if found is None:
        raise _refused(f"Encryption on request is not supported for volumes of type '{kind or DEFAULT}'.")
    return found


def check_there(native: str, known: Collection[str]) -> None:
    """Raise UnsupportedOperation where the project has no type of that name: Cinder's default must not replace it."""
    if native not in known:
        raise _refused("The volume type that is to encrypt does not exist.")


def plain_types(settings: Settings) -> Mapping[str, str]:
    """Return the type that clients see, for each of Cinder's types that encrypt.

    It is for volumes that do not keep the type that was asked for (`rows.TYPE`): the first where one type encrypts for
    several.  A type that has a name of AWS's is seen under it.
    """
    named = reversed(settings.ec2_encrypted_volume_types.items())
    return {native: kind for kind, native in named if native not in GENERAL}


def check(settings: Settings, req: Mapping[str, Any]) -> None:
    """Refuse encryption that no operator has provided for, before OpenStack is asked.

    A volume of a snapshot is as encrypted as the snapshot.
    """
    if req.get("Encrypted") and not req.get("SnapshotId"):
        encrypting(settings, req.get("VolumeType"))


async def is_encrypted(call: Call, snapshot: Snapshot, req: Mapping[str, Any]) -> bool:
    """Tell whether a snapshot is encrypted; raise UnsupportedOperation where one that is not was to become so.

    It is not asked for where nothing depends on the answer.
    """
    if not req.get("Encrypted") and not call.settings.ec2_encrypted_volume_types:
        return False
    found = (await call.cloud.block.volume(snapshot.volume_id)).encrypted
    if req.get("Encrypted") and not found:
        named = ids.aws("snap", snapshot.id)
        raise _refused(f"Snapshot '{named}' is not encrypted, and Cinder makes no encrypted volume of it.")
    return found


async def encrypted_among(call: Call, snapshots: Iterable[Snapshot]) -> set[str]:
    """Return the UUIDs of those snapshots that are encrypted, as the volumes are of which they were made."""
    snapshots = list(snapshots)
    made_of = await gather_all(absent_is(None, call.cloud.block.volume(one.volume_id)) for one in snapshots)
    return {one.id for one, volume in zip(snapshots, made_of, strict=True) if volume and volume.encrypted}


def is_unkept(settings: Settings, volume: Volume) -> bool:
    """Tell whether a volume that its metadata tells was to be encrypted (`rows.TYPE` beside such a type) is not."""
    native = settings.ec2_encrypted_volume_types.values()
    return not volume.encrypted and volume.type in native and TYPE in volume.metadata


def unkept() -> AwsError:
    """Return the error of a volume that Cinder has made without encryption, which is taken back."""
    return _refused("The volume type that is to encrypt does not encrypt.")


def _refused(sentence: str) -> AwsError:
    return AwsError("UnsupportedOperation", sentence, refused="Encrypted")
