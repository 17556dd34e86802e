"""DescribeInstances of many servers: its OpenStack calls, and its time relative to those calls alone.

PASSERELLE_BENCH_SERVERS sets how many (40: Nova asks Placement for each server of a host before it makes the next, so
that 500 take most of an hour).  The first tenth are launched by RunInstances; the others are made natively and are on
no network, because Neutron makes some 15 ports a minute for Nova on a small machine.  They are made in the tenant
account, which must have no other instances.  A proxy records the calls of one gateway; then the same requests, with the
same order and concurrency, are timed against DescribeInstances through a gateway without the proxy.
"""

import asyncio
import os
import re
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from openstack.connection import Connection as Native

from bench.bars import BARS
from bench.stage import Stage, redirected
from bench.wire import Ask, Connection, ask
from tests.support.clients import Boto
from tests.support.gateway import gateway as run_gateway
from tests.support.names import unique

ACCOUNT = "tenant"  # the tests use main, and their instances would be described too
TYPE = "t3.nano"
BATCH = 50
POLL_SECONDS = 10.0
STALLED_SECONDS = 600.0
ROUNDS = 7
BAR = 1.3
# The API version of each service type that the gateway uses: with it in the URL, no link of a version document leads
# past the proxy.
SERVICES = {"compute": "/v2.1", "network": "/v2.0", "block-storage": "/v3", "image": "/v2"}
VERSION = re.compile(r"/v\d[\d.]*(?:/.*)?$")
NOT_FORWARDED = {"host", "content-length", "transfer-encoding", "connection", "content-encoding", "accept-encoding"}


@dataclass(slots=True)
class Seen:
    """One request of the gateway, and its time."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    started: float
    ended: float = 0.0


@dataclass(slots=True)
class Recorder:
    """A proxy before the services of a catalog; `seen` are the requests."""

    endpoints: dict[str, str]
    seen: list[Seen] = field(default_factory=list)

    async def pass_on(self, request: web.Request) -> web.Response:
        """Forward one request and record it."""
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
        """Listen on a free port and yield the URL."""
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
    total = int(os.environ.get("PASSERELLE_BENCH_SERVERS", "40"))
    if present := instances(stage):
        raise RuntimeError(f"the account {ACCOUNT} has {present} instances; they would be described too")
    with stage.target.connect(ACCOUNT) as connection, launched(stage, max(total // 10, 1)) as count:
        report(stage, count)
        with without_ports(connection, total - count):
            report(stage, total)


@contextmanager
def launched(stage: Stage, count: int) -> Iterator[int]:
    """Launch instances and wait until they run; terminate them after the block.  Yields their number."""
    ec2 = stage.aws("ec2", ACCOUNT)
    image = ec2.describe_images()["Images"][0]["ImageId"]
    made: list[str] = []
    try:
        while len(made) < count:
            size = min(BATCH, count - len(made))
            answer = ec2.run_instances(ImageId=image, InstanceType=TYPE, MinCount=size, MaxCount=size)
            made += [instance["InstanceId"] for instance in answer["Instances"]]
            await_none("instances to launch", lambda: count - instances(stage, "running"), count - len(made))
        yield count
    finally:
        for start in range(0, len(made), BATCH):
            ec2.terminate_instances(InstanceIds=made[start : start + BATCH])
        await_none("instances to terminate", lambda: instances(stage))


@contextmanager
def without_ports(connection: Native, count: int) -> Iterator[None]:
    """Make servers without a network through Nova's API; delete them after the block."""
    name = unique("bench")
    image, flavor = next(connection.image.images()), connection.compute.find_flavor(TYPE, ignore_missing=False)
    compute = connection.compute
    try:
        for start in range(0, count, BATCH):
            size = min(BATCH, count - start)
            several = {"name": name, "min_count": size, "max_count": size, "networks": "none"}
            body = {"server": {**several, "imageRef": image.id, "flavorRef": flavor.id}}
            # Compute API, "Create Server": networks is required since microversion 2.37, and may be the string none.
            answer = compute.post("/servers", json=body, microversion="2.37")
            if answer.status_code != 202:
                raise RuntimeError(f"Nova refused to make {size} servers: {answer.status_code} {answer.text}")
            await_none("servers to make", lambda: count - named(connection, name, "ACTIVE"), count - start - size)
        yield
    finally:
        for server in compute.servers(name=name, details=False):
            compute.delete_server(server)
        await_none("servers to delete", lambda: named(connection, name))


