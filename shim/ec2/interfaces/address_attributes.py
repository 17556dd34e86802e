"""DescribeAddressesAttribute: the reverse DNS records of addresses, of which this cloud has none."""

from __future__ import annotations

from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import ALLOCATION
from shim.ec2.network.addresses import addresses_of, allocation_uuid

ATTRIBUTES = Table(
    items="Addresses", id="AllocationId", ids="AllocationIds", resource_type=ALLOCATION, paged_ids=True, filters={}
)


@describes(ATTRIBUTES, supports="AllocationIds Attribute MaxResults NextToken")
async def describe_addresses_attribute(call: Call, asked: Question) -> list[Row]:
    """Name the addresses, those of NAT gateways among them; one without a record has no PtrRecord."""
    return [
        {"AllocationId": ids.aws(ALLOCATION.prefix, allocation_uuid(one)), "PublicIp": one.address}
        for one in await addresses_of(call, asked.ids)
    ]
