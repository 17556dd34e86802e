"""ModifyInstanceAttribute and ResetInstanceAttribute: change one attribute of an instance."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from adapters.types import network
from adapters.types.compute import Server
from shim.concurrency import gather_all
from shim.context import Call
from shim.ec2.attributes.reading import STOP
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import INSTANCE, SECURITY_GROUP, VOLUME
from shim.ec2.instances import facts as instance_facts
from shim.ec2.instances import metadata as instance_metadata
from shim.ec2.instances.instances import existing
from shim.ec2.instances.resizing import resize
from shim.ec2.instances.rows import block_devices
from shim.ec2.instances.states import STOPPED, TERMINATED, state
from shim.ec2.instances.types import flavor_named
from shim.ec2.interfaces.attributes import check_source, regroup
from shim.ec2.interfaces.chosen import several_interfaces
from shim.ec2.service import action
from shim.ec2.volumes.ending import unmark
from shim.ec2.volumes.rows import DELETED
from shim.errors import AwsError
from shim.protocol.values import but, only

# Nova always stops a server whose guest shuts down.
SHUTDOWN_STOPS = only(
    STOP,
    code="UnsupportedOperation",
    message="Instances of this cloud are stopped, not terminated, when their guest shuts down.",
)


@dataclass(frozen=True, slots=True)
class _Attribute:
    """One attribute: the request's own parameter for it, its type, how it is changed, and whether only while stopped.

    `check` raises AwsError for a value that no cloud could take.

    "To modify some attributes, the instance must be stopped" (ModifyInstanceAttribute).
    """

    parameter: str
    type: type
    change: Callable[[Call, Server, Any], Awaitable[None]]
    stopped: bool = False
    check: Callable[[Any], None] = lambda _value: None


def _flag(fact: str) -> Callable[[Call, Server, bool], Awaitable[None]]:
    """Return a function that keeps a boolean in the server's metadata."""

    async def change(call: Call, server: Server, on: bool) -> None:
        if on:
            await instance_metadata.change(call, server.id, {fact: "1"})
        elif fact in server.metadata:
            await instance_metadata.change(call, server.id, {}, [fact])

    return change


async def _nothing(call: Call, server: Server, value: Any) -> None:
    """Change nothing: the only value that is taken is what is always so."""


async def _type(call: Call, server: Server, name: str) -> None:
    await resize(call, server, await flavor_named(call, name))


async def _devices(call: Call, server: Server, mappings: list[Mapping[str, Any]]) -> None:
    """Choose for each named device whether its volume is deleted with the instance."""
    volumes = {volume.id: volume for volume in await call.cloud.block.volumes()}
    mapped = {row["DeviceName"]: row["Ebs"]["VolumeId"] for row in block_devices(server, volumes)}
    wanted: dict[str, bool] = {}
    for one in mappings:
        name, ebs = one.get("DeviceName", ""), one.get("Ebs") or {}
        if name not in mapped:
            raise AwsError("InvalidInstanceAttributeValue", f"No device is currently mapped at {name}")
        if ebs.get("VolumeId", mapped[name]) != mapped[name]:
            raise AwsError("InvalidInstanceAttributeValue", f"The volume {ebs['VolumeId']} is not mapped at {name}")
        if "DeleteOnTermination" in ebs:
            wanted[ids.uuid(VOLUME, mapped[name])] = ebs["DeleteOnTermination"]
    held = {one.id: one.delete_on_termination for one in server.volumes}
    compute = call.cloud.compute
    await gather_all(
        compute.set_delete_on_termination(server.id, volume, delete)
        for volume, delete in wanted.items()
        if held.get(volume) is not delete
    )
    stale = [uuid for uuid, delete in wanted.items() if not delete and DELETED in volumes[uuid].metadata]
    await gather_all(unmark(call, uuid) for uuid in stale)  # of a TerminateInstances after which the instance lives on


async def _interface(call: Call, server: Server) -> network.Port:
    """Return the only interface of an instance."""
    ports = await call.cloud.network.ports(device_ids=[server.id])
    instance = ids.aws(INSTANCE.prefix, server.id)
    if not ports:
        raise AwsError("IncorrectInstanceState", f"The instance '{instance}' has no network interface yet.")
    if len(ports) > 1:
        raise several_interfaces(instance)
    return ports[0]


def _check_groups(wanted: list[str]) -> None:
    for one in wanted:
        ids.check(SECURITY_GROUP, one)


async def _groups(call: Call, server: Server, wanted: list[str]) -> None:
    await regroup(call, await _interface(call, server), wanted)


async def _source(call: Call, server: Server, on: bool) -> None:
    await check_source(call, await _interface(call, server), {"Value": on})


