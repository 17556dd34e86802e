"""Parses untrusted XML to a tree, under a schema: no document type, no entities, no elements that no operation takes.

expat refuses a document type, so a document cannot declare entities and has only XML's five predefined ones.  Elements,
their number, their depth and their text are checked while they are read.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from xml.parsers import expat

from shim.protocol.xml.schema import Document, Schema

_DEEPEST: Final = 64
_BLANK: Final = 64  # characters of white space for each element that a document may have
_ATTRIBUTES: Final = 8  # of one element; the model knows one, xsi:type
# expat parses all bytes that it was given, even after a handler has raised, so it is given pieces of this size.
_PIECE: Final = 32 << 10
# A tag, comment or other token that is longer than this is refused: expat 2.5 reads an unfinished token anew with each
# piece (CVE-2023-52425).
_LONGEST_TOKEN: Final = 64 << 10


class MalformedError(ValueError):
    """XML that is not accepted; until then `visited` elements and comments were read and `fed` bytes given to expat."""

    visited = 0
    fed = 0


class Element:
    """A node: its name without namespace, its attributes (likewise), its children, its text."""

    __slots__ = ("attributes", "children", "tag", "text")

    def __init__(self, tag: str, attributes: Mapping[str, str] = MappingProxyType({})) -> None:
        self.tag = tag
        self.attributes = attributes
        self.children: list[Element] = []
        self.text = ""


class _Open:
    """An element that has not ended: the node, its schema if there is one, and how often each tag stood in it."""

    __slots__ = ("element", "schema", "seen")

    def __init__(self, element: Element, schema: Schema | None) -> None:
        self.element = element
        self.schema = schema
        self.seen: dict[str, int] = {}


class _Builder:
    """Builds the tree from expat's events, and checks it against a schema where there is one."""

    def __init__(self, document: Document | None) -> None:
        self.visited = 0
        self.top = Element("")
        self._most = document.most_elements if document else sys.maxsize
        self._blank = _BLANK * self._most  # how many characters of white space may still come between elements
        self._open = [_Open(self.top, document.root if document else None)]
        self._text: list[str] = []
        self._size = 0

    def count(self, *words: object) -> None:
        """Count an element, a comment or a processing instruction."""
        self.visited += 1
        if self.visited > self._most:
            raise MalformedError("too many elements")

    def start(self, name: str, pairs: list[str]) -> None:
        self.count()
        if len(self._open) > _DEEPEST:
            raise MalformedError("too deep")
        tag, parent = _local(name), self._open[-1]
        schema = None if parent.schema is None else self._schema(tag, parent, parent.schema)
        element = Element(tag, _attributes(pairs)) if pairs else Element(tag)
        parent.element.children.append(element)
        self._open.append(_Open(element, schema))
        self._text, self._size = [], 0

    def _schema(self, tag: str, parent: _Open, above: Schema) -> Schema:
        """Return the schema of a child; raise MalformedError where it may not occur there, or not so often."""
        schema = above.children.get(tag)
        if schema is None:
            raise MalformedError(f"unknown element {tag[:64]}")
        count = parent.seen[tag] = parent.seen.get(tag, 0) + 1
        if count > above.repeated.get(tag, 1):
            raise MalformedError(f"too many elements {tag}")
        return schema

    def text(self, data: str) -> None:
        schema = self._open[-1].schema
        if schema is None or schema.longest:
            self._size += len(data)
            if schema is not None and self._size > schema.longest:
                raise MalformedError("text is too long")
            self._text.append(data)
            return
        self._blank -= len(data)
        if self._blank < 0 or not data.isspace():
            raise MalformedError("text where elements belong")

    def end(self, name: str) -> None:
        self._open.pop().element.text = "".join(self._text)
        self._text = []

    def refuse(self, *words: object) -> None:
        raise MalformedError("a document type is not allowed")


def _attributes(pairs: list[str]) -> dict[str, str]:
    if len(pairs) > 2 * _ATTRIBUTES:
        raise MalformedError("too many attributes")
    return {_local(key): value for key, value in zip(pairs[::2], pairs[1::2], strict=True)}


def _local(name: str) -> str:
    """Return a name without its namespace, which expat separates by a blank."""
    return name.rpartition(" ")[2] if " " in name else name


def parse(body: bytes, document: Document | None = None) -> Element:
    """Return the root of a document; MalformedError for anything that is not plain, namespace-valid XML.

    `document` is its schema; without one any element may occur.
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    builder = _Builder(document)
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.CommentHandler = parser.ProcessingInstructionHandler = builder.count
    parser.StartDoctypeDeclHandler = builder.refuse
    parser.EntityDeclHandler = builder.refuse
    parser.buffer_text = True
    parser.ordered_attributes = True
    fed = 0
    try:
        while fed < len(body):
            piece = body[fed : fed + _PIECE]
            fed += len(piece)
            parser.Parse(piece, False)
            if fed - parser.CurrentByteIndex > _LONGEST_TOKEN:
                raise MalformedError("a token is too long")
        parser.Parse(b"", True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        # ValueError and LookupError: an encoding in the declaration that Python does not know, or not as XML needs it.
        refused = MalformedError(str(error))
        refused.visited, refused.fed = builder.visited, fed
        raise refused from None
    (root,) = builder.top.children  # expat has refused a document without one, or with two
    return root
