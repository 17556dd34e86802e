"""AllocateAddress and ReleaseAddress: an Elastic IP address is a floating IP of an external network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from adapters.types import network as cloud
from shim.concurrency import gather, gather_all
from shim.config import Settings
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import ALLOCATION
from shim.ec2.network.addresses import (
    allocation_uuid,
    check_address,
    described,
    held_addresses,
    shown_addresses,
)
from shim.ec2.network.interface_rows import AMAZON
from shim.ec2.network.layout import vpc_layout
from shim.ec2.service import Forbidden, action
from shim.ec2.tags.creating import HALF_DONE, CreateRequest, creates, creating, half_done_name
from shim.errors import AwsError
from shim.protocol.values import only

ONE_NAME = Forbidden(
    "AllocationId",
    "PublicIp",
    "You may specify public IP or allocation id, but not both in the same call",
    "You may specify public IP or allocation id, but not both in the same call",
)


def _read(settings: Settings, req: Mapping[str, Any]) -> None:
    """Refuse an address to recover and pools that are not the cloud's own."""
    if address := req.get("Address"):
        check_address(address, "Address")
        # Neutron allocates a chosen address to administrators only, and keeps no record of released ones.
        raise AwsError("InvalidAddress.NotFound", f"Address '{address}' not found.", refused="Address")
    if (pool := req.get("PublicIpv4Pool")) and pool != AMAZON:
        raise AwsError(
            "InvalidPublicIpv4PoolID.NotFound", f"The pool ID '{pool}' does not exist.", refused="PublicIpv4Pool"
        )


@action(
    supports="Domain Address PublicIpv4Pool NetworkBorderGroup TagSpecifications",
    values={
        "Domain": only(
            "vpc",
            code="InvalidParameterValue",
            message="Invalid value for domain. EC2-Classic is retired: the only domain is 'vpc'.",
        )
    },
    read=creates(ALLOCATION, read=_read),
)
async def allocate_address(call: Call, asked: CreateRequest[None]) -> Mapping[str, Any]:
    """Allocate an address of the external network.

    Neutron takes tags in a call of their own, so the description is the half-done mark of an address with tags.
    """
    _check_border(call, asked.params)
    new, network = creating(call, asked), call.cloud.network
    strings = new.strings()
    outside = await external_network(call)
    if not strings:
        return _allocated(call, await network.create_floating_ip(outside))
    mark = half_done_name("address")

    async def find(_: Mapping[str, str]) -> Iterable[tuple[cloud.FloatingIp, Mapping[str, str]]]:
        return [(one, {HALF_DONE: ""}) for one in await network.floating_ips() if one.description == mark]

    async with new.once(find, name="address"):
        await gather_all(network.delete_floating_ip(one.id) for one in new.half_done)
        made = await network.create_floating_ip(outside, mark)
        new.undo(network.delete_floating_ip, made.id)
        await network.set_tags("floatingips", made.id, strings)
        await network.describe_floating_ip(made.id, "")
    return _allocated(call, made)


@action(supports="AllocationId PublicIp NetworkBorderGroup", forbids=(ONE_NAME,))
async def release_address(call: Call, req: Mapping[str, Any]) -> None:
    """Release an address; one that is associated outside of the default VPC is kept."""
    _check_border(call, req)
    if not (named := req.get("AllocationId")):
        if not req.get("PublicIp"):
            raise AwsError(
                "MissingParameter", "Either public IP or allocation id must be specified", refused="AllocationId"
            )
        raise AwsError(
            "InvalidParameterValue",
            "You must specify an allocation id when releasing a VPC elastic IP address",
            refused="PublicIp",
        )
    address = await allocated(call, named)
    if address.port_id:
        # "[Default VPC] Releasing an Elastic IP address automatically disassociates it ... [Nondefault VPC] You must
        # use DisassociateAddress to disassociate the Elastic IP address before you can release it."
        ports, layout = await gather(call.cloud.network.ports(), vpc_layout(call))
        holder = next((port for port in ports if port.id == address.port_id), None)
        if holder is not None and layout.vpc_of(holder.network_id) != layout.default_vpc:
            raise AwsError("InvalidIPAddress.InUse", f"Address {address.address} is in use.")
    await call.cloud.network.delete_floating_ip(address.id)


async def allocated(call: Call, allocation_id: str) -> cloud.FloatingIp:
    """Read the project's address with an allocation id; raises InvalidAllocationID.NotFound.

    Raises InvalidIPAddress.InUse for the address of a NAT gateway.
    """
    network, uuid = call.cloud.network, ids.uuid(ALLOCATION, allocation_id)
    floating, routers = await gather(network.floating_ips(), network.routers())
    for held in held_addresses(routers, floating):
        if held.id == uuid and held.project_id == call.caller.project_id:
            raise AwsError("InvalidIPAddress.InUse", f"Address {held.address} is in use.")
    found = next((one for one in shown_addresses(call, floating) if allocation_uuid(one) == uuid), None)
    if found is None:
        raise ids.missing(ALLOCATION, [allocation_id])
    return found


async def external_network(call: Call) -> str:
    """Return the id of the network that addresses come from."""
    return external_network_of(call, await call.cloud.network.networks())


def external_network_of(call: Call, networks: Iterable[cloud.Network]) -> str:
    """Find the network that addresses come from; raises UnsupportedOperation if there is none, or no certain one."""
    wanted = call.settings.external_network
    found = [one.id for one in networks if one.external and wanted in ("", one.id, one.name)]
    if len(found) != 1:
        raise AwsError(
            "UnsupportedOperation",
            "This cloud has no external network to take the address from."
            if not found
            else "This cloud has several external networks, and its operator has not chosen one for addresses.",
        )
    return found[0]


def _check_border(call: Call, req: Mapping[str, Any]) -> None:
    """Refuse any network border group but the region's own."""
    if (group := req.get("NetworkBorderGroup")) and group != call.region:
        raise AwsError(
            "InvalidParameterValue",
            f"Invalid value '{group}' for networkBorderGroup. The only one is '{call.region}'.",
            refused="NetworkBorderGroup",
        )


def _allocated(call: Call, made: cloud.FloatingIp) -> dict[str, Any]:
    row = described(call, made, None)
    return {name: row[name] for name in ("AllocationId", "PublicIp", "PublicIpv4Pool", "Domain", "NetworkBorderGroup")}
