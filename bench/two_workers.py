"""Compares two workers with one: small requests per second, with a store that answers at once.

Client and store need processors too, so two workers can only be faster where there are more than two.
"""

import asyncio
import os
import statistics

from bench.hop import work
from bench.s3_side_by_side import turn
from bench.stage import Stage, beside, redirected
from bench.wire import Ask
from tests.support.clients import Boto
from tests.support.gateway import gateway as run_gateway
from tests.support.target import Target

ROUNDS = 5
SECONDS = 1.5
AT_ONCE = 16  # connections, which the kernel distributes over the workers


def run(stage: Stage) -> None:
    """Measure and print."""
    with beside("instant_store") as (_, store):
        through = redirected(stage.target, {"object-store": f"{store}/v1/AUTH_%(project_id)s"})
        with run_gateway(through, "bench-one") as one, run_gateway(through, "bench-two", "--workers", "2") as two:
            sides = [requests(through, url) for url in (one.url, two.url)]
            print(f"   {'work':12} {'one/s':>7} {'two/s':>7} {'ratio':>6}   {os.cpu_count()} processors", flush=True)
            for name in sides[0]:
                rates = asyncio.run(measured([side[name] for side in sides]))
                alone, both = map(statistics.median, zip(*rates, strict=True))
                ratio = statistics.median(two / one for one, two in rates)
                print(f"   {name:12} {alone:7.0f} {both:7.0f} {ratio:6.2f}", flush=True)


def requests(target: Target, url: str) -> dict[str, Ask]:
    """Return the requests to one gateway, by name."""
    aws = Boto(url, dict(target.keys))
    try:
        return dict(work(aws))
    finally:
        aws.close()


async def measured(sides: list[Ask]) -> list[tuple[float, float]]:
    """Return both sides' requests per second for each round, alternating the first side."""
    for request in sides:
        await turn([request], AT_ONCE, 0.5)
    rounds = []
    for number in range(ROUNDS):
        rates = [0.0, 0.0]
        for side in (0, 1) if number % 2 else (1, 0):
            count, took = await turn([sides[side]], AT_ONCE, SECONDS)
            rates[side] = count / took
        rounds.append((rates[0], rates[1]))
    return rounds
