"""Makes the data of what was seen: the calls of each sort of resource, and those of each further attribute."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from tests.terraform.recorder.matching import Template, attributes, template
from tests.terraform.recorder.stage import PROVIDER

_META: Final = frozenset({"depends_on"})
_NOT_SENT: Final = frozenset({"timeouts", "tags_all"})

Seen = Mapping[str, Any]


def data(seen: list[Seen]) -> str:
    """Return the data as JSON, a sort of resource on each line."""
    sorts = sorted({address.rpartition(".")[0] for one in seen for address in one["values"]})
    rows = {sort: row for sort in sorts if (row := _row(sort, seen))}
    lines = ",\n".join(f"  {json.dumps(sort)}: {json.dumps(row)}" for sort, row in rows.items())
    return (
        f'{{"provider": {json.dumps(PROVIDER["source"])}, "version": {json.dumps(PROVIDER["version"])},\n'
        f' "configured": {json.dumps(_own(seen))},\n "resources": {{\n{lines}\n}}}}\n'
    )


def _own(seen: list[Seen]) -> list[str]:
    """Return the calls that the provider makes for itself."""
    return sorted(
        {f"{call['service']} {call['operation']}" for one in seen for call in one["calls"] if not call["address"]}
    )


def _row(sort: str, seen: list[Seen]) -> dict[str, Any]:
    groups = [one for one in seen if f"{sort}.base" in one["values"]]
    if not groups:
        return {}
    row: dict[str, Any] = {"create": [], "read": [], "delete": [], "update": {}}
    paths: set[str] = set()
    for group in groups:
        more = [one for one in group["values"] if one.startswith(f"{sort}.with_") and one in group["config"]]
        for address in (f"{sort}.base", *more):
            _add(row, group, address, f"{sort}.base")
            paths |= {_pattern(path) for path in attributes(_given(group, address))}
    row["update"] = {key: calls for key, calls in row["update"].items() if calls}
    return {**row, "paths": sorted(paths), **_attributes(groups[0], sort)}


def _attributes(group: Seen, sort: str) -> dict[str, Any]:
    """Return the attributes that can be set: those that the provider computes where they are not, and the others."""
    settable = {key: one for key, one in group["schema"][sort].items() if key not in _NOT_SENT}
    values, given = group["values"][f"{sort}.base"], _given(group, f"{sort}.base")
    defaults = {
        key: values[key]
        for key, computed in settable.items()
        if key not in given and isinstance(values.get(key), bool if computed else bool | int | str)
    }
    return {
        "defaults": defaults,
        "settable": sorted(key for key, computed in settable.items() if not computed),
        "computed": sorted(key for key, computed in settable.items() if computed),
    }


def _add(row: dict[str, Any], group: Seen, address: str, base: str) -> None:
    """Add the calls of one resource; those that the resource `base` does not make are of what it has more."""
    given, usual = _given(group, address), _given(group, base)
    more = [key for key in given if key not in usual]
    changed = {key: given[key] for key in group.get("changed", {}).get(address, ())}
    choice = changed if not more and _differ(group, base, address) else {}
    for step in ("create", "read", "delete"):
        templates = _templates(group, address, step)
        if choice:
            _choose(row[step], templates, usual, choice)
        elif changed and not more:
            templates = _widen(row[step], templates)
        _merge(row[step], templates, more)
    for one in (*more, *changed):
        _merge(row["update"].setdefault(one, []), _templates(group, address, "update"), [])


def _given(group: Seen, address: str) -> dict[str, Any]:
    config = group["config"][address]
    values = group["values"].get(address, {})
    return {
        key: values.get(key, one) if "${" in str(one) else one
        for key, one in config.items()
        if one is not None and key not in _META
    }


def _pattern(path: Iterable[Any]) -> str:
    return ".".join("*" if isinstance(one, int) else one for one in path)


def _templates(group: Seen, address: str, step: str) -> list[Any]:
    """Return the different calls of a step.  A change is made and taken back, so it is seen with both values."""
    found = (
        template(call, group["values"][address], _given(group, address))
        for call in group["calls"]
        if call["address"] == address and call["action"] == step
    )
    return list(dict.fromkeys(map(_hashable, found)))


def _hashable(one: Template) -> Any:
    return one[0], tuple((path, json.dumps(source)) for path, source in one[1])


def _merge(calls: list[dict[str, Any]], templates: list[Any], more: list[str]) -> None:
    """Add what a resource with these further attributes made; `more` is empty for the one without."""
    known = [_hashable((one["call"], tuple(sorted(one["params"].items())))) for one in calls]
    for name, pairs in templates:
        if (name, tuple(sorted(pairs))) in known:
            continue
        params = {path: json.loads(source) for path, source in pairs}
        alike = [one for one in calls if one["call"] == name and _extends(params, one)]
        if not alike or not more:
            when = {"when": _causes(params, more)} if more else {}
            one = {"call": name, "params": params, **when}
            if one not in calls:
                calls.append(one)
            continue
        added = {path: source for path, source in params.items() if alike[0]["params"].get(path) != source}
        for path, source in added.items():
            for key in _causes({path: source}, more):
                alike[0].setdefault("with", {}).setdefault(key, {})[path] = source


def _choose(calls: list[dict[str, Any]], templates: list[Any], usual: Seen, changed: Seen) -> None:
    """Mark calls that are made for one value of an attribute and not for another, as for a rule's `type`."""
    before, after = {one["call"] for one in calls if "when" not in one}, {name for name, _ in templates}
    for one in calls:
        if one["call"] in before - after:
            one["if"] = {key: usual[key] for key in changed}
    _merge(calls, [one for one in templates if one[0] not in before], [])
    for one in calls:
        if one["call"] in after - before and "when" not in one:
            one["if"] = dict(changed)


def _differ(group: Seen, one: str, other: str) -> bool:
    """Tell whether two resources are made by different operations."""
    names, others = ({name for name, _ in _templates(group, address, "create")} for address in (one, other))
    return names != others


def _widen(calls: list[dict[str, Any]], templates: list[Any]) -> list[Any]:
    """Add parameters of another value of an attribute, which may have other members; return the calls that are new."""
    new = []
    for name, pairs in templates:
        params = {path: json.loads(source) for path, source in pairs}
        same = [one for one in calls if one["call"] == name and "when" not in one and _agree(params, one["params"])]
        if same:
            same[0]["params"].update({path: one for path, one in params.items() if path not in same[0]["params"]})
        else:
            new.append((name, pairs))
    return new


def _agree(params: Mapping[str, Any], others: Mapping[str, Any]) -> bool:
    """Tell whether calls have the same filters, and no text that is always the same in the one and not in the other."""
    paths = {path for path in params.keys() ^ others.keys() if path.startswith(("Filter", "Attribute"))}
    texts = [path for path in params.keys() & others.keys() if isinstance(params[path].get("is"), str)]
    return not paths and all(others[path] == params[path] for path in texts)


def _causes(params: Mapping[str, Any], more: list[str]) -> list[str]:
    """Return those of the further attributes that parameters came from; all of them, if none is told."""
    origins = {source.get("from", "").partition(".")[0] for source in params.values()}
    return [key for key in more if key in origins] or more


def _extends(params: Mapping[str, Any], one: Mapping[str, Any]) -> bool:
    """Tell whether a call is another one with more parameters: what is always the same must be so in both."""
    for path, source in one["params"].items():
        if path in params and "is" in source and isinstance(source["is"], str) and params[path] != source:
            return False
        if path not in params and path.startswith(("Filter", "Attribute", "Resource")):
            return False
    return "when" not in one
