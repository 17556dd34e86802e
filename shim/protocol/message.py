"""Requests and replies as the protocol code sees them: bytes and pairs, no sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import unquote_to_bytes


@dataclass(frozen=True)
class Head:
    """A request before its body, exactly as it came in; signatures are checked over these very bytes.

    `raw_path` is still percent-encoded and has no query; header names are lower case, values are latin-1 text, in the
    order of arrival, repeated where the client repeated them.
    """

    method: str
    raw_path: bytes
    raw_query: bytes
    headers: tuple[tuple[str, str], ...]
    scheme: str = "http"
    client: str = ""

    @cached_property
    def first(self) -> Mapping[str, str]:
        """Each header's value; of a repeated one all values, joined by a comma (RFC 9110, 5.3)."""
        joined: dict[str, str] = {}
        for name, value in self.headers:
            joined[name] = f"{joined[name]},{value}" if name in joined else value
        return joined

    def header(self, name: str, default: str = "") -> str:
        """Return a header by its lower-case name."""
        return self.first.get(name, default)

    @cached_property
    def query(self) -> tuple[tuple[str, str], ...]:
        """The query's pairs, decoded, in order; a name without `=` has the value ''.  '+' is a space.

        Bytes that are no UTF-8 are kept as surrogates; the parser refuses them with AWS's error.
        """
        return decode_pairs(self.raw_query)

    @cached_property
    def query_names(self) -> frozenset[str]:
        """The names in the query, to see sub-resources at a glance."""
        return frozenset(name for name, _ in self.query)


def decode_pairs(raw: bytes) -> tuple[tuple[str, str], ...]:
    """Decode `a=b&c` (a query, or a form's body) into pairs, keeping order and repetition."""
    if not raw:
        return ()
    pairs = []
    for piece in raw.replace(b"+", b" ").split(b"&"):
        if piece:
            name, _, value = piece.partition(b"=")
            pairs.append((_text(name), _text(value)))
    return tuple(pairs)


def _text(raw: bytes) -> str:
    return (unquote_to_bytes(raw) if b"%" in raw else raw).decode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Address:
    """What of S3 a request names: nothing (the service), a bucket, or an object.  Keys are byte-exact, decoded once."""

    bucket: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """A request ready to be parsed: its head, what it names, and the form pairs of a query protocol."""

    head: Head
    address: Address = Address()
    form: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Reply:
    """An answer: `body` is bytes, or an iterator of bytes that is sent as it comes.

    Header names are in AWS's spelling; values are text that latin-1 can carry.
    """

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | AsyncIterator[bytes] = b""
