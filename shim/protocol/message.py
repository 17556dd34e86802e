"""The types of requests and replies: bytes and pairs, without sockets."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, KeysView, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

# White space around a header's value, which is not part of it (RFC 9110, 5.5), also where a line was folded.
_WHITE_SPACE = " \t\n\r\v\f"
# Headers that nearly every request has and that are no parameters.
USUAL = frozenset(
    (
        "accept",
        "accept-encoding",
        "amz-sdk-invocation-id",
        "amz-sdk-request",
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "date",
        "expect",
        "host",
        "user-agent",
    )
)
# A name and a value of a query; an empty piece (`a=b&&c`) does not match.
_PAIR = re.compile("(?=[^&])([^&=]*)=?([^&]*)")


@dataclass(slots=True)
class Head:
    """A request before its body, exactly as it came in; signatures are checked over these very bytes.

    `raw_path` is still percent-encoded and has no query; header names are lower case, values are latin-1 text, in the
    order of arrival, repeated where the client repeated them.  Nobody changes a head; `dataclasses.replace` makes
    another one.

    What nearly every step asks for is read once: `first` is each header's value, of a repeated one all values, joined
    by a comma (RFC 9110, 5.3); `query` the query's pairs, see `decode_pairs`; `values` the same by name, of a repeated
    one the last; `query_names` their names, to see sub-resources at a glance.
    """

    method: str
    raw_path: bytes
    raw_query: bytes
    headers: tuple[tuple[str, str], ...]
    scheme: str = "http"
    client: str = ""
    first: Mapping[str, str] = field(init=False, repr=False, compare=False)
    query: tuple[tuple[str, str], ...] = field(init=False, repr=False, compare=False)
    values: Mapping[str, str] = field(init=False, repr=False, compare=False)
    query_names: KeysView[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        first = dict(self.headers)
        self.first = first if len(first) == len(self.headers) else _joined(self.headers)
        self.query = decode_pairs(self.raw_query) if self.raw_query else ()
        values = dict(self.query)
        self.values = values
        self.query_names = values.keys()

    def header(self, name: str, default: str = "") -> str:
        """Return a header by its lower-case name."""
        return self.first.get(name, default)


def _joined(headers: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(name, []).append(value)
    return {
        name: some[0] if len(some) == 1 else ",".join(one.strip(_WHITE_SPACE) for one in some)
        for name, some in values.items()
    }


def decode_pairs(raw: bytes) -> tuple[tuple[str, str], ...]:
    """Decode `a=b&c` (a query, or a form's body) into pairs, keeping order and repetition.

    A name without `=` has the value ''.  '+' is a space.  Bytes that are no UTF-8 are kept as surrogates; the parser
    refuses them with AWS's error.
    """
    # Most queries encode only the slashes of a credential and the semicolons between signed headers.
    plain = raw.replace(b"+", b" ").replace(b"%2F", b"/").replace(b"%3B", b";")
    text = plain.decode("utf-8", "surrogateescape")
    pairs: list[tuple[str, str]] = _PAIR.findall(text)
    return tuple([(_decoded(name), _decoded(value)) for name, value in pairs] if "%" in text else pairs)


def _decoded(text: str) -> str:
    if "%" not in text:
        return text
    return unquote_to_bytes(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")


class Address(NamedTuple):
    """The bucket and key that a request to S3 names, '' where it names none.  Keys are decoded exactly once."""

    bucket: str = ""
    key: str = ""


class Request(NamedTuple):
    """A request ready to be parsed: its head, what it names, and the form pairs of a query protocol."""

    head: Head
    address: Address = Address()
    form: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Reply:
    """An answer: `body` is bytes, or an iterator of bytes that is sent as it comes.

    Header names are in AWS's spelling; values are text that latin-1 can carry.  `watched` is False for an iterator
    that must run to its end even where the client hangs up.
    """

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | AsyncIterator[bytes] = b""
    watched: bool = True
