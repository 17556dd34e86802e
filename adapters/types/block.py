"""Cinder's resources; only the fields that the gateway reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class VolumeAttachment:
    """A server that holds a volume; `device` is where the hypervisor put it."""

    id: str
    server_id: str
    device: str | None
    attached_at: datetime | None


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume; `size` is in GiB.

    `attachments` holds those that are complete: while a volume is `attaching`, Nova alone knows to which server.
    """

    id: str
    name: str
    project_id: str
    status: str
    size: int
    zone: str
    type: str
    snapshot_id: str | None
    created_at: datetime
    encrypted: bool
    multiattach: bool
    bootable: bool
    metadata: Mapping[str, str]
    attachments: tuple[VolumeAttachment, ...]


@dataclass(frozen=True, slots=True)
class NewVolume:
    """The parameters of a new volume; `size` (GiB) is the snapshot's where None, `type` and `zone` Cinder's choice."""

    size: int | None = None
    type: str | None = None
    zone: str | None = None
    snapshot_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    image_id: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot of a volume; `size` is that of the volume in GiB, `progress` a percentage ("80%") or ''."""

    id: str
    name: str
    description: str
    project_id: str
    volume_id: str
    status: str
    size: int
    progress: str
    created_at: datetime
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NewSnapshot:
    """The parameters of a new snapshot."""

    volume_id: str
    name: str = ""
    description: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BlockLimits:
    """What the project may have of Cinder, and what of it is in use; a limit of -1 stands for none."""

    volumes: int
    gigabytes: int
    volumes_used: int
    gigabytes_used: int


@dataclass(frozen=True, slots=True)
class VolumeType:
    """A volume type; members see only some of its extra specs, `multiattach` among them."""

    id: str
    name: str
    extra_specs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BlockZone:
    """An availability zone for volumes."""

    name: str
    available: bool
