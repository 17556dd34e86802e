"""A launch that waits for Cinder holds no lock, and its instances with a ClientToken remain for a repetition."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from adapters.errors import BackendError, Fault
from shim.config import Settings
from shim.context import Call, Caller
from shim.ec2.launch.run_instances import run_instances
from shim.locks import Locks
from tests.ec2.acting import act
from tests.ec2.launch.test_launch_half_done import Cloud
from tests.ec2.launch.test_launch_request import ASKED
from tests.ec2.launch.test_launch_volumes import REQUEST, Cinder, Nova, marks


class Gateway:
    """One gateway's calls, with locks that they share."""

    def __init__(self) -> None:
        self.cinder = Cinder()
        self.nova = Nova(self.cinder)
        self.nova.with_volumes = False  # Cinder creates none until this is set
        self.locks = Locks("", wait_seconds=0.2)

    def run(self, **request: Any) -> Coroutine[Any, Any, Any]:
        caller = Caller("access", "u", "user", "p", "project", "123456789012", frozenset())
        cloud = Cloud(self.nova)
        cloud.block = self.cinder
        settings = Settings.model_validate({"page_token_key": "key"})
        return act(run_instances, Call(cloud, caller, "r", "us-east-1", "RunInstances", settings, self.locks), request)

    async def waiting(self, **request: Any) -> asyncio.Task[Any]:
        """Start a launch, and return when it waits for Cinder."""
        task = asyncio.ensure_future(self.run(**request))
        await self.nova.busy.wait()
        await asyncio.sleep(0.1)
        assert not task.done()
        return task


def scenario(work: Callable[[Gateway], Coroutine[Any, Any, None]]) -> Gateway:
    gateway = Gateway()
    asyncio.run(work(gateway))
    return gateway


async def ended(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_the_same_account_launches_something_else_meanwhile() -> None:
    async def work(gateway: Gateway) -> None:
        first = await gateway.waiting(**REQUEST)
        other = {**ASKED, "ClientToken": "other"}
        assert len((await gateway.run(**other))["Instances"]) == 1
        await ended(first)

    scenario(work)


def test_a_repetition_does_not_wait_for_the_first_ones_lock() -> None:
    """Both wait for Cinder concurrently, and both answers show the same instance."""

    async def work(gateway: Gateway) -> None:
        first = await gateway.waiting(**REQUEST)
        second = asyncio.ensure_future(gateway.run(**REQUEST))
        await asyncio.sleep(0.3)  # longer than the timeout of locks here
        assert not second.done()
        gateway.nova.volumes_arrive()
        one, other = await first, await second
        assert [i["InstanceId"] for i in one["Instances"]] == [i["InstanceId"] for i in other["Instances"]]

    gateway = scenario(work)
    assert gateway.nova.made == 1
    assert gateway.cinder.items() == marks(gateway.nova)


def test_a_client_that_leaves_a_whole_launch_finds_it_by_its_token() -> None:
    async def work(gateway: Gateway) -> None:
        await ended(await gateway.waiting(**REQUEST))
        assert len(gateway.nova.alive) == 1
        gateway.nova.volumes_arrive()
        await gateway.run(**REQUEST)

    gateway = scenario(work)
    assert gateway.nova.made == 1
    assert gateway.cinder.items() == marks(gateway.nova)


def test_without_a_token_nobody_would_find_it() -> None:
    async def work(gateway: Gateway) -> None:
        await ended(await gateway.waiting(**{**REQUEST, "ClientToken": ""}))

    assert scenario(work).nova.alive == {}


@pytest.mark.parametrize(("fault", "left"), [(Fault.FORBIDDEN, 0), (Fault.UNAVAILABLE, 1)])
def test_what_no_repetition_would_mend_is_taken_back(fault: Fault, left: int) -> None:
    async def work(gateway: Gateway) -> None:
        gateway.nova.with_volumes = True
        gateway.cinder.fault = fault
        with pytest.raises(BackendError):
            await gateway.run(**REQUEST)

    assert len(scenario(work).nova.alive) == left
