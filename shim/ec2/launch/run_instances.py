"""RunInstances: as many servers as asked for, at least the least of them or none at all."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from adapters.errors import BackendError, Fault, absent_is
from adapters.types.compute import BlockDevice, Flavor, NewServer, Server, Zone
from adapters.types.images import Image
from shim.concurrency import each, outcomes, together
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine import zones as availability_zones
from shim.ec2.engine.resource_types import IMAGE, KEY_PAIR
from shim.ec2.images import images
from shim.ec2.instances import facts as instance_facts
from shim.ec2.instances.instances import grouped, reservation, servers_of
from shim.ec2.instances.rows import instance_context
from shim.ec2.instances.states import PENDING, RUNNING, SHUTTING_DOWN, TERMINATED, state
from shim.ec2.instances.types import flavor_named
from shim.ec2.launch import repeated as launch_memory
from shim.ec2.launch import volumes as launch_volumes
from shim.ec2.launch.devices import devices
from shim.ec2.launch.placement import Places, places
from shim.ec2.launch.repeated import Memory
from shim.ec2.launch.request import Launch, read
from shim.ec2.network.interface_rows import KEPT_PORTS, groups
from shim.ec2.service import action
from shim.ec2.tags import codec as tag_codec
from shim.ec2.tags import rules as tag_rules
from shim.errors import AwsError
from shim.undo import to_the_end, undoing

_SIDE_BY_SIDE = 8
_MOST_ITEMS = 128  # Nova's default limit of metadata items
_SOFT = frozenset({Fault.QUOTA, Fault.NO_CAPACITY})  # "launches the largest possible number above MinCount"
_EBS = "BlockDeviceMappings.Ebs"


@action(
    supports="ImageId InstanceType MinCount MaxCount KeyName SecurityGroupIds SecurityGroups SubnetId PrivateIpAddress"
    " NetworkInterfaces.DeviceIndex NetworkInterfaces.SubnetId NetworkInterfaces.Groups"
    " NetworkInterfaces.NetworkInterfaceId NetworkInterfaces.PrivateIpAddress NetworkInterfaces.DeleteOnTermination"
    " NetworkInterfaces.AssociatePublicIpAddress Placement.AvailabilityZone Placement.Tenancy Placement.GroupName"
    f" UserData BlockDeviceMappings.DeviceName BlockDeviceMappings.NoDevice {_EBS}.VolumeSize {_EBS}.VolumeType"
    f" {_EBS}.DeleteOnTermination {_EBS}.SnapshotId {_EBS}.Encrypted TagSpecifications ClientToken"
    " DisableApiTermination DisableApiStop InstanceInitiatedShutdownBehavior HibernationOptions EnclaveOptions",
    ignores={
        "Monitoring": "echoed; Nova measures alike whether asked or not",
        "EbsOptimized": "echoed; there is no second path to a volume to choose",
        "MetadataOptions": "echoed; Nova's metadata service has no such switches for a single server",
        "CreditSpecification": "no instance type here is burstable",
    },
)
async def run_instances(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Launch instances; with a ClientToken that was seen before, answer those it launched, or end what it began."""
    launch, memory = read(req), launch_memory.memory(call, req)
    if memory is None:
        return await _launched(call, launch, None, ())
    async with call.locks.hold("run-instances", call.caller.project_id, memory.tag):
        known, whole = await launch_memory.recall(call, memory, launch.least)
        if whole:
            return await _answer(call, known, launch, None, await _mark_again(call, launch, known))
        return await _launched(call, launch, memory, known)


async def _mark_again(call: Call, launch: Launch, servers: Sequence[Server]) -> Sequence[BlockDevice]:
    """Write on the volumes of a repeated launch what a killed gateway did not come to write; return what they were."""
    if not (launch.devices or launch.volume_tags):
        return ()
    try:
        image, flavor = await together(_image(call, launch.image_id), flavor_named(call, launch.instance_type))
        wanted = await devices(call, launch.devices, image, flavor)
    except AwsError:  # what the first request named may be gone by now
        return ()
    alive = [one for one in servers if state(one) in (PENDING, RUNNING)]
    await launch_volumes.mark(call, alive, wanted, launch.volume_tags, again=True)
    return wanted


