"""Empties a project: deletes whatever it holds, in the order in which OpenStack lets go of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

from openstack.connection import Connection

GONE_SECONDS = 60.0
PAUSE = 0.1
PAGE = 1000
# Neutron's device owners of a router's port on a network: plain, distributed, highly available; and its gateway.
ROUTERS_OWN = (
    "network:router_interface",
    "network:router_interface_distributed",
    "network:ha_router_replicated_interface",
    "network:router_gateway",
)

Row = Mapping[str, Any]


class LeftError(Exception):
    """Something of a project cannot be deleted; the message names it."""


def clear(user: Connection, admin: Connection, project: str) -> None:
    """Delete everything in a project.

    Neutron is asked as the admin: it makes a default security group for whoever asks, which only an admin may delete.
    """
    remove(user.compute, "/servers", "servers")
    steps: tuple[Callable[[], None], ...] = (
        lambda: remove(user.compute, "/os-keypairs", "keypairs", inside="keypair", key="name"),
        lambda: remove(user.compute, "/os-server-groups", "server_groups"),
        lambda: _volumes(user),
        lambda: _images(user, project),
        lambda: _network(admin, project),
        lambda: _objects(user),
        lambda: _secrets(user),
    )
    with ThreadPoolExecutor(len(steps)) as pool:
        for done in [pool.submit(step) for step in steps]:
            done.result()


def rows(service: Any, path: str, name: str, inside: str = "", **narrower: str) -> list[Row]:
    """Return what a service lists at a path; one that has no such thing lists none."""
    answer = service.get(path, params=narrower)
    if answer.status_code == 404:
        return []
    if answer.status_code >= 400:
        raise LeftError(f"GET {path}: {answer.status_code} {answer.text[:200]}")
    found: list[Row] = answer.json()[name]
    return [row[inside] for row in found] if inside else found


def remove(service: Any, path: str, name: str, inside: str = "", key: str = "id", **narrower: str) -> None:
    """Delete all that a service lists at a path, and wait until it lists nothing more.

    A deletion that is refused is tried again until then: what is in the way may just be going.
    """
    deadline = time.monotonic() + GONE_SECONDS
    while found := rows(service, path, name, inside, **narrower):
        answers = [service.delete(f"{path}/{quote(str(row[key]), safe='')}") for row in found]
        if time.monotonic() > deadline:
            raise LeftError(f"{path}: {answers[0].status_code} {answers[0].text[:200]}")
        time.sleep(PAUSE)


def _offers(user: Connection, kind: str) -> bool:
    """Tell whether the cloud has a service of an official type, such as `block-storage`."""
    return bool(user.session.auth.get_access(user.session).service_catalog.get_endpoints(kind))


def _volumes(user: Connection) -> None:
    if not _offers(user, "block-storage"):
        return
    remove(user.block_storage, "/snapshots", "snapshots")
    remove(user.block_storage, "/volumes", "volumes")


def _images(user: Connection, project: str) -> None:
    unprotect = [{"op": "replace", "path": "/protected", "value": False}]
    kind = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
    for image in rows(user.image, "/images", "images", owner=project):
        if image["protected"]:
            user.image.patch(f"/images/{image['id']}", json=unprotect, headers=kind)
    remove(user.image, "/images", "images", owner=project)


def _network(admin: Connection, project: str) -> None:
    own = {"project_id": project}
    network = admin.network
    remove(network, "/floatingips", "floatingips", **own)
    for router in rows(network, "/routers", "routers", **own):
        network.put(f"/routers/{router['id']}", json={"router": {"routes": [], "external_gateway_info": {}}})
    ports = rows(network, "/ports", "ports", **own)
    for port in ports:
        if port["device_owner"] in ROUTERS_OWN:
            network.put(f"/routers/{port['device_id']}/remove_router_interface", json={"port_id": port["id"]})
        else:
            network.delete(f"/ports/{port['id']}")
    for kind in ("routers", "networks", "subnetpools", "address-groups"):
        remove(network, f"/{kind}", kind.replace("-", "_"), **own)
    groups = rows(network, "/security-groups", "security_groups", **own)
    for group in sorted(groups, key=lambda group: group["name"] == "default"):  # each listing makes that one anew
        network.delete(f"/security-groups/{group['id']}")


def _objects(user: Connection) -> None:
    """Delete all containers: their objects first, with all versions.

    Swift's listing of an account lags behind its containers: what is gone may still be listed for a while.
    """
    if not _offers(user, "object-store"):
        return
    store = user.object_store
    deadline = time.monotonic() + GONE_SECONDS
    while containers := [str(row["name"]) for row in _listed(store, "/")]:
        gone = [_empty(store, quote(container, safe="")) for container in containers]
        if any(gone):
            deadline = time.monotonic() + GONE_SECONDS
        elif time.monotonic() > deadline:
            raise LeftError(f"containers that are gone are still listed: {', '.join(containers)}"[:300])
        else:
            time.sleep(PAUSE)


def _empty(store: Any, container: str) -> bool:
    """Delete a container with all that it holds; tell whether it was there."""
    deadline = time.monotonic() + GONE_SECONDS
    while (answer := store.delete(f"/{container}")).status_code == 409:
        versions = _listed(store, f"/{container}", versions="true") or _listed(store, f"/{container}")
        _delete_objects(store, container, versions)
        if time.monotonic() > deadline:
            raise LeftError(f"container {container}: {answer.status_code} {answer.text[:200]}")
        if not versions:
            time.sleep(PAUSE)
    if answer.status_code not in (204, 404):
        raise LeftError(f"container {container}: {answer.status_code} {answer.text[:200]}")
    return bool(answer.status_code == 204)


def _delete_objects(store: Any, container: str, found: Iterable[Row]) -> None:
    for row in found:
        version = row.get("version_id")
        which = {} if version in (None, "null") else {"version-id": version}
        store.delete(f"/{container}/{quote(row['name'], safe='/')}", params=which)


def _listed(store: Any, path: str, **further: str) -> Sequence[Row]:
    answer = store.get(path, params={"format": "json", "limit": str(PAGE), **further})
    if answer.status_code >= 400 and answer.status_code != 404:
        raise LeftError(f"GET {path}: {answer.status_code} {answer.text[:200]}")
    found: Sequence[Row] = answer.json() if answer.status_code == 200 else []
    return found


def _secrets(user: Connection) -> None:
    if _offers(user, "key-manager"):
        for secret in rows(user.key_manager, "/secrets", "secrets", limit="100"):
            user.key_manager.delete(secret["secret_ref"])
