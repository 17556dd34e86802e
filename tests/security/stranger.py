"""Measures how long another client's plain call waits while a hostile client works, in counts and not in seconds.

Gateway, hostile client and victim run in one event loop on real sockets, so the count is the same on a busy machine:

    def test_a_form_of_percents_is_not_felt() -> None:
        body = b"%41&" * 250_000
        assert_unfelt(sends(post("ec2", body)))

    def test_a_glob_of_stars_is_not_felt() -> None:      # a pure function: its work beside that of one plain call
        assert work_of(lambda: matches("*a" * 100 + "b", "a" * 255)) < 5

The victim signs GetCallerIdentity, which needs no OpenStack, and calls again and again until the hostile client is
through (or `most_calls` are answered).  Of its worst call `Felt` says three things:

- `turns`: turns of the event loop from the request's last byte to the answer's.  They grow where the victim queues
  behind somebody: for a lock, a slot, a place in a list.
- `work`: CPU time of the loop's thread meanwhile, in plain calls (the median of the victim's own calls, alone).  It
  grows where one callback does too much at once, in Python or in C: a parser, a regular expression, a hash.
- `seconds`: the loop's own clock.  It stands still while anything is ready and jumps to the next timer when nothing is,
  so it grows only where the victim waits for time to pass; and a client that is silent for a minute costs no minute:
  between the victim's calls the clock jumps as well, where nobody has anything to do.

The clients' own work is counted too, as they share the loop: make a hostile client's bytes before, as `sends` has them.
Give a `Door` of your own for other settings (`Door(given={...})`) or for a cloud that answers (override `tenant`).
"""

from __future__ import annotations

import asyncio
import gc
import selectors
import socket
import statistics
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import urlsplit

from uvicorn.server import ServerState

from shim.http.server import configuration
from tests.security.door import HOST, Door
from tests.security.requests import Wire, signed

# How long the other client's call may wait: a few milliseconds, where a plain call takes some tenths of one.
TURNS, WORK, SECONDS = 20, 30.0, 0.0
LEAST_CALLS, MOST_CALLS = 20, 300
ALONE_CALLS = 30
HANGS_SECONDS = 120  # by the machine's clock: nothing comes of it any more

