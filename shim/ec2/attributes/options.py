"""Options of instances that are kept in the server's metadata and shown: monitoring and the metadata service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.types.compute import Server
from shim.concurrency import gather_all
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import INSTANCE
from shim.ec2.instances import facts as instance_facts
from shim.ec2.instances import metadata as instance_metadata
from shim.ec2.instances.instances import existing
from shim.ec2.instances.states import TERMINATED, state
from shim.ec2.service import action
from shim.errors import AwsError

_ECHOED = "echoed; Nova's metadata service has no such switches for a single server"


@action(supports="InstanceIds", ignores={"MetricCategoryIds": "Nova measures alike whether asked or not"})
async def monitor_instances(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Keep that detailed monitoring is wanted; Nova measures alike whether asked or not."""
    servers = await _alive(call, req)
    mark = {instance_facts.MONITORING: "1"}
    await gather_all(instance_metadata.change(call, one.id, mark) for one in servers)
    return _monitorings(servers, "pending")


@action(supports="InstanceIds", ignores={"MetricCategoryIds": "Nova measures alike whether asked or not"})
async def unmonitor_instances(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Forget that detailed monitoring is wanted."""
    servers = await _alive(call, req)
    await gather_all(
        instance_metadata.change(call, one.id, {}, [instance_facts.MONITORING])
        for one in servers
        if instance_facts.MONITORING in one.metadata
    )
    return _monitorings(servers, "disabling")


@action(supports="InstanceId", ignores=dict.fromkeys(instance_facts.OPTIONS, _ECHOED))
async def modify_instance_metadata_options(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Keep the options of an instance's metadata service; an option that is not given stays."""
    (server,) = await _alive(call, {"InstanceIds": [req["InstanceId"]]})
    given = {name: req[name] for name in instance_facts.OPTIONS if name in req}
    if not given:
        raise AwsError(
            "InvalidParameterCombination", "At least one metadata option must be specified.", refused="HttpTokens"
        )
    hops = given.get("HttpPutResponseHopLimit", 1)
    if not 1 <= hops <= 64:
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({hops}) for parameter HttpPutResponseHopLimit is invalid. The hop limit is from 1 to 64.",
            refused="HttpPutResponseHopLimit",
        )
    options = {**instance_facts.read_options(server.metadata), **given}
    item = {instance_facts.METADATA_OPTIONS: instance_facts.write_options(options)}
    await instance_metadata.change(call, server.id, item)
    return {"InstanceId": req["InstanceId"], "InstanceMetadataOptions": {"State": "pending", **options}}


CREDITS = Table(
    items="InstanceCreditSpecifications",
    id="InstanceId",
    ids="InstanceIds",
    resource_type=INSTANCE,
    filters={"instance-id": "InstanceId"},
)


@describes(CREDITS, supports="InstanceIds Filters MaxResults NextToken")
async def describe_instance_credit_specifications(call: Call, asked: Question) -> list[Row]:
    """List burstable instances, of which there are none."""
    if asked.ids:
        await existing(call, asked.ids)
        # "If you specify an instance ID that is not valid, such as an instance that is not a burstable performance
        # instance, an error is returned."
        raise AwsError(
            "UnsupportedOperation",
            f"The instance '{asked.ids[0]}' is not burstable: no instance type of this cloud is.",
            refused="InstanceIds",
        )
    return []


async def _alive(call: Call, req: Mapping[str, Any]) -> list[Server]:
    servers = await existing(call, req["InstanceIds"])
    for one in servers:
        if state(one) == TERMINATED:
            raise AwsError("IncorrectInstanceState", f"The instance '{ids.aws('i', one.id)}' is terminated.")
    return servers


def _monitorings(servers: list[Server], word: str) -> dict[str, Any]:
    rows = [{"InstanceId": ids.aws("i", one.id), "Monitoring": {"State": word}} for one in servers]
    return {"InstanceMonitorings": rows}
