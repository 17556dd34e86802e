"""Turns the XML documents of rest-xml requests, read to a tree by `xml.read`, into parameters.

The parser has checked the tree against `xml.schema`: elements stand where the model has them, as often as it allows.
This module turns their text into values, and finds missing members.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shim.protocol import scalars
from shim.protocol.constraints import check
from shim.protocol.parameter_error import ParameterError, Problem
from shim.protocol.xml.read import Element
from shim.protocol.xml.schema import entry_tags, flattened, tag_of

Read = Callable[[Element], Any]
Gather = Callable[[dict[str, Any], str, Any], None]


class Compiler:
    """Compiles a model's shapes to readers of elements, each once, as models are recursive."""

    def __init__(self) -> None:
        self._done: dict[tuple[str, str], Read] = {}

    def read(self, shape: Any) -> Read:
        """Return the reader of a shape's element (of one item, for a flattened list or map)."""
        kind = shape.type_name
        if kind not in ("structure", "list", "map"):
            return _leaf(scalars.reader(shape, "iso8601"), kind)
        key = (shape.name, str(shape.serialization.get("flattened", "")))
        if key not in self._done:
            self._done[key] = lambda element: self._done[key](element)
            build = {"structure": self.structure, "list": self._list, "map": self._map}[kind]
            self._done[key] = _checked(build(shape), shape)
        return self._done[key]

    def structure(self, shape: Any, skip: frozenset[str] = frozenset()) -> Read:
        """Return the reader of a structure's element, without the members that are in the path, query or headers."""
        children: dict[str, tuple[str, Read, Gather]] = {}
        attributes: dict[str, tuple[str, Read]] = {}
        for name, member in shape.members.items():
            if name in skip:
                continue
            tag = tag_of(name, member)
            if member.serialization.get("xmlAttribute"):
                attribute = tag.rpartition(":")[2]
                attributes[attribute] = (name, _attribute(attribute, scalars.reader(member, "iso8601")))
            else:
                tag, read_child, gather = self._child(tag, member)
                children[tag] = (name, read_child, gather)
        required = [name for name in shape.required_members if name not in skip]

        def read(element: Element) -> dict[str, Any]:
            found: dict[str, Any] = {}
            for child in element.children:
                name, reader, gather = children[child.tag]
                gather(found, name, _step(reader, child))
            for tag, (name, reader) in attributes.items():
                if tag in element.attributes:
                    found[name] = reader(element)
            for name in required:
                if name not in found:
                    raise ParameterError(Problem.MISSING, "Member must not be null").at(name)
            return found

        return read

    def _child(self, tag: str, member: Any) -> tuple[str, Read, Gather]:
        """Return a member's tag, the reader of one such element, and the function that adds its value."""
        if not flattened(member):
            return tag, self.read(member), dict.__setitem__
        if member.type_name == "map":
            return tag, self._entry(member), _put
        return tag, self.read(member.member), _append

    def _list(self, shape: Any) -> Read:
        item = self.read(shape.member)
        return lambda element: [_step(item, child) for child in element.children]

    def _map(self, shape: Any) -> Read:
        entry = self._entry(shape)
        return lambda element: dict(_step(entry, child) for child in element.children)

    def _entry(self, shape: Any) -> Read:
        key_tag, value_tag = entry_tags(shape)
        key, value = self.read(shape.key), self.read(shape.value)

        def read(element: Element) -> tuple[Any, Any]:
            parts = {child.tag: child for child in element.children}
            for tag in (key_tag, value_tag):
                if tag not in parts:
                    raise ParameterError(Problem.MISSING, "Member must not be null").at(tag)
            return _step(key, parts[key_tag]), _step(value, parts[value_tag])

        return read


def _append(found: dict[str, Any], name: str, item: Any) -> None:
    found.setdefault(name, []).append(item)


def _put(found: dict[str, Any], name: str, pair: tuple[Any, Any]) -> None:
    found.setdefault(name, {})[pair[0]] = pair[1]


def _leaf(read: scalars.Read, kind: str) -> Read:
    if kind in ("string", "character"):
        return lambda element: read(element.text)
    return lambda element: read(element.text.strip())


def _attribute(name: str, read: scalars.Read) -> Read:
    return lambda element: read(element.attributes[name])


def _checked(read: Read, shape: Any) -> Read:
    demand = check(shape)
    if demand is None:
        return read

    def checked(element: Element) -> Any:
        value = read(element)
        demand(value)
        return value

    return checked


def _step(read: Read, element: Element) -> Any:
    try:
        return read(element)
    except ParameterError as error:
        raise error.at(element.tag) from None