Address = tuple[str, int]
T = TypeVar("T")
Hostile = Callable[[Address], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Felt:
    """What the slowest of the other client's calls waited for; see the module's docstring."""

    turns: int
    work: float
    seconds: float


def assert_unfelt(
    hostile: Hostile,
    *,
    door: Door | None = None,
    turns: int = TURNS,
    work: float = WORK,
    seconds: float = SECONDS,
    most_calls: int = MOST_CALLS,
) -> None:
    """Fail if the other client's call waits for more than this.

    Work that is too much is measured once more, at a new gateway whose caches are as cold; see `least`.
    """
    found = felt(hostile, door=door, most_calls=most_calls)
    if found.work > work:
        found = least((found, felt(hostile, door=replace(door) if door else None, most_calls=most_calls)))
    assert_within(found, turns=turns, work=work, seconds=seconds)


def assert_within(found: Felt, *, turns: int = TURNS, work: float = WORK, seconds: float = SECONDS) -> None:
    """Fail if the slowest call waited for more than this."""
    assert (found.turns <= turns, found.work <= work, found.seconds <= seconds) == (True, True, True), found


def least(runs: Iterable[Felt]) -> Felt:
    """Return the lowest of each count over runs of the same work.

    A hostile client that holds the loop does so in every run.  What the machine adds to a call's CPU time (a cold
    cache, an interrupt) is in another call each time, and a run of some thousand calls meets it.  `timeit`'s
    documentation says of repetitions: "the min() of the result is probably the only number you
    should be interested in".
    """
    return Felt(*(min(count) for count in zip(*((run.turns, run.work, run.seconds) for run in runs), strict=True)))


def felt(hostile: Hostile, *, door: Door | None = None, most_calls: int = MOST_CALLS) -> Felt:
    """Run the hostile client; return what the other client's slowest call waited for."""
    return _run(lambda loop, address, unit: _beside(loop, address, hostile, unit, most_calls), door or Door())


def work_of(function: Callable[[], object]) -> float:
    """Return what a function costs, in plain calls."""

    async def measure(loop: CountingLoop, address: Address, unit: float) -> float:
        started = time.thread_time()
        function()
        return (time.thread_time() - started) / unit

    return _run(measure, Door())


def sends(*pieces: bytes, connections: int = 1, answered: bool = True) -> Hostile:
    """Return a client that sends these pieces, each in a turn of its own, and waits for the connection's end.

    `answered` is False for one that takes no answer: it resets its connection as soon as everything is sent.
    """

    async def one(address: Address) -> None:
        reader, writer = await asyncio.open_connection(*address)
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            while answered and await reader.read(65536):
                pass
        finally:
            writer.transport.abort()

    async def all_of_them(address: Address) -> None:
        opened = []
        for _ in range(connections):
            opened.append(asyncio.ensure_future(one(address)))
            await asyncio.sleep(0)
        try:
            await asyncio.gather(*opened, return_exceptions=True)
        finally:
            for one_of_them in opened:
                one_of_them.cancel()

    return all_of_them


def raw(wire: Wire) -> bytes:
    """Return a request as it goes over the wire, with its length where it has a body or might have one."""
    parts = urlsplit(wire.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"Host": parts.netloc, **wire.headers}
    if (wire.body or wire.method in ("PUT", "POST")) and "content-length" not in map(str.lower, headers):
        headers["Content-Length"] = str(len(wire.body))
    lines = [f"{wire.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join((*lines, "", "")).encode("latin-1") + wire.body


def post(service: str, body: bytes, *, secret: str | None = None) -> bytes:
    """Return a form for EC2 or STS, signed with the one good key, or with a `secret` that is wrong."""
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    wire = Wire(service, "", "POST", f"http://{HOST}/", headers, body)
    return raw(signed(wire) if secret is None else signed(wire, secret=secret))


PLAIN_CALL = b"Action=GetCallerIdentity&Version=2011-06-15"


# The loop.


class CountingLoop(asyncio.SelectorEventLoop):
    """An event loop that counts its turns, and whose clock stands still while anything is ready."""

    def __init__(self) -> None:
        self.turns = 0
        self.now = 0.0
        self.busy = False
        super().__init__(_Selector(self))

    def time(self) -> float:
        """Return the loop's own time."""
        return self.now

    async def rest(self) -> None:
        """Let others have a few turns; where nobody has anything to do in them, jump to the next timer."""
        for _ in range(3):
            self.busy = False
            await asyncio.sleep(0)
            if self.busy or self._ready:  # type: ignore[attr-defined]
                return
        timers = [timer.when() for timer in self._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
        self.now = max(self.now, min(timers, default=self.now))


class _Selector(selectors.DefaultSelector):
    def __init__(self, loop: CountingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready, as ever; where nothing is, jump to the next timer instead of waiting for it."""
        self._loop.turns += 1
        # Threads, and the kernel itself, may need a moment of the machine's own time.
        ready = super().select(timeout if timeout is None else min(timeout, 0.02))
        if not ready and timeout:
            self._loop.now += timeout
        self._loop.busy = self._loop.busy or bool(ready)
        return ready


def _run(measure: Callable[[CountingLoop, Address, float], Coroutine[Any, Any, T]], door: Door) -> T:
    loop = CountingLoop()
    collecting = gc.isenabled()
    gc.disable()  # it would walk the whole test process in the middle of a call
    try:
        return loop.run_until_complete(_served(loop, door, measure))
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        if collecting:
            gc.enable()


async def _served(
    loop: CountingLoop, door: Door, measure: Callable[[CountingLoop, Address, float], Coroutine[Any, Any, T]]
) -> T:
    """Serve the door's gateway in this loop; measure."""
    config = configuration(door.gateway, door.settings, tls=False)
    config.load()
    made: Any = config.http_protocol_class
    state = ServerState()
    server = await loop.create_server(lambda: made(config=config, server_state=state, app_state={}), "127.0.0.1", 0)
    address: Address = server.sockets[0].getsockname()[:2]
    try:
        victim, request = await _connected(loop, address), post("sts", PLAIN_CALL)
        alone = [await _call(loop, victim, request) for _ in range(ALONE_CALLS)]
        victim.close()
        return await measure(loop, address, statistics.median(found.work for found in alone))
    finally:
        server.close()
        for connection in list(state.connections):
            connection.transport.abort()
        for task in list(state.tasks):
            task.cancel()
        await asyncio.gather(*state.tasks, return_exceptions=True)


async def _beside(loop: CountingLoop, address: Address, hostile: Hostile, unit: float, most_calls: int) -> Felt:
    """Call while the hostile client works, from its first byte on; return the worst of every count."""
    victim, request = await _connected(loop, address), post("sts", PLAIN_CALL)
    working = asyncio.ensure_future(hostile(address))
    calls: list[Felt] = []
    while (not working.done() or len(calls) < LEAST_CALLS) and len(calls) < most_calls:
        calls.append(await _call(loop, victim, request))
    working.cancel()
    (outcome,) = await asyncio.gather(working, return_exceptions=True)
    if isinstance(outcome, Exception) and not isinstance(outcome, ConnectionError):
        raise outcome
    victim.close()
    worst = (max(found) for found in zip(*((c.turns, c.work / unit, c.seconds) for c in calls), strict=True))
    return Felt(*worst)


async def _connected(loop: CountingLoop, address: Address) -> socket.socket:
    victim = socket.socket()
    victim.setblocking(False)
    await loop.sock_connect(victim, address)
    return victim


async def _call(loop: CountingLoop, victim: socket.socket, request: bytes) -> Felt:
    """Rest, and make the victim's call on its own connection; `work` is CPU seconds as yet.

    Turns and work count from before the rest: the call might as well have come then.
    """
    turns, work = loop.turns, time.thread_time()
    await loop.rest()
    now = loop.now
    await loop.sock_sendall(victim, request)
    answer = b""
    while not answer.endswith(b"</GetCallerIdentityResponse>"):
        piece = await loop.sock_recv(victim, 65536)
        assert piece, f"the victim was hung up on: {answer!r}"
        answer += piece
        assert b"HTTP/1.1 200" in answer, f"the victim was refused: {answer!r}"
    return Felt(loop.turns - turns, time.thread_time() - work, loop.now - now)
