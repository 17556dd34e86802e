"""Compares the gateway's connection class with uvicorn's own: CPU per request and answer, in alternating turns.

The application answers as soon as it has the body, so the figure covers socket, parsing, head and answer.  It needs no
cloud.
"""

import asyncio
import statistics

from bench.s3_side_by_side import costly_turn, turn
from bench.stage import Stage, beside
from bench.wire import ask

ROUNDS = 5
SECONDS = 2.0
WORK = (("GET 1 KiB", "GET", b"", 8), ("PUT 1 KiB", "PUT", b"x" * 1024, 8), ("PUT 64 MiB", "PUT", b"x" * (64 << 20), 1))


def run(_: Stage | None = None) -> None:
    """Measure and print."""
    print(f"   {'work':12} {'ours, CPU ms':>13} {'uvicorn, CPU ms':>16} {'ratio':>6}")
    with beside("tiny_app", "ours") as ours, beside("tiny_app", "uvicorn") as other:
        for name, method, body, at_once in WORK:
            costs: list[list[float]] = [[], []]
            for number in range(ROUNDS):
                for side in (0, 1) if number % 2 else (1, 0):
                    pid, url = (ours, other)[side]
                    request = ask(method, f"{url}/bucket/key?X-Amz-Date=20260101T000000Z", body=body)
                    asyncio.run(turn([request], at_once, 0.2))
                    costs[side].append(asyncio.run(costly_turn(pid, [request], at_once, SECONDS))[1])
            mine, theirs = map(statistics.median, costs)
            ratio = statistics.median(one / two for one, two in zip(*costs, strict=True))
            print(f"   {name:12} {mine:13.3f} {theirs:16.3f} {ratio:6.2f}", flush=True)


if __name__ == "__main__":
    run()
