"""Resolve what a launch names in OpenStack: the definition of each server, and how many to create."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapters.errors import absent_is
from adapters.types.compute import BlockDevice, Flavor, NewServer, ServerGroup
from adapters.types.images import Image
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import IMAGE, KEY_PAIR, SUBNET
from shim.ec2.engine.zones import placeable, zone_names
from shim.ec2.images import images, uploads
from shim.ec2.instances import facts as instance_facts
from shim.ec2.instances import profiles
from shim.ec2.instances.types import cores, flavor_named
from shim.ec2.launch import limits
from shim.ec2.launch.devices import asked_devices, devices
from shim.ec2.launch.placement import Placement, placement
from shim.ec2.launch.placement_groups import group_named
from shim.ec2.launch.request import Launch
from shim.ec2.network import known
from shim.ec2.tags import codec as tag_codec
from shim.ec2.tags import rules as tag_rules
from shim.errors import AwsError

_MOST_ITEMS = 128  # Nova's default limit of metadata items
_LATER_ITEMS = 4  # the token's two, the reservation, the index


@dataclass(frozen=True, slots=True)
class Plan:
    """The definition of each server, its placement, and the largest number to create."""

    server: NewServer
    placement: Placement
    most: int


async def plan(call: Call, launch: Launch, tags: Mapping[str, str], there: int = 0) -> Plan:
    """Find what a launch names, and check it; `there` is how many servers an earlier attempt created.

    Raises AWS's error if a resource is missing, resources do not fit together, or a project limit is exceeded.
    """
    image, flavor, place, group, (zone, compute, _) = await gather(
        _image(call, launch.image_id),
        flavor_named(call, launch.instance_type),
        placement(call, launch),
        _group(call, launch),
        gather(_zone(call, launch.zone), call.cloud.compute.limits(), _check_key(call, launch.key_name)),
    )
    _check(launch, image, flavor, zone)
    zone = await _zone_of(call, launch, zone, place)
    made = await devices(call, launch.devices, image, flavor)
    block = await call.cloud.block.limits() if any(not device.local for device in made) else None
    more = limits.allowed(launch.least - there, launch.most - there, flavor, compute, made, block)
    server = NewServer(
        name=_name(tags) or launch.instance_type,
        flavor_id=flavor.id,
        image_id=image.id,
        nics=place.nics,
        security_groups=tuple(group.id for group in place.groups),
        zone=zone,
        key_name=launch.key_name,
        user_data=launch.user_data,
        metadata=_metadata(call, launch, tags, image, place, group),
        tags=(),
        devices=made,
        group_id=group.id if group else None,
    )
    return Plan(server, place, there + more)


async def devices_again(call: Call, launch: Launch) -> Sequence[BlockDevice]:
    """Return the devices of an earlier launch; none if what it named is deleted.

    Volume types are not looked for: a type that is gone is no reason to leave the volumes unchecked.
    """
    try:
        image, flavor = await gather(_image(call, launch.image_id), flavor_named(call, launch.instance_type))
        return asked_devices(call.settings, launch.devices, image, flavor)
    except AwsError:
        return ()


async def _image(call: Call, id: str) -> Image:
    image = await absent_is(None, call.cloud.images.image(id))
    if image is None:
        raise ids.missing(IMAGE, [ids.aws("ami", id)])
    return await uploads.finished(call, image)


async def _group(call: Call, launch: Launch) -> ServerGroup | None:
    if not (launch.group_name or launch.group_id):
        return None
    return await group_named(call, launch.group_name, launch.group_id)


async def _zone(call: Call, name: str | None) -> str | None:
    """Return Nova's name of a zone; None if the launch names none, or one that does not exist."""
    if name is None:
        return None
    names = zone_names(call)
    # One that is not known may be new.
    return names.native(name, placeable(await known.zones(call))) or names.native(
        name, placeable(await call.cloud.compute.zones())
    )


async def _zone_of(call: Call, launch: Launch, named: str | None, place: Placement) -> str | None:
    """Return the zone to tell Nova: on AWS an instance is in the zone of its subnet.

    A zone that is the only one is not named: "The instance(s) will be bound to this availability zone for their
    lifetime" (Nova, `default_schedule_zone`), and an operator may yet divide the cloud.
    """
    there = placeable(await known.zones(call)) if place.zone else []
    if place.zone not in there:
        return named
    if named and named != place.zone:
        raise _elsewhere(launch, place.subnet_id, zone_names(call).shown(place.zone))
    return place.zone if len(there) > 1 else named


def _elsewhere(launch: Launch, subnet_id: str | None, zone: str) -> AwsError:
    """Return AWS's error for a launch in another zone than its subnet's, which the request may have left open."""
    code, message = "InvalidInput", f"No default subnet for availability zone: '{launch.zone}'."
    first = launch.interfaces[0]
    if first.subnet_id or first.port_id:
        code, subnet = "InvalidParameterValue", ids.aws(SUBNET.prefix, subnet_id or "")
        message = f"Value ({launch.zone}) for parameter availabilityZone is invalid. Subnet '{subnet}' is in the "
        message += f"availability zone {zone}"
    return AwsError(code, message, refused="Placement.AvailabilityZone")


async def _check_key(call: Call, name: str | None) -> None:
    if name and not any(pair.name == name for pair in await call.cloud.compute.keypairs()):
        raise ids.missing(KEY_PAIR, [name])


def _check(launch: Launch, image: Image, flavor: Flavor, zone: str | None) -> None:
    """Check what Nova would report later, or with another error."""
    uploads.check(image)
    if launch.zone and zone is None:
        raise AwsError(
            "InvalidParameterValue", f"Invalid availability zone: [{launch.zone}]", refused="Placement.AvailabilityZone"
        )
    if any(asked not in (None, own) for asked, own in zip(launch.cores, cores(flavor), strict=True)):
        raise AwsError(
            "InvalidParameterValue",
            f"The instance type '{flavor.name}' has {cores(flavor)[0]} cores of {cores(flavor)[1]} threads; no other "
            "CPU options are supported.",
            refused="CpuOptions",
        )
    if image.min_ram > flavor.ram:
        raise AwsError(
            "InvalidParameterCombination",
            f"The image needs {image.min_ram} MiB of memory; '{flavor.name}' has {flavor.ram} MiB.",
            refused="InstanceType",
        )


def _name(tags: Mapping[str, str]) -> str:
    """Return the server's OpenStack name, from its tag Name; some databases accept only Unicode's basic plane."""
    name = "".join(c for c in tags.get("Name", "") if c.isprintable() and c <= "\uffff").strip()
    return name[:255]


def _metadata(
    call: Call, launch: Launch, tags: Mapping[str, str], image: Image, place: Placement, group: ServerGroup | None
) -> Mapping[str, str]:
    """Return the tags and facts that are stored in the server's metadata."""
    items = tag_codec.to_metadata(tags) | dict(launch.facts)
    architecture = images.architecture(image)
    if architecture != "x86_64":
        items[instance_facts.ARCHITECTURE] = architecture
    if image.properties.get("os_type", "").lower() == "windows":
        items[instance_facts.PLATFORM] = "windows"
    if place.outside:
        items[instance_facts.PUBLIC] = "1"
    if place.dhcp:
        items[instance_facts.DHCP] = "1"
    if group:
        items[instance_facts.GROUP] = group.name
    if launch.profile:
        items[instance_facts.PROFILE] = profiles.arn(launch.profile, call.caller.account_id)
    if len(items) > _MOST_ITEMS - _LATER_ITEMS:
        raise tag_rules.limit_exceeded()
    return items