def await_none(what: str, left: Callable[[], int], enough: int = 0) -> None:
    """Wait until `left` has fallen to `enough`, printing it; raise if it does not change for too long."""
    last, since = -1, time.monotonic()
    while (now := left()) > enough:
        if now != last:
            last, since = now, time.monotonic()
            print(f"   {now} {what}", flush=True)
        if time.monotonic() - since > STALLED_SECONDS:
            raise TimeoutError(f"still {now} {what} after {STALLED_SECONDS:.0f} s")
        time.sleep(POLL_SECONDS)


def named(connection: Native, name: str, status: str | None = None) -> int:
    """Return the number of servers with a name, of one status or all."""
    return len(list(connection.compute.servers(details=False, name=name, **({"status": status} if status else {}))))


def instances(stage: Stage, *states: str) -> int:
    """Return the number of instances that the gateway shows, in some states or all that are not terminated."""
    wanted = list(states) or ["pending", "running", "shutting-down", "stopping", "stopped"]
    pages = stage.aws("ec2", ACCOUNT).describe_instances(Filters=[{"Name": "instance-state-name", "Values": wanted}])
    return sum(len(reservation["Instances"]) for reservation in pages["Reservations"])


def report(stage: Stage, count: int) -> None:
    """Print the calls of one DescribeInstances and the two times."""
    if (shown := instances(stage, "running")) != count:
        raise RuntimeError(f"{count} servers run, the gateway shows {shown}")
    calls = asyncio.run(learn(stage))
    url = stage.aws("ec2", ACCOUNT).generate_presigned_url("describe_instances", ExpiresIn=36_000, HttpMethod="GET")
    request = ask("GET", url)
    times = [(asyncio.run(once(request)), asyncio.run(replay(calls))) for _ in range(ROUNDS)]
    whole, bare = (statistics.median(side) * 1000 for side in zip(*times, strict=True))
    ratio = statistics.median(a / b for a, b in times)
    print(
        f"   {count} servers: {len(calls)} OpenStack calls; DescribeInstances {whole:.0f} ms, those calls alone"
        f" {bare:.0f} ms, ratio {ratio:.2f}, bar {BAR}: {BARS.at_most(f'describe: {count} servers', ratio, BAR)}",
        flush=True,
    )


async def once(request: Ask) -> float:
    """Send a request on a new connection; return the seconds."""
    started = time.perf_counter()
    connection = await Connection.open(request)
    status = await connection.send(request)
    connection.close()
    if status != 200:
        raise RuntimeError(f"the gateway answered {status}")
    return time.perf_counter() - started


async def learn(stage: Stage) -> list[Seen]:
    """Return the requests of one DescribeInstances with warm caches."""
    with stage.target.connect(ACCOUNT) as connection:
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
                aws("ec2", ACCOUNT).describe_instances()
                recorder.seen.clear()
                aws("ec2", ACCOUNT).describe_instances()
                aws.close()

        await asyncio.to_thread(describe)
    return sorted(recorder.seen, key=lambda seen: seen.started)


async def replay(calls: list[Seen]) -> float:
    """Repeat the calls with the same concurrency; return the seconds."""
    async with aiohttp.ClientSession() as session:

        async def send(call: Seen) -> None:
            async with session.request(call.method, call.url, headers=call.headers, data=call.body or None) as answer:
                await answer.read()

        started = time.perf_counter()
        for group in groups(calls):
            await asyncio.gather(*(send(call) for call in group))
        return time.perf_counter() - started


def groups(calls: list[Seen]) -> list[list[Seen]]:
    """Split the calls into groups: a group begins after all calls of the previous one have ended."""
    found: list[list[Seen]] = []
    busy_until = 0.0
    for call in calls:
        if not found or call.started >= busy_until:
            found.append([])
        found[-1].append(call)
        busy_until = max(busy_until, call.ended)
    return found
