"""Find what requests about interfaces name: an interface, its subnet, its security groups; and mark interfaces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, ip_network

from adapters.errors import absent_is
from adapters.types import network as cloud
from shim.concurrency import gather_all
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import INTERFACE, SECURITY_GROUP, SUBNET
from shim.ec2.network.default_groups import default_of
from shim.ec2.network.interface_rows import APART, ENDS, PLACE
from shim.ec2.network.interfaces import is_interface
from shim.ec2.network.layout import VpcLayout
from shim.ec2.network.security_groups import VPC_TAG, vpc_of
from shim.errors import AwsError

ATTACHMENT_PREFIX = "eni-attach"


async def one_interface(call: Call, interface_id: str) -> cloud.Port:
    """Read the project's own interface; raises NotFound, and OperationNotPermitted for one that a service manages."""
    port = await call.cloud.network.port(ids.uuid(INTERFACE, interface_id))
    if not is_interface(port) or port.project_id != call.caller.project_id:
        raise ids.missing(INTERFACE, [interface_id])
    if port.device_owner and not port.device_owner.startswith("compute:"):
        raise AwsError(
            "OperationNotPermitted", f"The network interface '{interface_id}' is managed by {port.device_owner}."
        )
    return port


def several_interfaces(instance_id: str) -> AwsError:
    """Return the error for an instance with several interfaces, where a request means its only one.

    The sentence is AWS's as seen in https://github.com/hashicorp/terraform/issues/3205.
    """
    return AwsError(
        "InvalidInstanceID",
        f"There are multiple interfaces attached to instance '{instance_id}'. Please specify an interface ID for the "
        "operation instead.",
    )


def no_attachment(attachment_id: str) -> AwsError:
    """Return the error for an attachment that does not exist."""
    return AwsError("InvalidAttachmentID.NotFound", f"The attachment ID '{attachment_id}' does not exist")


def one_subnet(subnets: Iterable[cloud.Subnet], layout: VpcLayout, uuid: str) -> cloud.Subnet:
    """Return an IPv4 subnet that is not external."""
    for subnet in subnets:
        if subnet.id == uuid and subnet.version == 4 and subnet.network_id in layout.networks:
            return subnet
    raise ids.missing(SUBNET, [ids.aws("subnet", uuid)])


def chosen_groups(
    call: Call, groups: Sequence[cloud.SecurityGroup], layout: VpcLayout, network_id: str, wanted: Sequence[str]
) -> tuple[str, ...]:
    """Return the UUIDs of the wanted groups (ids), or of the default group of the network's VPC."""
    by_id = {ids.aws("sg", group.id): group for group in groups}
    vpc = layout.vpc_of(network_id)
    if not wanted:
        default = default_of(groups, vpc, call.caller.project_id)
        return (default.id,) if default else ()
    for one in wanted:
        ids.uuid(SECURITY_GROUP, one)
    if absent := [one for one in wanted if one not in by_id]:
        raise ids.missing(SECURITY_GROUP, absent)
    found = [by_id[one] for one in dict.fromkeys(wanted)]
    # A group without a VPC's tag is OpenStack's own, for all networks of the project.
    if any(tag.startswith(VPC_TAG) and vpc_of(one, layout) != vpc for one in found for tag in one.tags):
        raise AwsError(
            "InvalidParameter",
            "You have specified two resources that belong to different networks.",
            refused="Groups",
        )
    return tuple(one.id for one in found)


def in_subnet(address: str, subnet: cloud.Subnet) -> None:
    """Raise InvalidParameterValue unless an address is one of a subnet's hosts."""
    block = ip_network(subnet.cidr)
    if IPv4Address(address) not in block or address in (str(block[0]), str(block[-1])):
        raise AwsError(
            "InvalidParameterValue",
            f"Address {address} does not fall within the subnet's address range",
            refused="PrivateIpAddress",
        )


async def mark_apart(call: Call, port: cloud.Port, place: int | None = None) -> None:
    """Mark an interface before it is attached: Nova keeps it, and it has a device index if one is given.

    Marks of an earlier attachment go.
    """
    wanted = [APART] if place is None else [APART, f"{PLACE}{place}"]
    await replace_marks(call, port, (PLACE, ENDS), wanted)


async def replace_marks(call: Call, port: cloud.Port, old: Sequence[str], wanted: Sequence[str]) -> None:
    """Replace a port's tags that begin with one of `old` by the wanted ones."""
    network = call.cloud.network
    gone = [tag for tag in port.tags if tag.startswith(tuple(old)) and tag not in wanted]
    await gather_all(absent_is(None, network.remove_tag("ports", port.id, tag)) for tag in gone)
    await gather_all(network.add_tag("ports", port.id, tag) for tag in wanted if tag not in port.tags)
