"""Read what `terraform show -json` prints: the resources of a plan or a state, of all modules.

https://developer.hashicorp.com/terraform/internals/json-format
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from assess.calls import UNKNOWN
from assess.cloudtrail.records import opened

LARGEST: Final = 256 << 20  # bytes; plans of ten thousand resources have some 50 MB
_HEAD: Final = re.compile(rb'\s*\{\s*"(?:format_version|terraform_version)"\s*:')
_MODULE: Final = re.compile(r'module\.([^.\[]+)(?:\[(?:"(?:[^"\\]|\\.)*"|\d+)\])?')


class NoPlanError(Exception):
    """A file that begins as a plan does and is none that can be read."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource as it will be.  `sort` is `aws_vpc`, or `data.aws_vpc`.

    Values that are known only when the plan is applied, and sensitive ones, are UNKNOWN.  `configured` are the
    attributes that the configuration names; None where that is not told, as in a state.
    """

    address: str
    sort: str
    values: Mapping[str, Any]
    before: Mapping[str, Any] = field(default_factory=dict)
    actions: tuple[str, ...] = ()
    configured: frozenset[str] | None = None


def is_plan(start: bytes) -> bool:
    """Tell by its first bytes whether a file is a plan or a state as `terraform show -json` prints it."""
    return _HEAD.match(start) is not None


def resources(path: Path, largest: int = LARGEST) -> list[Resource]:
    """Return the resources of a plan or a state; raise NoPlanError where the file is none, or has more bytes."""
    with opened(path) as (file, _):
        try:
            text = file.read(largest + 1)
        except (OSError, EOFError) as error:
            raise NoPlanError(f"not read: {type(error).__name__}") from None
    if len(text) > largest:
        raise NoPlanError(f"larger than {largest:,} bytes")
    try:
        return list(_resources(json.loads(text)))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise NoPlanError(f"not what `terraform show -json` prints: {type(error).__name__}") from None


def _resources(whole: Mapping[str, Any]) -> Iterator[Resource]:
    changes = {one["address"]: one["change"] for one in whole.get("resource_changes", ()) if "deposed" not in one}
    # A plan has the data sources that were read while it was made among what there was before.
    before = whole.get("prior_state", {}).get("values", {})
    after = whole.get("planned_values", whole.get("values", {}))
    found = {one["address"]: one for one in _walk(before.get("root_module", {})) if one["mode"] == "data"}
    found.update((one["address"], one) for one in _walk(after.get("root_module", {})))
    root = whole.get("configuration", {}).get("root_module")
    for address, one in found.items():
        change = changes.get(address, {})
        values = _hidden(one.get("values", {}), one.get("sensitive_values", {}))
        sort = one["type"] if one["mode"] == "managed" else f"data.{one['type']}"
        yield Resource(
            address,
            sort,
            _hidden(values, change.get("after_unknown") or {}),
            _hidden(change.get("before") or {}, change.get("before_sensitive") or {}),
            tuple(change.get("actions", ())),
            None if root is None else _configured(root, one),
        )


def _walk(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from module.get("resources", ())
    for below in module.get("child_modules", ()):
        yield from _walk(below)


def _hidden(value: Any, marks: Any) -> Any:
    """Return a value with UNKNOWN where a mark is true: both are trees of the same form."""
    if marks is True:
        return UNKNOWN
    if isinstance(marks, Mapping) and (value is None or isinstance(value, Mapping)):
        some = value or {}
        below = {name: _hidden(some.get(name), mark) for name, mark in marks.items()}
        return {**some, **{name: one for name, one in below.items() if one is not None}}
    if isinstance(marks, list) and (value is None or isinstance(value, list)):
        items = value or []
        longest = max(len(items), len(marks))
        return [
            _hidden(items[place] if place < len(items) else None, marks[place] if place < len(marks) else False)
            for place in range(longest)
        ] or value
    return value


def _configured(root: Mapping[str, Any], one: Mapping[str, Any]) -> frozenset[str] | None:
    """Return the attributes that the configuration of a resource names."""
    module: Mapping[str, Any] = root
    head = one["address"].partition(f"{one['type']}.")[0]
    for name in _MODULE.findall(head):
        module = module.get("module_calls", {}).get(name, {}).get("module", {})
    for block in module.get("resources", ()):
        if (block["mode"], block["type"], block["name"]) == (one["mode"], one["type"], one["name"]):
            return frozenset(block.get("expressions", ()))
    return None
