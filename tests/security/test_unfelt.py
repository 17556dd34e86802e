"""A hostile client does not delay the calls of other clients; `stranger` measures it."""

from __future__ import annotations

import asyncio
import hashlib
import re

import pytest

from tests.security.door import Door
from tests.security.requests import Wire, signed
from tests.security.stranger import PLAIN_CALL, Address, Hostile, assert_unfelt, felt, post, raw, sends, work_of

HEAD = b"PUT /b/k HTTP/1.1\r\nHost: x\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
UNSIGNED = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def slow(address: Address) -> None:
    """Send a head byte by byte, one every half minute."""
    _, writer = await asyncio.open_connection(*address)
    try:
        for byte in UNSIGNED[:-1]:
            writer.write(bytes((byte,)))
            await asyncio.sleep(30)
    finally:
        writer.transport.abort()


async def deaf(address: Address) -> None:
    """Ask again and again and read nothing."""
    _, writer = await asyncio.open_connection(*address)
    for _ in range(200):
        writer.write(UNSIGNED * 10)
        await asyncio.sleep(0)
    writer.transport.abort()


CASES: dict[str, Hostile] = {
    "a silent connection": sends(b"", connections=50),
    "a head in single bytes": sends(*(bytes((byte,)) for byte in UNSIGNED * 10)),
    "a head of a thousand headers": sends(HEAD + b"a: b\r\n" * 10_000 + b"\r\n"),
    "one header that fills the head": sends(HEAD + b"a: " + b"b" * 65_000 + b"\r\n\r\n"),
    "a header of many parts": sends(HEAD + b"Authorization: " + b"Credential=," * 5_000 + b"\r\n\r\n"),
    "a target of many pairs": sends(b"GET /?" + b"a&" * 30_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a target of many escapes": sends(b"GET /" + b"%2e" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a long Host": sends(b"GET / HTTP/1.1\r\nHost: " + b"a." * 30_000 + b"\r\n\r\n"),
    "as many requests at once as go into a packet": sends(UNSIGNED * 5_000),
    "chunks of one byte": sends(CHUNKED + b"1\r\na\r\n" * 200_000),
    "chunks with extensions": sends(CHUNKED + (b"1;" + b"e" * 1000 + b"\r\na\r\n") * 1000),
    "trailers without end": sends(CHUNKED + b"0\r\n" + b"a: b\r\n" * 20_000),
    "connections that come and go": sends(UNSIGNED, connections=40, answered=False),
    "nonsense": sends(b"\0" * 100_000, connections=20),
    "a megabyte of form, wrongly signed": sends(post("ec2", b"a" * 1_000_000, secret="guess")),
}
CASES["a slow head"] = slow
CASES["a client that reads nothing"] = deaf


@pytest.mark.parametrize("case", CASES)
def test_a_stranger_is_not_felt(case: str) -> None:
    assert_unfelt(CASES[case])


# The bench itself: it sees what would be felt.


def test_work_is_seen() -> None:
    assert work_of(lambda: None) < 1
    assert work_of(lambda: re.fullmatch("(a|a)*b", "a" * 22)) > 20
    assert work_of(lambda: hashlib.sha256(bytes(100_000_000)).digest()) > 20


def test_work_on_another_connection_is_seen() -> None:
    async def busy(_: Address) -> None:
        for _turn in range(30):
            await asyncio.sleep(0)
        hashlib.sha256(bytes(100_000_000)).digest()

    assert felt(busy).work > 20


class Queueing(Door):
    """A gateway with one lock for all: who signed wrongly holds it for long, who did not sign, for many turns."""

    def __post_init__(self) -> None:
        super().__post_init__()
        inner, lock = self.gateway, asyncio.Lock()

        async def queued(scope: object, receive: object, send: object) -> None:
            async with lock:
                await inner(scope, receive, send)  # type: ignore[arg-type]
                await asyncio.sleep(10 if self.records[-1].access_key and self.records[-1].code else 0)
                for _turn in range(0 if self.records[-1].access_key else 100):
                    await asyncio.sleep(0)

        self.gateway = queued  # type: ignore[assignment]


def test_a_wait_for_somebody_else_is_seen() -> None:
    assert felt(sends(post("sts", PLAIN_CALL, secret="guess")), door=Queueing()).seconds == pytest.approx(10)


def test_a_queue_is_seen() -> None:
    assert felt(sends(b""), door=Queueing()).turns < 10
    assert felt(sends(UNSIGNED), door=Queueing()).turns > 100


def test_whoever_is_signed_may_be_hostile_too() -> None:
    wire = signed(Wire("s3", "", "GET", "http://localhost:8788/", {}))
    assert_unfelt(sends(raw(wire)))
