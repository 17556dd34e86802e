"""Locks exclude tasks of one process and of several, and no cancelled wait keeps one."""

import asyncio
from pathlib import Path

import pytest

from adapters.errors import BackendError, Fault
from shim.locks import Locks


def test_one_at_a_time_within_and_between_gateways(tmp_path: Path) -> None:
    seen: list[tuple[str, int]] = []

    async def work(lock: Locks, number: int) -> None:
        async with lock.hold("bucket", "key"):
            seen.append(("in", number))
            await asyncio.sleep(0.01)
            seen.append(("out", number))

    async def scenario() -> None:
        one, other = Locks(f"file://{tmp_path}"), Locks(f"file://{tmp_path}")
        await one.start()
        await other.start()
        await asyncio.gather(*(work((one, other)[n % 2], n) for n in range(6)))
        await one.stop()
        await other.stop()

    asyncio.run(scenario())
    assert sorted(n for what, n in seen if what == "in") == list(range(6))
    assert all(seen[i][1] == seen[i + 1][1] for i in range(0, 12, 2))


def test_a_cancelled_wait_leaves_no_lock(tmp_path: Path) -> None:
    async def scenario() -> None:
        one, other = Locks(f"file://{tmp_path}"), Locks(f"file://{tmp_path}")
        await one.start()
        await other.start()

        async def wait() -> None:
            async with other.hold("k"):
                raise AssertionError("it was held by the other")

        async with one.hold("k"):
            waiting = asyncio.ensure_future(wait())
            await asyncio.sleep(0.05)
            waiting.cancel()
            await asyncio.sleep(0.01)
        with pytest.raises(asyncio.CancelledError):
            await waiting
        for free in (one, other):
            async with asyncio.timeout(5), free.hold("k"):
                await asyncio.sleep(0)
        await one.stop()
        await other.stop()

    asyncio.run(scenario())


def test_nobody_waits_for_ever_within_one_gateway_either() -> None:
    async def scenario() -> None:
        locks = Locks("", wait_seconds=0.05)
        async with locks.hold("k"):
            with pytest.raises(BackendError) as caught:
                async with asyncio.timeout(5), locks.hold("k"):
                    pass
        assert caught.value.fault is Fault.UNAVAILABLE
        async with asyncio.timeout(5), locks.hold("k"):
            await asyncio.sleep(0)

    asyncio.run(scenario())


def test_several_at_once_shut_out_whoever_holds_one_of_them(tmp_path: Path) -> None:
    inside: list[str] = []

    async def all_of_them(locks: Locks, names: list[tuple[str, ...]]) -> None:
        async with locks.hold_all(names):
            assert not inside
            inside.append("all")
            await asyncio.sleep(0.005)
            inside.remove("all")

    async def only(locks: Locks, name: str) -> None:
        async with locks.hold("k", name):
            assert "all" not in inside
            inside.append(name)
            await asyncio.sleep(0.005)
            inside.remove(name)

    async def scenario() -> None:
        one, other = Locks(f"file://{tmp_path}"), Locks(f"file://{tmp_path}")
        await one.start()
        await other.start()
        names: list[tuple[str, ...]] = [("k", str(n)) for n in range(5)]
        async with asyncio.timeout(20):
            await asyncio.gather(
                *(all_of_them(locks, order) for locks in (one, other) for order in (names, names[::-1], names * 2)),
                *(only(locks, str(n)) for locks in (one, other) for n in range(5)),
            )
        await one.stop()
        await other.stop()

    asyncio.run(scenario())


def test_a_lock_that_never_comes_free_is_unavailable(tmp_path: Path) -> None:
    async def scenario() -> None:
        one, other = Locks(f"file://{tmp_path}"), Locks(f"file://{tmp_path}", wait_seconds=0.05)
        await one.start()
        await other.start()
        async with one.hold("k"):
            with pytest.raises(BackendError) as caught:
                async with other.hold("k"):
                    pass
        assert caught.value.fault is Fault.UNAVAILABLE
        await one.stop()
        await other.stop()

    asyncio.run(scenario())
