"""The port to Nova; calls use the caller's own token."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from adapters.types.compute import (
    Attachment,
    ComputeLimits,
    Flavor,
    KeyPair,
    NewServer,
    Power,
    Server,
    ServerGroup,
    Zone,
)


class Compute(Protocol):
    """Nova for one project.  Every call raises BackendError; a missing thing is NOT_FOUND with its `resource`."""

    async def servers(self, *, changed_since: datetime | None = None, tag: str | None = None) -> list[Server]:
        """List the project's servers: all, those with a tag, or those changed (or deleted) since a moment."""
        ...

    async def deleted_servers(self, since: datetime) -> list[Server]:
        """List the servers that were deleted since then, as far as Nova still knows them."""
        ...

    async def server(self, id: str) -> Server:
        """Read one server; a deleted one is NOT_FOUND though lists still show it for a while."""
        ...

    async def create_server(self, new: NewServer) -> str:
        """Ask Nova to create a server and return its id; it is built afterwards and may still end in status ERROR."""
        ...

    async def delete_server(self, id: str) -> None:
        """Ask Nova to delete a server."""
        ...

    async def power_server(self, id: str, power: Power) -> None:
        """Ask Nova to start, stop, suspend or resume a server; CONFLICT where its state does not allow that."""
        ...

    async def reboot_server(self, id: str) -> None:
        """Reboot a server by asking its guest (a soft reboot)."""
        ...

    async def resize_server(self, id: str, flavor_id: str) -> None:
        """Ask Nova to resize a server that runs or is shut off; its status is then RESIZE, and VERIFY_RESIZE."""
        ...

    async def confirm_resize(self, id: str) -> None:
        """Ask Nova to end a resize that waits for it (VERIFY_RESIZE); CONFLICT or INVALID where none does."""
        ...

    async def set_server_description(self, id: str, description: str) -> None:
        """Write a server's description: unlike metadata in every state, and lists of deleted servers keep it."""
        ...

    async def set_server_metadata(self, id: str, items: Mapping[str, str]) -> None:
        """Add or overwrite items of metadata; QUOTA above the project's limit of items."""
        ...

    async def delete_server_metadata(self, id: str, key: str) -> None:
        """Delete one item of metadata; NOT_FOUND where it is not there."""
        ...

    async def console_output(self, id: str) -> str:
        """Read what the guest wrote to its serial console; CONFLICT or UNSUPPORTED where there is none."""
        ...

    async def create_server_image(self, id: str, name: str, properties: Mapping[str, str]) -> str:
        """Ask Nova for an image of a server and return the image's id; CONFLICT where the server's state forbids it.

        The volumes of a server whose root is a volume become snapshots in the image's block device mapping.
        """
        ...

    async def password(self, id: str) -> str:
        """Return the administrator's password, which the guest encrypted with the server's key; '' until it has."""
        ...

    async def attach_volume(self, server_id: str, volume_id: str, device: str | None) -> Attachment:
        """Attach a volume; the hypervisor may choose another device than the one asked for."""
        ...

    async def detach_volume(self, server_id: str, volume_id: str) -> None:
        """Ask Nova to detach a volume."""
        ...

    async def set_delete_on_termination(self, server_id: str, volume_id: str, delete: bool) -> None:
        """Choose whether an attached volume is deleted with its server (Nova 2.85); INVALID or UNSUPPORTED below."""
        ...

    async def attach_port(self, server_id: str, port_id: str) -> None:
        """Attach a port that exists to a server."""
        ...

    async def detach_port(self, server_id: str, port_id: str) -> None:
        """Ask Nova to detach a port; Nova deletes a port that it made itself."""
        ...

    async def flavors(self) -> list[Flavor]:
        """List the flavors that the project may use."""
        ...

    async def zones(self) -> list[Zone]:
        """List the availability zones."""
        ...

    async def limits(self) -> ComputeLimits:
        """Read the project's limits."""
        ...

    async def server_groups(self) -> list[ServerGroup]:
        """List the project's server groups."""
        ...

    async def create_server_group(self, name: str, policy: str) -> ServerGroup:
        """Make a server group; names need not be unique, QUOTA above the project's limit of groups."""
        ...

    async def delete_server_group(self, id: str) -> None:
        """Delete a server group; its servers stay."""
        ...

    async def keypairs(self) -> list[KeyPair]:
        """List the calling user's key pairs."""
        ...

    async def import_keypair(self, name: str, public_key: str) -> KeyPair:
        """Store a public key under a new name; DUPLICATE where the name is taken."""
        ...

    async def delete_keypair(self, name: str) -> None:
        """Delete a key pair; servers that were made with it keep the key."""
        ...
