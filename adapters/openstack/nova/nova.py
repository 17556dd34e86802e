"""Nova (https://docs.openstack.org/api-ref/compute/): calls, and JSON → types."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from adapters.openstack.session import Session
from adapters.openstack.transport import Answer
from adapters.types.compute import (
    Address,
    AttachedVolume,
    Attachment,
    BlockDevice,
    ComputeLimits,
    Flavor,
    KeyPair,
    NewServer,
    Nic,
    Power,
    Server,
    ServerFlavor,
    ServerGroup,
    Zone,
)

_PAGE = 1000  # the default of nova.conf's [api] max_limit; with a lower one, the pages' links are followed

_SHUTDOWN = 4  # nova.compute.power_state


class Nova:
    """Compute over Nova's REST API, for one project."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def servers(self, *, changed_since: datetime | None = None, tag: str | None = None) -> list[Server]:
        """List the project's servers."""
        params = {} if changed_since is None else {"changes-since": _seconds(changed_since)}
        if tag is not None:
            params["tags"] = tag
        return await self._servers(params)

    async def deleted_servers(self, since: datetime) -> list[Server]:
        """List the servers that were deleted since a time."""
        # Only administrators may filter by `status=DELETED`.  Members may filter by vm_state from 2.83 on; before that
        # Nova ignores the filter.
        found = await self._servers({"changes-since": _seconds(since), "vm_state": "deleted"})
        return [server for server in found if server.status == "DELETED"]

    async def _servers(self, filters: Mapping[str, str]) -> list[Server]:
        params: dict[str, str | int] = {"limit": _PAGE, **filters}
        return [_server(s) for s in await self._session.pages("compute", "/servers/detail", "servers", params)]

    async def server(self, id: str) -> Server:
        """Read one server."""
        answer = await self._session.get("compute", f"/servers/{id}", resource="server", id=id)
        return _server(answer.member("server"))

    async def create_server(self, new: NewServer) -> str:
        """Ask Nova to create a server."""
        answer = await self._session.post(
            "compute", "/servers", json=_create_request(new), resource="server", id=new.name
        )
        return str(answer.member("server")["id"])

    async def delete_server(self, id: str) -> None:
        """Ask Nova to delete a server."""
        await self._session.delete("compute", f"/servers/{id}", resource="server", id=id)

    async def power_server(self, id: str, power: Power) -> None:
        """Ask Nova to start, stop, suspend or resume a server."""
        await self._act(id, {power.value: None})

    async def reboot_server(self, id: str) -> None:
        """Reboot a server."""
        await self._act(id, {"reboot": {"type": "SOFT"}})

    async def resize_server(self, id: str, flavor_id: str) -> None:
        """Ask Nova to resize a server."""
        await self._act(id, {"resize": {"flavorRef": flavor_id}})

    async def confirm_resize(self, id: str) -> None:
        """Ask Nova to end a resize."""
        await self._act(id, {"confirmResize": None})

    async def set_server_description(self, id: str, description: str) -> None:
        """Write a server's description."""
        wanted = {"server": {"description": description}}
        await self._session.put("compute", f"/servers/{id}", json=wanted, resource="server", id=id)

    async def set_server_metadata(self, id: str, items: Mapping[str, str]) -> None:
        """Add or overwrite items of metadata."""
        await self._session.post(
            "compute", f"/servers/{id}/metadata", json={"metadata": dict(items)}, resource="server", id=id
        )

    async def delete_server_metadata(self, id: str, key: str) -> None:
        """Delete one item of metadata."""
        await self._session.delete("compute", f"/servers/{id}/metadata/{quote(key, safe='')}", resource="server", id=id)

    async def console_output(self, id: str) -> str:
        """Read the serial console."""
        answer = await self._act(id, {"os-getConsoleOutput": {}})
        return str(answer.member("output") or "")

    async def create_server_image(self, id: str, name: str, properties: Mapping[str, str]) -> str:
        """Ask Nova for an image of a server."""
        answer = await self._act(id, {"createImage": {"name": name, "metadata": dict(properties)}})
        return str(answer.member("image_id"))

    async def password(self, id: str) -> str:
        """Return the encrypted password."""
        answer = await self._session.get("compute", f"/servers/{id}/os-server-password", resource="server", id=id)
        return str(answer.member("password") or "")

    async def attach_volume(self, server_id: str, volume_id: str, device: str | None) -> Attachment:
        """Attach a volume."""
        wanted = {"volumeId": volume_id, **({"device": device} if device else {})}
        answer = await self._session.post(
            "compute",
            f"/servers/{server_id}/os-volume_attachments",
            json={"volumeAttachment": wanted},
            resource="volume_attachment",
            id=volume_id,
        )
        return _attachment(answer.member("volumeAttachment"))

    async def detach_volume(self, server_id: str, volume_id: str) -> None:
        """Ask Nova to detach a volume."""
        await self._session.delete(
            "compute",
            f"/servers/{server_id}/os-volume_attachments/{volume_id}",
            resource="volume_attachment",
            id=volume_id,
        )

    async def set_delete_on_termination(self, server_id: str, volume_id: str, delete: bool) -> None:
        """Choose whether an attached volume is deleted with its server."""
        await self._session.put(
            "compute",
            f"/servers/{server_id}/os-volume_attachments/{volume_id}",
            json={"volumeAttachment": {"volumeId": volume_id, "delete_on_termination": delete}},
            resource="volume_attachment",
            id=volume_id,
        )

    async def attach_port(self, server_id: str, port_id: str) -> None:
        """Attach a port."""
        wanted = {"interfaceAttachment": {"port_id": port_id}}
        await self._session.post(
            "compute", f"/servers/{server_id}/os-interface", json=wanted, resource="server", id=server_id
        )

    async def detach_port(self, server_id: str, port_id: str) -> None:
        """Ask Nova to detach a port."""
        await self._session.delete(
            "compute", f"/servers/{server_id}/os-interface/{port_id}", resource="server", id=server_id
        )

    async def flavors(self) -> list[Flavor]:
        """List the flavors."""
        params = {"limit": _PAGE}
        return [_flavor(f) for f in await self._session.pages("compute", "/flavors/detail", "flavors", params)]

    async def zones(self) -> list[Zone]:
        """List the availability zones."""
        answer = await self._session.get("compute", "/os-availability-zone")
        return [Zone(z["zoneName"], z["zoneState"]["available"]) for z in answer.member("availabilityZoneInfo")]

    async def limits(self) -> ComputeLimits:
        """Read the project's limits."""
        found = (await self._session.get("compute", "/limits")).member("limits")["absolute"]
        return ComputeLimits(
            instances=found["maxTotalInstances"],
            cores=found["maxTotalCores"],
            ram=found["maxTotalRAMSize"],
            keypairs=found["maxTotalKeypairs"],
            metadata_items=found["maxServerMeta"],
            instances_used=found["totalInstancesUsed"],
            cores_used=found["totalCoresUsed"],
            ram_used=found["totalRAMUsed"],
        )

    async def server_groups(self) -> list[ServerGroup]:
        """List the project's server groups."""
        found = await self._session.pages("compute", "/os-server-groups", "server_groups", {"limit": _PAGE})
        return [_server_group(one) for one in found]

    async def create_server_group(self, name: str, policy: str) -> ServerGroup:
        """Make a server group."""
        wanted = {"server_group": {"name": name, "policy": policy}}
        answer = await self._session.post("compute", "/os-server-groups", json=wanted, resource="server_group", id=name)
        return _server_group(answer.member("server_group"))

    async def delete_server_group(self, id: str) -> None:
        """Delete a server group."""
        await self._session.delete("compute", f"/os-server-groups/{id}", resource="server_group", id=id)

    async def keypairs(self) -> list[KeyPair]:
        """List the calling user's key pairs."""
        found = await self._session.pages("compute", "/os-keypairs", "keypairs", {"limit": _PAGE})
        return [_keypair(k["keypair"]) for k in found]

    async def import_keypair(self, name: str, public_key: str) -> KeyPair:
        """Store a public key."""
        wanted = {"name": name, "type": "ssh", "public_key": public_key}
        answer = await self._session.post(
            "compute", "/os-keypairs", json={"keypair": wanted}, resource="keypair", id=name
        )
        return _keypair(answer.member("keypair"))

    async def delete_keypair(self, name: str) -> None:
        """Delete a key pair."""
        await self._session.delete("compute", f"/os-keypairs/{quote(name, safe='')}", resource="keypair", id=name)

    async def _act(self, id: str, action: Mapping[str, Any]) -> Answer:
        return await self._session.post("compute", f"/servers/{id}/action", json=action, resource="server", id=id)


