"""Requests that wait for one lock do their work together, and each gets its own answer."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from adapters.errors import BackendError
from shim.locks import Locks

NAME = ("routes", "project", "vpc")


class Rounds:
    """Joins rounds of numbers, and keeps which were done in each; a round with one of `refused` fails."""

    def __init__(self, locks: Locks, refused: Sequence[int] = ()) -> None:
        self.locks = locks
        self.refused = refused
        self.done: list[list[int]] = []
        self.failed: list[list[int]] = []
        self.go = asyncio.Event()

    async def run(self, works: Sequence[int]) -> None:
        await self.go.wait()
        if set(works) & set(self.refused):
            self.failed.append(list(works))
            raise ValueError(works[0])
        self.done.append(list(works))

    def join(self, number: int, who: str = "one") -> "asyncio.Task[None]":
        return asyncio.ensure_future(self.locks.rounds.join(NAME, who, number, self.run))


def play(scenario: Callable[[Locks], Awaitable[None]], wait_seconds: float = 30.0) -> None:
    async def whole() -> None:
        locks = Locks("", wait_seconds=wait_seconds)
        async with asyncio.timeout(10):
            await scenario(locks)
            async with locks.hold(*NAME):  # nothing is left behind
                await asyncio.sleep(0)
        assert not locks.rounds._queues  # one that stays is a leak

    asyncio.run(whole())


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_those_that_wait_are_done_in_one_round() -> None:
    async def scenario(locks: Locks) -> None:
        rounds = Rounds(locks)
        rounds.go.set()
        async with locks.hold(*NAME):
            tasks = [rounds.join(number) for number in range(10)]
            await turns()
        await asyncio.gather(*tasks)
        assert rounds.done == [[*range(10)]]
        await rounds.join(10)
        assert rounds.done[1:] == [[10]]

    play(scenario)


def test_who_comes_during_a_round_is_in_the_next_one() -> None:
    async def scenario(locks: Locks) -> None:
        rounds = Rounds(locks)
        first = rounds.join(0)
        await turns()
        others = [rounds.join(number) for number in (1, 2, 3)]
        await turns()
        rounds.go.set()
        await asyncio.gather(first, *others)
        assert rounds.done == [[0], [1, 2, 3]]

    play(scenario)


def test_only_the_request_that_is_at_fault_fails() -> None:
    async def scenario(locks: Locks) -> None:
        rounds = Rounds(locks, refused=[2])
        rounds.go.set()
        async with locks.hold(*NAME):
            tasks = [rounds.join(number) for number in range(4)]
            await turns()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(one) for one in outcomes] == [type(None), type(None), ValueError, type(None)]
        assert rounds.failed == [[0, 1, 2, 3], [2]]
        assert rounds.done == [[0], [1], [3]]

    play(scenario)


def test_rights_are_not_lent() -> None:
    async def scenario(locks: Locks) -> None:
        rounds = Rounds(locks)
        rounds.go.set()
        async with locks.hold(*NAME):
            tasks = [rounds.join(number, who) for number, who in ((0, "one"), (1, "two"), (2, "one"))]
            await turns()
        await asyncio.gather(*tasks)
        assert sorted(rounds.done) == [[0, 2], [1]]

    play(scenario)


@pytest.mark.parametrize("cancelled", [0, 1, 2])
def test_a_cancelled_request_holds_nobody_up(cancelled: int) -> None:
    async def scenario(locks: Locks) -> None:
        rounds = Rounds(locks)
        tasks = [rounds.join(0)]
        await turns()
        tasks += [rounds.join(number) for number in (1, 2)]
        await turns()
        tasks[cancelled].cancel()
        await turns()
        rounds.go.set()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert [number for number, one in enumerate(outcomes) if one is not None] == [cancelled]
        assert {number for each in rounds.done for number in each} == {0, 1, 2} - {cancelled}

    play(scenario)


def test_two_that_are_cancelled_in_one_moment_hold_nobody_up() -> None:
    async def scenario(locks: Locks) -> None:
        rounds = Rounds(locks)
        tasks = [rounds.join(0)]
        await turns()
        tasks += [rounds.join(number) for number in (1, 2, 3)]
        await turns()
        tasks[0].cancel()
        tasks[1].cancel()
        rounds.go.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert rounds.done == [[2, 3]]

    play(scenario)


def test_a_lock_that_another_gateway_keeps_is_waited_for_so_long_and_no_longer() -> None:
    async def scenario(locks: Locks) -> None:
        rounds = Rounds(locks)
        rounds.go.set()
        loop = asyncio.get_running_loop()
        async with locks.hold(*NAME):
            began = loop.time()
            first = rounds.join(0)
            await asyncio.sleep(0.1)
            second = rounds.join(1)
            outcomes = await asyncio.gather(first, second, return_exceptions=True)
            assert [type(one) for one in outcomes] == [BackendError, BackendError]
            assert 0.25 < loop.time() - began < 2
        assert rounds.done == []

    play(scenario, wait_seconds=0.2)


def test_who_was_in_a_round_that_failed_waits_for_its_next_turn_as_long_as_for_the_first() -> None:
    async def scenario(locks: Locks) -> None:
        rounds = Rounds(locks, refused=[1])

        async def another_gateway() -> None:
            async with locks.hold(*NAME):
                await asyncio.sleep(0.05)

        async with locks.hold(*NAME):
            tasks = [rounds.join(number) for number in (0, 1)]
            await turns()
        await asyncio.sleep(0.25)  # the round takes longer than anybody may wait
        other = asyncio.ensure_future(another_gateway())
        await turns()
        rounds.go.set()
        outcomes = await asyncio.gather(*tasks, other, return_exceptions=True)
        assert [type(one) for one in outcomes] == [type(None), ValueError, type(None)]
        assert rounds.failed == [[0, 1], [1]]

    play(scenario, wait_seconds=0.2)
