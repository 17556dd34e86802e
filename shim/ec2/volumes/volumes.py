"""EBS volumes: Cinder's volumes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from adapters.errors import BackendError, Fault, absent_is
from adapters.types import block as cloud
from adapters.types.compute import Server
from shim.concurrency import gather
from shim.config import Settings
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine import zones as availability_zones
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row, never, nothing
from shim.ec2.engine.resource_types import SNAPSHOT, VOLUME
from shim.ec2.service import action
from shim.ec2.tags.creating import CreateRequest, creates, creating
from shim.ec2.volumes import default_encryption, encryption, snapshot_rows
from shim.ec2.volumes import rows as volume_rows
from shim.ec2.volumes import sizes as volume_sizes
from shim.ec2.volumes.reading import shown_volume, shown_volumes
from shim.ec2.volumes.types import GENERAL, check_performance
from shim.ec2.volumes.waiting import settled
from shim.errors import AwsError
from shim.protocol.values import only

VOLUMES = Table(
    items="Volumes",
    id="VolumeId",
    ids="VolumeIds",
    resource_type=VOLUME,
    cut=True,
    paged_ids=False,
    filters={
        "attachment.attach-time": "Attachments.AttachTime",
        "attachment.delete-on-termination": "Attachments.DeleteOnTermination",
        "attachment.device": "Attachments.Device",
        "attachment.instance-id": "Attachments.InstanceId",
        "attachment.status": "Attachments.State",
        "availability-zone": "AvailabilityZone",
        "availability-zone-id": "AvailabilityZoneId",  # see `zones.resolve_zone_ids`
        "create-time": "CreateTime",
        "encrypted": "Encrypted",
        "multi-attach-enabled": "MultiAttachEnabled",
        "size": "Size",
        "snapshot-id": "SnapshotId",
        "status": "State",
        "tag": "Tags",
        "volume-id": "VolumeId",
        "volume-type": "VolumeType",
        # In AWS its own services manage or accelerate volumes; no service does so here.
        "fast-restored": never,
        "operator.managed": never,
        "operator.principal": nothing,
    },
)
STATUSES = Table(
    items="VolumeStatuses",
    id="VolumeId",
    ids="VolumeIds",
    resource_type=VOLUME,
    cut=True,
    filters={
        "action.code": "Actions.Code",
        "action.description": "Actions.Description",
        "action.event-id": "Actions.EventId",
        "attachment-status.instance-id": "AttachmentStatuses.InstanceId",
        "attachment-status.io-performance": "AttachmentStatuses.IoPerformance",
        "availability-zone": "AvailabilityZone",
        "event.description": "Events.Description",
        "event.event-id": "Events.EventId",
        "event.event-type": "Events.EventType",
        "event.not-after": "Events.NotAfter",
        "event.not-before": "Events.NotBefore",
        "volume-status.details-name": "VolumeStatus.Details.Name",
        "volume-status.details-status": "VolumeStatus.Details.Status",
        "volume-status.status": "VolumeStatus.Status",
    },
)
# Only administrators can see whether a Cinder volume type encrypts, so the gateway cannot promise encryption.
NOT_ENCRYPTED = only(
    False,
    code="UnsupportedOperation",
    message="Encryption on request is not supported; it belongs to the volume type.",
)
# gp3's baseline; `check_performance` refuses what AWS refuses for other types.  The gateway cannot guarantee the
# performance that AWS sells with io1 and io2.
IOPS = (
    only(volume_rows.GP3_IOPS, where={"VolumeType": "gp3"}),
    *(
        only(
            code="UnsupportedOperation",
            message=f"The parameter Iops is not supported for {kind} volumes.",
            where={"VolumeType": kind},
        )
        for kind in ("io1", "io2")
    ),
)
THROUGHPUT = only(volume_rows.GP3_THROUGHPUT, where={"VolumeType": "gp3"})
_GONE_QUIET = {"creating": "insufficient-data", "error": "impaired"}


def _check_new(settings: Settings, req: Mapping[str, Any]) -> None:
    """Check the parameters of a new volume that need no OpenStack call."""
    if not req.get("AvailabilityZone") and not req.get("AvailabilityZoneId"):
        raise AwsError(
            "MissingParameter",
            "The request must contain one of the parameters AvailabilityZone and AvailabilityZoneId",
            refused="AvailabilityZone",
        )
    if req.get("Size") is None and not req.get("SnapshotId"):
        raise AwsError("MissingParameter", "The request must contain the parameter size or snapshotId", refused="Size")
    if snapshot := req.get("SnapshotId"):
        ids.check(SNAPSHOT, snapshot)
    check_performance(req.get("VolumeType"), req)
    volume_sizes.check(req.get("Size"), req.get("VolumeType"))
    encryption.check(settings, req)


@action(
    supports="AvailabilityZone AvailabilityZoneId Size SnapshotId VolumeType Iops Throughput Encrypted "
    "MultiAttachEnabled ClientToken TagSpecifications",
    values={
        "Encrypted": encryption.NEEDS_SETTING,
        "Iops": IOPS,
        "Throughput": THROUGHPUT,
    },
    forbids=(availability_zones.ONE_NAME,),
    read=creates(VOLUME, read=_check_new),
)
async def create_volume(call: Call, asked: CreateRequest[None]) -> Mapping[str, Any]:
    """Create a volume; the waiter VolumeAvailable waits until Cinder has created it."""
    new = creating(call, asked)

    async def find(mark: Mapping[str, str]) -> Iterable[tuple[cloud.Volume, Mapping[str, str]]]:
        return [(volume, volume.metadata) for volume in await shown_volumes(call, metadata=mark)]

    async with new.once(find):  # one call makes the volume with all its metadata, so none is ever half done
        if new.earlier:
            return await _earlier(call, asked.params, new.earlier[0])
        req = asked.params
        if not req.get("Encrypted") and await default_encryption.is_on(call):
            req = {**req, "Encrypted": True}
        made = await _create(call, await _wanted(call, req, new.items))
        if req.get("Encrypted") and not made.encrypted:
            new.undo(partial(_taken_back, call), made.id)
            raise encryption.unkept()
        return _made(call, made)


@describes(VOLUMES, supports="VolumeIds Filters MaxResults NextToken")
async def describe_volumes(call: Call, asked: Question) -> list[Row]:
    """Describe volumes: one OpenStack call, and a second if any volume is attached."""
    found, _ = await gather(_read(call, asked.ids), availability_zones.resolve_zone_ids(call, asked, VOLUMES))
    servers = await holders(call, found) if volume_rows.held(found) else []
    names, plain = availability_zones.zone_names(call), encryption.plain_types(call.settings)
    return [volume_rows.row(volume, servers, names, plain) for volume in found]


@describes(STATUSES, supports="VolumeIds Filters MaxResults NextToken")
async def describe_volume_status(call: Call, asked: Question) -> list[Row]:
    """Describe the status of volumes, from Cinder's; a second call tells the zones of roots that are bound to none."""
    names, found = availability_zones.zone_names(call), await _read(call, asked.ids)
    roots = [one for one in found if volume_rows.ZONE not in one.metadata and volume_rows.root_holders(one)]
    servers = await holders(call, roots) if roots else []
    return [_status(volume, volume_rows.zone(volume, names, servers)) for volume in found]


