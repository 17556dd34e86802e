"""Where each kind of resource keeps its tags: metadata in Nova, Cinder and Glance, strings in Neutron."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from adapters.errors import BackendError, Fault
from shim.context import Call
from shim.ec2 import instance_metadata, key_pairs, tag_codec, tag_rules
from shim.ec2.instances import servers_of
from shim.ec2.kinds import ALLOCATION, IMAGE, INSTANCE, INTERFACE, KEY_PAIR, SECURITY_GROUP, SUBNET, VOLUME, VPC, Kind
from shim.ec2.together import each
from shim.errors import AwsError

_ITEMS = 128  # what Nova, Cinder and Glance keep with a resource by default
_STRINGS = 50  # what Neutron keeps


@dataclass(frozen=True, slots=True)
class Held:
    """One resource with its tags, and the store's own words that hold them: items of metadata, or strings."""

    id: str  # OpenStack's UUID, or for a key pair EC2's id
    tags: Mapping[str, str]
    raw: Mapping[str, str]


Work = Callable[[], Awaitable[None]]
# Raises what cannot be before anything is written: of several resources all are asked before the first is changed.
Change = Callable[[Call, Held, Mapping[str, str], Sequence[str]], Work]


@dataclass(frozen=True, slots=True)
class Store:
    """How tags of one kind are read, all or some, and how a change (tags to write, keys to take away) becomes work."""

    kind: Kind
    read: Callable[[Call, Sequence[str]], Awaitable[list[Held]]]
    change: Change


def _of_metadata(id: str, metadata: Mapping[str, str]) -> Held:
    return Held(id, tag_codec.from_metadata(metadata), metadata)


def _of_strings(id: str, strings: Sequence[str]) -> Held:
    return Held(id, tag_codec.from_neutron(strings), dict.fromkeys(strings, ""))


async def _servers(call: Call, named: Sequence[str]) -> list[Held]:
    found = await servers_of(call, named) if named else await call.cloud.compute.servers()
    return [_of_metadata(server.id, server.metadata) for server in found]


async def _volumes(call: Call, named: Sequence[str]) -> list[Held]:
    block = call.cloud.block
    found = [await block.volume(named[0])] if len(named) == 1 else await block.volumes()
    return [_of_metadata(volume.id, volume.metadata) for volume in found]


async def _images(call: Call, named: Sequence[str]) -> list[Held]:
    found = [await call.cloud.images.image(named[0])] if len(named) == 1 else await call.cloud.images.images()
    project = call.caller.project_id
    for image in found if named else ():
        if image.id in named and image.owner != project:
            # AWS keeps tags of an image by account; Glance keeps one set of properties, and they are the owner's.
            raise AwsError("UnsupportedOperation", "An image of another account cannot be tagged on this cloud.")
    return [_of_metadata(image.id, image.properties) for image in found if image.owner == project]


async def _key_pairs(call: Call, named: Sequence[str]) -> list[Held]:
    rows = [key_pairs.row(call, pair) for pair in await call.cloud.compute.keypairs()]
    return [Held(row["KeyPairId"], {tag["Key"]: tag["Value"] for tag in row["Tags"]}, {}) for row in rows]


async def _groups(call: Call, named: Sequence[str]) -> list[Held]:
    return [_of_strings(group.id, group.tags) for group in await call.cloud.network.security_groups()]


async def _subnets(call: Call, named: Sequence[str]) -> list[Held]:
    return [_of_strings(subnet.id, subnet.tags) for subnet in await call.cloud.network.subnets()]


async def _ports(call: Call, named: Sequence[str]) -> list[Held]:
    return [_of_strings(port.id, port.tags) for port in await call.cloud.network.ports()]


async def _addresses(call: Call, named: Sequence[str]) -> list[Held]:
    return [_of_strings(one.id, one.tags) for one in await call.cloud.network.floating_ips()]


async def _vpcs(call: Call, named: Sequence[str]) -> list[Held]:
    return [_of_strings(router.id, router.tags) for router in await call.cloud.network.routers()]


