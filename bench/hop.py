"""The gateway's CPU for one small request, in front of a store that answers at once; beside it the bare proxy's.

The figure is the gateway process's own CPU time divided by the requests answered.  Signatures, keys and tokens are
real: the embedded Keystone gave them, once.
"""

import asyncio
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench.s3_side_by_side import CPU_BAR_MS, PRESIGNED, bare_proxy, turn
from bench.stage import Stage, cpu_of
from bench.wire import Ask, ask
from tests.support.clients import Boto
from tests.support.gateway import gateway as run_gateway
from tests.support.target import Target

SECONDS = 3.0
ROUNDS = 3
BODY = b"x" * 1024


def run(stage: Stage) -> None:
    """Measure and print."""
    with instant_store() as port, run_gateway(pointed_at(stage.target, port), "bench-hop") as gateway:
        aws = Boto(gateway.url, dict(stage.target.keys))
        pid = gateway.process.pid
        client = aws("s3", **PRESIGNED)

        def signed(operation: str) -> str:
            place = {"Bucket": "bench-hop", "Key": "some/key"}
            return str(client.generate_presigned_url(operation, Params=place, ExpiresIn=36_000))

        print(f"   {'work':12} {'at once':>7} {'a second':>9} {'CPU ms':>7}")
        work = [
            ("GET 1 KiB", ask("GET", signed("get_object"))),
            ("PUT 1 KiB", ask("PUT", signed("put_object"), body=BODY)),
            ("HEAD", ask("HEAD", signed("head_object"))),
        ]
        for name, request in work:
            for at_once in (1, 8):
                show(name, at_once, *measured(pid, request, at_once), bar=CPU_BAR_MS)
        aws.close()
        with bare_proxy(f"http://127.0.0.1:{port}/v1/AUTH_x", stage.token) as (floor, url):
            show("bare proxy", 8, *measured(floor, ask("GET", f"{url}/bench-hop/some/key"), 8))


def show(name: str, at_once: int, rate: float, cpu: float, bar: float = 0.0) -> None:
    """Print one line."""
    verdict = f"   bar {bar}: {'holds' if cpu <= bar else 'missed'}" if bar else ""
    print(f"   {name:12} {at_once:7} {rate:9.0f} {cpu:7.2f}{verdict}", flush=True)


def measured(pid: int, request: Ask, at_once: int) -> tuple[float, float]:
    """Return requests a second and the process's CPU milliseconds for one, medians over the rounds."""
    asyncio.run(turn([request], at_once, 0.5))
    rates, costs = [], []
    for _ in range(ROUNDS):
        before = cpu_of(pid)
        count, seconds = asyncio.run(turn([request], at_once, SECONDS))
        rates.append(count / seconds)
        costs.append((cpu_of(pid) - before) / count * 1000)
    return statistics.median(rates), statistics.median(costs)


@contextmanager
def instant_store() -> Iterator[int]:
    """Run the store in a process of its own; give its port."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.instant_store"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as store:
        assert store.stdout
        try:
            yield int(store.stdout.readline())
        finally:
            store.terminate()


def pointed_at(target: Target, port: int) -> Target:
    """Return the target with the instant store in place of its Swift."""
    text = target.clouds_yaml.read_text()
    line = f"object_store_endpoint_override: http://127.0.0.1:{port}/v1/AUTH_%(project_id)s"
    text, found = re.subn(rf"(?m)^( +){re.escape(target.cloud)}:\n", rf"\g<0>\g<1>\g<1>{line}\n", text)
    if found != 1:
        raise RuntimeError(f"no entry {target.cloud} in {target.clouds_yaml}")
    path = Path(target.state) / "bench-hop.yaml"
    path.write_text(text)
    path.chmod(0o600)
    return replace(target, clouds_yaml=path)
