"""Finds resources that a test session left behind, through OpenStack's own API."""

from collections.abc import Callable, Iterable
from typing import Any

from openstack.connection import Connection

# kind → how a project lists its own
KINDS: dict[str, Callable[[Connection], Iterable[Any]]] = {
    "server": lambda c: c.compute.servers(details=False),
    "key pair": lambda c: c.compute.keypairs(),
    "volume": lambda c: c.block_storage.volumes(details=False),
    "snapshot": lambda c: c.block_storage.snapshots(details=False),
    "image": lambda c: c.image.images(owner=c.current_project_id, visibility="private"),
    "security group": lambda c: c.network.security_groups(project_id=c.current_project_id),
    "router": lambda c: c.network.routers(project_id=c.current_project_id),
    "network": lambda c: c.network.networks(project_id=c.current_project_id),
    "floating ip": lambda c: c.network.ips(project_id=c.current_project_id),
    "server group": lambda c: c.compute.server_groups(),
    "subnet pool": lambda c: c.network.subnet_pools(project_id=c.current_project_id),
    "port": lambda c: c.network.ports(project_id=c.current_project_id),
    "container": lambda c: c.object_store.containers(),
}
BY_NAME = {"floating ip"}  # its name is its address, which a NAT gateway takes and gives back with another id


def inventory(connection: Connection) -> dict[str, str]:
    """Return what a project holds now: `kind id` → name."""
    return {
        f"{kind} {thing.name if kind in BY_NAME else thing.id}": thing.name or ""
        for kind, listed in KINDS.items()
        for thing in listed(connection)
    }


def new_things(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Return the resources that were made and not deleted."""
    return sorted(f"{thing} ({name})" for thing, name in after.items() if thing not in before)