def _server(s: Mapping[str, Any]) -> Server:
    flavor, image = s["flavor"], s.get("image")
    return Server(
        id=s["id"],
        name=s["name"],
        project_id=s["tenant_id"],
        status=s["status"],
        task_state=s.get("OS-EXT-STS:task_state"),
        vm_state=s.get("OS-EXT-STS:vm_state") or "",
        host_id=s.get("hostId") or "",
        zone=s.get("OS-EXT-AZ:availability_zone") or "",
        created_at=_when(s["created"]),
        launched_at=_maybe(s.get("OS-SRV-USG:launched_at")),
        terminated_at=_maybe(s.get("OS-SRV-USG:terminated_at")),
        flavor=ServerFlavor(flavor["original_name"], flavor["vcpus"], flavor["ram"], flavor["disk"]),
        image_id=image["id"] if image else None,  # '' for a server that boots from a volume
        key_name=s.get("key_name"),
        metadata=s.get("metadata") or {},
        addresses=tuple(_address(a) for port in s["addresses"].values() for a in port),
        volumes=tuple(
            AttachedVolume(v["id"], v.get("delete_on_termination", False))
            for v in s.get("os-extended-volumes:volumes_attached", ())
        ),
        fault=(s.get("fault") or {}).get("message", ""),
        locked=bool(s.get("locked")),
        powered_off=s.get("OS-EXT-STS:power_state") == _SHUTDOWN,
        description=s.get("description") or "",
        root_device_name=s.get("OS-EXT-SRV-ATTR:root_device_name"),
        user_data=s.get("OS-EXT-SRV-ATTR:user_data"),
        reservation_id=s.get("OS-EXT-SRV-ATTR:reservation_id"),
        launch_index=s.get("OS-EXT-SRV-ATTR:launch_index"),
    )


