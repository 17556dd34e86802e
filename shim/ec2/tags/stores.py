"""Where tags of each resource type are kept: metadata in Nova, Cinder and Glance, strings in Neutron."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

from adapters.errors import BackendError, Fault, absent_is
from shim.concurrency import gather_all
from shim.context import Call
from shim.ec2.engine.resource_types import (
    ResourceType,
)
from shim.ec2.tags import codec as tag_codec
from shim.ec2.tags import rules as tag_rules

T = TypeVar("T")

_ITEMS = 128  # default limit of metadata items in Nova, Cinder and Glance
_STRINGS = 50  # limit of tags in Neutron


@dataclass(frozen=True, slots=True)
class Held:
    """One resource with its tags; `raw` are the store's metadata items or strings."""

    id: str  # OpenStack's UUID; for a key pair, EC2's id
    tags: Mapping[str, str]
    raw: Mapping[str, str]


class Lists:
    """The lists of OpenStack that one request reads, each once: several types of resources come from one list."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self._locks: dict[str, asyncio.Lock] = {}
        self._found: dict[str, Any] = {}

    async def once(self, name: str, read: Callable[[], Awaitable[list[T]]]) -> list[T]:
        """Return what `read` returned the first time that it was asked for under this name."""
        async with self._locks.setdefault(name, asyncio.Lock()):
            if name not in self._found:
                self._found[name] = await read()
        found: list[T] = self._found[name]
        return found


Work = Callable[[], Awaitable[None]]
# Raises AWS's error before any write: all resources of a request are checked before the first is changed.
Change = Callable[[Call, Held, Mapping[str, str], Sequence[str]], Work]


@dataclass(frozen=True, slots=True)
class Store:
    """How tags of one resource type are read (of all or some resources) and changed.

    `alone` is for tags that are kept together, as one text: it yields the resource while no other request changes them.
    """

    resource_type: ResourceType
    read: Callable[[Lists, Sequence[str]], Awaitable[list[Held]]]
    change: Change
    alone: Callable[[Call, Held], AbstractAsyncContextManager[Held]] | None = None


def of_metadata(id: str, metadata: Mapping[str, str]) -> Held:
    """Return a resource whose tags are metadata items."""
    return Held(id, tag_codec.from_metadata(metadata), metadata)


def of_strings(id: str, strings: Sequence[str]) -> Held:
    """Return a resource whose tags are strings."""
    return Held(id, tag_codec.from_neutron(strings), dict.fromkeys(strings, ""))


def plan(held: Held, tags: Mapping[str, str], gone: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return the items to write and to delete; raise TagLimitExceeded for more than the store holds."""
    stay = [key for key in held.tags if key not in tags and key not in gone]
    items = tag_codec.to_metadata(tags, stay)
    old = [item for key in (*tags, *gone) for item in tag_codec.metadata_items(held.raw, key)]
    drop = [item for item in old if item not in items]
    if len({*held.raw, *items} - set(drop)) > _ITEMS:
        raise tag_rules.limit_exceeded()
    return items, drop


def of_neutron(resource: str, before: str = "") -> Change:
    """Change Neutron's tags one string at a time: writing the whole set would undo concurrent changes.

    `before` stands before each string of a resource whose tags another resource's Neutron tags hold.
    """
    starts = (f"{before}t:", f"{before}tp:")

    def change(call: Call, held: Held, tags: Mapping[str, str], gone: Sequence[str]) -> Work:
        strings = [f"{before}{item}" for item in tag_codec.to_neutron(tags)]
        known = [item.removeprefix(before) for item in held.raw if item.startswith(starts)]
        old = [f"{before}{item}" for key in (*tags, *gone) for item in tag_codec.neutron_items(known, key)]
        drop = [item for item in old if item not in strings]
        after = ({*held.raw} | {*strings}) - {*drop}
        own = [item for item in after if item.startswith(starts)]
        if len(own) > tag_codec.NEUTRON_TAGS or len(after) > _STRINGS:
            raise tag_rules.limit_exceeded()
        return lambda: _retagged(call, resource, held, strings, drop)

    return change


async def _retagged(call: Call, resource: str, held: Held, strings: Sequence[str], drop: Sequence[str]) -> None:
    net = call.cloud.network
    # Neutron's limit counts old and new strings, so delete the old ones first if there is no room for both.
    room = len(held.raw) + len(strings) <= _STRINGS
    if not room:
        await gather_all(absent_is(None, net.remove_tag(resource, held.id, item)) for item in drop)
    await gather_all((net.add_tag(resource, held.id, item) for item in strings if item not in held.raw), most=4)
    if room:
        await gather_all(absent_is(None, net.remove_tag(resource, held.id, item)) for item in drop)


async def limited(call: Awaitable[object]) -> None:
    """Await a write; raise TagLimitExceeded if OpenStack refuses it for its own limit."""
    try:
        await call
    except BackendError as error:
        if error.fault is Fault.QUOTA:
            raise tag_rules.limit_exceeded() from error
        raise


_REGISTERED: dict[str, Store] = {}


def register(store: Store) -> Store:
    """Register the tags of one resource type for CreateTags, DeleteTags and DescribeTags.

    Each resource folder registers its own types, because this package must not import resource packages.
    """
    _REGISTERED[store.resource_type.name] = store
    return store


def stores() -> Mapping[str, Store]:
    """Return every registered store by EC2's name of its resource type."""
    return _REGISTERED
