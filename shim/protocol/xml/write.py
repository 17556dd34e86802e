"""Writes results as XML, for ec2, query and rest-xml: the model is compiled to functions that append strings.

A tree of elements would cost ten times as much for an answer of a thousand rows, which `rows` writes.  A member that
the model lacks raises an error, so that tests find it; clients would silently drop it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from shim.protocol import scalars
from shim.protocol.xml import rows as xmlrows

Put = Callable[[str], None]
Emit = Callable[[Any, Put], None]  # writes whole elements, tags included
Members = Callable[[Mapping[str, Any], Put], None]  # writes the content of an element

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

# What XML 1.0 cannot hold, and a bare carriage return, which would be read back as a line feed (2.11).
_UNWRITABLE: Final = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")


def escape(text: str) -> str:
    """Return text as it may stand between tags or in a quoted attribute, readable by every parser.

    XML 1.0 cannot hold most control characters, not even as references.  They become U+FFFD, as one of them would make
    the whole answer unreadable.
    """
    # Half of the time of an answer with many rows is spent here, and most of their values need no change.
    if text.isalnum():
        return text
    if "&" in text or "<" in text or ">" in text or '"' in text:
        text = _named(text)
    return text if text.isprintable() else _UNWRITABLE.sub(_readable, text)


def escape_exactly(text: str) -> str:
    """Return text with control characters as references (`&#x1;`), as S3 writes them.

    Strict parsers refuse those, which is what encoding-type=url is for: "to allow for an encoding of characters that
    are not supported in XML 1.0" (Amazon S3 API reference, ListObjects).
    """
    text = _named(text)
    return text if text.isprintable() else _UNWRITABLE.sub(_exact, text)


def _named(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _readable(match: re.Match[str]) -> str:
    return "&#13;" if match[0] == "\r" else "\ufffd"


def _exact(match: re.Match[str]) -> str:
    found = match[0]
    if found == "\r":
        return "&#13;"
    # Half a surrogate pair has no UTF-8 at all.
    return "\ufffd" if found >= "\ud800" else f"&#x{ord(found):X};"


# The columns that convert many scalars at once, by the function that converts one.
_COLUMNS: Final[Mapping[scalars.Text, Callable[[scalars.Text], xmlrows.Column]]] = {
    scalars.iso8601_text: xmlrows.times,
    scalars.integer_text: xmlrows.digits,
}


class Compiler:
    """Compiles output shapes to emitters; `words` escapes the text between tags."""

    def __init__(self, words: Callable[[str], str] = escape) -> None:
        self._words = words
        self._done: dict[str, Members] = {}

    def members(self, shape: Any, skip: frozenset[str] = frozenset()) -> Members:
        """Return the emitter of a structure's members, without tags of its own; None values count as absent."""
        # member → the emitter of its elements, or for scalars the tags and the function that writes the value, which
        # saves a call for most members.
        plans: dict[str, tuple[Emit | None, str, str, scalars.Text | None]] = {}
        for name, member in shape.members.items():
            tag = _tag(name, member)
            if name in skip or _is_attribute(member):
                plans[name] = (None, "", "", None)
            elif member.type_name in ("structure", "list", "map"):
                plans[name] = (self.element(tag, member), "", "", None)
            else:
                plans[name] = (None, f"<{tag}{_namespace(member)}>", f"</{tag}>", self._text(member))
        structure = shape.name

        def emit(value: Mapping[str, Any], put: Put) -> None:
            if type(value) is xmlrows.Written:
                put(value.xml)
                return
            for name, item in value.items():
                try:
                    write, opening, closing, text = plans[name]
                except KeyError:
                    raise LookupError(f"{structure} has no member {name!r}") from None
                if item is None:
                    continue
                try:
                    if text is not None:
                        put(f"{opening}{text(item)}{closing}")
                    elif write is not None:
                        write(item, put)
                except (TypeError, AttributeError, ValueError) as error:
                    raise TypeError(f"{structure}.{name}: {error}") from error

        return emit

    def text_of_members(self, shape: Any) -> Callable[[Mapping[str, Any]], str]:
        """Return the function that writes a structure's members as one text, for `rows.Written`."""
        emit = self.members(shape)

        def written(value: Mapping[str, Any]) -> str:
            found: list[str] = []
            emit(value, found.append)
            return "".join(found)

        return written

    def _text(self, shape: Any) -> scalars.Text:
        if shape.type_name in ("string", "character"):
            return self._words
        return scalars.writer(shape, "iso8601")  # digits, base64, true or false: nothing to escape

    def root(self, tag: str, shape: Any, namespace: str, skip: frozenset[str] = frozenset()) -> Emit:
        """Return the emitter of a whole document, whose root has the namespace and no member of `skip`."""
        xmlns = f' xmlns="{escape(namespace)}"' if namespace else _namespace(shape)
        return self._tagged(f"<{tag}{xmlns}>", f"</{tag}>", shape, self.members(shape, skip))

    def element(self, tag: str, shape: Any) -> Emit:
        """Return the emitter of one member under its tag."""
        kind = shape.type_name
        if kind == "structure":
            return self._structure(tag, shape)
        if kind == "list":
            return self._list(tag, shape)
        if kind == "map":
            return self._map(tag, shape)
        return self._scalar(tag, shape)

    def _scalar(self, tag: str, shape: Any) -> Emit:
        opening, closing, text = f"<{tag}{_namespace(shape)}>", f"</{tag}>", self._text(shape)

        def emit(value: Any, put: Put) -> None:
            put(f"{opening}{text(value)}{closing}")

        return emit

    def _structure(self, tag: str, shape: Any) -> Emit:
        return self._tagged(f"<{tag}{_namespace(shape)}>", f"</{tag}>", shape, self._late(shape))

    def _tagged(self, opening: str, closing: str, shape: Any, members: Members) -> Emit:
        attributes = {
            name: member.serialization["name"] for name, member in shape.members.items() if _is_attribute(member)
        }

        def emit(value: Any, put: Put) -> None:
            put(opening)
            members(value, put)
            put(closing)

        def emit_with_attributes(value: Any, put: Put) -> None:
            words = "".join(
                f' {outside}="{escape(value[name])}"' for name, outside in attributes.items() if name in value
            )
            put(f"{opening[:-1]}{words}>")
            members(value, put)
            put(closing)

        return emit_with_attributes if attributes else emit

    def _late(self, shape: Any) -> Members:
        name = shape.name
        if name not in self._done:
            self._done[name] = lambda value, put: self._done[name](value, put)
            self._done[name] = self.members(shape)
        return self._done[name]

    def _list(self, tag: str, shape: Any) -> Emit:
        if shape.serialization.get("flattened"):
            # A flattened list has no element of its own: each item stands under the list's name, else the item's.
            return self._items(shape.serialization.get("name") or _tag(tag, shape.member), shape.member)
        opening, closing = f"<{tag}{_namespace(shape)}>", f"</{tag}>"
        items = self._items(shape.member.serialization.get("name", "member"), shape.member)

        def emit(value: Any, put: Put) -> None:
            if not value:
                put(f"{opening[:-1]}/>")
                return
            put(opening)
            items(value, put)
            put(closing)

        return emit

    def _items(self, tag: str, shape: Any) -> Emit:
        item = self.element(tag, shape)

        def each(value: Any, put: Put) -> None:
            for one in value:
                item(one, put)

        if not _is_row(shape):
            return each
        texts = self._rows(tag, shape)
        deep = frozenset(name for name, member in shape.members.items() if not _is_cell(member))

        def rows(value: Any, put: Put) -> None:
            if type(value) is xmlrows.Table:
                put("".join(texts(value) if len(value) >= xmlrows.FEW else texts(list(value))))
                return
            if isinstance(value, list) and len(value) >= xmlrows.FEW and deep.isdisjoint(value[0]):
                put("".join(texts(value)))
                return
            for one in value:
                item(one, put)

        return rows

    def _rows(self, tag: str, shape: Any) -> xmlrows.Column:
        return xmlrows.rows(
            xmlrows.one_by_one(self.element(tag, shape)),
            (f"<{tag}{_namespace(shape)}>", f"</{tag}>"),
            lambda name: self._cell(name, shape.members[name]),
        )

    def _cell(self, name: str, member: Any) -> xmlrows.Cell:
        tag = _tag(name, member)
        if not _is_cell(member):
            raise LookupError(f"{name} is not written in columns")
        if _is_row(member):
            return "", "", self._rows(tag, member)
        text = self._text(member)
        column = xmlrows.words if text is self._words else _COLUMNS.get(text, xmlrows.scalars)
        return f"<{tag}{_namespace(member)}>", f"</{tag}>", column(text)

    def _map(self, tag: str, shape: Any) -> Emit:
        key = self.element(shape.key.serialization.get("name", "key"), shape.key)
        item = self.element(shape.value.serialization.get("name", "value"), shape.value)
        flat = bool(shape.serialization.get("flattened"))
        entry = tag if flat else "entry"

        def emit(value: Any, put: Put) -> None:
            if not flat:
                put(f"<{tag}{_namespace(shape)}>")
            for name, one in value.items():
                put(f"<{entry}>")
                key(name, put)
                item(one, put)
                put(f"</{entry}>")
            if not flat:
                put(f"</{tag}>")

        return emit


def _is_row(shape: Any) -> bool:
    return shape.type_name == "structure" and not any(map(_is_attribute, shape.members.values()))


def _is_cell(member: Any) -> bool:
    """Whether a member is written by columns; lists, maps and attributes are written one by one."""
    return member.type_name not in ("structure", "list", "map") or _is_row(member)


def _is_attribute(member: Any) -> bool:
    return bool(member.serialization.get("xmlAttribute"))


def _tag(name: str, member: Any) -> str:
    return str(member.serialization.get("name", name))


def _namespace(shape: Any) -> str:
    found = shape.serialization.get("xmlNamespace")
    if not found:
        return ""
    uri, prefix = (found, "") if isinstance(found, str) else (found["uri"], found.get("prefix", ""))
    return f' xmlns{":" + prefix if prefix else ""}="{escape(uri)}"'
