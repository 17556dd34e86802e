"""Deliveries to a webhook on the loopback address."""

import asyncio
import fcntl
import os
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from shim.notices import webhook
from shim.notices.delivery import DELIVERED, EXPIRED, FAILED, Deliverer, Patience, about
from shim.notices.destinations import Destination
from shim.notices.segments import Notice, queue_name, used
from shim.notices.spool import Entry, Spool
from shim.s3.notifications.events import PUT
from shim.s3.notifications.record import Event, Scene, record
from tests.support.certificates import self_signed
from tests.support.receiver import SECONDS, Receiver
from tests.support.wire import free_port

HOOK = "arn:aws:sns:us-east-1::hook"
DEAD = "arn:aws:sns:us-east-1::dead"
PATIENCE = Patience(attempt=10.0, pause=0.01, keep=3600.0)


@dataclass
class Stage:
    """A spool, the destinations and what was counted."""

    directory: Path
    receiver: Receiver
    found: dict[str, Destination] = field(default_factory=dict)
    counted: Counter[tuple[str, str]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.found[HOOK] = Destination(self.receiver.url)
        self.found[DEAD] = Destination(f"http://127.0.0.1:{free_port()}/")

    def observe(self, destination: str, outcome: str, number: int) -> None:
        self.counted[destination, outcome] += number

    @asynccontextmanager
    async def delivering(self, patience: Patience = PATIENCE) -> AsyncIterator[Spool]:
        spool = Spool(self.directory, 1 << 30, self.observe)
        destinations: Any = self.found
        deliverer = Deliverer(spool, destinations, patience, self.observe)
        task = asyncio.create_task(deliverer.run())
        try:
            yield spool
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await spool.aclose()

    async def until(self, found: Callable[[], Any]) -> None:
        async with asyncio.timeout(SECONDS):
            while not found():  # noqa: ASYNC110 - the receiver is a thread
                await asyncio.sleep(0.01)

    @property
    def numbers(self) -> list[int]:
        return [content["number"] for content in self.receiver.taken]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Receiver().serving() as receiver:
        yield Stage(tmp_path, receiver)


def entry(number: int, destination: str = HOOK, since: float | None = None) -> Entry:
    return Entry("p", Notice(destination, time.time() if since is None else since, {"number": number}))


async def sent(stage: Stage, entries: list[Entry], until: Callable[[], Any], patience: Patience = PATIENCE) -> None:
    """Deliver entries until a condition holds."""
    async with stage.delivering(patience) as spool:
        await spool.put(entries)
        await stage.until(until)


def test_every_notice_is_delivered_once_where_all_goes_well(stage: Stage) -> None:
    asyncio.run(sent(stage, [entry(n) for n in range(100)], lambda: stage.counted[HOOK, DELIVERED] >= 100))
    assert sorted(stage.numbers) == list(range(100))
    assert stage.counted[HOOK, DELIVERED] == 100
    (headers,) = [one.headers for one in stage.receiver.received if one.content["number"] == 0]
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"] == "Passerelle"


def test_a_dead_webhook_delays_no_other(stage: Stage) -> None:
    entries = [entry(n, DEAD) for n in range(100)] + [entry(n) for n in range(20)]
    asyncio.run(sent(stage, entries, lambda: len(stage.numbers) >= 20 and stage.counted[DEAD, FAILED]))
    assert not stage.counted[DEAD, DELIVERED]


def test_a_webhook_that_comes_back_gets_everything(stage: Stage) -> None:
    stage.receiver.answer = lambda _: 500 if len(stage.receiver.received) < 30 else 204
    asyncio.run(sent(stage, [entry(n) for n in range(40)], lambda: len(set(stage.numbers)) == 40))
    assert stage.counted[HOOK, FAILED] >= 30


def test_a_refused_notice_lets_those_behind_it_pass(stage: Stage) -> None:
    stage.receiver.answer = lambda content: 400 if content["number"] == 0 else 200
    asyncio.run(sent(stage, [entry(n) for n in range(40)], lambda: len(stage.numbers) >= 39))
    assert sorted(stage.numbers) == list(range(1, 40))
    stage.receiver.answer = lambda _: 200  # and it is not lost
    asyncio.run(sent(stage, [], lambda: 0 in stage.numbers))


def test_a_notice_that_nobody_takes_is_dropped_in_the_end(stage: Stage) -> None:
    old = time.time() - 2 * PATIENCE.keep
    asyncio.run(sent(stage, [entry(1, DEAD, old), entry(2, since=old)], lambda: stage.counted[DEAD, EXPIRED]))
    asyncio.run(sent(stage, [entry(3)], lambda: 3 in stage.numbers))
    assert stage.numbers == [3]
    assert stage.counted[HOOK, EXPIRED]


def test_a_destination_that_is_named_no_more_keeps_its_notices(stage: Stage) -> None:
    gone = stage.found.pop(HOOK)
    asyncio.run(sent(stage, [entry(1)], lambda: stage.counted[HOOK, FAILED] > 3))
    stage.found[HOOK] = gone
    asyncio.run(sent(stage, [], lambda: stage.numbers == [1]))


@pytest.mark.parametrize("status", [HTTPStatus.FOUND, HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.PERMANENT_REDIRECT])
def test_redirects_are_not_followed(stage: Stage, status: int) -> None:
    with Receiver().serving() as elsewhere:
        stage.receiver.headers["location"] = elsewhere.url
        stage.receiver.answer = lambda _: status
        asyncio.run(sent(stage, [entry(1)], lambda: stage.counted[HOOK, FAILED] > 3))
        assert elsewhere.received == []


def test_a_certificate_that_nobody_trusts_gets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the notice nor its signature: the connection ends before a request is sent."""
    with Receiver(certificate=self_signed(tmp_path)).serving() as receiver:
        stage = Stage(tmp_path / "spool", receiver)
        asyncio.run(sent(stage, [entry(1)], lambda: stage.counted[HOOK, FAILED] > 3))
        assert not receiver.received
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        asyncio.run(sent(stage, [], lambda: stage.numbers == [1]))  # and it is not lost


def test_a_handshake_that_is_given_up_leaves_no_connection() -> None:
    async def attempt(server: socket.socket) -> bytes:
        hook = Destination(f"https://127.0.0.1:{server.getsockname()[1]}/")
        async with webhook.client(ssl.create_default_context(), 1) as client:
            outcome, _ = await webhook.send(client, hook, {}, time.time(), 0.2)
            assert outcome is webhook.Outcome.SILENT
            return await asyncio.to_thread(all_of, server.accept()[0])

    with socket.create_server(("127.0.0.1", 0)) as server:
        assert asyncio.run(attempt(server))


def all_of(connection: socket.socket) -> bytes:
    """Read until the other side closes."""
    with connection, connection.makefile("rb") as file:
        connection.settimeout(SECONDS)
        return file.read()


def test_a_webhook_that_is_silent_is_given_up(stage: Stage) -> None:
    go_on = threading.Event()

    def hang(_: Any) -> int:
        go_on.wait(SECONDS)
        return 200

    stage.receiver.answer = hang
    impatient = Patience(attempt=0.05, pause=0.01, keep=3600.0)
    asyncio.run(sent(stage, [entry(1)], lambda: stage.counted[HOOK, FAILED] > 1, impatient))
    go_on.set()
    assert not stage.counted[HOOK, DELIVERED]


def test_a_long_answer_is_not_read_to_its_end(stage: Stage) -> None:
    stage.receiver.sent = bytes(8 << 20)
    asyncio.run(sent(stage, [entry(n) for n in range(3)], lambda: stage.counted[HOOK, DELIVERED] >= 3))


def test_one_process_delivers_a_queue_at_a_time(stage: Stage) -> None:
    path = stage.directory / queue_name(HOOK, "p")
    path.mkdir(parents=True)
    lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    entries = [entry(1), entry(2, DEAD)]
    asyncio.run(sent(stage, entries, lambda: stage.counted[DEAD, FAILED] > 3))
    assert stage.numbers == []
    os.close(lock)
    asyncio.run(sent(stage, [], lambda: stage.numbers == [1]))


def test_what_is_delivered_leaves_the_disk(stage: Stage) -> None:
    asyncio.run(sent(stage, [entry(1)], lambda: stage.numbers == [1]))
    path = stage.directory / queue_name(HOOK, "p")
    asyncio.run(sent(stage, [], lambda: used(stage.directory)[path.name] == 0))
    assert set(stage.numbers) == {1}  # twice, if the first deliverer ended before it noted that it had delivered it


def test_the_log_says_which_event_was_dropped() -> None:
    told = record(Event(PUT, "k"), Scene("r", "id", "u", "c", "b", "o"), "c", datetime(2026, 1, 1, tzinfo=UTC), 1)
    assert about(Notice("d", 0.0, {"Records": [told]})) == {
        "event": "ObjectCreated:Put",
        "bucket": "b",
        "key": "k",
        "request_id": "id",
    }
    assert about(Notice("d", 0.0, {"Event": "s3:TestEvent"})) == {"event": "s3:TestEvent"}
