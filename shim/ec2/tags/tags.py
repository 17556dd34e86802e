"""CreateTags, DeleteTags and DescribeTags for every type of resource."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from adapters.errors import BackendError, Fault
from shim.concurrency import gather_all
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import KEY_PAIR, ResourceType
from shim.ec2.service import action
from shim.ec2.tags import rules as tag_rules
from shim.ec2.tags.stores import Held, Lists, Store, Work, stores
from shim.errors import AwsError

# "Place" is the resource and the key, for the order of pages; it is not a member of AWS's answer.
TAGS = Table(
    items="Tags",
    id="Place",
    resource_type=ResourceType("", "", "InvalidParameterValue", "{id}", "{id}", "InvalidParameterValue"),
    cut=True,
    filters={
        "key": "Key",
        "resource-id": "ResourceId",
        "resource-type": "ResourceType",
        "value": "Value",
        "tag": "Itself",
    },
    shown=lambda rows: [{name: row[name] for name in ("Key", "Value", "ResourceId", "ResourceType")} for row in rows],
)


@action(supports="Resources Tags")
async def create_tags(call: Call, req: Mapping[str, Any]) -> None:
    """Add or overwrite tags of resources; nothing is written unless every resource exists and has room."""
    wanted = tag_rules.checked(req["Tags"])
    if not wanted:
        raise AwsError("MissingParameter", "The request must contain the parameter tagSet", refused="Tags")
    found = await _resources(call, req["Resources"])
    for _, held in found:
        tag_rules.checked(req["Tags"], held.tags)

    def written(store: Store, held: Held) -> Work | None:
        new = {key: value for key, value in wanted.items() if held.tags.get(key) != value}
        return store.change(call, held, new, ()) if new else None

    await _change(call, found, written)


@action(supports="Resources Tags")
async def delete_tags(call: Call, req: Mapping[str, Any]) -> None:
    """Delete tags of resources: those named by key, by key and value, or all except AWS's own."""
    named = req.get("Tags") or []
    # A request cannot name a tag of AWS's own ("aws:").
    tag_rules.checked({"Key": tag.get("Key", ""), "Value": tag.get("Value") or ""} for tag in named)
    found = await _resources(call, req["Resources"])

    def deleted(store: Store, held: Held) -> Work | None:
        keys = _chosen(held, named)
        return store.change(call, held, {}, keys) if keys else None

    await _change(call, found, deleted)


@describes(TAGS, supports="Filters MaxResults NextToken")
async def describe_tags(call: Call, asked: Question) -> list[Row]:
    """List tags of all resources; filters by type or id limit which types are read."""
    stores = _stores(asked.req.get("Filters") or ())
    lists = Lists(call)
    found = await gather_all(_tolerant(lists, store) for store in stores)
    return [
        row
        for store, helds in zip(stores, found, strict=True)
        for held in helds
        for row in _rows(store.resource_type, held)
    ]


async def _resources(call: Call, asked: Iterable[str]) -> list[tuple[Store, Held]]:
    """Return the resources of these ids with their tags; raise the NotFound of the first type with a missing id."""
    by_store: dict[str, list[str]] = {}
    for one in dict.fromkeys(asked):
        resource_type = ids.type_of_id(one)
        if resource_type is None or resource_type.name not in stores():
            raise AwsError("InvalidID", f"The ID '{one}' is not valid")
        by_store.setdefault(resource_type.name, []).append(one)
    chosen, shared = [stores()[name] for name in by_store], Lists(call)
    lists = await gather_all(
        store.read(shared, _names(store.resource_type, named))
        for store, named in zip(chosen, by_store.values(), strict=True)
    )
    found = []
    for store, named, helds in zip(chosen, by_store.values(), lists, strict=True):
        by_id = {_id(store.resource_type, held): held for held in helds}
        if absent := [one for one in named if one not in by_id]:
            raise ids.missing(store.resource_type, absent)
        found += [(store, by_id[one]) for one in named]
    return found


def _names(resource_type: ResourceType, named: Sequence[str]) -> list[str]:
    """Return ids in the store's form."""
    return list(named) if resource_type is KEY_PAIR else [ids.uuid(resource_type, one) for one in named]


def _id(resource_type: ResourceType, held: Held) -> str:
    return held.id if resource_type is KEY_PAIR else ids.aws(resource_type.prefix, held.id)


async def _change(
    call: Call, found: Iterable[tuple[Store, Held]], changed: Callable[[Store, Held], Work | None]
) -> None:
    """Do what `changed` returns for each resource, when it has raised for none of them."""

    def planned(store: Store, held: Held) -> Work | None:
        work, alone = changed(store, held), store.alone
        if alone is None:
            return work

        async def again() -> None:
            async with alone(call, held) as now:
                if later := changed(store, now):
                    await later()

        return again

    work = [planned(store, held) for store, held in found]
    await gather_all(one() for one in work if one)


def _chosen(held: Held, named: Sequence[Mapping[str, Any]]) -> list[str]:
    """Choose the keys to delete.

    "If you specify a tag key without a tag value, we delete any tag with this key regardless of its value.  If you
    specify a tag key with an empty string as the tag value, we delete the tag only if its value is an empty string."
    """
    if not named:
        return [key for key in held.tags if not key.startswith(tag_rules.RESERVED)]
    return [
        tag["Key"] for tag in named if tag.get("Key") in held.tags and tag.get("Value") in (None, held.tags[tag["Key"]])
    ]


def _stores(filters: Sequence[Mapping[str, Any]]) -> list[Store]:
    """Return the types that can match the filters; a value with a wildcard can match any type."""
    chosen = list(stores().values())
    for one in filters:
        values: Sequence[str] = one.get("Values") or ()
        if any(set(value) & set("*?\\") for value in values):
            continue
        if one.get("Name") == "resource-type":
            chosen = [store for store in chosen if store.resource_type.name in values]
        elif one.get("Name") == "resource-id":
            chosen = [
                store for store in chosen if any(value.startswith(f"{store.resource_type.prefix}-") for value in values)
            ]
    return chosen


async def _tolerant(lists: Lists, store: Store) -> list[Held]:
    try:
        return await store.read(lists, ())
    except BackendError as error:
        if error.fault is Fault.UNSUPPORTED:  # a cloud without the service has no such resources
            return []
        raise


def _rows(resource_type: ResourceType, held: Held) -> list[Row]:
    shown = _id(resource_type, held)
    return [
        {
            "Key": key,
            "Value": value,
            "ResourceId": shown,
            "ResourceType": resource_type.name,
            "Place": f"{shown} {key}",
            "Itself": [{"Key": key, "Value": value}],
        }
        for key, value in held.tags.items()
    ]
