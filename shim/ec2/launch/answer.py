"""RunInstances' answer: the reservation of a new launch, or of an earlier one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from adapters.types.compute import BlockDevice, Server
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.instances.instances import grouped
from shim.ec2.instances.rows import context_of, instance_context, launched_context, reservation
from shim.ec2.instances.states import SHUTTING_DOWN, TERMINATED
from shim.ec2.launch.addresses import Given
from shim.ec2.launch.placement import Placement, placement
from shim.ec2.launch.request import Launch
from shim.ec2.network.interface_rows import groups
from shim.errors import AwsError


async def launched(
    call: Call,
    launch: Launch,
    servers: Sequence[Server],
    place: Placement | None,
    devices: Sequence[BlockDevice],
    given: Given | None = None,
) -> dict[str, Any]:
    """Write the reservation; if `place` is None and an instance has no interface yet, the placement is read again.

    `given` are the interfaces and public addresses of the instances, if they are known.
    """
    named = [server.id for server in servers]
    if place is not None:
        made = any(not device.local for device in devices)
        # An interface that existed may have a public address.
        public = place.outside is not None or any(nic.port_id for nic in place.nics)
        context = await launched_context(
            call, named, place.known_groups, place.layout, volumes=made, addresses=public, seen=given
        )
    else:
        context = await (context_of(call, servers[0]) if len(servers) == 1 else instance_context(call))
    rows = [reservation(server, context) for server in servers]
    instances = [row["Instances"][0] for row in rows]
    ended = (SHUTTING_DOWN, TERMINATED)
    bare = [one for one in instances if not one["NetworkInterfaces"] and one["State"]["Name"] not in ended]
    if bare and place is None:
        with suppress(AwsError):  # resources that the first request named may be deleted
            place = await placement(call, launch)
    if place is not None:
        for one in bare:
            _fill(one, place, context.network.groups)
    return grouped(rows)[0]


def _fill(instance: dict[str, Any], place: Placement, names: Mapping[str, str]) -> None:
    """Fill in an instance's network members from its placement while Neutron has not made its ports."""
    instance |= {
        "SubnetId": ids.aws("subnet", place.subnet_id) if place.subnet_id else None,
        "VpcId": place.vpc_id,
        "PrivateIpAddress": place.address,
        "SecurityGroups": groups((group.id for group in place.groups), names),
        "SourceDestCheck": place.checked,
    }
