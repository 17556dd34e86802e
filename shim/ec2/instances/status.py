"""DescribeInstanceStatus.  Nova reports no status checks, so an instance that runs without an error passes them."""

from __future__ import annotations

from typing import Any

from adapters.types.compute import Server
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row, compiled, never, nothing
from shim.ec2.engine.resource_types import INSTANCE
from shim.ec2.engine.zones import ZoneNames, resolve_zone_ids, zone_names
from shim.ec2.instances.instances import may_have_ended, servers_of
from shim.ec2.instances.states import RUNNING, shown, state

STATUSES = Table(
    items="InstanceStatuses",
    id="InstanceId",
    ids="InstanceIds",
    resource_type=INSTANCE,
    paged_ids=False,
    filters={
        "application-status.status": "ApplicationStatus.Status",
        "attached-ebs-status.status": "AttachedEbsStatus.Status",
        "availability-zone": "AvailabilityZone",
        "availability-zone-id": "AvailabilityZoneId",  # see `zones.resolve_zone_ids`
        "event.code": "Events.Code",
        "event.description": "Events.Description",
        "event.instance-event-id": "Events.InstanceEventId",
        "event.not-after": "Events.NotAfter",
        "event.not-before": "Events.NotBefore",
        "event.not-before-deadline": "Events.NotBeforeDeadline",
        "instance-state-code": "InstanceState.Code",
        "instance-state-name": "InstanceState.Name",
        "instance-status.reachability": "InstanceStatus.Details.Status",
        "instance-status.status": "InstanceStatus.Status",
        "operator.managed": never,
        "operator.principal": nothing,
        "system-status.reachability": "SystemStatus.Details.Status",
        "system-status.status": "SystemStatus.Status",
    },
)
# A filter, so that named instances that do not run are left out and do not raise NotFound.
_RUNNING = compiled([{"Name": "instance-state-name", "Values": [RUNNING]}], STATUSES.filters)


@describes(
    STATUSES,
    supports="InstanceIds Filters MaxResults NextToken IncludeAllInstances",
    ignores={"IncludeManagedResources": "no service of this cloud manages instances of its own for an account"},
)
async def describe_instance_status(call: Call, asked: Question) -> list[Row]:
    """List the status of running instances, or of all instances."""
    if not asked.req.get("IncludeAllInstances"):
        asked.filters += _RUNNING
    named = [ids.uuid(INSTANCE, one) for one in asked.ids]
    # Named instances that were terminated are left out or shown; unknown ids raise NotFound.
    ended = bool(named) or await may_have_ended(asked)
    servers, _ = await gather(servers_of(call, named, ended=ended), resolve_zone_ids(call, asked, STATUSES))
    names = zone_names(call)
    return [_row(server, names) for server in servers]


def _row(server: Server, names: ZoneNames) -> dict[str, Any]:
    word = "not-applicable"
    if state(server) == RUNNING:
        word = "impaired" if server.status == "ERROR" else "ok"
    check = {"ok": "passed", "impaired": "failed"}.get(word)
    details = [{"Name": "reachability", "Status": check}] if check else []
    return {
        "InstanceId": ids.aws("i", server.id),
        "AvailabilityZone": names.shown(server.zone) or None,
        "InstanceState": shown(state(server)),
        "InstanceStatus": {"Status": word, "Details": details},
        "SystemStatus": {"Status": word, "Details": details},
        "Events": [],
    }
