"""Which TCP ports a cloud listens on: the configured ones, else those it had, else a free block."""

import json
import socket
import time
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path

from adapters.embedded.errors import CloudError
from adapters.embedded.layout import HOST, PORT_NAMES, write_private

# Below Linux's ephemeral range (32768 on): no client socket can take one of these while a cloud is down.
FIRST, LAST, STEP = 20000, 32000, 20


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this port now (lingering closed connections do not count)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)  # two sockets may be bound with SO_REUSEADDR while neither listens
        except OSError:
            return False
    return True


def wait_until_free(ports: Collection[int], patience: float) -> bool:
    """Wait until a server could listen on all of these ports, or `patience` seconds; tell whether it could."""
    deadline = time.monotonic() + patience
    while not all(map(is_free, ports)):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.05)
    return True


def block(start: int) -> dict[str, int]:
    """Name the ports from `start` on."""
    return {name: start + offset for offset, name in enumerate(PORT_NAMES)}


def remembered(file: Path) -> dict[str, int] | None:
    """Read the ports an earlier start wrote, if they are all there."""
    try:
        ports = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    return {name: int(ports[name]) for name in PORT_NAMES} if set(PORT_NAMES) <= set(ports) else None


def choose(file: Path, port_base: int | None, ours: frozenset[str], patience: float = 0.0) -> Mapping[str, int]:
    """Return the cloud's ports and write them to `file`.

    `ours` names the ports on which this cloud's own running services already listen. A configured base is taken as it
    is, and refused when somebody else listens there; ports remembered are kept while they are free, or become so within
    `patience` seconds, as those of services do that were killed a moment ago.
    """
    before = remembered(file)
    if before and not ours:
        wait_until_free(before.values(), patience)
    if port_base is not None:
        ports = block(port_base)
        mine = ours if before == ports else frozenset()
        if taken := [ports[name] for name in PORT_NAMES if name not in mine and not is_free(ports[name])]:
            raise CloudError(f"port {taken[0]} is taken; choose another port base than {port_base}")
    elif before and (ours or all(is_free(port) for port in before.values())):
        ports = before
    else:
        ports = first_free(file)
    if ports != before:
        write_private(file, json.dumps(ports, indent=1) + "\n")
    return ports


def first_free(file: Path) -> dict[str, int]:
    """Find a free block, starting where the file's path says, so that clouds started at once rarely meet."""
    slots = (LAST - FIRST) // STEP
    start = zlib.crc32(str(file).encode()) % slots
    for attempt in range(slots):
        ports = block(FIRST + (start + attempt) % slots * STEP)
        if all(is_free(port) for port in ports.values()):
            return ports
    raise CloudError(f"no {len(PORT_NAMES)} free ports in a row between {FIRST} and {LAST}")
