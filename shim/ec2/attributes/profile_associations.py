"""Associations of instances with IAM instance profiles, kept and shown where the operator lets them be echoed.

An instance has one association at most, so the association's id is the instance's with another prefix.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.types.compute import Server
from shim.config import Settings
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import PROFILE_ASSOCIATION
from shim.ec2.instances import facts as instance_facts
from shim.ec2.instances import metadata as instance_metadata
from shim.ec2.instances import profiles
from shim.ec2.instances.instances import existing
from shim.ec2.instances.states import TERMINATED, state
from shim.ec2.service import action
from shim.errors import AwsError

ASSOCIATIONS = Table(
    items="IamInstanceProfileAssociations",
    id="AssociationId",
    ids="AssociationIds",
    resource_type=PROFILE_ASSOCIATION,
    filters={"instance-id": "InstanceId", "state": "State"},
)


_VALUES = {"IamInstanceProfile": profiles.NEEDS_SETTING}


def _check(settings: Settings, principal: Any, operation: str, req: Mapping[str, Any]) -> Mapping[str, Any]:
    profiles.check(settings, req["IamInstanceProfile"] or {"Name": ""})
    return req


@action(supports="IamInstanceProfile InstanceId", values=_VALUES, read=_check)
async def associate_iam_instance_profile(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Keep a profile with an instance that has none."""
    (server,) = await existing(call, [req["InstanceId"]])
    if instance_facts.PROFILE in server.metadata:
        raise AwsError("IncorrectState", f"There is an existing association for instance {ids.aws('i', server.id)}")
    return await _keep(call, server, req["IamInstanceProfile"])


@action(supports="IamInstanceProfile AssociationId", values=_VALUES, read=_check)
async def replace_iam_instance_profile_association(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Keep another profile with an instance."""
    return await _keep(call, await _associated(call, req["AssociationId"]), req["IamInstanceProfile"])


@action(supports="AssociationId")
async def disassociate_iam_instance_profile(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Forget the profile of an instance."""
    server = await _associated(call, req["AssociationId"])
    await instance_metadata.change(call, server.id, {}, [instance_facts.PROFILE])
    return {"IamInstanceProfileAssociation": {**_row(server), "State": "disassociating"}}


@describes(ASSOCIATIONS, supports="AssociationIds Filters MaxResults NextToken")
async def describe_iam_instance_profile_associations(call: Call, asked: Question) -> list[Row]:
    """List the associations."""
    return [_row(one) for one in await call.cloud.compute.servers() if instance_facts.PROFILE in one.metadata]


async def _keep(call: Call, server: Server, asked: Mapping[str, Any]) -> dict[str, Any]:
    if state(server) == TERMINATED:
        raise AwsError("IncorrectInstanceState", f"The instance '{ids.aws('i', server.id)}' is terminated.")
    item = {instance_facts.PROFILE: profiles.arn(asked, call.caller.account_id)}
    await instance_metadata.change(call, server.id, item)
    return {"IamInstanceProfileAssociation": {**_row(server, item), "State": "associating"}}


async def _associated(call: Call, association_id: str) -> Server:
    uuid = ids.uuid(PROFILE_ASSOCIATION, association_id)
    for one in await call.cloud.compute.servers():
        if one.id == uuid and instance_facts.PROFILE in one.metadata:
            return one
    raise ids.missing(PROFILE_ASSOCIATION, [association_id])


def _row(server: Server, metadata: Mapping[str, str] | None = None) -> dict[str, Any]:
    return {
        "AssociationId": ids.aws(PROFILE_ASSOCIATION.prefix, server.id),
        "InstanceId": ids.aws("i", server.id),
        "IamInstanceProfile": profiles.shown(server.metadata if metadata is None else metadata),
        "State": "associated",
    }
