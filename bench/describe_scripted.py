"""DescribeInstances of 1,000 instances, alive or terminated, and in pages: its time relative to the calls alone.

A proxy generates Nova's lists of servers, at the embedded Nova's speed per server, and a port for each live server, for
which Neutron takes no time of its own; it passes all other requests on to the real cloud.  So nothing need be made
first.
"""

import asyncio
import html
import json
import re
import statistics
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from aiohttp import web

from bench.bars import BARS
from bench.describe_many import ACCOUNT, VERSION, Recorder, Seen, replay
from bench.stage import Stage, redirected
from tests.support.clients import Boto
from tests.support.gateway import gateway as run_gateway
from tests.support.target import Target

SECONDS_A_SERVER = 0.007  # of the embedded Nova's lists, at 842 servers
ROUNDS, PAGED_ROUNDS = 7, 3
BOUND_SECONDS = 100.0  # of each of the two; a slow machine gets fewer rounds, but one at least
# Living and terminated servers, and the bar of the time relative to the calls for the living.
AT_ONCE = ((10, 1000, 1.3), (1000, 0, 1.15))
MANY, PAGE, PAGES_BAR = 500, 10, 3.0


def server(number: int, *, gone: bool) -> dict[str, object]:
    """Return a server as Nova lists it; a deleted one ended half an hour ago."""
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
        "addresses": {} if gone else {"default": [address(number)]},
        "OS-EXT-AZ:availability_zone": "nova",
        "OS-SRV-USG:launched_at": "2026-01-01T00:00:05.000000",
        "OS-SRV-USG:terminated_at": ended if gone else None,
    }


def address(number: int) -> dict[str, object]:
    """Return the only address of a live server, as Nova lists it."""
    return {
        "addr": f"10.99.{number >> 8}.{number & 255}",
        "version": 4,
        "OS-EXT-IPS:type": "fixed",
        "OS-EXT-IPS-MAC:mac_addr": f"fa:16:3e:99:{number >> 8:02x}:{number & 255:02x}",
    }


def port(number: int) -> dict[str, object]:
    """Return the port of a live server, as Neutron lists it; its network is none that the caller sees."""
    placed, nowhere = address(number), str(UUID(int=2))
    return {
        "id": str(UUID(int=number + (1 << 65))),
        "name": "",
        "project_id": "0" * 32,
        "network_id": nowhere,
        "mac_address": placed["OS-EXT-IPS-MAC:mac_addr"],
        "status": "ACTIVE",
        "device_id": str(UUID(int=number)),
        "device_owner": "compute:nova",
        "fixed_ips": [{"subnet_id": nowhere, "ip_address": placed["addr"]}],
        "security_groups": [nowhere],
        "created_at": "2026-01-01T00:00:00Z",
        "tags": [],
    }


@dataclass(slots=True)
class Script(Recorder):
    """A proxy whose Nova has these servers."""

    living: int = 0
    gone: int = 0
    ended: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(minutes=30))
    written: dict[tuple[int, bool], str] = field(default_factory=dict)  # lists that were already requested

    def proxied(self, target: str, proxy: str) -> str:
        """Return the proxy's URL for a service's URL."""
        service, endpoint = next(one for one in self.endpoints.items() if target.startswith(f"{one[1]}/"))
        return f"{proxy}/{service}{target.removeprefix(endpoint)}"

    async def pass_on(self, request: web.Request) -> web.Response:
        """Answer lists of servers, add to lists of ports, and pass on all other requests."""
        if not request.path.endswith("/servers/detail"):
            answer = await Recorder.pass_on(self, request)
            return self.with_ports(answer) if request.path.endswith("/ports") else answer
        since = request.query.get("changes-since")
        count = self.living if since is None else self.gone * (datetime.fromisoformat(since) < self.ended)
        await asyncio.sleep(count * SECONDS_A_SERVER)
        gone = since is not None
        if (count, gone) not in self.written:
            listed = [server(number, gone=gone) for number in range(count)]
            self.written[count, gone] = json.dumps({"servers": listed})
        return web.Response(text=self.written[count, gone], content_type="application/json")

    def with_ports(self, answer: web.Response) -> web.Response:
        """Add the live servers' ports to Neutron's answer."""
        found = json.loads(answer.body if isinstance(answer.body, bytes) else b"{}")
        found["ports"] += [port(number) for number in range(self.living)]
        return web.json_response(found, status=answer.status)


def run(stage: Stage) -> None:
    """Measure all and print them."""
    with stage.target.connect(ACCOUNT) as connection:
        services = {"compute": "/v2.1", "network": "/v2.0", "block-storage": "/v3"}
        endpoints = {
            service: VERSION.sub("", str(connection.session.get_endpoint(service_type=service)).rstrip("/"))
            for service in services
        }
    asyncio.run(measure(stage, Script(endpoints), services))


async def measure(stage: Stage, script: Script, services: dict[str, str]) -> None:
    """Serve the proxy, and measure a gateway before it."""
    async with script.listening() as url:
        target = redirected(stage.target, {name: f"{url}/{name}{version}" for name, version in services.items()})
        await asyncio.to_thread(with_gateway, target, script, url)


