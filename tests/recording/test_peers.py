"""Whose connections the recorder serves."""

import os
import socket
from collections.abc import Callable

import pytest

from recording.peers import is_own

CLIENT, SERVER = ("127.0.0.1", 0x9C40), ("127.0.0.1", 0x1F90)
MAPPED = "0000000000000000FFFF0000"
MINE, THEIRS = os.getuid(), 4242


def row(client: str, server: str, state: str = "01", uid: int = MINE) -> str:
    """Return a row of /proc/net/tcp (proc(5))."""
    return f"   1: {client} {server} {state} 00000000:00000000 00:00000000 00000000  {uid}        0 31415 1"


@pytest.mark.parametrize(
    ("rows", "served"),
    [
        ([row("0100007F:9C40", "0100007F:1F90")], True),
        ([row("0100007F:9C40", "0100007F:1F90", uid=0)], True),
        ([row("0100007F:9C40", "0100007F:1F90", uid=THEIRS)], False),
        # another address has the same ports
        ([row("0200007F:9C40", "0100007F:1F90"), row("0100007F:9C40", "0100007F:1F90", uid=THEIRS)], False),
        ([row("0100007F:9C40", "0200007F:1F90"), row("0100007F:9C40", "0100007F:1F90", uid=THEIRS)], False),
        # what waits after its end is root's
        ([row("0100007F:9C40", "0100007F:1F90", "06", 0), row("0100007F:9C40", "0100007F:1F90", uid=THEIRS)], False),
        ([row(f"{MAPPED}0100007F:9C40", f"{MAPPED}0100007F:1F90")], True),
        ([row(f"{MAPPED}0100007F:9C40", f"{MAPPED}0100007F:1F90", uid=THEIRS)], False),
        (["  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"], False),
    ],
)
def test_both_ends_and_the_owner_count(rows: list[str], served: bool) -> None:
    assert is_own(CLIENT, SERVER, rows) is served


def of_version_4(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port))


def of_both_versions(port: int) -> socket.socket:
    client = socket.socket(socket.AF_INET6)
    client.connect(("::ffff:127.0.0.1", port))
    return client


@pytest.mark.parametrize("connected", [of_version_4, of_both_versions])
def test_sockets_of_this_process_are_own(connected: Callable[[int], socket.socket]) -> None:
    """Java and .NET connect with sockets of both versions."""
    with socket.create_server(("127.0.0.1", 0)) as server, connected(server.getsockname()[1]):
        accepted, peer = server.accept()
        with accepted:
            assert is_own(peer, accepted.getsockname())
