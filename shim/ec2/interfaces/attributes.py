"""Single attributes of an interface: read, change and reset them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from adapters.types import network as cloud
from adapters.types.network import AllowedAddress
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import SECURITY_GROUP
from shim.ec2.interfaces.chosen import ATTACHMENT_PREFIX, chosen_groups, no_attachment, one_interface, replace_marks
from shim.ec2.network.interface_rows import ALL_ADDRESSES, AMAZON, ANYWHERE, ENDS, of_server, source_dest_check
from shim.ec2.network.interfaces import interface_rows
from shim.ec2.network.layout import vpc_layout
from shim.ec2.service import action
from shim.errors import AwsError

_LONGEST_DESCRIPTION = 255
Row = Mapping[str, Any]

_ATTRIBUTES: Mapping[str, Callable[[Row], dict[str, Any]]] = {
    "description": lambda row: {"Description": {"Value": row["Description"]}},
    "groupSet": lambda row: {"Groups": row["Groups"]},
    "sourceDestCheck": lambda row: {"SourceDestCheck": {"Value": row["SourceDestCheck"]}},
    "attachment": lambda row: {"Attachment": row["Attachment"]} if row["Attachment"] else {},
    # Whether a public address was given at the launch; an Elastic IP address was not.
    "associatePublicIpAddress": lambda row: {
        "AssociatePublicIpAddress": (row["Association"] or {}).get("IpOwnerId") == AMAZON
    },
}


@action(supports="NetworkInterfaceId Attribute")
async def describe_network_interface_attribute(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read one attribute."""
    attribute = req.get("Attribute")
    if not attribute:
        raise _none()
    if attribute not in _ATTRIBUTES:
        raise AwsError(
            "InvalidParameterValue", f"Value ({attribute}) for parameter attribute is invalid.", refused="Attribute"
        )
    port = await one_interface(call, req["NetworkInterfaceId"])
    (row,) = await interface_rows(call, [port.id])
    return {"NetworkInterfaceId": row["NetworkInterfaceId"], **_ATTRIBUTES[attribute](row)}


@action(
    supports="NetworkInterfaceId Description SourceDestCheck Groups Attachment.AttachmentId"
    " Attachment.DeleteOnTermination"
)
async def modify_network_interface_attribute(call: Call, req: Mapping[str, Any]) -> None:
    """Change one attribute."""
    wanted = {name: req[name] for name in _CHANGES if req.get(name)}
    if len(wanted) != 1:
        raise (
            _none()
            if not wanted
            else AwsError("InvalidParameterCombination", "Exactly one attribute can be modified in a request.")
        )
    ((name, value),) = wanted.items()
    if name == "Attachment":
        for member in ("AttachmentId", "DeleteOnTermination"):
            if value.get(member) is None:
                raise AwsError(
                    "MissingParameter", f"The request must contain the parameter {member}", refused="Attachment"
                )
    elif name == "Groups":
        for group in value:
            ids.check(SECURITY_GROUP, group)
    elif "Value" not in value:
        raise _none()
    port = await one_interface(call, req["NetworkInterfaceId"])
    await _CHANGES[name](call, port, value)


@action(supports="NetworkInterfaceId SourceDestCheck")
async def reset_network_interface_attribute(call: Call, req: Mapping[str, Any]) -> None:
    """Reset the source/destination check to true, the only attribute that can be reset."""
    if not req.get("SourceDestCheck"):
        raise _none()
    await check_source(call, await one_interface(call, req["NetworkInterfaceId"]), {"Value": True})


async def _describe(call: Call, port: cloud.Port, value: Mapping[str, Any]) -> None:
    if len(value["Value"]) > _LONGEST_DESCRIPTION:
        raise AwsError(
            "InvalidParameterValue",
            f"The description has more than {_LONGEST_DESCRIPTION} characters.",
            refused="Description",
        )
    await call.cloud.network.update_port(port.id, description=value["Value"])


async def check_source(call: Call, port: cloud.Port, value: Mapping[str, Any]) -> None:
    """Let a port send from any address, or from its own only; addresses that OpenStack's tools allowed stay allowed."""
    if value["Value"] == source_dest_check(port):
        return
    if not port.port_security:
        raise AwsError(
            "UnsupportedOperation",
            f"Port security of the network interface '{ids.aws('eni', port.id)}' was turned off in OpenStack.",
            refused="SourceDestCheck",
        )
    others = [one for one in port.allowed if one.address not in ALL_ADDRESSES]
    everywhere = [] if value["Value"] else [AllowedAddress(one) for one in ANYWHERE]
    await call.cloud.network.update_port(port.id, allowed=[*others, *everywhere])


async def regroup(call: Call, port: cloud.Port, wanted: list[str]) -> None:
    """Give a port other security groups (ids); raises NotFound, and InvalidParameter for one of another VPC."""
    groups, layout = await gather(call.cloud.network.security_groups(), vpc_layout(call))
    chosen = chosen_groups(call, groups, layout, port.network_id, wanted)
    await call.cloud.network.update_port(port.id, security_groups=chosen)


async def _end_with_instance(call: Call, port: cloud.Port, value: Mapping[str, Any]) -> None:
    if value["AttachmentId"] != ids.aws(ATTACHMENT_PREFIX, port.id) or not of_server(port):
        raise no_attachment(value["AttachmentId"])
    await replace_marks(call, port, (ENDS,), [f"{ENDS}{str(value['DeleteOnTermination']).lower()}"])


_CHANGES: Mapping[str, Callable[[Call, cloud.Port, Any], Awaitable[None]]] = {
    "Description": _describe,
    "SourceDestCheck": check_source,
    "Groups": regroup,
    "Attachment": _end_with_instance,
}


def _none() -> AwsError:
    return AwsError("InvalidParameterCombination", "No attributes specified.", refused="Attribute")
