"""Clients that make up access keys cause a bounded number of calls to Keystone, and do not delay valid keys."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from adapters.errors import BackendError, Fault
from shim.errors import AwsError
from tests.auth.keystone import AK, keystone, run


async def told(looking: Coroutine[Any, Any, Any]) -> str | Fault:
    """Return the code, or OpenStack's fault, by which a look-up was refused."""
    try:
        await looking
    except AwsError as error:
        return error.code
    except BackendError as error:
        return error.fault
    raise AssertionError("it was let in")


def test_random_keys_do_not_reach_keystone_faster_than_allowed() -> None:
    async def scenario() -> None:
        cloud = keystone(AK)
        keys = cloud.keys(unknown_per_second=10.0)
        await keys.credential(AK)
        cloud.calls.clear()
        answers = [await told(keys.credential(f"guess-{n}")) for n in range(1000)]
        assert answers == ["InvalidAccessKeyId"] * 50 + [Fault.THROTTLED] * 950  # five seconds' worth at once
        cloud.seconds = 1.0
        answers = [await told(keys.credential(f"other-{n}")) for n in range(1000)]
        assert answers.count("InvalidAccessKeyId") == 10
        assert cloud.calls.total() == 60

    run(scenario())


def test_keys_that_were_good_once_are_looked_up_all_the_same() -> None:
    async def scenario() -> None:
        cloud = keystone(AK, "gone")
        keys = cloud.keys(unknown_per_second=1.0)
        await keys.credential(AK)
        await keys.credential("gone")
        cloud.seconds = 60.0
        for n in range(100):
            await told(keys.credential(f"guess-{n}"))
        assert (await keys.credential(AK)).access == AK
        del cloud.credentials["gone"]
        assert await told(keys.credential("gone")) == "InvalidAccessKeyId"
        cloud.seconds = 65.0
        for n in range(100):
            await told(keys.credential(f"more-{n}"))
        assert await told(keys.credential("gone")) is Fault.THROTTLED  # it is a guess like any other now

    run(scenario())


def test_many_good_keys_after_a_start_wait_for_each_other_and_are_let_in() -> None:
    async def scenario() -> None:
        names = [f"key-{n}" for n in range(500)]
        cloud = keystone(*names)
        cloud.delay = 0.001
        keys = cloud.keys(unknown_per_second=10.0, size=1000)
        found = await asyncio.gather(*(keys.credential(name) for name in names))
        assert [one.access for one in found] == names
        assert cloud.busiest == 16

    run(scenario())


def test_the_queue_is_bounded() -> None:
    async def scenario() -> None:
        cloud = keystone()
        cloud.delay = 0.01
        keys = cloud.keys()
        answers = await asyncio.gather(*(told(keys.credential(f"guess-{n}")) for n in range(3000)))
        assert answers.count("InvalidAccessKeyId") == 16 + 1000
        assert answers.count(Fault.THROTTLED) == 3000 - 1016

    run(scenario())


def test_a_keystone_that_fails_counts_no_guesses() -> None:
    async def scenario() -> None:
        cloud = keystone(AK)
        cloud.down = True
        keys = cloud.keys(unknown_per_second=1.0)
        for n in range(100):
            assert await told(keys.credential(f"guess-{n}")) is Fault.UNAVAILABLE
        cloud.down = False
        assert (await keys.credential(AK)).access == AK

    run(scenario())


def test_one_address_leaves_half_of_the_limit_to_the_others() -> None:
    async def scenario() -> None:
        cloud = keystone(AK)
        keys = cloud.keys(unknown_per_second=10.0)
        answers = [await told(keys.credential(f"guess-{n}", address="192.0.2.1")) for n in range(100)]
        assert answers == ["InvalidAccessKeyId"] * 25 + [Fault.THROTTLED] * 75
        assert (await keys.credential(AK, address="192.0.2.2")).access == AK
        answers = [await told(keys.credential(f"other-{n}", address=f"192.0.2.{n + 3}")) for n in range(100)]
        assert answers == ["InvalidAccessKeyId"] * 25 + [Fault.THROTTLED] * 75  # all of them share the whole limit
        cloud.seconds = 1.0
        answers = [await told(keys.credential(f"more-{n}", address="192.0.2.1")) for n in range(10)]
        assert answers == ["InvalidAccessKeyId"] * 5 + [Fault.THROTTLED] * 5

    run(scenario())
