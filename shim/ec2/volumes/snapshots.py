"""EBS snapshots: Cinder's snapshots."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from adapters.errors import absent_is
from adapters.types import block as cloud
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row, nothing
from shim.ec2.engine.resource_types import SNAPSHOT, VOLUME
from shim.ec2.service import action
from shim.ec2.tags.creating import CreateRequest, creates, creating
from shim.ec2.volumes import snapshot_rows
from shim.ec2.volumes.ending import remove, sweep
from shim.ec2.volumes.moving import at_rest
from shim.errors import AwsError
from shim.protocol.values import but, only

_ACCOUNT = re.compile(r"[0-9]{12}")
_OWNERS = frozenset({"self", "amazon"})
_USERS = frozenset({"self", "all"})
LONGEST_DESCRIPTION = 255
_NOT_SHARED = "Snapshots cannot be shared: Cinder shows a snapshot to its own project alone."
REGIONAL = only("regional", message="There are no Local Zones.", code="UnsupportedOperation")


def check_description(req: Mapping[str, Any]) -> None:
    """Raise InvalidParameterValue for a description that is too long."""
    if len(req.get("Description") or "") > LONGEST_DESCRIPTION:
        raise AwsError(
            "InvalidParameterValue",
            f"The description must be at most {LONGEST_DESCRIPTION} characters long.",
            refused="Description",
        )


def _check(req: Mapping[str, Any]) -> None:
    for words, named in ((_OWNERS, req.get("OwnerIds") or ()), (_USERS, req.get("RestorableByUserIds") or ())):
        for one in named:
            if one not in words and not _ACCOUNT.fullmatch(one):
                raise AwsError("InvalidUserID.Malformed", f'Invalid user id: "{one}"', refused=one)


SNAPSHOTS = Table(
    items="Snapshots",
    id="SnapshotId",
    ids="SnapshotIds",
    resource_type=SNAPSHOT,
    cut=True,
    paged_ids=False,
    check=_check,
    filters={
        "description": "Description",
        "encrypted": "Encrypted",
        "owner-alias": nothing,  # Amazon's own snapshots have one
        "owner-id": "OwnerId",
        "progress": "Progress",
        "snapshot-id": "SnapshotId",
        "start-time": "StartTime",
        "status": "State",
        "storage-tier": "StorageTier",
        "tag": "Tags",
        "transfer-type": "TransferType",
        "volume-id": "VolumeId",
        "volume-size": "VolumeSize",
    },
)


def _check_new(settings: Any, req: Mapping[str, Any]) -> str:
    check_description(req)
    return ids.uuid(VOLUME, req["VolumeId"])


@action(
    supports="VolumeId Description TagSpecifications Location",
    values={"Location": REGIONAL},
    read=creates(SNAPSHOT, read=_check_new),
)
async def create_snapshot(call: Call, asked: CreateRequest[str]) -> Mapping[str, Any]:
    """Make a snapshot of a volume, also of an attached one; the waiter SnapshotCompleted waits for Cinder."""
    new = creating(call, asked)

    async def make(volume: cloud.Volume) -> Mapping[str, Any]:
        description = asked.params.get("Description") or ""
        made = await call.cloud.block.create_snapshot(
            cloud.NewSnapshot(volume.id, description=description, metadata=new.items)
        )
        return snapshot_rows.row(call, made, [volume])

    async with new.once():  # one call makes it with all its metadata
        return await at_rest(call, asked.read, make)


@describes(SNAPSHOTS, supports="SnapshotIds OwnerIds RestorableByUserIds Filters MaxResults NextToken")
async def describe_snapshots(call: Call, asked: Question) -> list[Row]:
    """Describe the project's snapshots: Cinder does not show those of others."""
    found, volumes = await _found(call, asked.ids)
    rows: list[Row] = [snapshot_rows.row(call, one, volumes) for one in found if snapshot_rows.shown(one)]
    owners, users = asked.req.get("OwnerIds"), asked.req.get("RestorableByUserIds")
    if owners:
        rows = [one for one in rows if _is_of(one, owners, call.caller.account_id)]
    if users:
        rows = [one for one in rows if _is_of(one, users, call.caller.account_id)]
    return rows


@action(supports="SnapshotId")
async def delete_snapshot(call: Call, req: Mapping[str, Any]) -> None:
    """Delete a snapshot that no image of the project uses."""
    uuid = ids.uuid(SNAPSHOT, req["SnapshotId"])
    snapshot, users = await gather(call.cloud.block.snapshot(uuid), image_users(call))
    if not snapshot_rows.shown(snapshot):
        raise ids.missing(SNAPSHOT, [req["SnapshotId"]])
    if user := users.of(snapshot):
        raise AwsError(
            SNAPSHOT.in_use, f"The snapshot {req['SnapshotId']} is currently in use by {ids.aws('ami', user)}"
        )
    await remove(call, snapshot)


