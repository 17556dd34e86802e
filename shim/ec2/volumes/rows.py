"""What a Cinder volume looks like in an EC2 answer, its attachments as Cinder and Nova know them together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from adapters.types import block as cloud
from adapters.types.compute import Server
from shim.ec2.engine import ids
from shim.ec2.engine.zones import ZoneNames
from shim.ec2.tags import rules as tag_rules
from shim.ec2.tags.codec import from_metadata

# The gateway's own items in a volume's metadata.
TYPE = "ec2:type"  # the AWS name of the volume type that was asked for, where Cinder has none of that name
ZONE = "ec2:az"  # the zone that was asked for, where Nova has it and Cinder has not
DEVICE = "ec2:dev:"  # + the server's UUID: the device name that was asked for

# Cinder's name for "whatever the operator made the default"; AWS's oldest type promises nothing either.
_UNNAMED = {"__DEFAULT__": "standard", "": "standard"}
# By definition of gp3: "3,000 IOPS and 125 MiB/s included"; clients expect to read both back.
GP3_IOPS, GP3_THROUGHPUT = 3000, 125

_STATES: Mapping[str, str] = {
    "creating": "creating",
    "downloading": "creating",
    "restoring-backup": "creating",
    "available": "available",
    "reserved": "in-use",
    "attaching": "in-use",
    "in-use": "in-use",
    "detaching": "in-use",
    "deleting": "deleting",
}
_SETTLED = frozenset({"creating", "downloading", "available", "deleting", "error"})


def state(volume: cloud.Volume) -> str:
    """Return EC2's state of a volume; what Cinder does to it on the side (extend, back up) leaves it as it was."""
    if volume.status.startswith("error"):
        return "error"
    return _STATES.get(volume.status) or ("in-use" if volume.attachments else "available")


def held(volumes: Iterable[cloud.Volume]) -> bool:
    """Tell whether any of the volumes needs Nova's word on where it is attached."""
    return any(volume.attachments or volume.status not in _SETTLED for volume in volumes)


def attachments(volume: cloud.Volume, servers: Iterable[Server]) -> list[dict[str, Any]]:
    """Write a volume's attachments; `servers` are those that may hold it.

    Cinder lists an attachment once it is complete; while the volume is on its way Nova alone knows where to.
    """
    keeps = {
        server.id: held.delete_on_termination for server in servers for held in server.volumes if held.id == volume.id
    }
    moving = "detaching" if volume.status == "detaching" else "attached"
    rows = [
        {
            "VolumeId": ids.aws("vol", volume.id),
            "InstanceId": ids.aws("i", one.server_id),
            "Device": device(volume, one.server_id),
            "State": moving,
            **({"AttachTime": one.attached_at} if one.attached_at else {}),
            "DeleteOnTermination": keeps.get(one.server_id, False),
        }
        for one in volume.attachments
    ]
    if volume.status in ("reserved", "attaching"):
        known = {one.server_id for one in volume.attachments}
        rows += [
            {
                "VolumeId": ids.aws("vol", volume.id),
                "InstanceId": ids.aws("i", server),
                "Device": device(volume, server),
                "State": "attaching",
                "DeleteOnTermination": keeps[server],
            }
            for server in sorted(keeps.keys() - known)
        ]
    return rows


def device(volume: cloud.Volume, server_id: str) -> str:
    """Return the device name of a volume on a server: the one that EC2's caller chose, else the hypervisor's.

    Nova's libvirt driver "no longer honors a user-supplied device name" (compute API, attach a volume), while EC2's
    clients look for the name they gave.
    """
    chosen = volume.metadata.get(DEVICE + server_id)
    if chosen:
        return chosen
    return next((one.device for one in volume.attachments if one.server_id == server_id and one.device), "")


def zone(volume: cloud.Volume, names: ZoneNames) -> str:
    """Return the availability zone that a volume is shown in."""
    return names.shown(volume.metadata.get(ZONE) or volume.zone)


def row(volume: cloud.Volume, servers: Iterable[Server], names: ZoneNames) -> dict[str, Any]:
    """Write one volume as DescribeVolumes answers it."""
    kind = volume.metadata.get(TYPE) or _UNNAMED.get(volume.type, volume.type)
    return {
        "VolumeId": ids.aws("vol", volume.id),
        "Size": volume.size,
        # Ansible's modules read both of every volume, without a default.
        "SnapshotId": ids.aws("snap", volume.snapshot_id) if volume.snapshot_id else "",
        "MultiAttachEnabled": volume.multiattach,
        "AvailabilityZone": zone(volume, names),
        "State": state(volume),
        "CreateTime": volume.created_at,
        "Attachments": attachments(volume, servers),
        "VolumeType": kind,
        **({"Iops": GP3_IOPS, "Throughput": GP3_THROUGHPUT} if kind == "gp3" else {}),
        "Encrypted": volume.encrypted,
        "Tags": tag_rules.shown(from_metadata(volume.metadata)),
    }
