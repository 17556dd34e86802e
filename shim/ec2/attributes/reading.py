"""DescribeInstanceAttribute: one attribute of an instance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from adapters.types.compute import Server
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.instances import facts as instance_facts
from shim.ec2.instances.instances import existing
from shim.ec2.instances.rows import context_of, instance
from shim.ec2.interfaces.chosen import several_interfaces
from shim.ec2.service import action
from shim.errors import AwsError

Row = Mapping[str, Any]

STOP = "stop"  # Nova stops a server whose guest shuts down; it cannot terminate it

# Attribute → function of the server that returns the answer's member.  Terraform reads four of these for every
# instance each time, so nothing but the server is read for them.
_OF_SERVER: Mapping[str, Callable[[Server], dict[str, Any]]] = {
    "instanceType": lambda s: {"InstanceType": {"Value": s.flavor.name}},
    "kernel": lambda s: {"KernelId": {}},
    "ramdisk": lambda s: {"RamdiskId": {}},
    # Nova shows user data only to administrators; for other users the value is absent.
    "userData": lambda s: {"UserData": {"Value": s.user_data} if s.user_data else {}},
    "disableApiTermination": lambda s: {"DisableApiTermination": _fact(s, instance_facts.NO_TERMINATE)},
    "disableApiStop": lambda s: {"DisableApiStop": _fact(s, instance_facts.NO_STOP)},
    "instanceInitiatedShutdownBehavior": lambda s: {"InstanceInitiatedShutdownBehavior": {"Value": STOP}},
    "productCodes": lambda s: {"ProductCodes": []},
    "ebsOptimized": lambda s: {"EbsOptimized": _fact(s, instance_facts.EBS_OPTIMIZED)},
    "sriovNetSupport": lambda s: {"SriovNetSupport": {}},
    "enaSupport": lambda s: {"EnaSupport": {"Value": True}},
    "enclaveOptions": lambda s: {"EnclaveOptions": {"Enabled": False}},
}
# Attribute → function of the DescribeInstances row, which is joined from five lists.
_OF_ROW: Mapping[str, Callable[[Row], dict[str, Any]]] = {
    "rootDeviceName": lambda r: {"RootDeviceName": {"Value": r["RootDeviceName"]}},
    "blockDeviceMapping": lambda r: {"BlockDeviceMappings": r["BlockDeviceMappings"]},
    "sourceDestCheck": lambda r: {"SourceDestCheck": {"Value": r["SourceDestCheck"] is not False}},
    "groupSet": lambda r: {"Groups": r["SecurityGroups"]},
}
_OF_INTERFACE = ("sourceDestCheck", "groupSet")  # an instance has them by its only interface


@action(supports="InstanceId Attribute")
async def describe_instance_attribute(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read one attribute."""
    name = req["Attribute"]
    if name not in _OF_SERVER and name not in _OF_ROW:
        raise AwsError(
            "InvalidParameterValue", f"Value ({name}) for parameter attribute is invalid.", refused="Attribute"
        )
    (server,) = await existing(call, [req["InstanceId"]])
    if name in _OF_SERVER:
        found = _OF_SERVER[name](server)
    else:
        row = instance(server, await context_of(call, server))
        if name in _OF_INTERFACE and len(row["NetworkInterfaces"]) > 1:
            raise several_interfaces(row["InstanceId"])
        found = _OF_ROW[name](row)
    return {"InstanceId": ids.aws("i", server.id), **found}


def _fact(server: Server, name: str) -> dict[str, bool]:
    return {"Value": instance_facts.flag(server.metadata, name)}
