"""The network that carries packets: Open vSwitch on its userspace datapath, OVN, and a namespace for each server.

The process itself stays in the machine's network namespace and makes all others without names, so nothing of them shows
on the machine. It serves a unix socket (`control`). It ends when one of its programs does, and the supervisor starts it
again.
"""

from pathlib import Path

from ..settings import settings


def main(etc: Path) -> None:
    """Run the network."""
    from . import namespaces

    namespaces.become_able()
    from .control import serve
    from .programs import Programs
    from .servers import Servers

    root = etc.parent
    known = settings(etc)
    programs = Programs(root, Path(known["programs"]))
    programs.start()
    servers = Servers(programs, root / "ovn/servers.json", known)
    servers.connect_outside()
    servers.plug_again()
    serve(root / "run/ovn/control.sock", servers, programs)