def with_gateway(target: Target, script: Script, url: str) -> None:
    """Run each measurement through its own gateway."""
    kinds = (partial(everything, living=living, gone=gone, bar=bar) for living, gone, bar in AT_ONCE)
    measurements: list[Callable[[Any, Script, str], None]] = [*kinds, page_by_page]
    for measure_one in measurements:  # each with empty caches
        with run_gateway(target, "scripted") as running:
            aws = Boto(running.url, dict(target.keys))
            try:
                measure_one(aws("ec2", ACCOUNT), script, url)
            finally:
                aws.close()


def everything(ec2: Any, script: Script, url: str, *, living: int, gone: int, bar: float) -> None:
    """Print how long a description of these servers takes, and how long the calls for the living ones alone."""
    script.living, script.gone = living, gone
    what = f"{living:,} alive and {gone:,} gone"
    print(f"   {what}: reading them for the first time", flush=True)
    first, shown = timed(lambda: count(ec2))
    if shown != gone + living:
        raise RuntimeError(f"{shown} instances are shown, {gone + living} are there")
    script.seen.clear()
    count(ec2)
    # The calls for live servers: those that were passed on, and the list of servers.
    calls = sorted(script.seen, key=lambda seen: seen.started)
    if not calls:
        raise RuntimeError("DescribeInstances made no call beside the list of servers")
    listed = f"{url}/compute/v2.1/servers/detail?limit=1000"
    bare = [Seen("GET", listed, dict(calls[0].headers), b"", calls[0].started, calls[-1].ended)]
    bare += [replace(one, url=script.proxied(one.url, url)) for one in calls]  # the gateway's calls pass the proxy too
    times = rounds(ROUNDS, lambda: (timed(lambda: count(ec2))[0], asyncio.run(replay(bare))))
    whole, alone = (statistics.median(side) * 1000 for side in zip(*times, strict=True))
    ratio = statistics.median(a / b for a, b in times)
    verdict = BARS.at_most(f"scripted: {what}", ratio, bar)
    print(
        f"   {what}: {first * 1000:.0f} ms the first time, then {whole:.0f} ms; the calls for the living"
        f" {alone:.0f} ms, ratio {ratio:.2f}, bar {bar}: {verdict}",
        flush=True,
    )


def page_by_page(ec2: Any, script: Script, _: str) -> None:
    """Print the cost of 500 instances in pages of ten, relative to a single answer."""
    script.living, script.gone = MANY, 0
    print(f"   {MANY} in pages of {PAGE}: reading all of them first", flush=True)
    count(ec2)

    def round_of() -> tuple[float, float]:
        (pages, seen), (whole, found) = timed(lambda: count(ec2, PAGE)), timed(lambda: count(ec2))
        if not seen == found == MANY:
            raise RuntimeError(f"{seen} instances in pages, {found} in one answer, {MANY} are there")
        return pages, whole

    times = rounds(PAGED_ROUNDS, round_of)
    pages, whole = (statistics.median(side) for side in zip(*times, strict=True))
    ratio = statistics.median(a / b for a, b in times)
    verdict = BARS.at_most(f"scripted: {MANY} in pages of {PAGE}", ratio, PAGES_BAR)
    print(
        f"   {MANY} in pages of {PAGE}: {pages:.1f} s, in one answer {whole:.1f} s, ratio {ratio:.2f}, bar {PAGES_BAR}:"
        f" {verdict}",
        flush=True,
    )


def rounds(most: int, measure: Callable[[], tuple[float, float]]) -> list[tuple[float, float]]:
    """Repeat a measurement until the rounds or the time are used up; print each round."""
    found: list[tuple[float, float]] = []
    started = time.monotonic()
    while not found or (len(found) < most and time.monotonic() - started < BOUND_SECONDS):
        one, two = measure()
        found.append((one, two))
        print(f"      round {len(found)} of {most}: {one:.2f} s and {two:.2f} s", flush=True)
    return found


def count(ec2: Any, page: int = 0) -> int:
    """Describe all instances, in pages of this size or at once; return their number.

    The answers are only counted: botocore takes longer to parse one of 500 instances than the gateway to write it.
    """
    shown, token = 0, ""
    while True:
        params = ({"MaxResults": page} if page else {}) | ({"NextToken": token} if token else {})
        url = ec2.generate_presigned_url("describe_instances", Params=params, ExpiresIn=3600, HttpMethod="GET")
        with urllib.request.urlopen(url, timeout=BOUND_SECONDS) as answer:  # noqa: S310 - our own URL
            text: str = answer.read().decode()
        shown += text.count("<instanceId>")
        found = re.search("<nextToken>([^<]+)</nextToken>", text)
        if found is None:
            return shown
        token = html.unescape(found[1])


def timed(work: Callable[[], int]) -> tuple[float, int]:
    """Return the duration in seconds and the result of some work."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result