_ATTRIBUTES: Mapping[str, _Attribute] = {
    "instanceType": _Attribute("InstanceType", str, _type, stopped=True),
    "disableApiTermination": _Attribute("DisableApiTermination", bool, _flag(instance_facts.NO_TERMINATE)),
    "disableApiStop": _Attribute("DisableApiStop", bool, _flag(instance_facts.NO_STOP)),
    "instanceInitiatedShutdownBehavior": _Attribute("InstanceInitiatedShutdownBehavior", str, _nothing),
    "ebsOptimized": _Attribute("EbsOptimized", bool, _flag(instance_facts.EBS_OPTIMIZED), stopped=True),
    "enaSupport": _Attribute("EnaSupport", bool, _nothing, stopped=True),
    "blockDeviceMapping": _Attribute("BlockDeviceMappings", list, _devices),
    "groupSet": _Attribute("Groups", list, _groups, check=_check_groups),
    "sourceDestCheck": _Attribute("SourceDestCheck", bool, _source),
}
_OF_IMAGES = ("kernel", "ramdisk")
_ALWAYS_ENA = only(
    True,
    code="UnsupportedOperation",
    message="The enhanced networking of an instance cannot be turned off on this cloud.",
)


@action(
    supports="InstanceId Attribute Value DisableApiTermination DisableApiStop InstanceInitiatedShutdownBehavior"
    " InstanceType EbsOptimized EnaSupport BlockDeviceMappings.DeviceName BlockDeviceMappings.Ebs"
    " Groups SourceDestCheck",
    values={
        "Attribute": only(*_ATTRIBUTES),
        "InstanceInitiatedShutdownBehavior.Value": SHUTDOWN_STOPS,
        "EnaSupport.Value": _ALWAYS_ENA,
        "Value": (
            replace(SHUTDOWN_STOPS, where={"Attribute": "instanceInitiatedShutdownBehavior"}),
            replace(_ALWAYS_ENA, named=("true",), where={"Attribute": "enaSupport"}),
        ),
    },
)
async def modify_instance_attribute(call: Call, req: Mapping[str, Any]) -> None:
    """Change one attribute, given by its own parameter or by Attribute and Value."""
    attribute, value = _asked(req)
    (server,) = await existing(call, [req["InstanceId"]])
    now = state(server)
    if now == TERMINATED or (attribute.stopped and now != STOPPED):
        raise AwsError(
            "IncorrectInstanceState",
            f"The instance '{req['InstanceId']}' is not in the 'stopped' state."
            if attribute.stopped
            else f"The instance '{req['InstanceId']}' is terminated.",
        )
    await attribute.change(call, server, value)


def _asked(req: Mapping[str, Any]) -> tuple[_Attribute, Any]:
    """Return the one attribute that a request changes, and its new value."""
    wanted: dict[str, Any] = {
        name: req[one.parameter] if one.type is list else req[one.parameter].get("Value")
        for name, one in _ATTRIBUTES.items()
        if one.parameter in req
    }
    named = req.get("Attribute")
    twice = named in wanted and "Value" in req
    if named:
        wanted.setdefault(named, req.get("Value"))
    if len(wanted) != 1 or twice:
        raise AwsError(
            "InvalidParameterCombination", "Exactly one attribute can be modified in a request.", refused="Attribute"
        )
    ((name, value),) = wanted.items()
    attribute = _ATTRIBUTES[name]
    if value is None:
        raise AwsError("MissingParameter", "The request must contain the parameter value", refused="Value")
    if attribute.type is bool and str(value).lower() in ("true", "false"):
        value = str(value).lower() == "true"  # `Value` is a string; the attribute's own parameter is a boolean
    if not isinstance(value, attribute.type) or value in ("", []):
        raise AwsError("InvalidParameterValue", f"Value ({value}) for parameter value is invalid.", refused="Value")
    attribute.check(value)
    return attribute, value


def _read_reset(settings: Any, principal: Any, operation: str, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Refuse what AWS refuses: "You can only reset the following attributes: kernel | ramdisk | sourceDestCheck"."""
    if req["Attribute"] not in ("sourceDestCheck", *_OF_IMAGES):
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({req['Attribute']}) for parameter attribute is invalid.",
            refused="Attribute",
        )
    return req


@action(
    supports="InstanceId Attribute",
    values={
        "Attribute": but(
            *_OF_IMAGES,
            code="UnsupportedOperation",
            message="Only sourceDestCheck of an instance can be reset: kernels and RAM disks belong to images here.",
        )
    },
    read=_read_reset,
)
async def reset_instance_attribute(call: Call, req: Mapping[str, Any]) -> None:
    """Reset the source/destination check to true."""
    (server,) = await existing(call, [req["InstanceId"]])
    if state(server) == TERMINATED:
        raise AwsError("IncorrectInstanceState", f"The instance '{req['InstanceId']}' is terminated.")
    await _source(call, server, True)
