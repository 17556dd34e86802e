"""Who is at the other end of a connection on this machine.

The recorder signs what it passes on, so a call of another user of this machine would be made with credentials that are
not his.  Linux tells the owner of each socket in /proc/net/tcp (proc(5): "the uid field holds the effective UID of the
creator of the socket"), and in /proc/net/tcp6 that of clients whose sockets speak both versions of IP.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

End = tuple[str, int]  # an address of IP version 4, and a port

_TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_ESTABLISHED: Final = "01"  # a socket that waits after its end has no owner any more, and stands there as root's


def is_own(client: End, server: End, table: Iterable[str] | None = None) -> bool:
    """Tell whether a connection of this machine comes from a socket of this user, or of root.

    Where the system has no such table, all of this machine may connect.
    """
    if table is None:
        table = _rows()
        if not table:
            return True
    ends = [_shown(*client), _shown(*server)]
    for row in table:
        fields = row.split()
        if len(fields) > 7 and fields[3] == _ESTABLISHED and [one.removeprefix(_MAPPED) for one in fields[1:3]] == ends:
            return int(fields[7]) in (0, os.getuid())
    return False


def _rows() -> list[str]:
    found: list[str] = []
    for path in _TABLES:
        try:
            found += path.read_text("ascii").splitlines()
        except OSError:  # there need be no IP version 6
            continue
    return found


def _word(four: bytes) -> str:
    """Return four bytes of an address as the kernel prints them: as a number of this machine."""
    return f"{int.from_bytes(four, sys.byteorder):08X}"


def _shown(address: str, port: int) -> str:
    return f"{_word(socket.inet_aton(address))}:{port:04X}"


_MAPPED: Final = _word(bytes(4)) * 2 + _word(b"\0\0\xff\xff")  # before an IPv4 address in tcp6 (RFC 4291, 2.5.5.2)
