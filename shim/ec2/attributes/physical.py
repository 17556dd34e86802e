"""What OpenStack does not tell of an instance's machine: where it stands, and the variables of its firmware."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from shim.context import Call
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import INSTANCE
from shim.ec2.instances.instances import existing
from shim.ec2.service import action
from shim.errors import AwsError

TOPOLOGY = Table(
    items="Instances",
    id="InstanceId",
    ids="InstanceIds",
    resource_type=INSTANCE,
    paged_ids=False,
    most=100,
    filters={"availability-zone": "AvailabilityZone", "instance-type": "InstanceType", "zone-id": "ZoneId"},
)


@describes(TOPOLOGY, supports="InstanceIds Filters MaxResults NextToken")
async def describe_instance_topology(call: Call, asked: Question) -> list[Row]:
    """List no instance: AWS leaves out those of types without a topology, and Nova knows of none."""
    if asked.ids:
        await existing(call, asked.ids)
        asked.ids = []
    return []


@action(supports="InstanceId")
async def get_instance_uefi_data(call: Call, req: Mapping[str, Any]) -> NoReturn:
    """Refuse: Nova does not give out the variables of a server's firmware."""
    await existing(call, [req["InstanceId"]])
    raise AwsError(
        "UnsupportedOperation", f"The UEFI data of the instance '{req['InstanceId']}' cannot be read on this cloud."
    )
