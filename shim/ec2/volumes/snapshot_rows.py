"""Write a Cinder snapshot as an EC2 snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from adapters.types.block import Snapshot, Volume
from shim.auth.accounts import account_id
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.tags import rules as tag_rules
from shim.ec2.tags.codec import from_metadata

# The gateway's own item in the metadata of a copied snapshot and of the volume on which it lies: the source's UUID.
COPY = "ec2:copy-of"
# The metadata of a snapshot that CreateImage made for an image without a mapping: the UUID of the image.
OF_IMAGE = "ec2:image"
# "Snapshots created by a copy operation have an arbitrary volume ID that you should not use for any purpose."
_ANY_VOLUME = "vol-ffffffff"

_STATES: Mapping[str, str] = {
    "creating": "pending",
    "available": "completed",
    "backing-up": "completed",
    "restoring": "completed",
    "unmanaging": "completed",
    "error": "error",
    "error_deleting": "error",
}


def shown(snapshot: Snapshot) -> bool:
    """Tell whether a client sees the snapshot: in AWS a deleted one is gone at once."""
    return snapshot.status not in ("deleting", "deleted")


def state(snapshot: Snapshot) -> str:
    """Return EC2's state of a snapshot."""
    return _STATES.get(snapshot.status, "error")


def progress(snapshot: Snapshot) -> str:
    """Return how much of a snapshot is made."""
    if state(snapshot) == "completed":
        return "100%"
    # Cinder's drivers report no progress, so it is 0 % until the snapshot is available.
    return snapshot.progress if snapshot.progress.endswith("%") and snapshot.progress != "100%" else "0%"


def row(call: Call, snapshot: Snapshot, volumes: Iterable[Volume]) -> dict[str, Any]:
    """Write one snapshot; `volumes` contain its volume, whose encryption is the snapshot's."""
    copied = COPY in snapshot.metadata
    owner = snapshot.project_id or call.caller.project_id
    failed = {"StateMessage": "Cinder could not make the snapshot."} if state(snapshot) == "error" else {}
    return {
        "SnapshotId": ids.aws("snap", snapshot.id),
        "VolumeId": _ANY_VOLUME if copied else ids.aws("vol", snapshot.volume_id),
        "VolumeSize": snapshot.size,
        "State": state(snapshot),
        **failed,
        "StartTime": snapshot.created_at,
        "Progress": progress(snapshot),
        "OwnerId": account_id(owner, call.settings.account_ids),
        "Description": snapshot.description,
        "Encrypted": any(volume.encrypted for volume in volumes if volume.id == snapshot.volume_id),
        "StorageTier": "standard",
        **({"TransferType": "standard"} if copied else {}),
        "Tags": tag_rules.shown(from_metadata(snapshot.metadata)),
    }
