"""The external network, to which internet gateways lead, and which VPC each of these is attached to."""

from __future__ import annotations

from collections.abc import Iterable

from adapters.errors import Fault
from adapters.types import network as cloud
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.network import facts
from shim.ec2.network.vpcs import is_vpc
from shim.ec2.routing import markers
from shim.errors import AwsError

# Faults that show that the gateway's own user may not change another project's router.
NOT_GRANTED = (Fault.FORBIDDEN, Fault.NOT_FOUND, Fault.UNSUPPORTED)


async def external_network(call: Call) -> cloud.Network:
    """Return the external network; raise UnsupportedOperation if the cloud has none, or several and none is chosen."""
    networks = await call.cloud.network.networks(external=True)
    wanted = call.settings.external_network
    found = [one for one in networks if wanted in ("", one.id, one.name)]
    if len(found) != 1:
        raise AwsError("UnsupportedOperation", "This cloud has no external network, or several and none is configured.")
    return found[0]


def attachments(
    routers: Iterable[cloud.Router], pools: Iterable[cloud.SubnetPool]
) -> list[tuple[cloud.SubnetPool | cloud.Router, cloud.Router | None]]:
    """Return each internet gateway with the router that it is attached to.

    A router that is connected, and that no record names, stands for its gateway itself.
    """
    connected = {one.id: one for one in routers if is_vpc(one) and one.gateway is not None}
    found: list[tuple[cloud.SubnetPool | cloud.Router, cloud.Router | None]] = []
    named = set[str]()
    for pool in sorted(markers.of_kind(pools, markers.IGW), key=lambda pool: pool.id):
        router = connected.get(facts.one(pool.tags, facts.VPC) or "")
        if router is not None and router.id in named:
            router = None
        if router is not None:
            named.add(router.id)
        found.append((pool, router))
    return found + [(router, router) for router in connected.values() if router.id not in named]


def gateway_ids(routers: Iterable[cloud.Router], pools: Iterable[cloud.SubnetPool]) -> dict[str, str]:
    """Return the EC2 id of the internet gateway of each connected VPC, by the router's UUID."""
    return {router.id: ids.aws("igw", one.id) for one, router in attachments(routers, pools) if router is not None}
