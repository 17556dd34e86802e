"""The recorded calls of each sort of resource, and the parameters that a resource gives them.

`recorded.json` is written by `python -m tests.terraform.recorder`.  A parameter has its source: `from` an attribute,
always the same (`is`), or neither.  In paths a number is a place in a list, and `*` each place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from assess import sdk
from assess.calls import UNKNOWN
from assess.sites import without_secrets
from assess.terraform.plan import Resource

_EMPTY: Final[tuple[Any, ...]] = (None, "", [], {})


@cache
def data() -> Mapping[str, Any]:
    """Return all that was recorded."""
    text = Path(__file__).with_name("recorded.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def given(resource: Resource, row: Mapping[str, Any]) -> set[str]:
    """Return the attributes that somebody set, as far as that is told, to another value than the default."""
    return {
        name
        for name in (*row["settable"], *row["computed"])
        if _is_given(name, resource.values.get(name), resource, row)
    }


def _is_given(name: str, value: Any, resource: Resource, row: Mapping[str, Any]) -> bool:
    if value in _EMPTY or (name in row["defaults"] and value == row["defaults"][name]):
        return False
    if name not in row["computed"]:
        return True
    # The provider fills these in, where they are not set.  Of a resource that is yet to be made they are unknown then.
    if resource.configured is not None and name in resource.configured:
        return True
    return value is True or (value is not UNKNOWN and "create" in resource.actions)


def unrecorded(resource: Resource, row: Mapping[str, Any], names: set[str]) -> list[str]:
    """Return the given attributes of which nobody recorded what they do; of a block, its members."""
    recorded = {one.partition(".")[0] for one in row["paths"]}
    found = names - recorded
    if "create" not in resource.actions and resource.configured is not None:
        found &= resource.configured  # what AWS itself filled in
    if "create" in resource.actions or resource.configured is None:
        for name in names - found:
            below = {path for path, value in _members(resource.values[name], name) if value not in (*_EMPTY, False, 0)}
            found |= {path for path in below if path not in row["paths"]}
    return sorted(found)


def _members(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the values below an attribute that is made of blocks; what is in a map is the attribute's own."""
    blocks = value if isinstance(value, list) else ()
    for one in blocks:
        if isinstance(one, Mapping):
            for name, below in one.items():
                if isinstance(below, list) and any(isinstance(item, Mapping) for item in below):
                    yield from _members(below, f"{path}.*.{name}")
                elif isinstance(below, list) and below:
                    yield f"{path}.*.{name}.*", below
                elif not isinstance(below, Mapping):
                    yield f"{path}.*.{name}", below


def parameters(call: Mapping[str, Any], resource: Resource, names: set[str]) -> dict[str, Any]:
    """Return the parameters of a call, without secrets; a source that has no value leaves its parameter out."""
    sources = dict(call["params"])
    for name, more in call.get("with", {}).items():
        if name in names:
            sources.update(more)
    tree: dict[Any, Any] = {}
    empty = {_filter(path) for path, one in sources.items() if _filter(path) and _is_without(one, resource)}
    # What is in each item of a list comes when there are the items.
    for path, source in sorted(sources.items(), key=lambda one: "from" not in one[1]):
        steps = path.split(".")
        if _filter(path) in empty:
            continue
        if "from" not in source:
            _place_in_each(tree, steps, source.get("is", UNKNOWN))
            continue
        origin = source["from"].split(".")
        for places, value in _values(resource.values.get(origin[0]), origin[1:], ()):
            follow = iter(_last(places, steps.count("*")))
            # Items that come from different attributes are different items.
            _place(tree, [_step(one, origin[0], follow) for one in steps], value)
    service, operation = call["call"].split()
    shape = sdk.model(service).operation_model(operation).input_shape
    if shape is None:
        return {}
    found = without_secrets(_built(tree, shape), shape)
    return dict(found) if isinstance(found, Mapping) else {}


def _filter(path: str) -> str:
    """Return the filter that a parameter is of, or ''."""
    return ".".join(path.split(".")[:2]) if path.startswith("Filter") else ""


def _is_without(source: Mapping[str, Any], resource: Resource) -> bool:
    return "from" in source and resource.values.get(source["from"].partition(".")[0]) in _EMPTY


def _step(step: str, origin: str, follow: Iterator[int]) -> Any:
    if step == "*":
        return origin, next(follow)
    return int(step) if step.isdigit() else step


def _last(places: tuple[tuple[int, int], ...], count: int) -> list[int]:
    """Return as many places as a parameter has lists; a block that can stand only once is a list in Terraform alone."""
    kept = list(places)
    while len(kept) > count:
        once = next((one for one in kept if one[1] == 1), kept[0])
        kept.remove(once)
    return [place for place, _ in kept] + [0] * (count - len(kept))


def _values(value: Any, steps: list[str], places: tuple[tuple[int, int], ...]) -> Iterator[tuple[Any, Any]]:
    """Yield the values at an attribute's path, each with its places in lists and their lengths."""
    if value in _EMPTY:
        return
    if value is UNKNOWN or not steps:
        yield (
            (*places, *((0, 1) for one in steps if one == "*")),
            UNKNOWN if isinstance(value, Mapping | list) else value,
        )
        return
    if isinstance(value, Mapping) and steps[-1] in ("@key", "@value") and steps[0] == "*":
        for number, (key, below) in enumerate(value.items()):
            yield (*places, (number, len(value))), key if steps[-1] == "@key" else below
    elif isinstance(value, Mapping):
        yield from _values(value.get(steps[0]), steps[1:], places)
    elif isinstance(value, list) and steps[0] == "*":
        for number, below in enumerate(value):
            yield from _values(below, steps[1:], (*places, (number, len(value))))


def _place(tree: dict[Any, Any], steps: list[Any], value: Any) -> None:
    for step in steps[:-1]:
        below = tree.setdefault(step, {})
        if not isinstance(below, dict):  # the whole was placed before
            return
        tree = below
    tree[steps[-1]] = value


def _place_in_each(tree: dict[Any, Any], steps: list[str], value: Any) -> None:
    if "*" not in steps:
        _place(tree, [int(one) if one.isdigit() else one for one in steps], value)
        return
    below: Any = tree
    for step in steps[: steps.index("*")]:
        below = below.get(int(step) if step.isdigit() else step, {}) if isinstance(below, dict) else {}
    for item in below.values() if isinstance(below, dict) else ():
        if isinstance(item, dict):
            _place_in_each(item, steps[steps.index("*") + 1 :], value)


def _built(value: Any, shape: Any) -> Any:
    """Return the tree with lists as lists, and values of the model's types."""
    if shape.type_name == "list" and isinstance(value, dict):
        return [_built(one, shape.member) for one in value.values()]
    if shape.type_name == "structure" and isinstance(value, dict):
        return {name: _built(one, shape.members[name]) for name, one in value.items()}
    return _typed(value, shape.type_name)


def _typed(value: Any, kind: str) -> Any:
    """Return a value as the model has it: Terraform writes some numbers and truths as texts."""
    if kind == "boolean":
        return {"true": True, "false": False}.get(str(value).lower(), UNKNOWN)
    if kind in ("integer", "long"):
        return int(value) if str(value).lstrip("-").isdigit() else UNKNOWN
    if kind == "string" and isinstance(value, str | int):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return UNKNOWN