async def _launched(call: Call, launch: Launch, memory: Memory | None, known: Sequence[Server]) -> Mapping[str, Any]:
    """Find what the request names, make the servers that are not `known` from an earlier attempt, and answer all."""
    image, flavor, place, (zones, _) = await together(
        _image(call, launch.image_id),
        flavor_named(call, launch.instance_type),
        places(call, launch),
        together(call.cloud.compute.zones(), _check_key(call, launch.key_name)),
    )
    _check(launch, image, flavor, zones, call.region)
    new = NewServer(
        name=_name(launch),
        flavor_id=flavor.id,
        image_id=image.id,
        nics=place.nics,
        security_groups=tuple(group.id for group in place.groups),
        zone=launch.zone,
        key_name=launch.key_name,
        user_data=launch.user_data,
        metadata=_metadata(launch, image, place) | dict(memory.marks if memory else {}),
        tags=(memory.tag,) if memory else (),
        devices=await devices(call, launch.devices, image, flavor),
    )

    async def take_back(server_id: str) -> None:
        if memory is None:
            await call.cloud.compute.delete_server(server_id)
        else:
            await launch_memory.take_back(call, memory, server_id)

    async with undoing() as undo:
        for one in known:
            undo(take_back, one.id)
        specs = _specs(launch, new, memory, known)
        made = await _make(call, launch.least - len(known), specs, lambda server_id: undo(take_back, server_id))
        servers = await _read(call, memory, [*(one.id for one in known), *made])
        await launch_volumes.mark(call, servers, new.devices, launch.volume_tags)
    return await _answer(call, servers, launch, place, new.devices)


def _specs(launch: Launch, new: NewServer, memory: Memory | None, known: Sequence[Server]) -> list[list[NewServer]]:
    """Write all servers that are to be made, in batches that are made side by side.

    The last of the least number waits until the others are there: its being made ends the launch (`launch_memory`).
    """
    reservation = memory.reservation if memory else uuid.uuid4().hex
    facts = {instance_facts.RESERVATION: reservation} if launch.most > 1 else {}
    there = {launch_memory.number(one) for one in known}
    first = [number for number in range(launch.least - 1) if number not in there]
    batches = (*_batches(first), [launch.least - 1], *_batches(range(launch.least, launch.most)))
    return [[_numbered(new, facts, number, memory) for number in batch] for batch in batches]


async def _make(
    call: Call, least: int, batches: Sequence[Sequence[NewServer]], undo: Callable[[str], None]
) -> list[str]:
    """Make the servers of each batch side by side; at least so many, then as many as quotas and hosts allow."""
    made: list[str] = []
    for batch in batches:
        done = await _asked(call, batch, undo)
        made += [one for one in done if isinstance(one, str)]
        failures = [one for one in done if isinstance(one, BaseException)]
        if failures:
            soft = all(isinstance(one, BackendError) and one.fault in _SOFT for one in failures)
            if soft and len(made) >= least:
                return made
            raise _worded(failures[0])
    return made


async def _asked(call: Call, specs: Sequence[NewServer], undo: Callable[[str], None]) -> list[str | Exception]:
    """Ask for servers side by side, and return what became of each request.

    A request under way cannot be taken back before Nova has named the server: when this call is cancelled, they still
    end, and what they made is undone.
    """
    requests = asyncio.ensure_future(outcomes(call.cloud.compute.create_server(one) for one in specs))
    try:
        return await to_the_end(requests)
    finally:
        for one in requests.result():
            if isinstance(one, str):
                undo(one)


async def _read(call: Call, memory: Memory | None, made: Sequence[str]) -> list[Server]:
    """Read the servers of a launch, and take back what somebody else's end of it has made beside them."""
    if memory is None:
        named = set(made)
        return [one for one in await servers_of(call, made) if one.id in named]
    found = {one.id: one for one in await call.cloud.compute.servers(tag=memory.tag)}
    absent = [one for one in made if one not in found]
    found |= {one.id: one for one in await each(call.cloud.compute.server(one) for one in absent)}
    return await launch_memory.one_each(call, memory, launch_memory.counting(found.values()))


def _batches(numbers: Sequence[int]) -> list[Sequence[int]]:
    return [numbers[start : start + _SIDE_BY_SIDE] for start in range(0, len(numbers), _SIDE_BY_SIDE)]


