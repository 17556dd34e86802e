"""`passerelle serve --workers N`: several gateway processes on one port, under one supervisor.

The kernel spreads connections over the workers' listeners (SO_REUSEPORT).  The supervisor serves no AWS request.  It
restarts a worker that died, a bounded number of times with growing pauses, forwards signals, and serves the metrics
listener for all workers, which it asks over Unix sockets in a temporary directory.
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
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

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

# How often a worker that dies soon after its start is restarted, and how long it must live for that count to be reset.
RESTARTS, SOUND_SECONDS = 5, 60.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
ASK_SECONDS = 5.0

Announce = Callable[[str, str], None]


@dataclass(slots=True)
class Worker:
    """One of the workers: its number, socket and process, and how often that died soon after its start."""

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
    """Keeps the workers running until a signal ends them."""

    def __init__(self, settings: Settings, directory: Path) -> None:
        self._settings = settings
        self._fleet = WorkersLifecycle(settings.disable_file)
        self._metrics = SummedMetrics()
        self._stopping = asyncio.Event()
        self._workers = self._fleet.workers
        self._workers += [Worker(n, directory / f"{n}") for n in range(settings.workers)]

    async def run(self, announce: Announce) -> bool:
        """Serve until a signal comes or a worker keeps dying; return whether it was a signal."""
        settings = self._settings
        holder = port_holder(settings.host, settings.port)
        port = holder.getsockname()[1]
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._signalled, number)
        shared = worker_settings(settings, port)
        side: asyncio.Task[None] | None = None
        server: SideServer | None = None
        if settings.metrics_port is not None:
            metrics_socket = listener(settings.metrics_host, settings.metrics_port)
            server = SideServer(configuration(self._operator_app(), settings, tls=False))
            side = asyncio.create_task(server.serve([metrics_socket]))
            announce("metrics", app.url("http", settings.metrics_host, metrics_socket.getsockname()[1]))
        kept = [asyncio.create_task(self._supervise_worker(worker, shared)) for worker in self._workers]
        ready = asyncio.ensure_future(
            gather_all((worker.ready.wait() for worker in self._workers), most=settings.workers)
        )
        first: set[asyncio.Future[Any]] = {ready, *kept}
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if ready.done():
            announce("listening", app.url("https" if settings.tls_certificate else "http", settings.host, port))
        else:  # a worker could not start: the settings are wrong, or the machine lacks something
            self._signalled(signal.SIGTERM)
            ready.cancel()
        await asyncio.wait(kept)
        if server is not None and side is not None:
            server.should_exit = True
            await side
        holder.close()
        return self._stopping.is_set() and ready.done() and not ready.cancelled()

    def _signalled(self, number: int) -> None:
        self._stopping.set()
        self._fleet.draining = True
        for worker in self._workers:
            if worker.process is not None and worker.process.returncode is None:
                worker.process.send_signal(number)

    async def _supervise_worker(self, worker: Worker, shared: bytes) -> None:
        """Run one worker and restart it when it dies, until the supervisor stops or it dies too often."""
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            started = loop.time()
            status = await self._run_worker(worker, shared)
            worker.ready.clear()
            self._metrics.worker_ended(worker.number)
            if self._stopping.is_set():
                return
            self._metrics.deaths += 1
            worker.deaths = 1 if loop.time() - started > SOUND_SECONDS else worker.deaths + 1
            if worker.deaths > RESTARTS:
                log.critical("worker %d ended with %d once too often: it stays away", worker.number, status)
                return
            pause = min(FIRST_PAUSE * 2 ** (worker.deaths - 1), LONGEST_PAUSE)
            log.error("worker %d ended with %d; it is started again in %.1f s", worker.number, status, pause)
            with_signal = asyncio.ensure_future(self._stopping.wait())
            await asyncio.wait({with_signal}, timeout=pause)
            with_signal.cancel()

    async def _run_worker(self, worker: Worker, shared: bytes) -> int:
        """Start a worker and wait for its end; return its exit status."""
        worker.socket.unlink(missing_ok=True)
        process = worker.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "shim.cli.workers", str(worker.socket)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # a terminal's Ctrl-C reaches the supervisor alone, which forwards it once
        )
        assert process.stdin
        assert process.stdout
        process.stdin.write(shared + b"\n")  # it stays open: end-of-file tells the worker that the supervisor is gone
        if self._stopping.is_set():
            process.terminate()
        while line := await process.stdout.readline():
            if line.startswith(b"passerelle listening"):
                worker.ready.set()
        return await process.wait()

    # The metrics listener.

    def _operator_app(self) -> Callable[..., Awaitable[None]]:
        """Return the application of the metrics listener; it asks the workers for their metrics at each scrape."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self._metrics)
        inner = operator_app(
            Sources(
                lifecycle=self._fleet,
                ready=self._ready,
                metrics=registry,
                settings=self._settings,
                services=app.SERVICES,
                refusals=self._refusals,
            )
        )

        async def side(scope: Any, receive: Any, send: Any) -> None:
            if scope["path"] == "/metrics":
                for worker, text in await self._ask_workers("/metrics"):
                    self._metrics.update(worker, text)
            await inner(scope, receive, send)

        return side

    async def _ready(self) -> None:
        """Return when a worker says that the cloud can be used."""
        reasons = [text for _, text in await self._ask_workers("/healthcheck/ready")]
        if "OK" not in reasons:
            service = reasons[0].partition(":")[0].lower() if reasons else "gateway"
            raise BackendError(Fault.UNAVAILABLE, service=service, detail="no worker can use the cloud")

    async def _refusals(self, account: str | None) -> Sequence[Refusal]:
        """Return the last refusals of all workers, the latest first."""
        query = "/api/refusals?limit=1000" + (f"&account={account}" if account is not None else "")
        found = [
            Refusal(account=group["account"], **{**one, "time": datetime.fromisoformat(one["time"]).timestamp()})
            for _, text in await self._ask_workers(query)
            for group in json.loads(text)
            for one in group["refusals"]
        ]
        return sorted(found, key=lambda refusal: refusal.time, reverse=True)

    async def _ask_workers(self, path: str) -> list[tuple[int, str]]:
        """Send a GET to every running worker; return the number and the text of those that answered 200."""

        async def ask(worker: Worker) -> tuple[int, str] | None:
            transport = httpx.AsyncHTTPTransport(uds=str(worker.socket))
            try:
                async with httpx.AsyncClient(transport=transport, timeout=ASK_SECONDS) as client:
                    return worker.number, (await client.get(f"http://localhost{path}")).text
            except httpx.HTTPError:
                return None  # it is ending, or does not listen yet

        there = [worker for worker in self._workers if worker.ready.is_set()]
        return [told for told in await gather_all(map(ask, there)) if told is not None]


def worker_settings(settings: Settings, port: int) -> bytes:
    """Return the settings of one worker as JSON on one line: with the shared port, and its share of each bound."""
    share = settings.workers
    found = settings.model_dump(mode="json") | {
        name: value.get_secret_value() for name, value in settings if isinstance(value, SecretStr)
    }
    found |= {
        "port": port,
        "reuse_port": True,
        "workers": 1,
        "metrics_port": None,
        "max_connections": -(-settings.max_connections // share),
        "max_connections_per_address": -(-settings.max_connections_per_address // share),
        "unsigned_body_bytes": -(-settings.unsigned_body_bytes // share),
        "cache_bytes": -(-settings.cache_bytes // share),
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
