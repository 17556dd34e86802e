"""Schemas of requests' XML documents, compiled from the model: elements, their number, the length of text.

The parser checks it while it reads, so a document that no operation takes is refused at its first wrong element and
costs no more than what came before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

# The most items of a list where AWS documents another number than the usual one: "a list of up to 1,000 keys that you
# want to delete" (DeleteObjects), "Maximum number of parts per upload: 10,000" (Amazon S3 multipart upload limits).
_MOST_ITEMS: Final[Mapping[str, int]] = {"ObjectIdentifierList": 1000, "CompletedPartList": 10_000}
# S3 allows no more than 1,000 rules, grants or tags anywhere ("Maximum number of lifecycle rules: 1,000").
_USUAL_ITEMS: Final = 1000
# The most elements of a document: 20 for each rule of 1,000, and 5 for each part of an upload, which has at most one
# checksum beside its number and its ETag.
_USUAL_ELEMENTS: Final = 20_000
_ELEMENTS_OF_ITEM: Final = 5
# Characters of one element's text.  The longest are SQL expressions: "The maximum length of a SQL expression is 256 KB"
# (SelectObjectContent); keys have 1,024 bytes, and nothing else is longer than a few kilobytes.
_LONGEST_TEXT: Final[Mapping[str, int]] = {"Expression": 256 << 10}
_USUAL_TEXT: Final = 8 << 10


@dataclass(slots=True, eq=False)
class Schema:
    """What one element may contain: elements by tag, or text.

    `repeated` are the tags that may stand there more than once, with how often; all others may stand there once.
    `longest` is how many characters of text the element may hold, 0 where it holds elements.
    """

    children: dict[str, Schema] = field(default_factory=dict)
    repeated: dict[str, int] = field(default_factory=dict)
    longest: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """What a document may contain: its root element, and how many elements in all."""

    root: Schema
    most_elements: int


def document(tag: str, shape: Any, skip: frozenset[str] = frozenset()) -> Document:
    """Compile the schema of a document whose root has this tag and shape, without the members of `skip`."""
    compiler = _Compiler()
    root = compiler.structure(shape, skip) if shape.type_name == "structure" else compiler.element(shape)
    bound = max(_USUAL_ELEMENTS, _ELEMENTS_OF_ITEM * max(compiler.most_items, default=0))
    return Document(Schema({tag: root}), min(bound, _weight(root, bound, ())))


def _weight(schema: Schema, bound: int, above: tuple[Schema, ...]) -> int:
    """Return the most elements that one element can contain, itself included; at most `bound`."""
    if schema in above:  # a recursive model
        return bound
    total = 1
    for tag, child in schema.children.items():
        total += schema.repeated.get(tag, 1) * _weight(child, bound, (*above, schema))
    return min(total, bound)


def flattened(member: Any) -> bool:
    """Tell whether the items of a list or map stand directly in the structure, without an element around them."""
    return bool(member.serialization.get("flattened"))


def tag_of(name: str, member: Any) -> str:
    """Return the tag of a structure's member."""
    return str(member.serialization.get("name", name))


def item_tag(shape: Any) -> str:
    """Return the tag of a list's items where an element stands around them."""
    return str(shape.member.serialization.get("name", "member"))


def entry_tags(shape: Any) -> tuple[str, str]:
    """Return the tags of a map's keys and values."""
    return str(shape.key.serialization.get("name", "key")), str(shape.value.serialization.get("name", "value"))


class _Compiler:
    """Compiles shapes to schemas, each once, as models are recursive."""

    def __init__(self) -> None:
        self.most_items: list[int] = []
        self._done: dict[str, Schema] = {}

    def element(self, shape: Any) -> Schema:
        """Return the schema of one element of a shape."""
        if shape.type_name not in ("structure", "list", "map"):
            return Schema(longest=shape.metadata.get("max") or _LONGEST_TEXT.get(shape.name, _USUAL_TEXT))
        found = self._done.get(shape.name)
        if found is None:
            found = self._done[shape.name] = Schema()
            built = self.structure(shape) if shape.type_name == "structure" else self._items(shape)
            found.children, found.repeated = built.children, built.repeated
        return found

    def structure(self, shape: Any, skip: Iterable[str] = ()) -> Schema:
        """Return the schema of a structure's element, without the members that are in the path, query or headers."""
        found = Schema()
        for name, member in shape.members.items():
            if name in skip or member.serialization.get("xmlAttribute"):
                continue
            tag = tag_of(name, member)
            if member.type_name in ("list", "map") and flattened(member):
                found.children[tag] = self.element(member.member) if member.type_name == "list" else self._entry(member)
                found.repeated[tag] = self._most(member)
            else:
                found.children[tag] = self.element(member)
        return found

    def _items(self, shape: Any) -> Schema:
        tag = item_tag(shape) if shape.type_name == "list" else "entry"
        item = self.element(shape.member) if shape.type_name == "list" else self._entry(shape)
        return Schema({tag: item}, {tag: self._most(shape)})

    def _entry(self, shape: Any) -> Schema:
        key, value = entry_tags(shape)
        return Schema({key: self.element(shape.key), value: self.element(shape.value)})

    def _most(self, shape: Any) -> int:
        most = int(shape.metadata.get("max") or _MOST_ITEMS.get(shape.name, _USUAL_ITEMS))
        self.most_items.append(most)
        return most
