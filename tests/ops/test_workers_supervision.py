"""The supervisor of `serve --workers`, over stand-ins for workers that answer, fail and end as a test needs."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import httpx
import pytest

from shim.cli.workers import RestartPolicy, Supervisor
from shim.config import Settings

# Answers on the socket that it is given, from files beside it: a status and a text for each path.  A file `…holdN`
# keeps it from answering its N-th request, and with a file `…end` it ends as soon as the client has read an answer.
PROGRAM = """
import os, socket, sys, threading, time

def answer(connection, number):
    asked = connection.recv(65536).split()[1].decode()
    status, _, text = open(path + asked.partition("?")[0].replace("/", "_")).read().partition(" ")
    open(path + "asked", "w").write(asked)
    while os.path.exists(path + f"hold{number}"):
        time.sleep(0.01)
    body = text.encode()
    head = f"HTTP/1.1 {status} Status\\r\\nContent-Length: {len(body)}\\r\\nConnection: close\\r\\n\\r\\n"
    connection.sendall(head.encode() + body)
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(65536):
        pass
    if os.path.exists(path + "end"):
        os._exit(3)

path = sys.argv[1]
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
print("passerelle listening on nothing", flush=True)
number = 0
while True:
    connection, _ = listener.accept()
    number += 1
    threading.Thread(target=answer, args=(connection, number), daemon=True).start()
