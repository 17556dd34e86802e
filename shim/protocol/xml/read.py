"""XML from strangers into a small tree: no DTD, no entities, no depth without end.

expat is told to refuse a document type at its first letter, which leaves no way to declare an entity, internal or
external; what remains are the five that XML itself knows.
"""

from __future__ import annotations

from xml.parsers import expat

_DEEPEST = 64


class MalformedError(ValueError):
    """Not XML that we take."""


class Element:
    """A node: its name without namespace, its attributes (likewise), its children, its text."""

    __slots__ = ("attributes", "children", "tag", "text")

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.children: list[Element] = []
        self.text = ""


class _Builder:
    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._text: list[list[str]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        element = Element(_local(name), {_local(key): value for key, value in attributes.items()})
        if len(self._open) >= _DEEPEST:
            raise MalformedError("too deep")
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)
        self._text.append([])

    def text(self, data: str) -> None:
        self._text[-1].append(data)

    def end(self, name: str) -> None:
        self._open.pop().text = "".join(self._text.pop())

    def refuse(self, *words: object) -> None:
        raise MalformedError("a document type is not allowed")


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


def parse(body: bytes) -> Element:
    """Return the root of a document; MalformedError for anything that is not plain, namespace-valid XML."""
    parser = expat.ParserCreate(namespace_separator=" ")
    builder = _Builder()
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.StartDoctypeDeclHandler = builder.refuse
    parser.EntityDeclHandler = builder.refuse
    parser.buffer_text = True
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        # ValueError and LookupError: an encoding in the declaration that Python does not know, or not as XML needs it.
        raise MalformedError(str(error)) from None
    assert builder.root is not None  # expat has refused a document without one
    return builder.root
