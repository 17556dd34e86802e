"""The same S3 work directly on Swift and through the gateway: ratios, and the gateway's CPU per request.

Both sides send prepared requests (presigned for the gateway, with a token for Swift) by the same client, in short
alternating turns, so that other load on the machine affects both.  A ratio is gateway over direct in requests per
second, the median over the rounds; 1.00 would mean that the gateway costs nothing.
"""

import asyncio
import base64
import hashlib
import itertools
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bench.bars import BARS
from bench.stage import Stage, beside, cpu_of
from bench.wire import Ask, Connection, ask
from tests.support.names import unique

ROUNDS = 5
SECONDS = 2.5
KEYS = 64
SMALL = b"x" * 1024
LARGE = b"y" * (64 << 20)
PRESIGNED: dict[str, Any] = {"signature_version": "s3v4", "s3": {"addressing_style": "path"}}


@dataclass(slots=True)
class Cell:
    """One kind of work: requests for both sides, the concurrency, and the bars."""

    name: str
    direct: list[Ask]
    gateway: list[Ask]
    at_once: int
    bar: float
    small: bool = True  # the bar on CPU applies
    ratios: list[float] = field(default_factory=list)
    rates: list[tuple[float, float]] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


CPU_BAR_MS = 0.6


def run(stage: Stage) -> None:
    """Measure every cell and print the table."""
    container, listed = unique("bench"), unique("bench-list")
    try:
        asyncio.run(prepare(stage, container, listed))
        cells = list(work(stage, container, listed))
        asyncio.run(measure(stage, cells))
        rate, floor = bare(stage, container)
    finally:
        asyncio.run(remove(stage, container, listed))
    print(f"   {'work':22} {'direct/s':>9} {'gateway/s':>9} {'ratio':>6} {'bar':>5}   {'CPU ms':>6}")
    for cell in cells:
        direct, through = (statistics.median(side) for side in zip(*cell.rates, strict=True))
        ratio, cpu = statistics.median(cell.ratios), statistics.median(cell.cpu)
        said = f"ratio {BARS.at_least(f's3: {cell.name}, ratio', ratio, cell.bar)}"
        if cell.small:
            said += f", CPU {BARS.at_most(f's3: {cell.name}, CPU ms', cpu, CPU_BAR_MS)}"
        print(f"   {cell.name:22} {direct:9.1f} {through:9.1f} {ratio:6.2f} {cell.bar:5.2f}   {cpu:6.2f}   {said}")
    print(f"   bars: the ratio; {CPU_BAR_MS} ms of the gateway's CPU for one small request")
    print(f"   for scale, GET 1 KiB through uvicorn and the pool alone: {rate:.0f}/s, CPU {floor:.2f} ms")


def bare(stage: Stage, container: str) -> tuple[float, float]:
    """Return the bare proxy's requests per second and CPU milliseconds per request."""
    with beside("bare_proxy", stage.swift, told=stage.token) as (pid, url):
        requests = [ask("GET", f"{url}/{container}/get-{i:02}") for i in range(KEYS)]
        asyncio.run(turn(requests, 8, 0.3))
        return asyncio.run(costly_turn(pid, requests, 8, SECONDS * 2))


async def costly_turn(pid: int, requests: list[Ask], at_once: int, seconds: float) -> tuple[float, float]:
    """Take a turn; return requests per second, and a process's CPU milliseconds per request."""
    before = cpu_of(pid)
    count, took = await turn(requests, at_once, seconds)
    return count / took, (cpu_of(pid) - before) / count * 1000


def work(stage: Stage, container: str, listed: str) -> Iterator[Cell]:
    """Return the cells."""
    yield Cell("PUT 1 KiB, 8 at once", *pair(stage, "PUT", "put_object", container, "put", SMALL), 8, 0.93)
    yield Cell("GET 1 KiB, 8 at once", *pair(stage, "GET", "get_object", container, "get"), 8, 0.93)
    yield Cell("HEAD, 8 at once", *pair(stage, "HEAD", "head_object", container, "get"), 8, 0.93)
    url = sign(stage, "list_objects_v2", Bucket=listed, MaxKeys=1000)
    token = {"X-Auth-Token": stage.token}
    yield Cell(
        "LIST 1,000 keys",
        [ask("GET", f"{stage.swift}/{listed}?format=json&limit=1000", token)],
        [ask("GET", url)],
        1,
        0.9,
        small=False,
    )
    for method, operation in (("PUT", "put_object"), ("GET", "get_object")):
        body = LARGE if method == "PUT" else b""
        sides = pair(stage, method, operation, container, "large", body, keys=1)
        yield Cell(f"{method} 64 MiB", *sides, 1, 0.85, small=False)
    direct = [ask("GET", f"{stage.swift}/{container}/large-00", token)]
    yield Cell("SSE-C GET 64 MiB", direct, [sealed(stage, "GET", "get_object", container)], 1, 0.6, small=False)