def _name(launch: Launch) -> str:
    """Name the server for OpenStack's eyes; Nova strips nothing and databases may lack the rarer planes of Unicode."""
    name = "".join(c for c in launch.tags.get("Name", "") if c.isprintable() and c <= "\uffff").strip()
    return name[:255] or launch.instance_type


def _numbered(new: NewServer, facts: Mapping[str, str], number: int, memory: Memory | None) -> NewServer:
    index = {instance_facts.INDEX: str(number)} if number else {}
    note = memory.note(number) if memory else ""
    return replace(new, metadata={**new.metadata, **facts, **index}, description=note)


def _worded(error: BaseException) -> BaseException:
    """Say in EC2's words what Nova says in a general one."""
    if isinstance(error, BackendError) and error.fault is Fault.QUOTA:
        if "metadata" in error.detail.lower():
            return tag_rules.limit_exceeded()
        if "cores" in error.detail.lower():
            return AwsError("VcpuLimitExceeded", error.detail)
        return AwsError("InstanceLimitExceeded", error.detail)
    return error


async def _image(call: Call, id: str) -> Image:
    image = await absent_is(None, call.cloud.images.image(id))
    if image is None:
        raise ids.missing(IMAGE, [ids.aws("ami", id)])
    return image


async def _check_key(call: Call, name: str | None) -> None:
    if name and not any(pair.name == name for pair in await call.cloud.compute.keypairs()):
        raise ids.missing(KEY_PAIR, [name])


def _check(launch: Launch, image: Image, flavor: Flavor, zones: Sequence[Zone], region: str) -> None:
    """Check what Nova would find out later, or say in other words."""
    if image.status != "active":
        raise AwsError("InvalidAMIID.Unavailable", f"The image ID '{ids.aws('ami', image.id)}' is not available")
    if launch.zone and launch.zone not in {row["ZoneName"] for row in availability_zones.zones(zones, region)}:
        raise AwsError("InvalidParameterValue", f"Invalid availability zone: [{launch.zone}]")
    if image.min_ram > flavor.ram:
        raise AwsError(
            "InvalidParameterCombination",
            f"The image needs {image.min_ram} MiB of memory; '{flavor.name}' has {flavor.ram} MiB.",
        )


def _metadata(launch: Launch, image: Image, place: Places) -> dict[str, str]:
    """Write the tags and facts that the server keeps."""
    items = tag_codec.to_metadata(launch.tags) | dict(launch.facts)
    architecture = images.architecture(image)
    if architecture != "x86_64":
        items[instance_facts.ARCHITECTURE] = architecture
    if image.properties.get("os_type", "").lower() == "windows":
        items[instance_facts.PLATFORM] = "windows"
    if place.kept_ports:
        items[KEPT_PORTS] = " ".join(place.kept_ports)
    if len(items) > _MOST_ITEMS - 4:  # the token's two, the reservation, the index
        raise tag_rules.limit_exceeded()
    return items


async def _answer(
    call: Call, servers: Sequence[Server], launch: Launch, place: Places | None, devices: Sequence[BlockDevice]
) -> dict[str, Any]:
    """Write the reservation of what was launched, a moment or a while ago."""
    near = await instance_context(call, [server.id for server in servers] if len(servers) == 1 else None)
    rows = [reservation(server, near) for server in servers]
    ended = (SHUTTING_DOWN, TERMINATED)
    all_of_them = [row["Instances"][0] for row in rows]
    if devices and not devices[0].local:  # the root stands first; Nova tells of volumes when it has made them
        for one in all_of_them:
            one["RootDeviceType"] = "ebs"
    instances = [one for one in all_of_them if not one["NetworkInterfaces"] and one["State"]["Name"] not in ended]
    if instances and place is None:
        with suppress(AwsError):  # what the first request named may be gone by now
            place = await places(call, launch)
    if place is not None:
        for one in instances:
            _fill(one, place, near.network.groups)
    return grouped(rows)[0]


def _fill(instance: dict[str, Any], place: Places, names: Mapping[str, str]) -> None:
    """Tell where an instance will be, while Neutron has not made its ports yet."""
    instance |= {
        "SubnetId": ids.aws("subnet", place.subnet_id) if place.subnet_id else None,
        "VpcId": place.vpc_id,
        "PrivateIpAddress": place.address,
        "SecurityGroups": groups((group.id for group in place.groups), names),
    }
