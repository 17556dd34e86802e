"""What route tables and network ACLs have in common: each belongs to a VPC, and each VPC has one of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from adapters.errors import absent_is
from adapters.types import network as cloud
from shim.config import Settings
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import VPC, ResourceType
from shim.ec2.network import facts
from shim.ec2.routing import markers
from shim.ec2.routing.state import State, read_state
from shim.ec2.tags.creating import CreateRequest


@dataclass(frozen=True, slots=True)
class VpcRecord:
    """A resource of a VPC; `own` if it is the VPC's own one, which may have no record (`pool`) yet."""

    uuid: str
    router: cloud.Router
    pool: cloud.SubnetPool | None
    own: bool

    @property
    def vpc(self) -> str:
        """The EC2 id of the VPC."""
        return ids.aws("vpc", self.router.id)

    @property
    def tags(self) -> tuple[str, ...]:
        """Neutron's tags of the record."""
        return self.pool.tags if self.pool else ()


R = TypeVar("R", bound=VpcRecord)
Make = Callable[[str, cloud.Router, cloud.SubnetPool | None, bool], R]


def of_vpcs(state: State, kind: str, make: Make[R]) -> dict[str, R]:
    """Return all resources of a kind by their UUIDs; those of VPCs that are gone are left out."""
    records = markers.own(state.pools, kind)
    found = {router.id: make(router.id, router, records.get(router.id), True) for router in state.vpcs.values()}
    for pool in markers.of_kind(state.pools, kind):
        router = state.vpcs.get(facts.one(pool.tags, facts.VPC) or "")
        if router is not None:
            found[pool.id] = make(pool.id, router, pool, False)
    return found


def named(known: Mapping[str, R], resource_type: ResourceType, id: str) -> R:
    """Return the resource with an EC2 id; raise its NotFound."""
    found = known.get(ids.uuid(resource_type, id))
    if found is None:
        raise ids.missing(resource_type, [id])
    return found


def check_vpc(settings: Settings, req: Mapping[str, Any]) -> None:
    """Check the form of the VPC's id, before a dry run."""
    ids.check(VPC, req["VpcId"])


async def create(call: Call, asked: CreateRequest[None], kind: str, make: Make[R]) -> tuple[State, R]:
    """Create the record of a resource in the VPC that the request names; return it with the state read before."""
    state = await read_state(call)
    router = state.vpc(asked.params["VpcId"])
    made = await markers.create_marker(call, asked, kind, facts.written(facts.VPC, router.id))
    return state, make(made.id, router, made, False)


def created(asked: CreateRequest[None], member: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """Write the answer of a creation, which repeats the ClientToken if the request had one."""
    token = asked.params.get("ClientToken")
    return {member: row, **({"ClientToken": token} if token else {})}


async def write_fact(
    call: Call, undo: Callable[..., None], about: cloud.Subnet | cloud.Router, name: str, wanted: str
) -> None:
    """Make `wanted` (a fact as a tag; '' for none) the only fact of its name on a subnet or router.

    Each call is undone although it seems to fail: an answer can be lost when the work is done.
    """
    network, plural = call.cloud.network, "routers" if isinstance(about, cloud.Router) else "subnets"
    old = [facts.written(name, one) for one in facts.every(about.tags, name)]
    for tag in old:
        if tag != wanted:
            undo(network.add_tag, plural, about.id, tag)
            await remove_tag(call, plural, about.id, tag)
    if wanted and wanted not in old:
        undo(remove_tag, call, plural, about.id, wanted)
        await network.add_tag(plural, about.id, wanted)


async def remove_tag(call: Call, plural: str, id: str, tag: str) -> None:
    """Remove a tag, which may be gone already."""
    await absent_is(None, call.cloud.network.remove_tag(plural, id, tag))
