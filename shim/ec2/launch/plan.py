"""A launch with everything that it names found in OpenStack: what each server is made of, and how many of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapters.errors import absent_is
from adapters.types.compute import BlockDevice, Flavor, NewServer
from adapters.types.images import Image
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import IMAGE, KEY_PAIR
from shim.ec2.engine.zones import placeable, zone_names
from shim.ec2.images import images
from shim.ec2.instances import facts as instance_facts
from shim.ec2.instances.types import flavor_named
from shim.ec2.launch import limits
from shim.ec2.launch.devices import devices
from shim.ec2.launch.placement import Placement, placement
from shim.ec2.launch.request import Launch
from shim.ec2.network.interface_rows import KEPT_PORTS
from shim.ec2.tags import codec as tag_codec
from shim.ec2.tags import rules as tag_rules
from shim.errors import AwsError

_MOST_ITEMS = 128  # Nova's default limit of metadata items
_LATER_ITEMS = 4  # the token's two, the reservation, the index


@dataclass(frozen=True, slots=True)
class Plan:
    """What each server is made of, where it goes, and how many there may be."""

    server: NewServer
    placement: Placement
    most: int


async def plan(call: Call, launch: Launch, tags: Mapping[str, str], there: int = 0) -> Plan:
    """Find what a launch names, and check it; `there` of its servers were made by an earlier attempt.

    Raises AWS's error for whatever is missing, does not fit together, or has no room within the project's limits.
    """
    image, flavor, place, (zones, compute, _) = await gather(
        _image(call, launch.image_id),
        flavor_named(call, launch.instance_type),
        placement(call, launch),
        gather(call.cloud.compute.zones(), call.cloud.compute.limits(), _check_key(call, launch.key_name)),
    )
    zone = zone_names(call).native(launch.zone, placeable(zones)) if launch.zone else None
    _check(launch, image, flavor, zone)
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
        metadata=_metadata(launch, tags, image, place),
        tags=(),
        devices=made,
    )
    return Plan(server, place, there + more)


async def devices_again(call: Call, launch: Launch) -> Sequence[BlockDevice]:
    """Return the devices of a launch that was made before; none where what it named is gone by now."""
    try:
        image, flavor = await gather(_image(call, launch.image_id), flavor_named(call, launch.instance_type))
        return await devices(call, launch.devices, image, flavor)
    except AwsError:
        return ()


async def _image(call: Call, id: str) -> Image:
    image = await absent_is(None, call.cloud.images.image(id))
    if image is None:
        raise ids.missing(IMAGE, [ids.aws("ami", id)])
    return image


async def _check_key(call: Call, name: str | None) -> None:
    if name and not any(pair.name == name for pair in await call.cloud.compute.keypairs()):
        raise ids.missing(KEY_PAIR, [name])


def _check(launch: Launch, image: Image, flavor: Flavor, zone: str | None) -> None:
    """Check what Nova would find out later, or say in other words."""
    if image.status != "active":
        raise AwsError("InvalidAMIID.Unavailable", f"The image ID '{ids.aws('ami', image.id)}' is not available")
    if launch.zone and zone is None:
        raise AwsError(
            "InvalidParameterValue", f"Invalid availability zone: [{launch.zone}]", refused="Placement.AvailabilityZone"
        )
    if image.min_ram > flavor.ram:
        raise AwsError(
            "InvalidParameterCombination",
            f"The image needs {image.min_ram} MiB of memory; '{flavor.name}' has {flavor.ram} MiB.",
            refused="InstanceType",
        )


def _name(tags: Mapping[str, str]) -> str:
    """Name the server in OpenStack after its tag Name; Nova strips nothing, and some databases hold no rare planes."""
    name = "".join(c for c in tags.get("Name", "") if c.isprintable() and c <= "\uffff").strip()
    return name[:255]


def _metadata(launch: Launch, tags: Mapping[str, str], image: Image, place: Placement) -> Mapping[str, str]:
    """Write the tags and facts that the server keeps."""
    items = tag_codec.to_metadata(tags) | dict(launch.facts)
    architecture = images.architecture(image)
    if architecture != "x86_64":
        items[instance_facts.ARCHITECTURE] = architecture
    if image.properties.get("os_type", "").lower() == "windows":
        items[instance_facts.PLATFORM] = "windows"
    if place.kept_ports:
        items[KEPT_PORTS] = " ".join(place.kept_ports)
    if len(items) > _MOST_ITEMS - _LATER_ITEMS:
        raise tag_rules.limit_exceeded()
    return items
