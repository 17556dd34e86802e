"""AssociateAddress and DisassociateAddress: a floating IP with one private address of a port."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.errors import BackendError, Fault
from adapters.types import network as cloud
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import ALLOCATION, INSTANCE, INTERFACE
from shim.ec2.interfaces.allocation import ONE_NAME
from shim.ec2.interfaces.chosen import several_interfaces
from shim.ec2.network.addresses import allocation_uuid, check_address, shown_addresses
from shim.ec2.network.interface_rows import association_id, is_automatic
from shim.ec2.network.layout import vpc_layout
from shim.ec2.service import Forbidden, action
from shim.errors import AwsError
from shim.undo import undoing


@action(
    supports="AllocationId PublicIp InstanceId NetworkInterfaceId PrivateIpAddress AllowReassociation",
    forbids=(ONE_NAME,),
)
async def associate_address(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Associate an address with an interface; both leave what they were associated with, unless that is forbidden.

    "You can specify either the instance ID or the network interface ID, but not both", but AWS refuses no request with
    both: it takes the instance, and gives its errors.  Terraform's `aws_eip` moves by this: it names the instance to
    move to, and the interface to move from, which may be gone (its TestAccEC2EIP_Instance_associatedUserPrivateIP, and
    https://github.com/hashicorp/terraform/pull/3036).
    """
    _check(req)
    network = call.cloud.network
    floating, ports = await gather(network.floating_ips(), _ports(call, req))
    known = shown_addresses(call, floating)
    address = _named(known, req)
    port = _target(req, ports)
    fixed = _private(port, req)
    association = association_id(address.id, port.id, fixed)
    if address.port_id == port.id and address.fixed == fixed:
        return {"AssociationId": association}
    there = [one for one in known if one.port_id == port.id and one.fixed == fixed]
    given = [one for one in floating if is_automatic(one) and one.port_id == port.id and one.fixed == fixed]
    # "Reassociation is automatic, but you can specify false to ensure the operation fails if the Elastic IP address is
    # already associated with another resource."
    if req.get("AllowReassociation") is False:
        for one in (address, *there):
            if one.port_id:
                raise _already(one)
    async with undoing() as undo:
        for one in there:
            await network.associate_floating_ip(one.id, None)
            undo(network.associate_floating_ip, one.id, port.id, fixed)
        # AWS releases the address that an instance was given at launch when an Elastic IP address takes its place.
        for one in given:
            await network.delete_floating_ip(one.id)
            undo(network.create_floating_ip, one.network_id, one.description, port.id, fixed)
        try:
            await network.associate_floating_ip(address.id, port.id, fixed)
        except BackendError as error:
            if error.fault is Fault.CONFLICT:
                layout = await vpc_layout(call)
                raise AwsError(
                    "Gateway.NotAttached",
                    f"Network {layout.vpc_of(port.network_id)} is not attached to any internet gateway",
                ) from error
            if error.fault is Fault.DUPLICATE:  # another client has just associated it
                raise AwsError(
                    "Resource.AlreadyAssociated", f"resource {ids.aws('eni', port.id)} is already associated"
                ) from error
            raise
    return {"AssociationId": association}


@action(
    supports="AssociationId PublicIp",
    forbids=(
        Forbidden(
            "AssociationId",
            "PublicIp",
            "You may specify public IP or association id, but not both in the same call",
            "You may specify public IP or association id, but not both in the same call",
        ),
    ),
)
async def disassociate_address(call: Call, req: Mapping[str, Any]) -> None:
    """End an association."""
    named = req.get("AssociationId")
    if not named:
        if not req.get("PublicIp"):
            raise AwsError(
                "MissingParameter", "Either public IP or association id must be specified", refused="AssociationId"
            )
        raise AwsError(
            "InvalidParameterValue",
            "You must specify an association id when unmapping an address from a VPC instance",
            refused="PublicIp",
        )
    known = shown_addresses(call, await call.cloud.network.floating_ips())
    found = [one for one in known if one.port_id and association_id(one.id, one.port_id, one.fixed) == named]
    if not found:
        raise AwsError("InvalidAssociationID.NotFound", f"The association ID '{named}' does not exist")
    await call.cloud.network.associate_floating_ip(found[0].id, None)


def _check(req: Mapping[str, Any]) -> None:
    """Check what needs no cloud: something to associate, something to associate it with, and their forms."""
    if not (req.get("AllocationId") or req.get("PublicIp")):
        raise AwsError("MissingParameter", "Either public IP or allocation id must be specified", refused="PublicIp")
    if not (req.get("InstanceId") or req.get("NetworkInterfaceId")):
        raise AwsError(
            "MissingParameter", "Either instance ID or network interface id must be specified", refused="InstanceId"
        )
    if allocation := req.get("AllocationId"):
        ids.uuid(ALLOCATION, allocation)
    else:
        check_address(req["PublicIp"], "PublicIp")
    for resource_type, name in ((INSTANCE, "InstanceId"), (INTERFACE, "NetworkInterfaceId")):
        if named := req.get(name):
            ids.check(resource_type, named)
    if private := req.get("PrivateIpAddress"):
        check_address(private, "PrivateIpAddress")


async def _ports(call: Call, req: Mapping[str, Any]) -> Sequence[cloud.Port]:
    """Read the interfaces of the instance that a request names, or the interface."""
    network = call.cloud.network
    if not (named := req.get("InstanceId")):
        return [await network.port(ids.uuid(INTERFACE, req["NetworkInterfaceId"]))]
    instance = ids.uuid(INSTANCE, named)
    _, ports = await gather(call.cloud.compute.server(instance), network.ports(device_ids=[instance]))
    return ports


def _named(known: Sequence[cloud.FloatingIp], req: Mapping[str, Any]) -> cloud.FloatingIp:
    if allocation := req.get("AllocationId"):
        found = [one for one in known if ids.aws(ALLOCATION.prefix, allocation_uuid(one)) == allocation]
        if not found:
            raise ids.missing(ALLOCATION, [allocation])
        return found[0]
    found = [one for one in known if one.address == req["PublicIp"]]
    if not found:
        raise AwsError("InvalidAddress.NotFound", f"Address '{req['PublicIp']}' not found.")
    return found[0]


def _target(req: Mapping[str, Any], ports: Sequence[cloud.Port]) -> cloud.Port:
    """Return the interface; an instance must have exactly one."""
    instance = req.get("InstanceId")
    if not ports:
        raise AwsError(
            "InvalidInstanceID", f"The pending instance '{instance}' is not in a valid state for this operation."
        )
    if len(ports) > 1:
        raise several_interfaces(str(instance))
    if ports[0].device_owner.startswith("network:"):
        raise ids.missing(INTERFACE, [ids.aws("eni", ports[0].id)])
    return ports[0]


def _private(port: cloud.Port, req: Mapping[str, Any]) -> str:
    """Return the private address to associate: the named one, else the primary one."""
    fixed = [one.address for one in port.fixed if ":" not in one.address]
    wanted = req.get("PrivateIpAddress")
    if not fixed or (wanted and wanted not in fixed):
        raise AwsError(
            "InvalidParameterValue",
            f"Invalid value '{wanted or ''}' for PrivateIpAddress. It is not an address of {ids.aws('eni', port.id)}",
            refused="PrivateIpAddress",
        )
    return wanted or fixed[0]


def _already(one: cloud.FloatingIp) -> AwsError:
    return AwsError(
        "Resource.AlreadyAssociated",
        f"resource {ids.aws(ALLOCATION.prefix, allocation_uuid(one))} is already associated with associate-id "
        f"{association_id(one.id, one.port_id or '', one.fixed)}",
    )
