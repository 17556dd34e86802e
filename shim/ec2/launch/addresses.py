"""Public addresses that are given to instances at their launch, and released when they are terminated."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from adapters.errors import BackendError, Fault
from adapters.types import network as cloud
from adapters.types.compute import Server
from shim.concurrency import gather_all
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.instances import facts as instance_facts
from shim.ec2.instances.states import failed
from shim.ec2.interfaces.allocation import external_network_of
from shim.ec2.launch.volumes import PAUSES, read_servers
from shim.ec2.network.interface_rows import AUTOMATIC, private_addresses
from shim.ec2.network.layout import vpc_layout
from shim.errors import AwsError
from shim.undo import undoing


def check_way_out(vpc: str, routers: Iterable[cloud.Router]) -> None:
    """Raise Gateway.NotAttached if a VPC has no internet gateway: Neutron gives its ports no public address."""
    for router in routers:
        if ids.aws("vpc", router.id) == vpc and router.gateway is None:
            raise _not_attached(vpc)


async def give(call: Call, servers: Sequence[Server]) -> None:
    """Give a public address to each instance that was launched with one and does not have it yet.

    Nova makes the ports while it builds the servers, so this waits until they exist, 45 seconds at most.
    """
    wanting = [one for one in servers if instance_facts.flag(one.metadata, instance_facts.PUBLIC) and not failed(one)]
    if not wanting:
        return
    network = call.cloud.network
    ports = await _ports(call, wanting)
    held = {one.port_id for one in await network.floating_ips()}
    outside = external_network_of(call, await network.networks())
    async with undoing() as undo:

        async def to(port: cloud.Port) -> None:
            fixed = private_addresses(port)[0].address
            try:
                made = await network.create_floating_ip(outside, AUTOMATIC, port.id, fixed)
            except BackendError as error:
                if error.fault is Fault.DUPLICATE:  # a repeated request has just given it one
                    return
                if error.fault is Fault.CONFLICT:
                    raise _not_attached((await vpc_layout(call)).vpc_of(port.network_id)) from error
                raise
            undo(network.delete_floating_ip, made.id)

        await gather_all(to(port) for port in ports if port.id not in held)


async def _ports(call: Call, servers: Sequence[Server]) -> list[cloud.Port]:
    """Wait until each server has its port or has failed; return the ports that have an address."""
    waiting = [server.id for server in servers]
    for pause in PAUSES:
        ports = {port.device_id: port for port in await call.cloud.network.ports(device_ids=waiting)}
        ready = {server: port for server, port in ports.items() if private_addresses(port)}
        if len(ready) == len(waiting):
            return list(ready.values())
        alive = {one.id for one in await read_servers(call, waiting) if not failed(one) and one.status != "DELETED"}
        waiting = [one for one in waiting if one in alive]
        await asyncio.sleep(pause)
    raise AwsError("Unavailable", "The network interfaces of the launch were not made in time.", 503)


def _not_attached(vpc: str) -> AwsError:
    return AwsError("Gateway.NotAttached", f"Network {vpc} is not attached to any internet gateway")
