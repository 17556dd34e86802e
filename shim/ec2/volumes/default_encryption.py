"""Default encryption of an account: on while the project has a record of a certain name, a subnet pool (decision 36).

Where the operator names no volume type that encrypts it is off, and no volume's creation asks OpenStack for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from adapters.errors import absent_is
from adapters.types.block import Snapshot
from adapters.types.network import SubnetPool
from shim.concurrency import gather_all
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.service import action
from shim.ec2.volumes.encryption import encrypted_among
from shim.errors import AwsError

# The name is the whole fact, so that one call writes it and a killed gateway leaves nothing half written.
_NAME = "ec2 ebs-encryption-by-default"
_PREFIX = "192.0.2.0/24"  # RFC 5737 reserves it for documentation: no network has it


async def is_on(call: Call) -> bool:
    """Tell whether new volumes are to be encrypted: no OpenStack call where no type encrypts, else one."""
    return bool(call.settings.ec2_encrypted_volume_types and await _records(call))


async def check_copied(call: Call, snapshots: Iterable[Snapshot]) -> None:
    """Refuse, while default encryption is on, what would be made plain of snapshots that are not encrypted."""
    if await is_on(call):
        await check_encrypted(call, snapshots)


async def check_encrypted(call: Call, snapshots: Iterable[Snapshot]) -> None:
    """Raise UnsupportedOperation for a snapshot that is not encrypted."""
    snapshots = list(snapshots)
    encrypted = await encrypted_among(call, snapshots)
    for snapshot in snapshots:
        if snapshot.id not in encrypted:
            raise plain(f"snapshot '{ids.aws('snap', snapshot.id)}'")


def plain(what: str) -> AwsError:
    """Return the error of a volume that default encryption asks for, and that Cinder would make without encryption."""
    return AwsError(
        "UnsupportedOperation",
        f"Encryption by default is enabled, and Cinder makes no encrypted volume of {what}, which is not encrypted.",
    )


@action(supports="")
async def get_ebs_encryption_by_default(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Tell whether default encryption is on."""
    on = await is_on(call)
    return {"EbsEncryptionByDefault": on, "SseType": "sse-ebs" if on else "none"}


@action(supports="")
async def enable_ebs_encryption_by_default(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Switch default encryption on; UnsupportedOperation where the operator names no volume type that encrypts."""
    if not call.settings.ec2_encrypted_volume_types:
        raise AwsError("UnsupportedOperation", "Encryption by default is not supported: no volume type encrypts.")
    if not await _records(call):
        await call.cloud.network.create_subnet_pool(_NAME, _PREFIX)
    return {"EbsEncryptionByDefault": True}


@action(supports="")
async def disable_ebs_encryption_by_default(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Switch default encryption off, also where no type encrypts any more: the setting may come back."""
    found = await _records(call)
    await gather_all(absent_is(None, call.cloud.network.delete_subnet_pool(one.id)) for one in found)
    return {"EbsEncryptionByDefault": False}


async def _records(call: Call) -> list[SubnetPool]:
    """Return the project's records: one, or several if it was switched on twice in one moment."""
    pools = await call.cloud.network.subnet_pools()
    return [one for one in pools if one.name == _NAME and one.project_id == call.caller.project_id]