class ImageUsers(NamedTuple):
    """The project's images: the UUIDs of those that use snapshots by the snapshots' UUIDs, and of all."""

    by_snapshot: Mapping[str, str]
    all: frozenset[str]

    def of(self, snapshot: cloud.Snapshot) -> str | None:
        """Return the UUID of an image that uses a snapshot, or will when its data is uploaded."""
        made_for = snapshot.metadata.get(snapshot_rows.OF_IMAGE)
        return made_for if made_for in self.all else self.by_snapshot.get(snapshot.id)


async def image_users(call: Call) -> ImageUsers:
    """Find the images that use the project's snapshots."""
    own = call.caller.project_id
    shown, hidden = await gather(call.cloud.images.images(owner=own), call.cloud.images.images(owner=own, hidden=True))
    images = (*shown, *hidden)
    return ImageUsers(
        {uuid: image.id for image in images for uuid in image.snapshots},
        frozenset(image.id for image in images),
    )


@action(supports="SnapshotId Attribute")
async def describe_snapshot_attribute(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an attribute: Cinder shares no snapshots between projects and has no product codes."""
    attributes: dict[str, dict[str, Any]] = {
        "createVolumePermission": {"CreateVolumePermissions": []},
        "productCodes": {"ProductCodes": []},
    }
    attribute = attributes.get(req["Attribute"])
    if attribute is None:
        raise _no_attribute(req["Attribute"])
    return {"SnapshotId": await _known(call, req), **attribute}


@action(
    supports="SnapshotId Attribute CreateVolumePermission GroupNames OperationType UserIds",
    values={
        "CreateVolumePermission.Add.Group": only(code="UnsupportedOperation", message=_NOT_SHARED),
        "CreateVolumePermission.Add.UserId": only(code="UnsupportedOperation", message=_NOT_SHARED),
        "OperationType": but("add", code="UnsupportedOperation", message=_NOT_SHARED),
    },
)
async def modify_snapshot_attribute(call: Call, req: Mapping[str, Any]) -> None:
    """Take away permissions that no account has; Cinder cannot give one."""
    if (attribute := req.get("Attribute") or "createVolumePermission") != "createVolumePermission":
        raise _no_attribute(attribute)
    change = req.get("CreateVolumePermission") or {}
    accounts = [*(req.get("UserIds") or ()), *(req.get("GroupNames") or ())]
    if not change and not accounts:
        raise AwsError("MissingParameter", "The request must contain the parameter createVolumePermission")
    await _known(call, req)
    if accounts and req.get("OperationType") != "remove":
        raise AwsError("UnsupportedOperation", _NOT_SHARED, refused="CreateVolumePermission.Add")


@action(supports="SnapshotId Attribute")
async def reset_snapshot_attribute(call: Call, req: Mapping[str, Any]) -> None:
    """Make a snapshot private, which every snapshot is."""
    if req["Attribute"] != "createVolumePermission":
        raise _no_attribute(req["Attribute"])
    await _known(call, req)


async def _found(call: Call, named: Sequence[str]) -> tuple[Sequence[cloud.Snapshot], Sequence[cloud.Volume]]:
    """Read snapshots and the volumes that they are of: those of one id, else all."""
    block = call.cloud.block
    if len(named) != 1:
        snapshots, volumes = await gather(block.snapshots(), block.volumes())
        await sweep(call, volumes, snapshots)
        return snapshots, volumes
    snapshot = await block.snapshot(ids.uuid(SNAPSHOT, named[0]))
    volume = await absent_is(None, block.volume(snapshot.volume_id))
    return [snapshot], [volume] if volume else []


async def _known(call: Call, req: Mapping[str, Any]) -> str:
    snapshot = await call.cloud.block.snapshot(ids.uuid(SNAPSHOT, req["SnapshotId"]))
    if not snapshot_rows.shown(snapshot):
        raise ids.missing(SNAPSHOT, [req["SnapshotId"]])
    return ids.aws("snap", snapshot.id)


def _no_attribute(name: str) -> AwsError:
    return AwsError("InvalidParameterValue", f"Value ({name}) for parameter attribute is invalid.", refused="Attribute")


def _is_of(row: Row, accounts: Sequence[str], own: str) -> bool:
    """Tell whether one of the accounts owns a snapshot, and so may restore it; `all` has public ones, which none is."""
    return any(row["OwnerId"] == (own if one == "self" else one) for one in accounts)
