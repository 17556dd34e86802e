"""Memory while one large object is uploaded and downloaded: it must not grow with the object.

PASSERELLE_BENCH_MIB sets the size (2048).  The object is really stored, so Swift's devices need the space.
"""

import asyncio
import os
import time

from bench.bars import BARS
from bench.s3_side_by_side import sealed, send_all, sign
from bench.stage import Stage
from bench.wire import Ask, Connection, ask
from tests.support.names import unique

MIB = 1 << 20
BAR_MIB = 20.0


def run(stage: Stage) -> None:
    """Upload, download, and print the growth of the gateway's memory."""
    size = int(os.environ.get("PASSERELLE_BENCH_MIB", "2048"))
    container = unique("bench")
    token = {"X-Auth-Token": stage.token}
    where = {"Bucket": container, "Key": "large"}
    asyncio.run(send_all([ask("PUT", f"{stage.swift}/{container}", token)]))
    try:
        # A smaller object first allocates the buffers that a process keeps; later growth depends on the object's size.
        for mib, shown in ((64, False), (size, True)):
            put = ask("PUT", sign(stage, "put_object", **where), body=os.urandom(MIB), repeat=mib)
            get = ask("GET", sign(stage, "get_object", **where))
            encrypting = sealed(stage, "PUT", "put_object", container, os.urandom(MIB), mib)
            decrypting = sealed(stage, "GET", "get_object", container)
            both = (("PUT", put), ("GET", get), ("SSE-C PUT", encrypting), ("SSE-C GET", decrypting))
            for name, request in both:
                grown, seconds = asyncio.run(watch(stage, request))
                if shown:
                    said = f"memory +{grown:.1f} MiB, {mib / seconds:.0f} MiB/s, bar {BAR_MIB:.0f} MiB"
                    verdict = BARS.at_most(f"stream: {name} {mib} MiB, MiB of memory", grown, BAR_MIB)
                    print(f"   {name} {mib} MiB: {said}: {verdict}", flush=True)
    finally:
        gone = [ask("DELETE", f"{stage.swift}/{container}{name}", token) for name in ("/large", "/sealed-00", "")]
        asyncio.run(send_all(gone))


async def watch(stage: Stage, request: Ask) -> tuple[float, float]:
    """Send a request; return the growth of the gateway's memory in MiB, and the seconds taken."""
    before = most = stage.memory()
    started = time.perf_counter()
    connection = await Connection.open(request)
    sending = asyncio.create_task(connection.send(request))
    while not sending.done():
        most = max(most, stage.memory())
        await asyncio.wait([sending], timeout=0.05)
    status = await sending
    connection.close()
    if status != 200:
        raise RuntimeError(f"the gateway answered {status}")
    return most - before, time.perf_counter() - started
