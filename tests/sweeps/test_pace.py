"""The bound on the sweeper's actions."""

import asyncio

import pytest

from shim.sweeps.pace import Pace
from tests.support.fake_clock import run


def test_turns_are_evenly_apart_and_none_are_saved_up() -> None:
    async def turns() -> list[float]:
        pace, found = Pace(10), []
        clock = asyncio.get_running_loop().time

        async def one() -> None:
            await pace.turn()
            found.append(clock())

        await asyncio.gather(*(one() for _ in range(3)))
        await asyncio.sleep(100)  # an idle time
        await asyncio.gather(*(one() for _ in range(2)))
        return found

    found = run(turns())
    assert found == pytest.approx([0, 0.1, 0.2, 100.2, 100.3])
