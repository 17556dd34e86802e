"""`passerelle serve --workers N`: several gateway processes on one port, under one supervisor.

The kernel spreads connections over the workers' listeners (SO_REUSEPORT).  The supervisor serves no AWS request.  It
restarts a worker that died, a bounded number of times with growing pauses, forwards signals, and serves the metrics
listener for all workers.  To answer there, it asks the workers over Unix sockets in a temporary directory.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import uvloop
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from adapters.concurrency import gather_all
from adapters.errors import BackendError, Fault
from shim import app
from shim.cli.summed_metrics import SummedMetrics
from shim.config import Settings
from shim.health import Lifecycle
from shim.http.server import SideServer, configuration, listener, port_holder
from shim.log import configure
from shim.operator.application import Sources, operator_app
from shim.refusals import Refusal

log = logging.getLogger(__name__)

ASK_SECONDS = 5.0

Announce = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """How often a worker that dies soon after its start is restarted, and after which pauses.

    A worker is given up at the death that follows `restarts` restarts.  A worker that has lived for `sound_seconds`
    before it dies has its restarts back.
    """

    restarts: int = 5
    sound_seconds: float = 60.0
    first_pause: float = 0.5
    longest_pause: float = 30.0


@dataclass(slots=True)
class Worker:
    """One of the workers: its number, its socket, its process, and how often in a row it died soon after its start.

    `ready` is set while the process serves.
    """

    number: int
    socket: Path
    process: asyncio.subprocess.Process | None = None
    deaths: int = 0
    ready: asyncio.Event = field(default_factory=asyncio.Event)


class WorkersLifecycle(Lifecycle):
    """The lifecycle of all workers together: it is not OK while no worker runs."""

    def __init__(self, disable_file: Path | None) -> None:
        super().__init__(disable_file)
        self.workers: list[Worker] = []

    def reason(self) -> str:
        """Return why no new request should come here, or `OK`."""
        if not any(worker.ready.is_set() for worker in self.workers):
            return "NO WORKER"
        return super().reason()


class Supervisor:
    """Keeps the workers running until a signal ends them.

    `command` starts a worker; it is given the path of the worker's socket.
    """

    def __init__(
        self,
        settings: Settings,
        directory: Path,
        *,
        command: Sequence[str] = (sys.executable, "-m", "shim.cli.workers"),
        restarts: RestartPolicy = RestartPolicy(),
    ) -> None:
        self._settings = settings
        self._command = command
        self._restarts = restarts
        self._lifecycle = WorkersLifecycle(settings.disable_file)
        self._metrics = SummedMetrics()
        self._scrape_turn = asyncio.Lock()
        self._stopping = asyncio.Event()
        self.workers = self._lifecycle.workers
        self.workers += [Worker(n, directory / f"{n}") for n in range(settings.workers)]

    async def run(self, announce: Announce) -> bool:
        """Serve until a signal comes or a worker keeps dying; return whether it was a signal."""
        settings = self._settings
        holder = port_holder(settings.host, settings.port)
        port = holder.getsockname()[1]
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.stop, number)
        side: asyncio.Task[None] | None = None
        server: SideServer | None = None
        if settings.metrics_port is not None:
            metrics_socket = listener(settings.metrics_host, settings.metrics_port)
            server = SideServer(configuration(self.operator_app(), settings, tls=False))
            side = asyncio.create_task(server.serve([metrics_socket]))
            announce("metrics", app.url("http", settings.metrics_host, metrics_socket.getsockname()[1]))
        kept = [asyncio.create_task(self.keep_running(worker, port)) for worker in self.workers]
        ready = asyncio.ensure_future(
            gather_all((worker.ready.wait() for worker in self.workers), most=settings.workers)
        )
        first: set[asyncio.Future[Any]] = {ready, *kept}
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if ready.done():
            announce("listening", app.url("https" if settings.tls_certificate else "http", settings.host, port))
        else:  # a worker could not start: the settings are wrong, or the machine lacks something
            self.stop(signal.SIGTERM)
            ready.cancel()
        await asyncio.wait(kept)
        if server is not None and side is not None:
            server.should_exit = True
            await side
        holder.close()
        return self._stopping.is_set() and ready.done() and not ready.cancelled()

    def stop(self, number: int) -> None:
        """Send a signal to all workers, and restart none that ends."""
        self._stopping.set()
        self._lifecycle.draining = True
        for worker in self.workers:
            if worker.process is not None and worker.process.returncode is None:
                worker.process.send_signal(number)

    async def keep_running(self, worker: Worker, port: int) -> None:
        """Run one worker and restart it when it dies, until the supervisor stops or the worker dies too often."""
        loop, policy = asyncio.get_running_loop(), self._restarts
        given = worker_settings(self._settings, port, worker.number)
        while not self._stopping.is_set():
            started = loop.time()
            end = await self._run_worker(worker, given)
            worker.ready.clear()
            self._metrics.worker_ended(worker.number)
            if self._stopping.is_set():
                return
            self._metrics.deaths += 1
            worker.deaths = 1 if loop.time() - started > policy.sound_seconds else worker.deaths + 1
            if worker.deaths > policy.restarts:
                log.critical("worker %d %s; it is not started again", worker.number, end)
                return
            pause = min(policy.first_pause * 2 ** (worker.deaths - 1), policy.longest_pause)
            log.error("worker %d %s; it is started again in %.1f s", worker.number, end, pause)
            stopping = asyncio.ensure_future(self._stopping.wait())
            await asyncio.wait({stopping}, timeout=pause)
            stopping.cancel()

    async def _run_worker(self, worker: Worker, given: bytes) -> str:
        """Start a worker with its settings and wait for its end; return how it ended, in words for the log."""
        try:
            worker.socket.unlink(missing_ok=True)
            process = worker.process = await asyncio.create_subprocess_exec(
                *self._command,
                str(worker.socket),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,  # a terminal's Ctrl-C reaches the supervisor alone, which forwards it once
            )
        except OSError as error:  # the machine lacks memory, processes or file descriptors, or the program is gone
            return f"could not be started: {error}"
        assert process.stdin
        assert process.stdout
        process.stdin.write(given + b"\n")  # it stays open: end-of-file tells the worker that the supervisor is gone
        if self._stopping.is_set():
            process.terminate()
        while line := await process.stdout.readline():
            if line.startswith(b"passerelle listening"):
                worker.ready.set()
        return f"ended with {await process.wait()}"

    # The metrics listener.

    def operator_app(self) -> Callable[..., Awaitable[None]]:
        """Return the application of the metrics listener; it asks the workers for their metrics at each scrape."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self._metrics)
        inner = operator_app(
            Sources(
                lifecycle=self._lifecycle,
                ready=self._ready,
                metrics=registry,
                settings=self._settings,
                services=app.SERVICES,
                refusals=self._refusals,
            )
        )

        async def side(scope: Any, receive: Any, send: Any) -> None:
            if scope["path"] == "/metrics":
                async with self._scrape_turn:  # else the older of two answers may be kept, and counters go back
                    for worker, text in await self._ask_workers("/metrics"):
                        self._metrics.update(worker, text)
            await inner(scope, receive, send)

        return side

    async def _ready(self) -> None:
        """Return when a worker says that the cloud can be used."""
        reasons = [text for _, text in await self._ask_workers("/healthcheck/ready", statuses=(200, 503))]
        if "OK" not in reasons:
            service, _, word = reasons[0].lower().partition(": ") if reasons else ("gateway", "", "")
            fault = next((one for one in Fault if one.value == word), Fault.UNAVAILABLE)
            raise BackendError(fault, service=service, detail="no worker can use the cloud")

    async def _refusals(self, account: str | None) -> Sequence[Refusal]:
        """Return the last refusals of all workers, the latest first."""
        query = {"limit": "1000"} | ({"account": account} if account is not None else {})
        found = [
            Refusal(account=group["account"], **{**one, "time": datetime.fromisoformat(one["time"]).timestamp()})
            for _, text in await self._ask_workers(f"/api/refusals?{urlencode(query)}")
            for group in json.loads(text)
            for one in group["refusals"]
        ]
        return sorted(found, key=lambda refusal: refusal.time, reverse=True)

    async def _ask_workers(self, path: str, statuses: Collection[int] = (200,)) -> list[tuple[int, str]]:
        """Send a GET to every worker that serves; return the number and the text of those that answered as expected.

        The answer of a process that ended before the last answer came is left out: its metrics are added up already.
        """

        async def ask(worker: Worker) -> tuple[Worker, asyncio.subprocess.Process | None, str] | None:
            process = worker.process
            transport = httpx.AsyncHTTPTransport(uds=str(worker.socket))
            try:
                async with httpx.AsyncClient(transport=transport, timeout=ASK_SECONDS) as client:
                    response = await client.get(f"http://localhost{path}")
            except httpx.HTTPError:
                return None  # it is ending, or does not listen yet
            if response.status_code in statuses:
                return worker, process, response.text
            log.warning("worker %d answered %s with %d", worker.number, path, response.status_code)
            return None

        answers = await gather_all(ask(worker) for worker in self.workers if worker.ready.is_set())
        return [
            (worker.number, text)
            for worker, process, text in filter(None, answers)
            if worker.ready.is_set() and worker.process is process
        ]


