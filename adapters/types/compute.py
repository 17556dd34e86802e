"""Nova's resources: servers with what they embed, flavors, key pairs, zones, limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum


class Power(Enum):
    """A server action that starts, stops, suspends or resumes a server; the value is its name in Nova's API."""

    START = "os-start"
    STOP = "os-stop"
    UNPAUSE = "unpause"
    RESUME = "resume"
    UNSHELVE = "unshelve"


@dataclass(frozen=True, slots=True)
class Address:
    """One address of a server as Nova shows it: a fixed one of a port, or a floating one in front of it."""

    addr: str
    version: int
    mac: str
    floating: bool


@dataclass(frozen=True, slots=True)
class AttachedVolume:
    """A volume that a server holds."""

    id: str
    delete_on_termination: bool


@dataclass(frozen=True, slots=True)
class ServerFlavor:
    """The flavor as it was when the server was made or last resized; `ram` is in MiB, `disk` in GiB."""

    name: str
    vcpus: int
    ram: int
    disk: int


@dataclass(frozen=True, slots=True)
class Server:
    """A server.  Deleted ones have status DELETED and neither metadata, tags nor volumes, but still a description.

    `host_id` is '' until a host is chosen.  Nova shows the last four fields to administrators only.
    """

    id: str
    name: str
    project_id: str
    status: str
    task_state: str | None
    vm_state: str
    host_id: str
    zone: str
    created_at: datetime
    launched_at: datetime | None
    terminated_at: datetime | None
    flavor: ServerFlavor
    image_id: str | None
    key_name: str | None
    metadata: Mapping[str, str]
    addresses: tuple[Address, ...]
    volumes: tuple[AttachedVolume, ...]
    fault: str = ""
    locked: bool = False
    powered_off: bool = False
    description: str = ""
    root_device_name: str | None = None
    user_data: str | None = field(default=None, repr=False)
    reservation_id: str | None = None
    launch_index: int | None = None


@dataclass(frozen=True, slots=True)
class BlockDevice:
    """One line of a new server's block device mapping.

    `source` is image, snapshot, volume or blank, or none, which leaves a device of the image out; `size` in GiB is the
    source's where None.  `boot_index` 0 is the root, None is no boot device.  `local` says that no volume is made: the
    device is on the host's own disk, or left out.  Of a volume that has to be encrypted, `encrypted_as` is the type
    that the client asked for, and `volume_type` the one that encrypts; Nova is told the second.
    """

    source: str
    id: str | None = None
    size: int | None = None
    device: str | None = None
    volume_type: str | None = None
    boot_index: int | None = None
    delete_on_termination: bool = True
    local: bool = False
    encrypted_as: str | None = None


@dataclass(frozen=True, slots=True)
class Nic:
    """One interface of a new server: a port that exists, or a new port on a network, which goes with the server."""

    port_id: str | None = None
    network_id: str | None = None
    fixed_ip: str | None = None


@dataclass(frozen=True, slots=True)
class NewServer:
    """The parameters of a new server.

    `security_groups` are ids, for the new ports; `user_data` is base64; `tags` are Nova's own, of 60 characters;
    `group_id` is a server group's.
    """

    name: str
    flavor_id: str
    image_id: str | None
    nics: tuple[Nic, ...]
    security_groups: tuple[str, ...] = ()
    zone: str | None = None
    key_name: str | None = None
    user_data: str | None = field(default=None, repr=False)
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    devices: tuple[BlockDevice, ...] = ()
    description: str = ""
    group_id: str | None = None


@dataclass(frozen=True, slots=True)
class Flavor:
    """A flavor; `ram` is in MiB, `disk` and `ephemeral` in GiB."""

    id: str
    name: str
    vcpus: int
    ram: int
    disk: int
    ephemeral: int
    extra_specs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A key pair of the calling user; `public_key` is an OpenSSH line with its comment."""

    name: str
    type: str
    public_key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class ServerGroup:
    """A group of servers; `policy` is `affinity`, `anti-affinity`, or one of them as a wish (`soft-`)."""

    id: str
    name: str
    policy: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Zone:
    """An availability zone for servers."""

    name: str
    available: bool


@dataclass(frozen=True, slots=True)
class Attachment:
    """The attachment of a volume to a server, as Nova shows it."""

    server_id: str
    volume_id: str
    device: str | None
    delete_on_termination: bool


@dataclass(frozen=True, slots=True)
class ComputeLimits:
    """The project's limits in Nova and what of them is in use; a limit of -1 means none, `ram` is in MiB."""

    instances: int
    cores: int
    ram: int
    keypairs: int
    metadata_items: int
    instances_used: int = 0
    cores_used: int = 0
    ram_used: int = 0
