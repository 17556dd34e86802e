"""Texts that a client makes up to keep the gateway busy, or to fill its memory.

Each text is a million characters long: a pattern that goes back over it takes 10^12 steps, and the test's time limit
ends it.  One that is linear takes a fraction of a second.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shim.auth import chunked
from shim.auth.request_signature import Scope, parse_signature
from shim.auth.sigv4 import signing_keys
from shim.errors import AwsError
from shim.protocol import routing
from shim.protocol.headers import split_list
from shim.protocol.message import Head, decode_pairs
from shim.protocol.scalars import reader
from shim.protocol.service import Service

LENGTH = 1_000_000


def signed(authorization: str) -> Head:
    return Head("GET", b"/b/k", b"", (("authorization", authorization),))


def long(piece: str) -> str:
    return piece * (LENGTH // len(piece))


@pytest.mark.parametrize("rest", ["Credential" + long(" "), long("Credential "), "Credential=" + long("/"), long("=,")])
def test_the_service_of_a_signature(rest: str) -> None:
    assert routing.service_for(signed(f"AWS4-HMAC-SHA256 {rest}")) == "s3"


@pytest.mark.parametrize("piece", [",", ", ", "a=,", ", a=", " ,=", "="])
def test_the_parts_of_a_signature(piece: str) -> None:
    with pytest.raises(AwsError):
        parse_signature(signed(f"AWS4-HMAC-SHA256 {long(piece)}"), "s3")


@pytest.mark.parametrize("text", [long('"a,'), long('"\\,'), long('" ,'), f'"{long(" ")}', f'"{long("a ")}"b'])
def test_the_items_of_a_header(text: str) -> None:
    assert split_list(text)


@pytest.mark.parametrize("line", ["a:" + long(" "), "a:b" + long(" "), "a:" + long("b "), long("a"), "a:" + long("\t")])
def test_trailers(line: str) -> None:
    """The decoder gives the pattern no more than 4 KiB, but as often as a client likes."""
    assert chunked._TRAILER.fullmatch(line.encode() + b"\1") is None


@pytest.mark.parametrize("piece", ["1", "1e", "1.", "+", "1:", "Mon, 1 Jan ", "-"])
@pytest.mark.parametrize("member", ["LastModifiedTime", "Size"])
def test_scalars(member: str, piece: str) -> None:
    identifier: Any = Service("s3").model.shape_for("ObjectIdentifier")
    with pytest.raises(Exception, match="Expected"):
        reader(identifier.members[member], "rfc822")(long(piece))


@pytest.mark.parametrize("piece", ["&", "a&", "=", "%41&", "%"])
def test_queries(piece: str) -> None:
    assert len(decode_pairs(long(piece).encode())) <= LENGTH


def test_a_header_that_is_repeated() -> None:
    """Joined one by one, they would be copied once for each."""
    head = Head("GET", b"/", b"", (("a", "b"),) * LENGTH)
    assert head.first == {"a": ",".join("b" * LENGTH)}


def kept(keep: Callable[[int], object], size: Callable[[], int]) -> int:
    """Return how many entries a cache gains by five calls."""
    before = size()
    for number in range(5):
        keep(number)
    return size() - before


def test_no_cache_keeps_a_long_host() -> None:
    hosts, size = ("s3.example.org",), lambda: routing._bucket_in_host.cache_info().currsize
    routing._bucket_in_host.cache_clear()
    assert kept(lambda number: routing.bucket_in_host(f"b{number}.s3.example.org:80:80", hosts), size) == 5
    long_host = f"{'b' * 250}.s3.example.org"
    assert kept(lambda number: routing.bucket_in_host(f"{number}{long_host}", hosts), size) == 0
    assert routing.bucket_in_host(long_host, hosts) == ""


def test_no_cache_keeps_a_long_region() -> None:
    def scope(region: str) -> Scope:
        return Scope("20260101", region, "s3", f"20260101/{region}/s3/aws4_request")

    assert kept(lambda number: signing_keys.get(f"secret {number}", scope("eu-west-3")), lambda: len(signing_keys)) == 5
    region = "r" * 300
    assert kept(lambda number: signing_keys.get(f"other {number}", scope(region)), lambda: len(signing_keys)) == 0
    assert signing_keys.get("secret 1", scope(region)) == signing_keys.get("secret 1", scope(region))
