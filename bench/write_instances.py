"""What an answer of 1,000 instances costs the gateway alone: rows from servers and ports, and XML from the rows.

Each instance has one interface, one security group and one tag.  It needs no cloud, but the process must find the core
free: the least of some rounds is printed, in CPU time.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar
from uuid import UUID

from adapters.types.compute import Address, Server
from bench.bars import BARS
from bench.stage import Stage
from shim.ec2.instances.instances import grouped
from shim.ec2.instances.rows import InstanceContext, reservation
from shim.ec2.service import ec2
from tests.ec2.instances.test_instance_rows import CONTEXT, REQUEST, SERVER, port

COUNT, ROUNDS, XML_BAR_MS = 1000, 15, 40.0
T = TypeVar("T")


def run(_: Stage) -> None:
    """Measure both and print them."""
    servers, context = scene()
    rows, building = least(lambda: grouped([{**reservation(one, context), "InstanceId": one.id} for one in servers]))
    operation = ec2.operations["DescribeInstances"]
    reply, writing = least(lambda: ec2.reply(operation, {"Reservations": rows}, request_id="r", request=REQUEST))
    size = len(reply.body) if isinstance(reply.body, bytes) else 0
    verdict = BARS.at_most(f"instances: XML of {COUNT:,}, ms", writing, XML_BAR_MS)
    print(
        f"   {COUNT:,} instances: rows {building:.0f} ms, XML {writing:.0f} ms ({size:,} bytes);"
        f" bar of the XML {XML_BAR_MS:g} ms: {verdict}",
        flush=True,
    )


def scene() -> tuple[list[Server], InstanceContext]:
    """Return servers and what they are joined with, no two of the same id, address or port."""
    servers, ports = [], {}
    for number in range(COUNT):
        server_id, place = str(UUID(int=number)), f"{number >> 8:02x}:{number & 255:02x}"
        mac, address = f"fa:16:3e:00:{place}", f"10.0.{number >> 8}.{number & 255}"
        facts = {"tag:Name": f"bench-{number}"}
        shown = (Address(address, 4, mac, floating=False),)
        servers.append(replace(SERVER, id=server_id, metadata=facts, addresses=shown))
        ports[server_id] = [replace(port("1", mac, address), id=str(UUID(int=number + (1 << 64))), device_id=server_id)]
    return servers, replace(CONTEXT, network=replace(CONTEXT.network, ports=ports), public={}, volumes={})


def least(work: Callable[[], T]) -> tuple[T, float]:
    """Return the result of some work, and the least CPU time of some rounds in milliseconds."""
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        result = work()
        times.append(time.process_time() - started)
    return result, min(times) * 1000
