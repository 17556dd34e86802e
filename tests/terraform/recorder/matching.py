"""Finds for each parameter of a call the attribute that it came from: the one with the same value."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from assess.verdicts import SERVICES

Path = tuple[Any, ...]  # names, and the places in lists
Template = tuple[str, tuple[tuple[str, Any], ...]]  # `ec2 CreateVpc`; its parameters, each with its source
_PLAIN: Final = ("boolean", "integer", "long")
_SELF: Final = ("id", "arn")


def leaves(value: Any, at: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield each value of an attribute; a map's keys and values are `@key` and `@value`."""
    if isinstance(value, Mapping):
        for number, (key, below) in enumerate(value.items()):
            yield (*at, number, "@key"), key
            yield from leaves(below, (*at, number, "@value"))
    elif isinstance(value, list):
        for number, below in enumerate(value):
            yield from leaves(below, (*at, number))
    elif value is not None:
        yield at, value


def attributes(values: Mapping[str, Any], maps: frozenset[str] = frozenset({"tags", "metadata"})) -> dict[Path, Any]:
    """Return each value of a resource by its path; the members of nested blocks are names, those of maps are not."""
    found: dict[Path, Any] = {}

    def walk(value: Any, at: Path) -> None:
        if isinstance(value, Mapping) and (at and at[-1] not in maps and not str(at[-1]).endswith("tags")):
            for key, below in value.items():
                walk(below, (*at, key))
        elif isinstance(value, list):
            for number, below in enumerate(value):
                walk(below, (*at, number))
        else:
            found.update(leaves(value, at))

    for name, value in values.items():
        if name not in ("tags_all", "timeouts"):
            walk(value, (name,))
    return found


def parameters(value: Any, shape: Any, at: Path = ()) -> Iterator[tuple[Path, Any, Any]]:
    """Yield each parameter of a call with its shape; a map and what is not in the model are one parameter."""
    if isinstance(value, Mapping) and shape.type_name == "structure":
        for name, below in value.items():
            yield from parameters(below, shape.members[name], (*at, name))
    elif isinstance(value, list) and shape.type_name == "list":
        for number, below in enumerate(value):
            yield from parameters(below, shape.member, (*at, number))
    else:
        yield at, value, shape


def template(call: Mapping[str, Any], values: Mapping[str, Any], configured: Mapping[str, Any]) -> Template:
    """Return a call with the source of each parameter: an attribute, a value that is always the same, or None."""
    model = SERVICES[call["service"]].model.operation_model(call["operation"])
    known, given = attributes(values), attributes(configured)
    found: dict[str, Any] = {}
    for at, value, shape in parameters(call["params"], model.input_shape):
        name = _filter_name(at, call["params"])
        attribute = _of_filter(at, value, name, given)
        if not attribute and not _is_fixed(at):
            attribute = _attribute((*at, name.removeprefix("is")), value, known, given)
        if attribute:
            marked, source = _marked(at, attribute)
            found[marked] = {"from": source}
        elif shape.type_name in _PLAIN or getattr(shape, "enum", None) or _is_fixed(at):
            found.setdefault(_written(at), {"is": value})
        else:
            found.setdefault(_written(at), {})
    each = {_of_each(path, found): one for path, one in found.items()}
    return f"{call['service']} {call['operation']}", tuple(sorted(each.items()))


def _of_each(path: str, found: Mapping[str, Any]) -> str:
    """Write `*` for a place in a list whose items come from an attribute: what is beside them is in each item."""
    steps = path.split(".")
    for number, step in enumerate(steps):
        each = ".".join([*steps[:number], "*", ""])
        if step.isdigit() and steps[0] not in ("Filters", "Filter") and any(one.startswith(each) for one in found):
            steps[number] = "*"
    return ".".join(steps)


def _is_fixed(at: Path) -> bool:
    return at[0] in ("Filters", "Filter") and at[-1] == "Name"


def _filter_name(at: Path, params: Mapping[str, Any]) -> str:
    """Return the name of the filter that a parameter is of, or ''."""
    return str(params[at[0]][at[1]].get("Name", "")) if at[0] in ("Filters", "Filter") else ""


def _of_filter(at: Path, value: Any, name: str, given: Mapping[Path, Any]) -> Path | None:
    """Return the member of a `filter` block that a filter's name or value came from."""
    for path, one in given.items():
        if name and path[0] == "filter" and _same(value, one) and given.get((*path[:2], "name")) == name:
            return path
    return None


def _attribute(at: Path, value: Any, known: Mapping[Path, Any], given: Mapping[Path, Any]) -> Path | None:
    both = [*known.items(), *given.items()]
    same = list(dict.fromkeys(path for path, one in both if _same(value, one) and path[0] != "filter"))
    if value in ("true", "false", "True", "False") or (isinstance(value, int) and value < 10):
        same = [path for path in same if _alike(path, at)]
    ranked = sorted(same, key=lambda path: (not _is_given(path, given), not _alike(path, at), path[0] not in _SELF))
    if not ranked or not (_is_given(ranked[0], given) or ranked[0][0] in _SELF or _alike(ranked[0], at)):
        return None
    return ranked[0]


def _is_given(path: Path, given: Mapping[Path, Any]) -> bool:
    return any(one[0] == path[0] for one in given)


def _same(value: Any, attribute: Any) -> bool:
    if isinstance(value, bool) or isinstance(attribute, bool):
        return str(value).lower() == str(attribute).lower()
    one, other = str(value), str(attribute)
    if one == other:
        return True
    if other[:1] in "{[" and one[:1] == other[:1]:
        try:
            return bool(json.loads(one) == json.loads(other))
        except ValueError:
            return False
    return len(other) > 3 and one == base64.b64encode(other.encode()).decode()


def _alike(path: Path, at: Path) -> bool:
    """Tell whether an attribute has a parameter's name, in the spelling of the other side."""
    words = [_letters(one) for one in path if isinstance(one, str) and not one.startswith("@")]
    names = [_letters(one) for one in at if isinstance(one, str) and one]
    last = {words[-1], words[-1].removesuffix("s"), "".join(words[-2:])}
    return any(word == name or word == name.removesuffix("s") for word in last for name in names[-3:])


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _marked(at: Path, attribute: Path) -> tuple[str, str]:
    """Write both paths; the places in lists that follow the attribute's are `*`."""
    lists = [number for number, one in enumerate(at) if isinstance(one, int)]
    follow = sum(isinstance(one, int) for one in attribute)
    marked = set(lists[-follow:]) if follow else set()
    source = ".".join("*" if isinstance(one, int) else one for one in attribute)
    return ".".join("*" if number in marked else str(one) for number, one in enumerate(at)), source


def _written(at: Path) -> str:
    return ".".join(map(str, at))
