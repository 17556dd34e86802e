"""Locks exclude tasks of one process and of several, and no cancelled wait keeps one."""

import asyncio
import hashlib
import itertools
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from adapters.errors import BackendError, Fault
from shim.locks import FileLock, Locks, take


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


def files(directory: Path) -> list[str]:
    return [one.name for one in directory.iterdir()]


def slot(*name: str) -> str:
    """Return the one of 4,096 locks that a name shared with others once."""
    return hashlib.sha256("\0".join(name).encode()).hexdigest()[:3]


def test_no_two_names_share_a_lock(tmp_path: Path) -> None:
    mine = ("run-instances", "mine", "token")
    other = next(name for n in itertools.count() if slot(*(name := ("s3", "other", "b", str(n)))) == slot(*mine))
    alike = ("run-instances", "mine\0token"), ("run-instances\0mine", "token")

    async def scenario() -> None:
        locks = Locks(f"file://{tmp_path}", wait_seconds=0.2)
        await locks.start()
        async with asyncio.timeout(20):
            async with locks.hold(*mine), locks.hold(*other):
                pass
            async with locks.hold(*alike[0]), locks.hold(*alike[1]):
                pass
        await locks.stop()

    asyncio.run(scenario())


def test_one_accounts_waits_do_not_hold_up_another(tmp_path: Path) -> None:
    """More waits than there are threads, all of them for locks that another gateway holds."""

    async def scenario() -> None:
        one, other = Locks(f"file://{tmp_path}"), Locks(f"file://{tmp_path}", wait_seconds=120)
        await one.start()
        await other.start()
        names = [("s3", "mine", str(n)) for n in range(100)]

        async def wait(name: tuple[str, ...]) -> None:
            async with other.hold(*name):
                pass

        async with AsyncExitStack() as held:
            await held.enter_async_context(one.hold_all(names))
            waiting = [asyncio.ensure_future(wait(name)) for name in names]
            await asyncio.sleep(0.05)
            async with asyncio.timeout(20):
                for n in range(20):
                    async with other.hold("s3", "theirs", str(n)):
                        await asyncio.sleep(0)
            assert not any(one.done() for one in waiting)
        await asyncio.gather(*waiting)
        await one.stop()
        await other.stop()

    asyncio.run(scenario())


def test_there_are_as_many_files_as_locks_are_held(tmp_path: Path) -> None:
    async def scenario() -> None:
        locks = Locks(f"file://{tmp_path}")
        await locks.start()
        async with locks.hold_all([("k", str(n)) for n in range(5)]):
            assert len(files(tmp_path)) == 5
        for n in range(20):
            async with locks.hold("k", "account", str(n)):
                pass
        assert files(tmp_path) == []
        await locks.stop()

    asyncio.run(scenario())


def test_a_start_removes_what_killed_gateways_left_and_nothing_that_is_held(tmp_path: Path) -> None:
    left = tmp_path / hashlib.sha256(b"left").hexdigest()
    left.touch()
    (tmp_path / "notes").touch()

    async def scenario() -> None:
        one, other = Locks(f"file://{tmp_path}"), Locks(f"file://{tmp_path}", wait_seconds=0.05)
        await one.start()
        async with one.hold("k"):
            await other.start()
            assert len(files(tmp_path)) == 2
            with pytest.raises(BackendError):
                async with other.hold("k"):
                    pass
        await one.stop()
        await other.stop()

    asyncio.run(scenario())
    assert files(tmp_path) == ["notes"]


@pytest.mark.parametrize("anew", [False, True])
def test_a_file_that_its_holder_removed_is_no_lock(tmp_path: Path, anew: bool) -> None:
    """Whoever opened it before that must not take it for the lock that others take anew."""
    path = tmp_path / "lock"
    first, second = FileLock(path), FileLock(path)
    assert first.acquire(blocking=False)
    with path.open("r+b") as opened:
        first.release()
        if anew:
            assert second.acquire(blocking=False)
        assert not take(opened.fileno(), path)
