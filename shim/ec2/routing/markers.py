"""Resources that OpenStack lacks, kept as subnet pools.

A member of a project may create a subnet pool, and no network uses one unless it is asked to.  So a pool with tags is
a record that every OpenStack tool shows.  Its prefix is one that RFC 5737 reserves for documentation.

A VPC has one route table and one network ACL without a record.  Their ids have the UUID of the VPC's router, and their
record is created with the first fact about them, a tag or a route.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from adapters.errors import absent_is
from adapters.types import network as cloud
from shim.concurrency import gather_all
from shim.context import Call
from shim.ec2.engine import client_tokens
from shim.ec2.network import facts
from shim.ec2.tags.creating import HALF_DONE, CreateRequest, creating, half_done_name, is_half_done

IGW = "internet-gateway"
TABLE = "route-table"
ACL = "network-acl"
OPTIONS = "dhcp-options"

KIND = "ec2:kind"
# "The default network ACL is configured to allow all traffic to flow in and out": what its record has at first.
ENTRY = "ec2:entry"
_DEFAULT_ENTRIES = tuple(f"{ENTRY}={way}-100-ipv4" for way in ("egress", "ingress"))
# Of a VPC with an IPv6 block: "we automatically add rules that allow all IPv6 traffic"; 101 is AWS's number.
IPV6_ENTRIES = tuple(f"{ENTRY}={way}-101-ipv6" for way in ("egress", "ingress"))
PREFIX = "192.0.2.0/24"
_POOLS = "subnetpools"


def of_kind(pools: Iterable[cloud.SubnetPool], kind: str) -> list[cloud.SubnetPool]:
    """Return the records of one kind of resource, without those of VPCs' own and those that are half done."""
    return [
        pool
        for pool in pools
        if facts.written(KIND, kind) in pool.tags
        and not is_half_done(pool.name)
        and not facts.one(pool.tags, facts.OWN)
    ]


def own(pools: Iterable[cloud.SubnetPool], kind: str) -> dict[str, cloud.SubnetPool]:
    """Return the records of VPCs' own route tables or network ACLs, by the UUID of the VPC's router."""
    return {
        router: pool
        for pool in sorted(pools, key=lambda pool: pool.id, reverse=True)
        if facts.written(KIND, kind) in pool.tags and (router := facts.one(pool.tags, facts.OWN))
    }


def default_entries(tags: Iterable[str]) -> tuple[str, ...]:
    """Return what the default network ACL of a VPC has at first; `tags` are those of the VPC's router."""
    return (*_DEFAULT_ENTRIES, *(IPV6_ENTRIES if facts.one(tags, facts.IPV6) else ()))


async def create_marker(call: Call, asked: CreateRequest[Any], kind: str, *told: str) -> cloud.SubnetPool:
    """Create a record, or return the one that the same ClientToken made; its name is the half-done mark at first.

    Only requests that are alike wait for each other, and each takes away what one like it left half done.
    """
    new, network = creating(call, asked), call.cloud.network
    marked = half_done_name(kind, json.dumps(asked.params, sort_keys=True, default=str))
    strings = new.strings(facts.written(KIND, kind), *told, *(f"{name}={value}" for name, value in new.token.items()))

    async def find(token: Mapping[str, str]) -> list[tuple[cloud.SubnetPool, Mapping[str, str]]]:
        pools = await network.subnet_pools()
        half = [(one, {HALF_DONE: "", **new.token}) for one in pools if one.name == marked]
        wanted = [f"{name}={value}" for name, value in token.items()]
        same = [one for one in of_kind(pools, kind) if wanted and set(wanted) <= set(one.tags)]
        return half + [(one, _token(one.tags)) for one in same]

    async with new.once(find, name=marked):
        if new.earlier:
            earlier: cloud.SubnetPool = new.earlier[0]
            return earlier
        await gather_all(absent_is(None, network.delete_subnet_pool(one.id)) for one in new.half_done)
        pool = await network.create_subnet_pool(marked, PREFIX)
        new.undo(network.delete_subnet_pool, pool.id)
        await network.set_tags(_POOLS, pool.id, strings)
        await network.rename_subnet_pool(pool.id, facts.name(new.tags, f"ec2 {kind}"))
    return replace(pool, tags=tuple(strings))


async def own_marker(call: Call, kind: str, router_id: str, tags: Iterable[str] = ()) -> cloud.SubnetPool:
    """Return the record of a VPC's own route table or network ACL; create it if there is none.

    `tags` are those of the VPC's router: what a network ACL has at first follows from them.
    """
    network = call.cloud.network
    async with call.locks.hold(kind, call.caller.project_id, router_id):
        if found := own(await network.subnet_pools(), kind).get(router_id):
            return found
        pool = await network.create_subnet_pool(own_name(kind, router_id), PREFIX)
        strings = [facts.written(KIND, kind), facts.written(facts.OWN, router_id)]
        strings += default_entries(tags) if kind == ACL else ()
        await network.set_tags(_POOLS, pool.id, strings)
    return replace(pool, tags=tuple(strings))


def own_name(kind: str, router_id: str) -> str:
    """Return the name of the record of a VPC's own route table or network ACL."""
    return f"ec2 {kind} of {router_id}"


def _token(tags: Sequence[str]) -> Mapping[str, str]:
    found = {name: facts.one(tags, name) for name in (client_tokens.TOKEN, client_tokens.DIGEST)}
    return {name: value for name, value in found.items() if value is not None}
