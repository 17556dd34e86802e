"""Who is at the other end of a connection on this machine.

The recorder signs what it passes on, so a call of another user of this machine would be made with credentials that are
not his.  Linux tells the owner of each socket in /proc/net/tcp (proc(5): "the uid field holds the effective UID of the
creator of the socket").
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_TABLE: Final = Path("/proc/net/tcp")


def is_own(port: int, at: int, table: Iterable[str] | None = None) -> bool:
    """Tell whether a connection from a local port to the local port `at` is of this user, or of root.

    Where the system has no such table, all of this machine may connect.
    """
    if table is None:
        try:
            table = _TABLE.read_text("ascii").splitlines()
        except OSError:
            return True
    ends = (f":{port:04X}", f":{at:04X}")
    for line in table:
        fields = line.split()
        if len(fields) > 7 and fields[1].endswith(ends[0]) and fields[2].endswith(ends[1]):
            return int(fields[7]) in (0, os.getuid())
    return False