async def holders(call: Call, volumes: Sequence[cloud.Volume]) -> list[Server]:
    """Read the servers that may hold some volumes: a single server if only one can, else the list of all."""
    known = {one.server_id for volume in volumes for one in volume.attachments}
    if len(known) == 1 and not any(volume.status in ("reserved", "attaching") for volume in volumes):
        # The server may be deleted while Cinder still lists the attachment: then no server holds the volume.
        server = await absent_is(None, call.cloud.compute.server(known.pop()))
        return [server] if server else []
    return await call.cloud.compute.servers()


async def _read(call: Call, named: Sequence[str]) -> list[cloud.Volume]:
    """Read the volume if one is named, else all: `answer` selects the named ones and raises NotFound."""
    if not named or len(named) > 1:
        return await shown_volumes(call)
    return [await shown_volume(call, ids.uuid(VOLUME, named[0]))]


async def _earlier(call: Call, req: Mapping[str, Any], volume: cloud.Volume) -> Mapping[str, Any]:
    """Answer a repetition, unless the volume is not as encrypted as it was to be.

    The gateway that made it may have been killed before it looked.  It is not deleted: it may hold data by now.
    """
    if req.get("Encrypted") and not volume.encrypted:
        raise encryption.unkept()
    if encryption.is_unkept(call.settings, volume) and await default_encryption.is_on(call):
        raise encryption.unkept()
    return _made(call, volume)


async def _wanted(call: Call, req: Mapping[str, Any], items: Mapping[str, str]) -> cloud.NewVolume:
    """Return the volume to create; raise AWS's errors for what the cloud does not have."""
    snapshot = req.get("SnapshotId")
    snapshot_id = ids.uuid(SNAPSHOT, snapshot) if snapshot else None
    encrypted = await _check_snapshot(call, snapshot_id, req)
    (zone, zone_marks), (kind, kind_marks) = await gather(_zone(call, req), _type(call, req, of_encrypted=encrypted))
    return cloud.NewVolume(req.get("Size"), kind, zone, snapshot_id, {**items, **zone_marks, **kind_marks})


