"""What a network that carries packets needs of the machine, and a sentence for what is missing."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from adapters.embedded.errors import CloudError
from adapters.embedded.layout import Layout

TUN = Path("/dev/net/tun")
LONGEST_SOCKET = 107  # bytes; unix(7)
TOOLS = ("ip", "unshare", "nsenter")
LONGEST_NAME = "run/ovn/br-int.snoop"


def missing(place: Layout) -> str:
    """Return what this machine lacks for a network that carries packets; empty if it lacks nothing."""
    if tools := lacking(TOOLS):
        return f"{tools} not found (packages iproute2 and util-linux)"
    if len(os.fsencode(place.root / LONGEST_NAME)) > LONGEST_SOCKET:
        return f"{place.root} is too long for the paths of sockets: choose a shorter state directory"
    own = ["--net"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--net"]
    tried = subprocess.run(
        ["unshare", *own, "ip", "link", "add", "probe0", "type", "veth", "peer", "name", "probe1"],
        capture_output=True, text=True, check=False, env={"PATH": search_path()},
    )  # fmt: skip
    if tried.returncode:
        who = "root" if os.geteuid() == 0 else "this user, in a user namespace,"
        return f"{who} may not make network namespaces with virtual Ethernet devices: {tried.stderr.strip()}"
    try:
        os.close(os.open(TUN, os.O_RDWR))
    except OSError as error:
        return f"{TUN}, which the userspace switch needs, cannot be opened: {error.strerror}"
    return ""


def lacking(tools: Sequence[str]) -> str:
    """Return the tools that are not installed."""
    return " and ".join(tool for tool in tools if shutil.which(tool, path=search_path()) is None)


def require(place: Layout) -> None:
    """Raise CloudError where the machine lacks something."""
    if lack := missing(place):
        raise CloudError(
            f"--network ovn is not possible here: {lack}. Without it the cloud runs, and carries no packet."
        )


def search_path() -> str:
    """Return PATH with the directories for administrators' programs, which users often lack."""
    return f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
