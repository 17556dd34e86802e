"""The parts of a default VPC: its subnets, its internet gateway and the route to it; and how an unfinished one goes."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Network

from adapters.errors import absent_is
from adapters.types import network as cloud
from shim.concurrency import gather, gather_all
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import INTERNET_GATEWAY
from shim.ec2.network import facts
from shim.ec2.network.default_groups import belongs_to
from shim.ec2.network.layout import ROUTER_PORTS
from shim.ec2.routing import markers
from shim.ec2.routing.internet_gateways import connect
from shim.ec2.subnets.making import Wanted, make
from shim.ec2.tags.creating import half_done_name

HALF_DONE_SUBNET = half_done_name("default subnet")
_EVERYWHERE = "0.0.0.0/0"


async def make_subnet(
    call: Call, undo: Callable[..., None], router: cloud.Router, block: IPv4Network, zone: str | None
) -> tuple[cloud.Subnet, cloud.Network]:
    """Create a default subnet with its network."""
    of_network = (*facts.of_subnets_network(router.id, zone), facts.DEFAULT)
    wanted = Wanted(block, HALF_DONE_SUBNET, f"default subnet {block}", of_network, (facts.MAP_PUBLIC,))
    subnet, made, _ = await make(call, undo, router, wanted)
    return subnet, made


async def make_gateway(call: Call, router_id: str, outside: str) -> None:
    """Attach an internet gateway to a VPC, and lead its main route table there."""
    network = call.cloud.network
    pool = await network.create_subnet_pool(_half_done_gateway(router_id), markers.PREFIX)
    told = [facts.written(markers.KIND, markers.IGW), facts.written(facts.VPC, router_id)]
    await network.set_tags("subnetpools", pool.id, told)
    await connect(call, router_id, outside)
    table = await markers.own_marker(call, markers.TABLE, router_id)
    target = ids.aws(INTERNET_GATEWAY.prefix, pool.id)
    await network.add_tag("subnetpools", table.id, facts.written(facts.ROUTE, f"{_EVERYWHERE}={target}"))
    await network.rename_subnet_pool(pool.id, f"ec2 {markers.IGW}")


async def remove_vpc(call: Call, router_id: str) -> None:
    """Delete a default VPC that was left half done: the router last, since it leads to all that was made for it."""
    network = call.cloud.network
    ports, networks, pools, groups = await gather(
        network.ports(device_ids=[router_id]),
        network.networks(external=False),
        network.subnet_pools(),
        network.security_groups(),
    )
    for port in ports:
        if port.device_owner in ROUTER_PORTS:
            await absent_is(None, network.remove_interface(router_id, port_id=port.id))
    mine = facts.written(facts.VPC, router_id)
    inside = {port.network_id for port in ports if port.device_owner in ROUTER_PORTS}
    gone = [one.id for one in networks if one.id in inside or mine in one.tags or one.name == HALF_DONE_SUBNET]
    await gather_all(absent_is(None, network.delete_network(one)) for one in gone)
    tags = {mine, facts.written(facts.OWN, router_id)}
    names = _half_done_gateway(router_id), markers.own_name(markers.TABLE, router_id)
    records = [one.id for one in pools if tags & set(one.tags) or one.name in names]
    await gather_all(absent_is(None, network.delete_subnet_pool(one)) for one in records)
    default = [one.id for one in groups if belongs_to(one, router_id)]
    await gather_all(absent_is(None, network.delete_security_group(one)) for one in default)
    await absent_is(None, network.delete_router(router_id))


def _half_done_gateway(router_id: str) -> str:
    return half_done_name("default internet gateway", router_id)
