"""Botocore's models as the check of the data reads them: members that exist, and pages of the API reference."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from typing import Any

from botocore.session import get_session

# What begins or ends a paragraph of the documentation.
BLOCK = re.compile(r"</?(?:p|li|ul|ol|dl|dt|dd|note|important|fullname|br|table|tr|td|h\d)\b[^>]*>")


@cache
def model(service: str) -> Any:
    """Return a service's model, which takes seconds to read."""
    return get_session().get_service_model(service)


@cache
def operation(service: str, name: str) -> Any:
    return model(service).operation_model(name)


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
def page(service: str, name: str) -> tuple[str, ...]:
    """Return the paragraphs of a page of AWS's API reference, of an operation or of a data type.

    Botocore's models are made from it. The members of a member stand on the page of their own type.
    """
    if name in model(service).operation_names:
        found = operation(service, name)
        shapes = [shape for shape in (found.input_shape, found.output_shape) if shape is not None]
        texts = [found.documentation]
    else:
        shapes, texts = [model(service).shape_for(name)], []
    for shape in shapes:
        texts += [shape.documentation, *(member.documentation for member in shape.members.values())]
    return tuple(line for text in texts for line in map(plain, BLOCK.split(text)) if line)


def stands(sentence: str, service: str, name: str) -> bool:
    """Tell whether a page has a quote: whole sentences of one paragraph, or the code and description of an error."""
    ends = "(?: |$)" if sentence.endswith(".") else "$"
    whole = re.compile(rf"(?:^|[.:?!\]] | - ){re.escape(plain(sentence))}{ends}")
    paragraphs = page(service, name)
    if coded := re.fullmatch(r"(\w+): (.+\.)", sentence):
        code, described = f"Code: {coded[1]}", f"Description: {coded[2]} "
        if any(one == code and f"{two} ".startswith(described) for one, two in pairwise(paragraphs)):
            return True
    return any(map(whole.search, paragraphs))


def plain(text: str) -> str:
    """Return a text without markup, with single blanks."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", text)).replace("’", "'").split())