async def _create(call: Call, wanted: cloud.NewVolume) -> cloud.Volume:
    """Create a volume; one of a snapshot has the snapshot's type where Cinder gives it no other of AWS's types.

    Cinder keeps a volume on its snapshot's host, and in a cloud of several it takes two types for compatible only if
    they name one host's `volume_backend_name`.  It says the same of types that encrypt otherwise, so a type that
    encrypts is never left out.
    """
    try:
        return await call.cloud.block.create_volume(wanted)
    except BackendError as error:
        kind = wanted.type if wanted.snapshot_id else None
        encrypts = kind in call.settings.ec2_encrypted_volume_types.values()
        if kind not in GENERAL or encrypts or error.fault is not Fault.INVALID or "not compatible" not in error.detail:
            raise
    kept = {volume_rows.TYPE: kind, **wanted.metadata}
    return await call.cloud.block.create_volume(replace(wanted, type=None, metadata=kept))


async def _taken_back(call: Call, volume_id: str) -> None:
    await call.cloud.block.delete_volume((await settled(call, volume_id)).id)


def _made(call: Call, volume: cloud.Volume) -> Mapping[str, Any]:
    return volume_rows.row(volume, (), availability_zones.zone_names(call), encryption.plain_types(call.settings))


async def _check_snapshot(call: Call, id: str | None, req: Mapping[str, Any]) -> bool:
    """Raise AWS's errors for a snapshot that does not fit the new volume; tell whether it is encrypted."""
    if id is None:
        return False
    size = req.get("Size")
    snapshot, named = await call.cloud.block.snapshot(id), ids.aws("snap", id)
    if snapshot_rows.state(snapshot) != "completed":
        raise AwsError("IncorrectState", f"Snapshot '{named}' is not 'completed'.")
    if size is not None and size < snapshot.size:
        raise AwsError(
            "InvalidParameterValue",
            f"Volume of {size}GiB is smaller than snapshot '{named}', expect size >= {snapshot.size}GiB",
            refused="Size",
        )
    return await encryption.is_encrypted(call, snapshot, req)


async def _zone(call: Call, req: Mapping[str, Any]) -> tuple[str | None, dict[str, str]]:
    """Return Cinder's zone for the requested one, and the metadata that binds the volume to it.

    EC2 has one list of zones, and DescribeAvailabilityZones shows Nova's.  If Cinder has no zone of that name, Cinder
    chooses a zone.
    """
    name, zone_id = req.get("AvailabilityZone") or "", req.get("AvailabilityZoneId")
    blocks, computes = await gather(call.cloud.block.zones(), call.cloud.compute.zones())
    names = availability_zones.zone_names(call)
    if zone_id:
        rows = availability_zones.zones(computes, names)
        name = next((row["ZoneName"] for row in rows if row["ZoneId"] == zone_id), "")
    if in_cinder := names.native(name, [zone.name for zone in blocks]):
        return in_cinder, {volume_rows.ZONE: in_cinder}
    native = names.native(name, availability_zones.placeable(computes))
    if native is None:
        raise AwsError("InvalidZone.NotFound", f"The zone '{name or zone_id}' does not exist.")
    return None, {volume_rows.ZONE: native}


async def _type(call: Call, req: Mapping[str, Any], *, of_encrypted: bool) -> tuple[str | None, dict[str, str]]:
    """Return Cinder's type for the requested one, and the metadata that records it; raises for an unsupported type.

    A volume of an encrypted snapshot has the snapshot's type, as Cinder gives it no other.
    """
    asked, encrypts = req.get("VolumeType"), bool(req.get("Encrypted")) and not of_encrypted
    types = {one.name: one for one in await call.cloud.block.volume_types()} if asked or encrypts else {}
    if asked and asked not in types and asked not in GENERAL:
        raise AwsError("UnknownVolumeType", f"The volume type '{asked}' is not available.")
    if req.get("MultiAttachEnabled") and not (asked in types and _shared(types[asked])):
        raise AwsError(
            "InvalidParameterCombination",
            "The volume type does not support MultiAttachEnabled.",
            refused="MultiAttachEnabled",
        )
    if encrypts:
        native = encryption.encrypting(call.settings, asked)
        encryption.check_there(native, types)
        return native, {volume_rows.TYPE: asked or encryption.DEFAULT}
    if not asked or (asked in types and not of_encrypted):
        return asked, {}
    return None, {volume_rows.TYPE: asked}


def _shared(type: cloud.VolumeType) -> bool:
    # https://docs.openstack.org/cinder/latest/admin/volume-multiattach.html: "multiattach=<is> True"
    return type.extra_specs.get("multiattach", "").split()[-1:] == ["True"]


def _status(volume: cloud.Volume, zone: str) -> dict[str, Any]:
    state = volume_rows.state(volume)
    status = _GONE_QUIET.get(state, "ok")
    return {
        "VolumeId": ids.aws("vol", volume.id),
        "AvailabilityZone": zone,
        "VolumeStatus": {
            "Status": status,
            "Details": [
                {"Name": "io-enabled", "Status": {"ok": "passed", "impaired": "failed"}.get(status, status)},
                {"Name": "io-performance", "Status": "not-applicable"},
            ],
        },
        "Actions": [],
        "Events": [],
        "AttachmentStatuses": [],
    }
