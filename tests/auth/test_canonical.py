"""The canonical query equals that of AWS's documented rules, on every path of the code."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote_from_bytes, unquote_to_bytes

from hypothesis import example, given
from hypothesis import strategies as st

from shim.auth import parse_signature
from shim.auth.sigv4 import canonical_request
from tests.auth.signing import signed

HEAD = signed("v4-header")
ESCAPES = st.integers(0, 255).map("%{:02X}".format) | st.integers(0, 255).map("%{:02x}".format)
TEXT = st.lists(st.sampled_from([*"aZ09-._~ +*/=%;!'()é", "%", "%2", "%zz", "a=b"]) | ESCAPES, max_size=6).map("".join)
QUERIES = st.lists(TEXT | st.tuples(TEXT, TEXT).map("=".join), max_size=5).map("&".join)


def by_the_rules(raw: bytes) -> list[tuple[bytes, bytes]]:
    """URI-encode every name and value, sort by name and then by value."""

    def encoded(text: bytes) -> bytes:
        return quote_from_bytes(unquote_to_bytes(text.replace(b"+", b" ")), safe="-_.~").encode()

    pairs = [piece.partition(b"=")[::2] for piece in raw.split(b"&") if piece]
    return sorted((encoded(name), encoded(value)) for name, value in pairs)


@given(QUERIES)
@example("b=2&a=1&a=%41")
@example("a=%2D&b=%5F&c=%7E&d=%2E&e=%30")
@example("a=%2F&b=%3A&c=%5B&d=%60&e=%7B&f=%40&g=%5E")
@example("a=1&&b=2")
@example("a&b=&=c")
def test_the_canonical_query(query: str) -> None:
    raw = query.encode()
    said = parse_signature(HEAD)
    assert said
    lines = canonical_request(said, replace(HEAD, raw_query=raw), "s3", "").split(b"\n")
    told = [tuple(pair.split(b"=")) for pair in lines[2].split(b"&") if pair]
    assert told == by_the_rules(raw)
