"""Tags of gateways, route tables and network ACLs, kept as Neutron's tags of their records."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from adapters.types import network as cloud
from shim.context import Call
from shim.ec2.engine.resource_types import DHCP_OPTIONS, INTERNET_GATEWAY, NAT_GATEWAY, NETWORK_ACL, ROUTE_TABLE
from shim.ec2.network import facts
from shim.ec2.network.tags import all_routers
from shim.ec2.network.vpcs import is_vpc
from shim.ec2.routing import markers
from shim.ec2.tags.creating import is_half_done
from shim.ec2.tags.stores import Held, Lists, Store, Work, of_neutron, of_strings, register

_change = of_neutron("subnetpools")


def _subnet_pools(lists: Lists) -> Awaitable[list[cloud.SubnetPool]]:
    return lists.once("subnet_pools", lists.call.cloud.network.subnet_pools)


def _records(kind: str) -> Callable[[Lists, Sequence[str]], Awaitable[list[Held]]]:
    async def read(lists: Lists, named: Sequence[str]) -> list[Held]:
        return [of_strings(one.id, one.tags) for one in markers.of_kind(await _subnet_pools(lists), kind)]

    return read


def _with_own(kind: str) -> Callable[[Lists, Sequence[str]], Awaitable[list[Held]]]:
    async def read(lists: Lists, named: Sequence[str]) -> list[Held]:
        pools = await _subnet_pools(lists)
        records = markers.own(pools, kind)
        found = [of_strings(one.id, one.tags) for one in markers.of_kind(pools, kind)]
        for router in await all_routers(lists):
            if is_vpc(router):
                own = records.get(router.id)
                ipv6 = [tag for tag in router.tags if tag.startswith(f"{facts.IPV6}=")]
                tags = own.tags if own else (facts.written(facts.OWN, router.id), *ipv6)
                found.append(of_strings(router.id, tags))
        return found

    return read


def _changed(kind: str) -> Callable[[Call, Held, Mapping[str, str], Sequence[str]], Work]:
    """Change the tags of a record; a VPC's own resource gets its record with its first tag."""

    def change(call: Call, held: Held, tags: Mapping[str, str], gone: Sequence[str]) -> Work:
        work = _change(call, held, tags, gone)
        router_id = facts.one(held.raw, facts.OWN)
        if router_id is None:
            return work

        async def on_record() -> None:
            record = await markers.own_marker(call, kind, router_id, held.raw)
            await _change(call, replace(held, id=record.id), tags, gone)()

        return on_record

    return change


register(Store(INTERNET_GATEWAY, _records(markers.IGW), _change))


async def _nats(lists: Lists, named: Sequence[str]) -> list[Held]:
    routers = await all_routers(lists)
    return [of_strings(one.id, one.tags) for one in routers if facts.NAT in one.tags and not is_half_done(one.name)]


register(Store(NAT_GATEWAY, _nats, of_neutron("routers")))
register(Store(DHCP_OPTIONS, _records(markers.OPTIONS), _change))
register(Store(ROUTE_TABLE, _with_own(markers.TABLE), _changed(markers.TABLE)))
register(Store(NETWORK_ACL, _with_own(markers.ACL), _changed(markers.ACL)))
