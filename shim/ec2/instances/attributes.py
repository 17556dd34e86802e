"""Single attributes of an instance: read all, change those that are kept in the server's metadata."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from adapters.types.compute import Server
from shim.context import Call
from shim.ec2.instances import facts as instance_facts
from shim.ec2.instances import metadata as instance_metadata
from shim.ec2.instances.instances import existing
from shim.ec2.instances.rows import instance, instance_context
from shim.ec2.service import action
from shim.errors import AwsError
from shim.protocol.values import only

Row = Mapping[str, Any]

STOP = "stop"  # Nova stops a server whose guest shuts down; it cannot terminate it

# Attribute → function of the server and its DescribeInstances row that returns the answer's member.
_ATTRIBUTES: Mapping[str, Callable[[Server, Row], dict[str, Any]]] = {
    "instanceType": lambda s, r: {"InstanceType": {"Value": r["InstanceType"]}},
    "kernel": lambda s, r: {"KernelId": {}},
    "ramdisk": lambda s, r: {"RamdiskId": {}},
    # Nova shows user data only to administrators; for other users the value is absent.
    "userData": lambda s, r: {"UserData": {"Value": s.user_data} if s.user_data else {}},
    "disableApiTermination": lambda s, r: {"DisableApiTermination": _fact(s, instance_facts.NO_TERMINATE)},
    "disableApiStop": lambda s, r: {"DisableApiStop": _fact(s, instance_facts.NO_STOP)},
    "instanceInitiatedShutdownBehavior": lambda s, r: {"InstanceInitiatedShutdownBehavior": {"Value": STOP}},
    "rootDeviceName": lambda s, r: {"RootDeviceName": {"Value": r["RootDeviceName"]}},
    "blockDeviceMapping": lambda s, r: {"BlockDeviceMappings": r["BlockDeviceMappings"]},
    "productCodes": lambda s, r: {"ProductCodes": []},
    "sourceDestCheck": lambda s, r: {"SourceDestCheck": {"Value": r["SourceDestCheck"] is not False}},
    "groupSet": lambda s, r: {"Groups": r["SecurityGroups"]},
    "ebsOptimized": lambda s, r: {"EbsOptimized": _fact(s, instance_facts.EBS_OPTIMIZED)},
    "sriovNetSupport": lambda s, r: {"SriovNetSupport": {}},
    "enaSupport": lambda s, r: {"EnaSupport": {"Value": True}},
    "enclaveOptions": lambda s, r: {"EnclaveOptions": {"Enabled": False}},
}
# Nova always stops a server whose guest shuts down.
SHUTDOWN_STOPS = only(
    STOP,
    code="UnsupportedOperation",
    message="Instances of this cloud are stopped, not terminated, when their guest shuts down.",
)

# Attribute that ModifyInstanceAttribute can set → the fact that stores it.
_SETTABLE = {"DisableApiTermination": instance_facts.NO_TERMINATE, "DisableApiStop": instance_facts.NO_STOP}


@action(supports="InstanceId Attribute")
async def describe_instance_attribute(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read one attribute."""
    write = _ATTRIBUTES.get(req["Attribute"])
    if write is None:
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({req['Attribute']}) for parameter attribute is invalid.",
            refused="Attribute",
        )
    (server,) = await existing(call, [req["InstanceId"]])
    row = instance(server, await instance_context(call, [server.id]))
    return {"InstanceId": row["InstanceId"], **write(server, row)}


@action(
    supports="InstanceId Attribute Value DisableApiTermination DisableApiStop InstanceInitiatedShutdownBehavior",
    values={
        "Attribute": only("disableApiStop", "disableApiTermination", "instanceInitiatedShutdownBehavior"),
        "InstanceInitiatedShutdownBehavior.Value": SHUTDOWN_STOPS,
        "Value": replace(SHUTDOWN_STOPS, where={"Attribute": "instanceInitiatedShutdownBehavior"}),
    },
)
async def modify_instance_attribute(call: Call, req: Mapping[str, Any]) -> None:
    """Change one attribute, given by its own parameter or by Attribute and Value."""
    wanted = {name: req[name].get("Value") for name in (*_SETTABLE, "InstanceInitiatedShutdownBehavior") if name in req}
    if attribute := req.get("Attribute"):
        wanted[attribute[0].upper() + attribute[1:]] = req.get("Value")
    if len(wanted) != 1:
        raise AwsError(
            "InvalidParameterCombination", "Exactly one attribute can be modified in a request.", refused="Attribute"
        )
    ((name, value),) = wanted.items()
    said = str(value).lower()  # `Value` is a string; the parameter named for an attribute is a boolean
    if said not in (("true", "false") if name in _SETTABLE else (STOP,)):
        raise AwsError("InvalidParameterValue", f"Value ({value}) for parameter value is invalid.", refused="Value")
    (server,) = await existing(call, [req["InstanceId"]])
    if name not in _SETTABLE:
        return
    if said == "true":
        await instance_metadata.change(call, server.id, {_SETTABLE[name]: "1"})
    elif _SETTABLE[name] in server.metadata:
        await instance_metadata.change(call, server.id, {}, [_SETTABLE[name]])


def _fact(server: Server, name: str) -> dict[str, bool]:
    return {"Value": instance_facts.flag(server.metadata, name)}
