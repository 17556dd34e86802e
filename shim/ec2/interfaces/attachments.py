"""AttachNetworkInterface and DetachNetworkInterface, and what becomes of interfaces when their instance ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.errors import absent_is
from adapters.types import network as cloud
from shim.concurrency import gather, gather_all
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import INSTANCE, INTERFACE
from shim.ec2.interfaces.chosen import ATTACHMENT_PREFIX, mark_apart, no_attachment, one_interface, replace_marks
from shim.ec2.network.interface_rows import (
    APART,
    ENDS,
    HIGHEST_PLACE,
    PLACE,
    ends_with_instance,
    is_automatic,
    of_server,
    placed,
)
from shim.ec2.service import action
from shim.errors import AwsError
from shim.protocol.values import only
from shim.undo import undoing

_ATTACHABLE = ("ACTIVE", "SHUTOFF")


@action(
    supports="NetworkInterfaceId InstanceId DeviceIndex NetworkCardIndex",
    values={"NetworkCardIndex": only(0)},
)
async def attach_network_interface(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Attach an interface as the device with the index that is asked for."""
    wanted, instance = int(req["DeviceIndex"]), ids.uuid(INSTANCE, req["InstanceId"])
    port = await one_interface(call, req["NetworkInterfaceId"])
    server, ports = await gather(
        call.cloud.compute.server(instance),
        call.cloud.network.ports(device_ids=[instance]),
    )
    if port.device_id:
        raise AwsError(INTERFACE.in_use, INTERFACE.in_use_says.format(id=req["NetworkInterfaceId"]))
    if server.status not in _ATTACHABLE:
        raise AwsError("IncorrectState", f"Instance '{req['InstanceId']}' is not 'running' or 'stopped'.")
    if not 0 <= wanted <= HIGHEST_PLACE:
        raise AwsError(
            "InvalidParameterValue", f"Invalid value '{wanted}' for instance device index.", refused="DeviceIndex"
        )
    if wanted in placed(ports, server).values():
        raise AwsError(
            "InvalidParameterValue",
            f"Instance '{req['InstanceId']}' already has an interface attached at device index '{wanted}'.",
            refused="DeviceIndex",
        )
    async with undoing() as undo:
        undo(replace_marks, call, port, (PLACE,), [])
        await mark_apart(call, port, wanted)
        await call.cloud.compute.attach_port(instance, port.id)
    return {"AttachmentId": ids.aws(ATTACHMENT_PREFIX, port.id), "NetworkCardIndex": 0}


@action(
    supports="AttachmentId",
    ignores={"Force": "Nova unplugs the interface whether the guest has let go of it or not"},
)
async def detach_network_interface(call: Call, req: Mapping[str, Any]) -> None:
    """Detach an interface that is not the primary one; the others keep their device indices."""
    attachment = req["AttachmentId"]
    interface = attachment.replace(ATTACHMENT_PREFIX, INTERFACE.prefix, 1)
    if not attachment.startswith(f"{ATTACHMENT_PREFIX}-") or len(interface.rpartition("-")[2]) != 32:
        raise no_attachment(attachment)
    port = await absent_is(None, one_interface(call, interface), resource="port")
    if port is None or not of_server(port):
        raise no_attachment(attachment)
    server, ports = await gather(
        call.cloud.compute.server(port.device_id), call.cloud.network.ports(device_ids=[port.device_id])
    )
    places = placed(ports, server)
    if places.get(port.id) == 0:
        raise AwsError("OperationNotPermitted", "The network interface at device index 0 cannot be detached.")
    if APART not in port.tags:
        raise AwsError(
            "UnsupportedOperation",
            f"The network interface '{interface}' was made with its instance: this cloud would delete it.",
        )
    later = [one for one in ports if one.id != port.id and places[one.id] > places[port.id]]
    await gather_all(replace_marks(call, one, (PLACE,), [f"{PLACE}{places[one.id]}"]) for one in later)
    await call.cloud.compute.detach_port(port.device_id, port.id)
    await replace_marks(call, port, (PLACE, ENDS), [])


Ending = tuple[Sequence[cloud.Port], Sequence[cloud.FloatingIp]]  # a server's ports, and what it was given at launch


async def ending(call: Call, server_ids: Sequence[str]) -> Mapping[str, Ending]:
    """Read what is to end with servers, by server."""
    network = call.cloud.network
    ports, floating = await gather(network.ports(device_ids=server_ids), network.floating_ips())
    holder = {port.id: port.device_id for port in ports}
    given = [one for one in floating if is_automatic(one)]
    return {
        server: (
            [port for port in ports if port.device_id == server],
            [one for one in given if holder.get(one.port_id or "") == server],
        )
        for server in server_ids
    }


async def end(call: Call, server_id: str, its: Ending) -> bool:
    """Delete a server, and what is to end with it; return False if it was already gone.

    Its public addresses are released first: a gateway that is killed then leaves no address that nobody asked for.
    Nova deletes the ports that it made and keeps all others.  A port that it made and that must stay is taken from the
    server before, and a port that it keeps and that must go is deleted afterwards.
    """
    network, (ports, given) = call.cloud.network, its
    await gather_all(absent_is(None, network.delete_floating_ip(one.id)) for one in given)
    made = [port for port in ports if APART not in port.tags and not ends_with_instance(port)]
    async with undoing() as undo:
        for port in made:
            undo(network.set_device, port.id, port.device_id, port.device_owner)
            await absent_is(None, network.set_device(port.id, "", ""))
        gone = await absent_is(True, call.cloud.compute.delete_server(server_id))
    await gather_all(network.add_tag("ports", port.id, APART) for port in made)
    kept = [port for port in ports if APART in port.tags]
    for port in kept:
        if ends_with_instance(port):
            # Neutron's default policy lets only Nova delete a port of a server (`compute_device`).
            await absent_is(None, network.set_device(port.id, "", ""))
            await absent_is(None, network.delete_port(port.id))
        else:
            await replace_marks(call, port, (PLACE,), [])
    return not gone
