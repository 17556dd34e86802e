"""An answer's head and its small body leave together, and every byte leaves in order, whatever follows."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.server import JOINED_BYTES, JoiningTransport


class Wire:
    """A transport that remembers what each system call would have carried."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.sent.append(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


def sent(steps: Callable[[JoiningTransport, Wire], None]) -> list[bytes]:
    """Take the steps in one turn of a loop, let it turn, and return what left."""
    wire = Wire()

    async def turn() -> None:
        steps(JoiningTransport(cast("Any", wire)), wire)
        await asyncio.sleep(0)

    asyncio.run(turn())
    return [piece for piece in wire.sent if piece]


def test_head_and_small_body_leave_together() -> None:
    def steps(transport: JoiningTransport, _: Wire) -> None:
        transport.write(b"head")
        transport.write(b"body")

    assert sent(steps) == [b"headbody"]


def test_a_head_alone_leaves_at_the_end_of_the_turn() -> None:
    assert sent(lambda transport, _: transport.write(b"head")) == [b"head"]


def test_a_large_body_is_not_copied() -> None:
    large = b"x" * (JOINED_BYTES + 1)

    def steps(transport: JoiningTransport, _: Wire) -> None:
        transport.write(b"head")
        transport.write(large)

    assert sent(steps) == [b"head", large]


@pytest.mark.parametrize("closed_by", ["us", "the client"])
def test_closing(closed_by: str) -> None:
    def steps(transport: JoiningTransport, wire: Wire) -> None:
        transport.write(b"last words")
        (transport if closed_by == "us" else wire).close()

    assert sent(steps) == ([b"last words"] if closed_by == "us" else [])


@given(st.lists(st.sampled_from([0, 1, 100, JOINED_BYTES, JOINED_BYTES + 1]), max_size=8))
def test_nothing_is_lost_or_moved(sizes: list[int]) -> None:
    pieces = [bytes([number]) * size for number, size in enumerate(sizes)]

    def steps(transport: JoiningTransport, _: Wire) -> None:
        for piece in pieces:
            transport.write(piece)

    assert b"".join(sent(steps)) == b"".join(pieces)