def _address(a: Mapping[str, Any]) -> Address:
    return Address(
        a["addr"], a["version"], a.get("OS-EXT-IPS-MAC:mac_addr", ""), a.get("OS-EXT-IPS:type") == "floating"
    )


def _flavor(f: Mapping[str, Any]) -> Flavor:
    return Flavor(
        id=f["id"],
        name=f["name"],
        vcpus=f["vcpus"],
        ram=f["ram"],
        disk=f["disk"],
        ephemeral=f.get("OS-FLV-EXT-DATA:ephemeral") or 0,
        extra_specs=f.get("extra_specs") or {},
    )


def _server_group(g: Mapping[str, Any]) -> ServerGroup:
    # One policy from 2.64 on, a list of one before.
    policy = g.get("policy") or next(iter(g.get("policies") or ()), "")
    return ServerGroup(g["id"], g["name"], policy, tuple(g.get("members") or ()))


def _keypair(k: Mapping[str, Any]) -> KeyPair:
    return KeyPair(k["name"], k.get("type", "ssh"), k["public_key"], k["fingerprint"])


def _attachment(a: Mapping[str, Any]) -> Attachment:
    return Attachment(a["serverId"], a["volumeId"], a.get("device"), bool(a.get("delete_on_termination")))


def _create_request(new: NewServer) -> dict[str, Any]:
    hints = {"os:scheduler_hints": {"group": new.group_id}} if new.group_id else {}
    return {"server": _create_body(new), **hints}


def _create_body(new: NewServer) -> dict[str, Any]:
    """Return the body of `POST /servers`; options that are not set are left out."""
    wanted: dict[str, Any] = {
        "name": new.name,
        "flavorRef": new.flavor_id,
        "networks": [_nic(nic) for nic in new.nics],
        "metadata": dict(new.metadata),
    }
    optional = {
        "imageRef": new.image_id,
        "availability_zone": new.zone,
        "key_name": new.key_name,
        "user_data": new.user_data,
        # Nova accepts an id in place of a name; an id is never ambiguous.
        "security_groups": [{"name": group} for group in new.security_groups],
        "tags": list(new.tags),
        "description": new.description,
        "block_device_mapping_v2": [_device(device) for device in new.devices],
    }
    return wanted | {name: value for name, value in optional.items() if value}


def _nic(nic: Nic) -> dict[str, Any]:
    if nic.port_id:
        return {"port": nic.port_id}
    return {"uuid": nic.network_id, **({"fixed_ip": nic.fixed_ip} if nic.fixed_ip else {})}


def _device(device: BlockDevice) -> dict[str, Any]:
    if device.source == "none":
        return {"device_name": device.device, "no_device": True}
    optional = {
        "uuid": device.id,
        "volume_size": device.size,
        "device_name": device.device,
        "volume_type": device.volume_type,
    }
    return {
        "source_type": device.source,
        "destination_type": "local" if device.local else "volume",
        "boot_index": device.boot_index,
        "delete_on_termination": device.delete_on_termination,
    } | {name: value for name, value in optional.items() if value is not None}


def _seconds(moment: datetime) -> str:
    """Format a time in whole seconds of UTC; Nova refuses fractions of seconds with some offsets."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _when(text: str) -> datetime:
    """Parse a time; Nova writes UTC, with `Z` or (`OS-SRV-USG`) without an offset."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _maybe(text: str | None) -> datetime | None:
    return _when(text) if text else None
