"""Tags of network resources, kept as Neutron's tags (strings)."""

from __future__ import annotations

from collections.abc import Sequence

from shim.context import Call
from shim.ec2.engine.resource_types import ALLOCATION, INTERFACE, SECURITY_GROUP, SUBNET, VPC
from shim.ec2.network.vpcs import is_vpc
from shim.ec2.tags.creating import is_half_done
from shim.ec2.tags.stores import Held, Store, of_neutron, of_strings, register


async def _groups(call: Call, named: Sequence[str]) -> list[Held]:
    groups = await call.cloud.network.security_groups()
    return [of_strings(group.id, group.tags) for group in groups if not is_half_done(group.name)]


async def _subnets(call: Call, named: Sequence[str]) -> list[Held]:
    subnets = await call.cloud.network.subnets()
    return [of_strings(subnet.id, subnet.tags) for subnet in subnets if not is_half_done(subnet.name)]


async def _ports(call: Call, named: Sequence[str]) -> list[Held]:
    return [of_strings(port.id, port.tags) for port in await call.cloud.network.ports()]


async def _addresses(call: Call, named: Sequence[str]) -> list[Held]:
    return [of_strings(one.id, one.tags) for one in await call.cloud.network.floating_ips()]


async def _vpcs(call: Call, named: Sequence[str]) -> list[Held]:
    return [of_strings(router.id, router.tags) for router in await call.cloud.network.routers() if is_vpc(router)]


register(Store(SECURITY_GROUP, _groups, of_neutron("security-groups")))
register(Store(SUBNET, _subnets, of_neutron("subnets")))
register(Store(INTERFACE, _ports, of_neutron("ports")))
register(Store(ALLOCATION, _addresses, of_neutron("floatingips")))
register(Store(VPC, _vpcs, of_neutron("routers")))
