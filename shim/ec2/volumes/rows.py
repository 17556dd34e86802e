"""Write a Cinder volume as an EC2 volume, with its attachments from Cinder and Nova."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from adapters.types import block as cloud
from adapters.types.compute import Server
from shim.ec2.engine import ids
from shim.ec2.engine.zones import ZoneNames
from shim.ec2.tags import rules as tag_rules
from shim.ec2.tags.codec import from_metadata
from shim.ec2.tags.creating import HALF_DONE
from shim.ec2.volumes.snapshot_rows import COPY

# The gateway's own items in a volume's metadata.
TYPE = "ec2:type"  # the requested AWS volume type, if Cinder has no type of that name or another one encrypts for it
ZONE = "ec2:az"  # the zone that CreateVolume was asked for, or of the launch; binds the volume, whatever Cinder has
DEVICE = "ec2:dev:"  # + the server's UUID: the requested device name
# Marks a volume that was deleted, and that Cinder keeps because it has snapshots: the time, the volume's UUID (a backup
# that is restored to another volume brings this item along), and that of the instance with which it was to end.
DELETED = "ec2:deleted"

# Cinder's name of the operator's default type, shown as AWS's oldest type, which guarantees no performance either.
_UNNAMED = {"__DEFAULT__": "standard", "": "standard"}
# gp3's baseline: "3,000 IOPS and 125 MiB/s included"; clients expect both in answers.
GP3_IOPS, GP3_THROUGHPUT = 3000, 125

# The first disk of each bus that a hypervisor may use is the root, which is shown under its usual name in EC2: tools
# such as Cloud Custodian tell by the name whether an instance has a root volume.
_FIRST_DISK = re.compile(r"/dev/(?:[svh]|xv)da")
ROOT_DEVICE = "/dev/sda1"

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
# The hypervisor's name of a root device: the first disk.
_ROOT = re.compile(r"/dev/(?:xvd|sd|hd|vd)a[0-9]*")
_SETTLED = frozenset({"creating", "downloading", "available", "deleting", "error"})


def state(volume: cloud.Volume) -> str:
    """Return EC2's state of a volume; Cinder's other operations (extend, back up) do not change it."""
    if volume.status.startswith("error"):
        return "error"
    return _STATES.get(volume.status) or ("in-use" if volume.attachments else "available")


def deleted(volume: cloud.Volume) -> bool:
    """Tell whether a client has deleted a volume that Cinder keeps for its snapshots.

    The volume of an instance is marked before the instance ends, so it is deleted only once nothing holds it.
    """
    named, _, project = (_mark(volume)[1:2] or [""])[0].partition("@")
    own = named == volume.id and project in ("", volume.project_id or project)  # one that policy hides is the caller's
    return own and not volume.attachments and state(volume) != "in-use"


def of_deleted(volume_id: str, project_id: str) -> str:
    """Return what the mark of a deleted volume holds for: a volume may be copied by a backup, or change its project."""
    return f"{volume_id}@{project_id}"


def ends_with(volume: cloud.Volume) -> str | None:
    """Return the UUID of the instance with which a deleted volume was to end; None for one that was deleted alone."""
    return next(iter(_mark(volume)[2:3]), None)


def _mark(volume: cloud.Volume) -> list[str]:
    return volume.metadata.get(DELETED, "").split(" ")


def hidden(volume: cloud.Volume) -> bool:
    """Tell whether no client sees a volume: it is deleted, or only carries a copied snapshot."""
    return deleted(volume) or (COPY in volume.metadata and HALF_DONE not in volume.metadata)


def held(volumes: Iterable[cloud.Volume]) -> bool:
    """Tell whether Nova has to be asked where any of the volumes is attached."""
    return any(volume.attachments or volume.status not in _SETTLED for volume in volumes)


def attachments(volume: cloud.Volume, servers: Iterable[Server]) -> list[dict[str, Any]]:
    """Write a volume's attachments; `servers` are those that may hold it.

    Cinder lists an attachment only once it is complete; until then only Nova knows the server.
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
    """Return the device name of a volume on a server: the one that the client requested, else the hypervisor's.

    Nova's libvirt driver "no longer honors a user-supplied device name" (compute API, attach a volume), but EC2's
    clients look for the name that they requested.
    """
    chosen = volume.metadata.get(DEVICE + server_id)
    if chosen:
        return chosen
    found = next((one.device for one in volume.attachments if one.server_id == server_id and one.device), "")
    return ROOT_DEVICE if _FIRST_DISK.fullmatch(found) else found


def root(server: Server, held: Iterable[cloud.Volume]) -> str:
    """Return the UUID of a server's root volume; '' where its root is a disk of its host.

    Nova shows the name of a server's root device to administrators alone by default, and names an image for a server
    that was launched with one, whatever its root is.
    """
    known = list(held)
    for volume in known:
        if server.id in root_holders(volume):
            return volume.id
    return next((volume.id for volume in known if volume.bootable), "") if server.image_id is None else ""


def zone(volume: cloud.Volume, names: ZoneNames, servers: Iterable[Server] = ()) -> str:
    """Return the availability zone in which a volume is shown: the one it is bound to, else Cinder's, whoever holds it.

    It must not move: to Terraform another `availability_zone` is a volume that must be destroyed and made anew.  A root
    volume cannot be detached, so it is where its instance is; `servers` are those that may hold it.
    """
    bound, holders = volume.metadata.get(ZONE), root_holders(volume)
    here = "" if bound or not holders else next((one.zone for one in servers if one.id in holders), "")
    return names.shown(bound or here or volume.zone)


def root_holders(volume: cloud.Volume) -> set[str]:
    """Return the UUIDs of the servers whose root a volume is."""
    return {one.server_id for one in volume.attachments if _ROOT.fullmatch(one.device or "")}


def kind(volume: cloud.Volume, plain: Mapping[str, str]) -> str:
    """Return the type in which a volume is shown; `plain` has it for types that encrypt (`encryption.plain_types`)."""
    return volume.metadata.get(TYPE) or plain.get(volume.type) or _UNNAMED.get(volume.type, volume.type)


def row(
    volume: cloud.Volume, servers: Collection[Server], names: ZoneNames, plain: Mapping[str, str]
) -> dict[str, Any]:
    """Write one volume as in DescribeVolumes."""
    type_ = kind(volume, plain)
    return {
        "VolumeId": ids.aws("vol", volume.id),
        "Size": volume.size,
        # Ansible's modules require both on every volume.
        "SnapshotId": ids.aws("snap", volume.snapshot_id) if volume.snapshot_id else "",
        "MultiAttachEnabled": volume.multiattach,
        "AvailabilityZone": zone(volume, names, servers),
        "State": state(volume),
        "CreateTime": volume.created_at,
        "Attachments": attachments(volume, servers),
        "VolumeType": type_,
        **({"Iops": GP3_IOPS, "Throughput": GP3_THROUGHPUT} if type_ == "gp3" else {}),
        "Encrypted": volume.encrypted,
        "Tags": tag_rules.shown(from_metadata(volume.metadata)),
    }
