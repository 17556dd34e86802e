"""DescribeInstances of many servers: the OpenStack calls behind it, and its time over that of those calls alone.

PASSERELLE_BENCH_SERVERS sets how many (100; Nova makes about one a second, and the bar is meant for 500).  The calls
are learnt by a proxy that one gateway is sent through once; then the same requests, in the same order and as much side
by side, are timed against DescribeInstances through a gateway that nothing stands behind but OpenStack.
"""

import asyncio
import os
import re
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from bench.stage import Stage, redirected
from bench.wire import Ask, Connection, ask
from tests.support.clients import Boto
from tests.support.gateway import gateway as run_gateway

BATCH = 50
ROUNDS = 7
BAR = 1.3
# A service by its type, and the version that the gateway speaks: named in the URL, no link of a version document is
# followed past the proxy.
SERVICES = {"compute": "/v2.1", "network": "/v2.0", "block-storage": "/v3", "image": "/v2"}
VERSION = re.compile(r"/v\d[\d.]*(?:/.*)?$")
NOT_FORWARDED = {"host", "content-length", "transfer-encoding", "connection", "content-encoding", "accept-encoding"}


@dataclass(slots=True)
class Seen:
    """One request that the gateway made, and when."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    started: float
    ended: float = 0.0


@dataclass(slots=True)
class Recorder:
    """A proxy before the services of a catalog; `seen` is what went through it."""

    endpoints: dict[str, str]
    seen: list[Seen] = field(default_factory=list)

    async def pass_on(self, request: web.Request) -> web.Response:
        """Forward one request and remember it."""
        service, _, path = request.raw_path.lstrip("/").partition("/")
        headers = {name: value for name, value in request.headers.items() if name.lower() not in NOT_FORWARDED}
        body = await request.read()
        seen = Seen(request.method, f"{self.endpoints[service]}/{path}", headers, body, time.perf_counter())
        self.seen.append(seen)
        async with aiohttp.request(request.method, seen.url, headers=headers, data=body or None) as answer:
            content = await answer.read()
            seen.ended = time.perf_counter()
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in NOT_FORWARDED}
            return web.Response(status=answer.status, body=content, headers=kept)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Listen on a free port and give the URL."""
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/{rest:.*}", self.pass_on)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        await runner.cleanup()


def run(stage: Stage) -> None:
    """Measure with a tenth of the servers, then with all."""
    total = int(os.environ.get("PASSERELLE_BENCH_SERVERS", "100"))
    ec2 = stage.aws("ec2")
    made: list[str] = []
    try:
        for count in (max(total // 10, 1), total):
            launch(ec2, made, count)
            report(stage, len(made))
    finally:
        for start in range(0, len(made), BATCH):
            ec2.terminate_instances(InstanceIds=made[start : start + BATCH])
        print(f"   terminating {len(made)} instances", flush=True)
        for start in range(0, len(made), BATCH):
            ids = made[start : start + BATCH]
            ec2.get_waiter("instance_terminated").wait(InstanceIds=ids, WaiterConfig={"Delay": 5, "MaxAttempts": 240})


def launch(ec2: Any, made: list[str], count: int) -> None:
    """Launch instances until there are `count`, and wait until they run."""
    image = ec2.describe_images()["Images"][0]["ImageId"]
    while len(made) < count:
        size = min(BATCH, count - len(made))
        answer = ec2.run_instances(ImageId=image, InstanceType="t3.nano", MinCount=size, MaxCount=size)
        ids = [instance["InstanceId"] for instance in answer["Instances"]]
        made += ids
        ec2.get_waiter("instance_running").wait(InstanceIds=ids, WaiterConfig={"Delay": 3, "MaxAttempts": 400})
        print(f"   {len(made)} of {count} instances run", flush=True)


def report(stage: Stage, count: int) -> None:
    """Print the calls behind one DescribeInstances and the two times."""
    calls = asyncio.run(learn(stage))
    found = stage.aws("ec2").describe_instances()
    assert sum(len(reservation["Instances"]) for reservation in found["Reservations"]) >= count
    url = stage.aws("ec2").generate_presigned_url("describe_instances", ExpiresIn=36_000, HttpMethod="GET")
    request = ask("GET", url)
    times = [(asyncio.run(once(request)), asyncio.run(replay(calls))) for _ in range(ROUNDS)]
    whole, bare = (statistics.median(side) * 1000 for side in zip(*times, strict=True))
    ratio = statistics.median(a / b for a, b in times)
    print(
        f"   {count} servers: {len(calls)} OpenStack calls; DescribeInstances {whole:.0f} ms, those calls alone"
        f" {bare:.0f} ms, ratio {ratio:.2f}, bar {BAR}: {'holds' if ratio <= BAR else 'misses'}",
        flush=True,
    )


async def once(request: Ask) -> float:
    """Send a request on a connection of its own; return the seconds."""
    started = time.perf_counter()
    connection = await Connection.open(request)
    status = await connection.send(request)
    connection.close()
    if status != 200:
        raise RuntimeError(f"the gateway answered {status}")
    return time.perf_counter() - started


async def learn(stage: Stage) -> list[Seen]:
    """Return the requests behind one DescribeInstances, caches being warm."""
    with stage.target.connect("main") as connection:
        endpoints = {
            service: VERSION.sub("", str(connection.session.get_endpoint(service_type=service)).rstrip("/"))
            for service in SERVICES
        }
    recorder = Recorder(endpoints)
    async with recorder.listening() as url:
        target = redirected(stage.target, {name: f"{url}/{name}{version}" for name, version in SERVICES.items()})

        def describe() -> None:
            with run_gateway(target, "recorded") as running:
                aws = Boto(running.url, dict(target.keys))
                aws("ec2").describe_instances()
                recorder.seen.clear()
                aws("ec2").describe_instances()
                aws.close()

        await asyncio.to_thread(describe)
    return sorted(recorder.seen, key=lambda seen: seen.started)


async def replay(calls: list[Seen]) -> float:
    """Send the calls again, those side by side that were side by side; return the seconds."""
    async with aiohttp.ClientSession() as session:

        async def send(call: Seen) -> None:
            async with session.request(call.method, call.url, headers=call.headers, data=call.body or None) as answer:
                await answer.read()

        started = time.perf_counter()
        for group in groups(calls):
            await asyncio.gather(*(send(call) for call in group))
        return time.perf_counter() - started


def groups(calls: list[Seen]) -> list[list[Seen]]:
    """Split the calls where one began only after all earlier ones had ended."""
    found: list[list[Seen]] = []
    busy_until = 0.0
    for call in calls:
        if not found or call.started >= busy_until:
            found.append([])
        found[-1].append(call)
        busy_until = max(busy_until, call.ended)
    return found