def pair(
    stage: Stage, method: str, operation: str, container: str, prefix: str, body: bytes = b"", *, keys: int = KEYS
) -> tuple[list[Ask], list[Ask]]:
    """Return the same requests for both sides."""
    names = [f"{prefix}-{i:02}" for i in range(keys)]
    token = {"X-Auth-Token": stage.token}
    direct = [ask(method, f"{stage.swift}/{container}/{name}", token, body) for name in names]
    return direct, [ask(method, sign(stage, operation, Bucket=container, Key=name), body=body) for name in names]


def sealed(stage: Stage, method: str, operation: str, container: str, body: bytes = b"", repeat: int = 1) -> Ask:
    """Return a request through the gateway for an object that a customer's key encrypts."""
    key = b"k" * 32
    md5 = base64.b64encode(hashlib.md5(key, usedforsecurity=False).digest()).decode()
    told = {"Algorithm": "AES256", "Key": base64.b64encode(key).decode(), "KeyMD5": md5}
    given = {f"SSECustomer{name}": value for name, value in told.items()}
    names = ("algorithm", "key", "key-MD5")
    headers = {
        f"x-amz-server-side-encryption-customer-{name}": value for name, value in zip(names, told.values(), strict=True)
    }
    return ask(method, sign(stage, operation, Bucket=container, Key="sealed-00", **given), headers, body, repeat)


def sign(stage: Stage, operation: str, **params: object) -> str:
    """Return a presigned URL (SigV4)."""
    client = stage.aws("s3", **PRESIGNED)
    return str(client.generate_presigned_url(operation, Params=params, ExpiresIn=36_000))


async def measure(stage: Stage, cells: list[Cell]) -> None:
    """Measure every cell in rounds of one turn per side, alternating the first side."""
    for cell in cells:  # warm both sides, their caches and connections
        await turn(cell.direct, cell.at_once, 0.3)
        await turn(cell.gateway, cell.at_once, 0.3)
    for number in range(ROUNDS):
        print(f"      round {number + 1} of {ROUNDS}", flush=True)
        for cell in cells:
            rates = {}
            for side in ("direct", "gateway") if number % 2 else ("gateway", "direct"):
                pid = stage.gateway.process.pid
                rates[side], cpu = await costly_turn(pid, getattr(cell, side), cell.at_once, SECONDS)
                if side == "gateway":
                    cell.cpu.append(cpu)
            cell.rates.append((rates["direct"], rates["gateway"]))
            cell.ratios.append(rates["gateway"] / rates["direct"])


async def turn(requests: list[Ask], at_once: int, seconds: float) -> tuple[int, float]:
    """Send requests repeatedly for that long; return the number of answers, and the time taken."""
    counter = itertools.count()
    started = time.perf_counter()
    done = 0

    async def worker() -> None:
        nonlocal done
        connection = await Connection.open(requests[0])
        while time.perf_counter() - started < seconds:
            status = await connection.send(requests[next(counter) % len(requests)])
            if not 200 <= status < 300:
                raise RuntimeError(f"{requests[0].head.splitlines()[0].decode()[:80]} answered {status}")
            done += 1
        connection.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(worker())
    return done, time.perf_counter() - started


async def prepare(stage: Stage, container: str, listed: str) -> None:
    """Fill two containers through Swift's API."""
    token = {"X-Auth-Token": stage.token}
    await send_all(ask("PUT", f"{stage.swift}/{name}", token) for name in (container, listed))
    await send_all(ask("PUT", f"{stage.swift}/{container}/get-{i:02}", token, SMALL) for i in range(KEYS))
    await send_all(ask("PUT", f"{stage.swift}/{listed}/some/longer/name/{i:04}", token, b"z") for i in range(1000))
    await send_all([ask("PUT", f"{stage.swift}/{container}/large-00", token, LARGE)])
    await send_all([sealed(stage, "PUT", "put_object", container, LARGE)])


async def remove(stage: Stage, container: str, listed: str) -> None:
    """Delete both containers through Swift's API."""
    token = {"X-Auth-Token": stage.token}
    names = [f"{container}/{prefix}-{i:02}" for prefix in ("put", "get") for i in range(KEYS)]
    names += [f"{container}/{one}-00" for one in ("large", "sealed")]
    names += [*(f"{listed}/some/longer/name/{i:04}" for i in range(1000)), container, listed]
    await send_all(ask("DELETE", f"{stage.swift}/{name}", token) for name in names)


async def send_all(requests: Iterator[Ask] | list[Ask]) -> None:
    """Send requests sequentially on one connection."""
    connection: Connection | None = None
    for request in requests:
        connection = connection or await Connection.open(request)
        await connection.send(request)
    if connection:
        connection.close()
