"""Botocore's models as the check of the data reads them: members that exist, and the documentation of an operation."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from botocore.session import get_session


@cache
def operation(service: str, name: str) -> Any:
    return get_session().get_service_model(service).operation_model(name)


def unknown_members(value: Any, shape: Any, path: str = "") -> Iterator[str]:
    """Return the members of a parameter that the model does not have."""
    if isinstance(value, Mapping):
        if any(name.startswith("$") for name in value):
            return
        if shape.type_name == "map":
            return
        for name, one in value.items():
            if shape.type_name != "structure" or name not in shape.members:
                yield f"{path}{name}"
            else:
                yield from unknown_members(one, shape.members[name], f"{path}{name}.")
    elif isinstance(value, list):
        for one in value:
            yield from unknown_members(one, shape.member, path)


@cache
def member_names(service: str, name: str) -> frozenset[str]:
    """Return the names of all members that an answer may have, whatever their depth."""
    found: set[str] = set()
    shapes, seen = [operation(service, name).output_shape], set()
    while shapes:
        shape = shapes.pop()
        if shape is None or shape.name in seen:
            continue
        seen.add(shape.name)
        if shape.type_name == "structure":
            found |= shape.members.keys()
            shapes += shape.members.values()
        elif shape.type_name == "list":
            shapes.append(shape.member)
    return frozenset(found)


def fields(node: Mapping[str, Any]) -> Iterator[str]:
    """Return the names of members in a parsed JMESPath."""
    if node["type"] == "field":
        yield node["value"]
    for child in node["children"]:
        if isinstance(child, Mapping) and "type" in child:
            yield from fields(child)


@cache
def documentation(service: str, name: str) -> str:
    """Return what botocore's model, which is made from AWS's documentation, says of an operation and its members."""
    model = operation(service, name)
    texts, shapes, seen = [model.documentation], [model.input_shape, model.output_shape], set()
    while shapes:
        shape = shapes.pop()
        if shape is None or shape.name in seen:
            continue
        seen.add(shape.name)
        if shape.type_name == "structure":
            texts += [member.documentation for member in shape.members.values()]
            shapes += shape.members.values()
        elif shape.type_name == "list":
            shapes.append(shape.member)
    return plain(" ".join(texts))


def plain(text: str) -> str:
    """Return a text without markup, with single blanks."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", text)).replace("’", "'").split())
