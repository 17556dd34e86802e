"""Large documents are decoded and parsed one at a time, and one account's do not hold up another's."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from adapters.types.identity import Ec2Credential
from shim.app import FRONTENDS
from shim.worker import Worker
from tests.security.door import SECRET, Door, OneUser
from tests.security.requests import Wire, signed

DOCUMENTS = 6
LARGE = 20 << 10
FORM = "application/x-www-form-urlencoded; charset=utf-8"


class Users(OneUser):
    """A Keystone whose access keys are named after their projects."""

    async def ec2_credential(self, access: str) -> Ec2Credential | None:
        return Ec2Credential(access, SECRET, "u1", access)


class Slow:
    """EC2's service whose parser is slow: `parsed` are the values parsed in order, `most` how many at the same time."""

    def __init__(self) -> None:
        self.parsed: list[str] = []
        self.most = 0
        self._running = 0
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(FRONTENDS["ec2"].service, name)

    def parse(self, operation: Any, request: Any, raw: bytes, account: str = "") -> dict[str, Any]:
        """Parse as EC2's service does, after a pause in which a second thread would come in."""
        with self._lock:
            self._running += 1
            self.most = max(self.most, self._running)
        time.sleep(0.02)
        with self._lock:
            self._running -= 1
            self.parsed.append(request.head.first["x-sent-by"])
        parsed: dict[str, Any] = FRONTENDS["ec2"].service.parse(operation, request, raw, account)
        return parsed


def test_large_forms_are_parsed_one_at_a_time_and_by_turns_of_the_accounts() -> None:
    service: Any = Slow()
    door = Door(Users(), frontends={**FRONTENDS, "ec2": dataclasses.replace(FRONTENDS["ec2"], service=service)})

    def sent(access: str) -> Any:
        body = f"Action=DescribeRegions&Version=2016-11-15&RegionName.1={'x' * LARGE}".encode()
        wire = Wire("ec2", "", "POST", "http://localhost:8788/", {"Content-Type": FORM, "X-Sent-By": access}, body)
        ready = signed(wire, access=access)
        return door._knock(ready.method, ready.url, ready.headers, ready.body)

    async def all_of_them() -> None:
        await asyncio.gather(*(sent("first") for _ in range(DOCUMENTS)), sent("second"))

    asyncio.run(all_of_them())
    assert service.most == 1
    assert sorted(service.parsed) == ["first"] * DOCUMENTS + ["second"]
    assert service.parsed.index("second") <= 1
    assert {record.code for record in door.records} == {"InvalidParameterValue"}


class Jobs:
    """Functions for a worker that wait to be let go; `ran` are those that have begun, in order."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self._began: dict[str, threading.Event] = {}
        self._gates: dict[str, threading.Event] = {}

    def job(self, name: str) -> Callable[[], str]:
        began, gate = self._began[name], self._gates[name] = threading.Event(), threading.Event()

        def work() -> str:
            self.ran.append(name)
            began.set()
            assert gate.wait(60)
            return name

        return work

    def let(self, *names: str) -> None:
        for name in names:
            self._gates[name].set()

    async def begun(self, name: str) -> None:
        assert await asyncio.to_thread(self._began[name].wait, 60)


def test_a_function_waits_for_one_function_of_each_other_account() -> None:
    async def run() -> list[str]:
        worker, jobs = Worker(), Jobs()
        names = ["a1", "a2", "a3", "b1", "b2", "c1"]
        tasks = [asyncio.create_task(worker.run(name[0], jobs.job(name))) for name in names]
        await asyncio.sleep(0)
        await jobs.begun("a1")
        jobs.let(*names)
        assert await asyncio.gather(*tasks) == names
        worker.close()
        return jobs.ran

    assert asyncio.run(run()) == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_a_caller_that_is_gone_gives_its_place_away_and_not_its_turn() -> None:
    """Whoever hangs up again and again gets no more of the thread than others."""

    async def run() -> list[str]:
        worker, jobs = Worker(), Jobs()
        tasks = {
            name: asyncio.create_task(worker.run(name[0], jobs.job(name))) for name in ("a1", "a2", "a3", "b1", "b2")
        }
        await asyncio.sleep(0)
        await jobs.begun("a1")
        for gone in ("a1", "a2", "b1"):  # one runs, one waits for its turn, one is queued
            tasks[gone].cancel()
        await asyncio.wait([tasks["a1"], tasks["a2"], tasks["b1"]])
        tasks["c1"] = asyncio.create_task(worker.run("c", jobs.job("c1")))
        await asyncio.sleep(0)
        jobs.let("a1", "a3", "b2", "c1")
        assert await asyncio.gather(*(tasks[name] for name in ("a3", "b2", "c1"))) == ["a3", "b2", "c1"]
        worker.close()
        return jobs.ran

    ran = asyncio.run(run())
    assert ran[0] == "a1"
    assert sorted(ran[1:3]) == ["b2", "c1"]
    assert ran[3:] == ["a3"]


def test_a_failure_is_the_callers_and_ends_the_turn() -> None:
    def broken() -> None:
        raise ValueError("no number")

    async def run() -> int:
        worker = Worker()
        with pytest.raises(ValueError, match="no number"):
            await worker.run("a", broken)
        found = await worker.run("a", lambda: 1)
        worker.close()
        return found

    assert asyncio.run(run()) == 1
