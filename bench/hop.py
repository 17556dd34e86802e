"""The gateway's CPU for one small request, with a store that answers at once, compared with the bare proxy's.

The second measurement has a store that waits before each answer, as Swift does: the process then sleeps between
requests, and the same instructions take longer.

The figure is the gateway process's CPU time divided by the number of answered requests.  Signatures, keys and tokens
are real, from the embedded Keystone.
"""

import asyncio
import statistics

from bench.bars import BARS
from bench.s3_side_by_side import CPU_BAR_MS, PRESIGNED, costly_turn, turn
from bench.stage import Stage, beside, redirected
from bench.wire import Ask, ask
from tests.support.clients import Boto
from tests.support.gateway import gateway as run_gateway

SECONDS = 2.0
PAUSE = 0.04  # seconds; about the embedded Swift's time for one of eight concurrent small reads
ROUNDS = 3
BODY = b"x" * 1024


def run(stage: Stage) -> None:
    """Measure and print."""
    print(f"   {'work':12} {'store':>7} {'at once':>7} {'a second':>9} {'CPU ms':>7}")
    for pause, widths in ((0.0, (1, 8)), (PAUSE, (8,))):
        with beside("instant_store", str(pause)) as (_, store):
            _behind_the_gateway(stage, store, pause, widths)
            with beside("bare_proxy", f"{store}/v1/AUTH_x", told=stage.token) as (pid, url):
                request = ask("GET", f"{url}/bench-hop/some/key")
                show("bare proxy", pause, 8, *measured(pid, request, 8))


def _behind_the_gateway(stage: Stage, store: str, pause: float, widths: tuple[int, ...]) -> None:
    through = redirected(stage.target, {"object-store": f"{store}/v1/AUTH_%(project_id)s"})
    with run_gateway(through, "bench-hop") as gateway:
        aws = Boto(gateway.url, dict(through.keys))
        for name, request in work(aws):
            for at_once in widths:
                show(name, pause, at_once, *measured(gateway.process.pid, request, at_once), bar=CPU_BAR_MS)
        aws.close()


def work(aws: Boto) -> list[tuple[str, Ask]]:
    """Return the requests, presigned."""
    client = aws("s3", **PRESIGNED)

    def signed(operation: str) -> str:
        place = {"Bucket": "bench-hop", "Key": "some/key"}
        return str(client.generate_presigned_url(operation, Params=place, ExpiresIn=36_000))

    return [
        ("GET 1 KiB", ask("GET", signed("get_object"))),
        ("PUT 1 KiB", ask("PUT", signed("put_object"), body=BODY)),
        ("HEAD", ask("HEAD", signed("head_object"))),
    ]


def show(name: str, pause: float, at_once: int, rate: float, cpu: float, bar: float = 0.0) -> None:
    """Print one line."""
    verdict = ""
    if bar:
        what = f"hop: {name}, store {pause * 1000:.0f} ms, {at_once} at once, CPU ms"
        verdict = f"   bar {bar}: {BARS.at_most(what, cpu, bar)}"
    print(f"   {name:12} {pause * 1000:4.0f} ms {at_once:7} {rate:9.0f} {cpu:7.2f}{verdict}", flush=True)


def measured(pid: int, request: Ask, at_once: int) -> tuple[float, float]:
    """Return requests per second and the process's CPU milliseconds per request, medians over the rounds."""
    asyncio.run(turn([request], at_once, 0.5))
    rounds = [asyncio.run(costly_turn(pid, [request], at_once, SECONDS)) for _ in range(ROUNDS)]
    rates, costs = zip(*rounds, strict=True)
    return statistics.median(rates), statistics.median(costs)