"""
QUICK = RestartPolicy(restarts=5, first_pause=0.001, longest_pause=0.001)
NONE_SOON = RestartPolicy(first_pause=60.0, longest_pause=60.0)  # no test takes as long


class Supervised:
    """A supervisor of two such programs, whose answers are in the files of a folder."""

    def __init__(self, folder: Path, command: Sequence[str], restarts: RestartPolicy) -> None:
        self.folder = folder
        settings = Settings.model_validate({"workers": 2})
        self.supervisor = Supervisor(settings, folder, command=command, restarts=restarts)
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.supervisor.operator_app()), base_url="http://metrics"
        )

    def answer(self, worker: int, path: str, status: int, text: str) -> None:
        """Let a worker answer a path so."""
        (self.folder / f"{worker}{path.replace('/', '_')}").write_text(f"{status} {text}")

    def count(self, worker: int, requests: int) -> None:
        """Let a worker tell of so many requests."""
        text = f"# TYPE passerelle_requests_total counter\npasserelle_requests_total {requests}\n"
        self.answer(worker, "/metrics", 200, text)

    async def counted(self) -> float:
        """Return the requests of both workers, as the metrics listener tells them."""
        answer = await self.client.get("/metrics")
        assert answer.status_code == 200
        return sum(
            float(line.split()[1]) for line in answer.text.splitlines() if line.startswith("passerelle_requests_total ")
        )


def supervised(
    folder: Path,
    test: Callable[[Supervised], Awaitable[None]],
    *,
    command: Sequence[str] = (sys.executable, "-IS", "-c", PROGRAM),
    restarts: RestartPolicy = NONE_SOON,
) -> None:
    """Run a test while both workers serve, and end them after it."""

    async def run() -> None:
        found = Supervised(folder, command, restarts)
        kept = [asyncio.create_task(found.supervisor.keep_running(one, 1)) for one in found.supervisor.workers]
        try:
            await asyncio.gather(*(one.ready.wait() for one in found.supervisor.workers))
            await test(found)
        finally:
            found.supervisor.stop(signal.SIGKILL)
            await asyncio.gather(*kept)
            await found.client.aclose()

    asyncio.run(run())


async def until(true: Callable[[], bool]) -> None:
    """Wait for something that nobody tells of."""
    while not true():  # noqa: ASYNC110 - a process and a file tell of nothing
        await asyncio.sleep(0.01)


def test_a_worker_that_dies_during_a_scrape_is_counted_once(tmp_path: Path) -> None:
    async def test(found: Supervised) -> None:
        first, second = found.supervisor.workers
        found.count(0, 100)
        found.count(1, 10)
        assert await found.counted() == 110
        (tmp_path / "1hold2").touch()
        (tmp_path / "0end").touch()
        scrape = asyncio.create_task(found.counted())
        await until(
            lambda: not first.ready.is_set()
        )  # its answer was read and its end noticed; the other is still asked
        (tmp_path / "1hold2").unlink()
        assert await scrape == 110
        assert await found.counted() == 110
        assert second.ready.is_set()

    supervised(tmp_path, test)


def test_the_answer_of_a_process_is_not_taken_for_that_of_its_successor(tmp_path: Path) -> None:
    async def test(found: Supervised) -> None:
        first = found.supervisor.workers[0]
        found.count(0, 100)
        found.count(1, 10)
        assert await found.counted() == 110
        before = first.process
        (tmp_path / "1hold2").touch()
        (tmp_path / "0end").touch()
        scrape = asyncio.create_task(found.counted())
        await until(lambda: first.process is not before and first.ready.is_set())
        (tmp_path / "0end").unlink()
        (tmp_path / "1hold2").unlink()
        assert await scrape == 110
        found.count(0, 1)
        assert await found.counted() == 111

    supervised(tmp_path, test, restarts=QUICK)


def test_two_scrapes_at_a_time_do_not_set_a_counter_back(tmp_path: Path) -> None:
    async def test(found: Supervised) -> None:
        found.count(0, 100)
        found.count(1, 10)
        (tmp_path / "1hold1").touch()
        early = asyncio.create_task(found.counted())
        await until((tmp_path / "0asked").exists)
        found.count(0, 200)
        late = asyncio.create_task(found.counted())
        await asyncio.wait({late}, timeout=1)  # it may not be done before the early one is, or that one's count is kept
        (tmp_path / "1hold1").unlink()
        assert (await early, await late) == (110, 210)
        first = found.supervisor.workers[0]
        assert first.process is not None
        first.process.kill()
        await until(lambda: not first.ready.is_set())
        assert await found.counted() == 210

    supervised(tmp_path, test)


def test_a_worker_that_cannot_tell_its_metrics_does_not_break_the_sum(tmp_path: Path) -> None:
    async def test(found: Supervised) -> None:
        found.count(0, 100)
        found.count(1, 10)
        assert await found.counted() == 110
        found.answer(0, "/metrics", 500, "Internal Server Error")
        found.count(1, 11)
        assert await found.counted() == 111  # of the first one, what it told last

    supervised(tmp_path, test)


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (((503, "IDENTITY: UNAVAILABLE"), (503, "IDENTITY: UNAVAILABLE")), "IDENTITY: UNAVAILABLE"),
        (((500, "Internal Server Error"), (503, "IDENTITY: UNAVAILABLE")), "IDENTITY: UNAVAILABLE"),
        (((500, "Internal Server Error"), (500, "Internal Server Error")), "GATEWAY: UNAVAILABLE"),
        (((503, "IDENTITY: UNAVAILABLE"), (200, "OK")), "OK"),
        (((503, "IDENTITY: UNAUTHORIZED"), (503, "IDENTITY: UNAUTHORIZED")), "IDENTITY: UNAUTHORIZED"),
    ],
)
def test_readiness_is_read_from_answers_that_are_200_or_503(
    tmp_path: Path, answers: tuple[tuple[int, str], ...], reason: str
) -> None:
    async def test(found: Supervised) -> None:
        for worker, (status, text) in enumerate(answers):
            found.answer(worker, "/healthcheck/ready", status, text)
        answer = await found.client.get("/healthcheck/ready")
        assert (answer.status_code, answer.text) == (200 if reason == "OK" else 503, reason)

    supervised(tmp_path, test)


def test_an_account_is_asked_for_as_it_was_given(tmp_path: Path) -> None:
    async def test(found: Supervised) -> None:
        for worker in (0, 1):
            found.answer(worker, "/api/refusals", 200, "[]")
        assert (await found.client.get("/api/refusals", params={"account": "a&limit=1 b"})).json() == []
        assert (tmp_path / "0asked").read_text() == "/api/refusals?limit=1000&account=a%26limit%3D1+b"

    supervised(tmp_path, test)


def ends_of_one(folder: Path, command: Sequence[str], caplog: pytest.LogCaptureFixture) -> list[str]:
    """Let one worker run until it is given up; return what the log says of it."""

    async def run() -> None:
        settings = Settings.model_validate({"workers": 2})
        found = Supervisor(settings, folder, command=command, restarts=QUICK)
        await found.keep_running(found.workers[0], 1)

    with caplog.at_level(logging.ERROR, "shim.cli.workers"):
        asyncio.run(run())
    return [record.getMessage() for record in caplog.records]


def test_a_worker_is_given_up_at_the_death_after_its_last_restart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    starts = tmp_path / "starts"
    program = f"open({str(starts)!r}, 'a').write('.'); raise SystemExit(3)"
    said = ends_of_one(tmp_path, (sys.executable, "-IS", "-c", program), caplog)
    assert said == [
        *["worker 0 ended with 3; it is started again in 0.0 s"] * 5,
        "worker 0 ended with 3; it is not started again",
    ]
    assert starts.read_text() == "." * 6


def test_a_worker_that_cannot_be_started_is_tried_again_as_one_that_died(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    program = tmp_path / "program"  # it can be started once: its first run removes it
    program.write_text(f"#!{sys.executable} -IS\nimport os\nos.remove({str(program)!r})\nraise SystemExit(3)\n")
    program.chmod(0o700)
    said = ends_of_one(tmp_path, (str(program),), caplog)
    assert said[0] == "worker 0 ended with 3; it is started again in 0.0 s"
    assert len(said) == 6
    assert all(line.startswith("worker 0 could not be started: [Errno 2] ") for line in said[1:])
    assert said[-1].endswith("; it is not started again")
