"""DescribeInstances where much is over, and page by page: its time over that of the calls for what lives.

A proxy answers Nova's lists of servers from a script, as fast for each server as the embedded Nova is, and passes all
other requests on to the real cloud.  So 1,000 deleted servers and 500 living ones need not be made first.
"""

import asyncio
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from aiohttp import web

from bench.describe_many import ACCOUNT, VERSION, Recorder, Seen, once, replay
from bench.stage import Stage, redirected
from bench.wire import ask
from tests.support.clients import Boto
from tests.support.gateway import gateway as run_gateway
from tests.support.target import Target

SECONDS_A_SERVER = 0.007  # of the embedded Nova's lists, at 842 servers
ROUNDS = 7
GONE, LIVING, GONE_BAR = 1000, 10, 1.3
MANY, PAGE, PAGES_BAR = 500, 10, 3.0


def server(number: int, *, gone: bool) -> dict[str, object]:
    """Write a server as Nova lists it; a deleted one ended half an hour ago."""
    ended = (datetime.now(UTC) - timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%S.000000")
    return {
        "id": str(UUID(int=number + (1 << 64 if gone else 0))),
        "name": f"bench-{number}",
        "tenant_id": "0" * 32,
        "status": "DELETED" if gone else "ACTIVE",
        "created": "2026-01-01T00:00:00Z",
        "flavor": {"original_name": "t3.nano", "vcpus": 2, "ram": 512, "disk": 1},
        "image": {"id": str(UUID(int=1))},
        "metadata": {} if gone else {"tag:Name": f"bench-{number}"},
        "addresses": {},
        "OS-EXT-AZ:availability_zone": "nova",
        "OS-SRV-USG:launched_at": "2026-01-01T00:00:05.000000",
        "OS-SRV-USG:terminated_at": ended if gone else None,
    }


@dataclass(slots=True)
class Script(Recorder):
    """A proxy whose Nova has these servers; `listed` counts the servers that it listed."""

    living: int = 0
    gone: int = 0
    listed: int = 0
    ended: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(minutes=30))

    async def pass_on(self, request: web.Request) -> web.Response:
        """Answer lists of servers, and pass everything else on."""
        if not request.path.endswith("/servers/detail"):
            return await Recorder.pass_on(self, request)
        since = request.query.get("changes-since")
        count = self.living if since is None else self.gone * (datetime.fromisoformat(since) < self.ended)
        await asyncio.sleep(count * SECONDS_A_SERVER)
        self.listed += count
        return web.json_response({"servers": [server(number, gone=since is not None) for number in range(count)]})


def run(stage: Stage) -> None:
    """Measure both and print them."""
    with stage.target.connect(ACCOUNT) as connection:
        services = {"compute": "/v2.1", "network": "/v2.0", "block-storage": "/v3"}
        endpoints = {
            service: VERSION.sub("", str(connection.session.get_endpoint(service_type=service)).rstrip("/"))
            for service in services
        }
    asyncio.run(measure(stage, Script(endpoints), services))


async def measure(stage: Stage, script: Script, services: dict[str, str]) -> None:
    """Serve the script, and measure a gateway before it."""
    async with script.listening() as url:
        target = redirected(stage.target, {name: f"{url}/{name}{version}" for name, version in services.items()})
        await asyncio.to_thread(with_gateway, target, script, url)


def with_gateway(target: Target, script: Script, url: str) -> None:
    """Measure through a gateway of its own."""
    with run_gateway(target, "scripted") as running:
        aws = Boto(running.url, dict(target.keys))
        ec2 = aws("ec2", ACCOUNT)
        much_is_over(ec2, script, url)
        page_by_page(ec2, script)
        aws.close()


def much_is_over(ec2: Any, script: Script, url: str) -> None:
    """Print what 1,000 terminated instances add to the calls for ten living ones."""
    script.living, script.gone = LIVING, GONE
    describe: Callable[[], object] = ec2.describe_instances
    first, _ = timed(describe)
    script.seen.clear()
    describe()
    # The calls for the living: those that were passed on, and the list of ten servers.
    calls = sorted(script.seen, key=lambda seen: seen.started)
    listing = next(seen for seen in calls if "/ports" in seen.url)
    living = f"{url}/compute/v2.1/servers/detail?limit=1000"
    bare = [Seen("GET", living, dict(listing.headers), b"", calls[0].started, calls[-1].ended), *calls]
    presigned = ec2.generate_presigned_url("describe_instances", ExpiresIn=36_000, HttpMethod="GET")
    request = ask("GET", presigned)
    script.listed = 0
    times = [(asyncio.run(once(request)), asyncio.run(replay(bare))) for _ in range(ROUNDS)]
    whole, alone = (statistics.median(side) * 1000 for side in zip(*times, strict=True))
    ratio = statistics.median(a / b for a, b in times)
    print(
        f"   {GONE:,} gone and {LIVING} alive: {first * 1000:.0f} ms the first time, then {whole:.0f} ms; the calls for"
        f" the living {alone:.0f} ms, ratio {ratio:.2f}, bar {GONE_BAR}: {'holds' if ratio <= GONE_BAR else 'misses'}",
        flush=True,
    )


def page_by_page(ec2: Any, script: Script) -> None:
    """Print what 500 instances cost in pages of ten, over one answer with all."""
    script.living, script.gone = MANY, 0

    def paged() -> int:
        paginator = ec2.get_paginator("describe_instances")
        pages = paginator.paginate(PaginationConfig={"PageSize": PAGE})
        return sum(len(page["Reservations"]) for page in pages)

    def unpaged() -> int:
        return len(ec2.describe_instances()["Reservations"])

    unpaged()
    times = []
    for _ in range(3):
        (pages, seen), (whole, found) = timed(paged), timed(unpaged)
        if seen != found:
            raise RuntimeError(f"{seen} instances in pages, {found} in one answer")
        times.append((pages, whole))
    pages, whole = (statistics.median(side) for side in zip(*times, strict=True))
    ratio = statistics.median(a / b for a, b in times)
    print(
        f"   {MANY} in pages of {PAGE}: {pages:.1f} s, in one answer {whole:.1f} s, ratio {ratio:.2f}, bar {PAGES_BAR}:"
        f" {'holds' if ratio <= PAGES_BAR else 'misses'}",
        flush=True,
    )


def timed(work: Callable[[], int] | Callable[[], object]) -> tuple[float, object]:
    """Return the seconds that some work took, and its result."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result