def _plan(held: Held, tags: Mapping[str, str], gone: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Say which items to write and which to delete; raises TagLimitExceeded for more than the store keeps."""
    stay = [key for key in held.tags if key not in tags and key not in gone]
    items = tag_codec.to_metadata(tags, stay)
    old = [item for key in (*tags, *gone) for item in tag_codec.metadata_items(held.raw, key)]
    drop = [item for item in old if item not in items]
    if len({*held.raw, *items} - set(drop)) > _ITEMS:
        raise tag_rules.limit_exceeded()
    return items, drop


def _change_server(call: Call, held: Held, tags: Mapping[str, str], gone: Sequence[str]) -> Work:
    items, drop = _plan(held, tags, gone)
    return lambda: _limited(instance_metadata.change(call, held.id, items, drop))


def _change_volume(call: Call, held: Held, tags: Mapping[str, str], gone: Sequence[str]) -> Work:
    items, drop = _plan(held, tags, gone)

    async def change() -> None:
        if items:
            await _limited(call.cloud.block.set_volume_metadata(held.id, items))
        await each(_missing_is_fine(call.cloud.block.delete_volume_metadata(held.id, item)) for item in drop)

    return change


def _change_image(call: Call, held: Held, tags: Mapping[str, str], gone: Sequence[str]) -> Work:
    items, drop = _plan(held, tags, gone)

    async def change() -> None:
        if items or drop:
            await _limited(call.cloud.images.update_image(held.id, set=items, drop=drop))

    return change


def _change_key_pair(call: Call, held: Held, tags: Mapping[str, str], gone: Sequence[str]) -> Work:
    # The tags are part of the public key's comment, and Nova changes no key pair.
    raise AwsError("UnsupportedOperation", "The tags of a key pair are given when it is made and cannot be changed.")


def _neutron(resource: str) -> Change:
    """Change tags of one of Neutron's kinds, one string at a time: a whole set would overwrite somebody else's."""

    def change(call: Call, held: Held, tags: Mapping[str, str], gone: Sequence[str]) -> Work:
        strings = tag_codec.to_neutron(tags)
        old = [item for key in (*tags, *gone) for item in tag_codec.neutron_items(held.raw, key)]
        drop = [item for item in old if item not in strings]
        after = ({*held.raw} | {*strings}) - {*drop}
        own = [item for item in after if item.startswith(("t:", "tp:"))]
        if len(own) > tag_codec.NEUTRON_TAGS or len(after) > _STRINGS:
            raise tag_rules.limit_exceeded()
        return lambda: _retagged(call, resource, held, strings, drop)

    return change


async def _retagged(call: Call, resource: str, held: Held, strings: Sequence[str], drop: Sequence[str]) -> None:
    net = call.cloud.network
    # Neutron counts what is to go beside what is new: room first where there is none.
    room = len(held.raw) + len(strings) <= _STRINGS
    if not room:
        await each(_missing_is_fine(net.remove_tag(resource, held.id, item)) for item in drop)
    await each((net.add_tag(resource, held.id, item) for item in strings if item not in held.raw), most=4)
    if room:
        await each(_missing_is_fine(net.remove_tag(resource, held.id, item)) for item in drop)


async def _limited(call: Awaitable[object]) -> None:
    try:
        await call
    except BackendError as error:
        if error.fault is Fault.QUOTA:
            raise tag_rules.limit_exceeded() from error
        raise


async def _missing_is_fine(call: Awaitable[object]) -> None:
    try:
        await call
    except BackendError as error:
        if error.fault is not Fault.NOT_FOUND:  # somebody else took it away
            raise


STORES: Sequence[Store] = (
    Store(INSTANCE, _servers, _change_server),
    Store(VOLUME, _volumes, _change_volume),
    Store(IMAGE, _images, _change_image),
    Store(KEY_PAIR, _key_pairs, _change_key_pair),
    Store(SECURITY_GROUP, _groups, _neutron("security-groups")),
    Store(SUBNET, _subnets, _neutron("subnets")),
    Store(INTERFACE, _ports, _neutron("ports")),
    Store(ALLOCATION, _addresses, _neutron("floatingips")),
    Store(VPC, _vpcs, _neutron("routers")),
)
BY_KIND: Mapping[str, Store] = {store.kind.resource_type: store for store in STORES}
