"""CopySnapshot, and CreateSnapshots of an instance's volumes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from adapters.types import block as cloud
from adapters.types.compute import Server
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import INSTANCE, SNAPSHOT, VOLUME
from shim.ec2.service import action
from shim.ec2.tags import codec as tag_codec
from shim.ec2.tags import rules as tag_rules
from shim.ec2.tags.creating import HALF_DONE, CreateRequest, Creation, creates, creating
from shim.ec2.volumes import default_encryption, snapshot_rows
from shim.ec2.volumes import rows as volume_rows
from shim.ec2.volumes.ending import alone, take_back
from shim.ec2.volumes.snapshots import REGIONAL, check_description
from shim.ec2.volumes.waiting import delete_snapshot, settled
from shim.errors import AwsError

NOT_ENCRYPTED = "Encryption on request is not supported; it belongs to the volume type of the source."


def _check_copy(settings: Any, req: Mapping[str, Any]) -> str:
    check_description(req)
    return ids.uuid(SNAPSHOT, req["SourceSnapshotId"])


def _check_all(settings: Any, req: Mapping[str, Any]) -> str:
    check_description(req)
    for one in req["InstanceSpecification"].get("ExcludeDataVolumeIds") or ():
        ids.check(VOLUME, one)
    return ids.uuid(INSTANCE, req["InstanceSpecification"]["InstanceId"])


@action(
    supports="SourceRegion SourceSnapshotId DestinationRegion Description Encrypted TagSpecifications",
    # SDKs sign a CopySnapshot for the source's region and send it along with every copy.
    ignores={"PresignedUrl": "Source and copy are in one cloud, where the caller's own token reads the source."},
    read=creates(SNAPSHOT, read=_check_copy),
)
async def copy_snapshot(call: Call, asked: CreateRequest[str]) -> Mapping[str, Any]:
    """Copy a snapshot: Cinder makes a volume of it and a snapshot of that volume, which stays and is not shown."""
    new, req, block = creating(call, asked), asked.params, call.cloud.block
    check_regions(call, req)
    source = await block.snapshot(asked.read)
    if snapshot_rows.state(source) != "completed":
        raise AwsError("IncorrectState", f"Snapshot '{req['SourceSnapshotId']}' is not 'completed'.")
    if req.get("Encrypted") and not (await block.volume(source.volume_id)).encrypted:
        raise AwsError("UnsupportedOperation", NOT_ENCRYPTED, refused="Encrypted")
    await default_encryption.check_copied(call, [source])
    async with new.once():
        made = await copied(call, new, source, req.get("Description") or "", new.items)
    return {"SnapshotId": ids.aws("snap", made.id), "Tags": tag_rules.shown(new.tags)}


def check_regions(call: Call, req: Mapping[str, Any]) -> None:
    """Refuse regions that are not the gateway's own; `call.regions` holds every name that means it."""
    for name in ("SourceRegion", "DestinationRegion"):
        if (region := req.get(name)) and region != call.region and region not in call.regions:
            raise AwsError(
                "InvalidParameterValue", f"Value ({region}) for parameter {name} is invalid: it is another region."
            )


async def copied(
    call: Call, new: Creation[Any], source: cloud.Snapshot, description: str, items: Mapping[str, str]
) -> cloud.Snapshot:
    """Copy a snapshot inside of `new.once`.

    Until the snapshot is made its volume has the half-done mark, and DescribeVolumes shows it: the user can delete what
    a killed gateway left.
    """
    block = call.cloud.block
    mark = {snapshot_rows.COPY: source.id}
    volume = await block.create_volume(
        cloud.NewVolume(
            snapshot_id=source.id, metadata={**mark, HALF_DONE: "1"}, name=f"of a copy of snapshot {source.id}"
        )
    )
    new.undo(partial(_taken_back, call), volume.id)
    if (await settled(call, volume.id)).status != "available":
        raise AwsError("InternalError", "The snapshot could not be copied.", 500)
    snapshot = await block.create_snapshot(
        cloud.NewSnapshot(volume.id, description=description, metadata={**items, **mark})
    )
    await block.delete_volume_metadata(volume.id, HALF_DONE)
    return snapshot


async def _taken_back(call: Call, volume_id: str) -> None:
    volume = await settled(call, volume_id)
    for snapshot in await call.cloud.block.snapshots(volume_id=volume.id):
        await delete_snapshot(call, snapshot.id)
    await call.cloud.block.delete_volume(volume.id, cascade=True)


@action(
    supports="InstanceSpecification Description CopyTagsFromSource TagSpecifications Location",
    values={"Location": REGIONAL},
    read=creates(SNAPSHOT, read=_check_all),
)
async def create_snapshots(call: Call, asked: CreateRequest[str]) -> Mapping[str, Any]:
    """Make a snapshot of each volume of an instance, one right after the other."""
    new, req = creating(call, asked), asked.params
    server, listed = await gather(call.cloud.compute.server(asked.read), call.cloud.block.volumes())
    volumes = _chosen(server, {volume.id: volume for volume in listed}, req["InstanceSpecification"])
    rows = []
    async with new.once():
        for volume in volumes:
            described, items = req.get("Description") or "", _items(new, volume, req)
            async with alone(call, volume.id):
                made = await call.cloud.block.create_snapshot(
                    cloud.NewSnapshot(volume.id, description=described, metadata=items)
                )
            new.undo(partial(take_back, call), made.id)
            shown = snapshot_rows.row(call, made, [volume])
            rows.append({name: value for name, value in shown.items() if name != "StorageTier"})
    return {"Snapshots": rows}


def _items(new: Creation[Any], volume: cloud.Volume, req: Mapping[str, Any]) -> dict[str, str]:
    if req.get("CopyTagsFromSource") != "volume":
        return new.items
    tags = {key: value for key, value in tag_codec.from_metadata(volume.metadata).items() if key not in new.tags}
    both = {**tags, **new.tags}
    tag_rules.checked({"Key": key, "Value": value} for key, value in both.items())
    return tag_codec.to_metadata(both)


def _chosen(server: Server, volumes: Mapping[str, cloud.Volume], wanted: Mapping[str, Any]) -> Sequence[cloud.Volume]:
    """Return the volumes of a server without those that the request excludes."""
    held = [volumes[one.id] for one in server.volumes if one.id in volumes]
    root = volume_rows.root(server, held)
    excluded = {ids.uuid(VOLUME, one) for one in wanted.get("ExcludeDataVolumeIds") or ()}
    data = {volume.id for volume in held if volume.id != root}
    if odd := sorted(excluded - data):
        named = ids.aws("vol", odd[0])
        raise AwsError(
            "InvalidParameterValue",
            f"The volume '{named}' is not a data volume of the instance.",
            refused="InstanceSpecification.ExcludeDataVolumeIds",
        )
    if wanted.get("ExcludeBootVolume") and root:
        excluded.add(root)
    chosen = [volume for volume in held if volume.id not in excluded]
    if not chosen:
        raise AwsError(
            "InvalidParameterValue",
            f"No volume of the instance '{ids.aws('i', server.id)}' is left to make a snapshot of.",
            refused="InstanceSpecification",
        )
    return chosen
