"""Chooses a cloud's TCP ports: the configured ones, else the remembered ones, else a free block."""

import json
import socket
import time
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path

from adapters.embedded.errors import CloudError
from adapters.embedded.layout import HOST, PORT_NAMES, write_private

# Below Linux's ephemeral range (from 32768 on), so that no client socket takes them while a cloud is down.
FIRST, LAST, STEP = 20000, 32000, 20


def is_free(port: int) -> bool:
    """Return whether a server could listen on this port now (ignoring connections in TIME_WAIT)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)  # two sockets may be bound with SO_REUSEADDR while neither listens
        except OSError:
            return False
    return True


def wait_until_free(ports: Collection[int], patience: float) -> bool:
    """Wait up to `patience` seconds until a server could listen on all of these ports; return whether it could."""
    deadline = time.monotonic() + patience
    while not all(map(is_free, ports)):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.05)
    return True


def block(start: int) -> dict[str, int]:
    """Return {name: port} for consecutive ports from `start` on."""
    return {name: start + offset for offset, name in enumerate(PORT_NAMES)}


def remembered(file: Path) -> dict[str, int] | None:
    """Return the ports that an earlier start wrote, if the file is complete."""
    try:
        ports = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    return {name: int(ports[name]) for name in PORT_NAMES} if set(PORT_NAMES) <= set(ports) else None


def choose(file: Path, port_base: int | None, ours: frozenset[str], patience: float = 0.0) -> Mapping[str, int]:
    """Return the cloud's ports and write them to `file`.

    `ours` names the ports on which this cloud's own services already listen. A configured base is used unchanged, and
    refused if another process listens there. Remembered ports are kept if they are free, or become free within
    `patience` seconds, as after a kill of the services.
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
    """Find a free block, starting at a point derived from the file's path, so that clouds rarely collide."""
    slots = (LAST - FIRST) // STEP
    start = zlib.crc32(str(file).encode()) % slots
    for attempt in range(slots):
        ports = block(FIRST + (start + attempt) % slots * STEP)
        if all(is_free(port) for port in ports.values()):
            return ports
    raise CloudError(f"no {len(PORT_NAMES)} free ports in a row between {FIRST} and {LAST}")
