"""DescribeAddressesAttribute: the reverse DNS records of addresses, of which this cloud has none."""

from __future__ import annotations

from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import ALLOCATION
from shim.ec2.network.addresses import allocation_uuid, held_addresses, shown_addresses

ATTRIBUTES = Table(
    items="Addresses", id="AllocationId", ids="AllocationIds", resource_type=ALLOCATION, paged_ids=True, filters={}
)


@describes(ATTRIBUTES, supports="AllocationIds Attribute MaxResults NextToken")
async def describe_addresses_attribute(call: Call, asked: Question) -> list[Row]:
    """Name the addresses, those of NAT gateways among them; one without a record has no PtrRecord."""
    network = call.cloud.network
    free = await network.floating_ips()
    known = {ids.aws(ALLOCATION.prefix, allocation_uuid(one)) for one in free}
    routers = [] if asked.ids and known.issuperset(asked.ids) else await network.routers()
    return [
        {"AllocationId": ids.aws(ALLOCATION.prefix, allocation_uuid(one)), "PublicIp": one.address}
        for one in shown_addresses(call, [*free, *held_addresses(routers, free)])
    ]