# The settings that bound all workers together.  `credential_cache_size` is not one of them: a client's connections
# reach every worker, so each worker needs every key, and with less room it would ask Keystone for the same key often.
SHARED_BOUNDS = (
    "max_connections",
    "max_connections_per_address",
    "unsigned_body_bytes",
    "cache_bytes",
    "account_calls",
)


def worker_settings(settings: Settings, port: int, worker: int) -> bytes:
    """Return the settings of one worker as JSON on one line: with the shared port, and its part of each bound.

    The parts of all workers add up to the bound, except where that would leave a worker with nothing.
    """
    workers = settings.workers
    found = settings.model_dump(mode="json") | {
        name: value.get_secret_value() for name, value in settings if isinstance(value, SecretStr)
    }
    for name in SHARED_BOUNDS:
        each, rest = divmod(found[name], workers)
        found[name] = max(each + (worker < rest), min(found[name], 1))
    found |= {
        "port": port,
        "reuse_port": True,
        "workers": 1,
        "metrics_port": None,
        "unknown_keys_per_second": settings.unknown_keys_per_second / workers,
        "unknown_names_per_second": settings.unknown_names_per_second / workers,
    }
    return json.dumps(found).encode()


def supervise(settings: Settings, announce: Announce) -> bool:
    """Run the workers until a signal ends them; return False where they ended because they kept dying."""

    async def run() -> bool:
        with tempfile.TemporaryDirectory(prefix="passerelle-") as directory:
            return await Supervisor(settings, Path(directory)).run(announce)

    return asyncio.run(run())


async def run_worker(settings: Settings, path: str, announce: Announce) -> None:
    """Run as one worker: serve, with the operator's API on a Unix socket, until a signal or the supervisor's end."""
    operator_socket = socket.socket(socket.AF_UNIX)
    operator_socket.bind(path)
    operator_socket.listen(16)
    operator_socket.setblocking(False)
    loop = asyncio.get_running_loop()

    def stop_without_supervisor() -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            loop.remove_reader(sys.stdin.fileno())
            os.kill(os.getpid(), signal.SIGTERM)

    loop.add_reader(sys.stdin.fileno(), stop_without_supervisor)
    await app.serve(settings, announce, operator_socket=operator_socket)


def announce_to_supervisor(what: str, url: str) -> None:
    """Tell the supervisor that a listener is ready."""
    print(f"passerelle {what} on {url}", flush=True)


if __name__ == "__main__":
    own = Settings.model_validate(json.loads(os.read(0, 1 << 20)))
    configure(own.log_level, own.log_format)
    uvloop.run(run_worker(own, sys.argv[1], announce_to_supervisor))
