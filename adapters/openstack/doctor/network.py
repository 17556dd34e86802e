"""Checks whether Neutron lets the gateway's own user act on projects' routers, and VPCs have a pool of IPv6."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from ipaddress import ip_network
from typing import Any, Final

from adapters.errors import BackendError
from adapters.openstack.doctor.examination import Examination
from adapters.openstack.doctor.findings import Finding, fine, note, problem

_ABOUT: Final = "network: router policy"
_POOL: Final = "network: IPv6 pool"
_BLOCK: Final = 56  # the prefix length of a VPC's block
_UNITS: Final = 1 << (64 - _BLOCK)  # Neutron counts the quota of a pool of IPv6 in networks of /64
_ADVICE: Final = "Give Neutron the rules of adapters/openstack/neutron/policy.yaml (docs/running.md)."


async def routers(at: Examination) -> AsyncIterator[Finding]:
    """List routers: without the policy's rules Neutron shows the gateway's user none of other projects."""
    if "network" not in at.token.catalog:
        return
    try:
        granted = await at.factory.sees_routers()
    except BackendError as error:
        yield note(_ABOUT, f"Neutron could not be asked: {error.detail or error.fault.value}", _ADVICE)
        return
    if granted:
        yield fine(_ABOUT, "the gateway's user may set external gateways without translation")
    else:
        yield note(
            _ABOUT,
            "the gateway's user sees no router, so routers of VPCs with an internet gateway translate addresses: "
            "instances without a public address reach the internet",
            f"{_ADVICE} Where they are given, no project has a router yet.",
        )


async def ipv6_pool(at: Examination) -> AsyncIterator[Finding]:
    """List subnet pools, where the operator names one that VPCs get their IPv6 blocks from."""
    if not at.ipv6_pool or "network" not in at.token.catalog:
        return
    found = await at.session().pages("network", "/subnetpools", "subnetpools", resource="subnetpool")
    for finding in pool(found, at.ipv6_pool, at.token.project_id):
        yield finding


def pool(found: Iterable[Mapping[str, Any]], wanted: str, project_id: str) -> Iterator[Finding]:
    """Judge the pool with this name or id among those that a project sees."""
    named = [one for one in found if wanted in (one["id"], one["name"])]
    if not named:
        yield problem(
            _POOL,
            f"the gateway's own project sees no subnet pool '{wanted}'",
            "See PASSERELLE_EC2_IPV6_POOL, and make the pool with --share.",
        )
    if len(named) > 1:
        yield problem(_POOL, f"{len(named)} subnet pools are named '{wanted}'", "Name the pool by its id.")
    if len(named) != 1:
        return
    [one] = named
    faults = list(_faults(one))
    for says, advice in faults:
        yield problem(_POOL, says, advice)
    if not one["shared"]:
        whose = "the gateway's own project" if one["project_id"] == project_id else "some projects"
        yield note(
            _POOL,
            f"the pool is not shared with all projects: {whose} may have IPv6 blocks",
            "`openstack network rbac create --type subnetpool --action access_as_shared` shares it with others.",
        )
    elif not faults:
        yield fine(_POOL, f"VPCs get blocks of /{_BLOCK} from {', '.join(one['prefixes'])}")


def _faults(one: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield why a pool gives no project a VPC's block, and what to do."""
    if one["ip_version"] != 6:
        yield "the pool is of IPv4", "Name one of IPv6 in PASSERELLE_EC2_IPV6_POOL."
        return
    least, most = int(one["min_prefixlen"]), int(one["max_prefixlen"])
    if not least <= _BLOCK <= most:
        yield (
            f"the pool gives blocks of /{least} to /{most}, and a VPC takes a /{_BLOCK}",
            f"`openstack subnet pool set --min-prefix-length {min(least, _BLOCK)} --max-prefix-length "
            f"{max(most, _BLOCK)} POOL`.",
        )
    if all(ip_network(prefix).prefixlen > _BLOCK for prefix in one["prefixes"]):
        yield (
            f"no prefix of the pool holds a /{_BLOCK}: {', '.join(one['prefixes'])}",
            "Add one: `openstack subnet pool set --pool-prefix PREFIX POOL`.",
        )
    quota = one.get("default_quota")
    if quota and quota < _UNITS:
        yield (
            f"a project may take {quota} networks of /64 from the pool, and a block has {_UNITS}",
            f"`openstack subnet pool set --default-quota` with a multiple of {_UNITS}.",
        )
