"""The network service's unix socket: one JSON object per line, one answer each. Only the cloud's owner may open it."""

import json
import os
import signal
import socketserver
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from .programs import Programs
from .servers import Servers

LOOK_SECONDS = 0.2


def operations(servers: Servers) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
    """Return what can be asked, by name."""

    def plug(asked: dict[str, Any]) -> dict[str, Any]:
        servers.plug(asked["server"], asked["port"])
        return {}

    def unplug(asked: dict[str, Any]) -> dict[str, Any]:
        servers.unplug(asked["server"], asked.get("port"))
        return {}

    def reboot(asked: dict[str, Any]) -> dict[str, Any]:
        servers.reboot(asked["server"])
        return {}

    def namespace(asked: dict[str, Any]) -> dict[str, Any]:
        return {"pid": os.getpid(), "fd": servers.namespace(asked["server"])}

    return {"ping": lambda _asked: {}, "plug": plug, "unplug": unplug, "reboot": reboot, "namespace": namespace}


def serve(where: Path, servers: Servers, programs: Programs) -> None:
    """Serve until one of the programs ends, which ends this process: the supervisor starts everything again."""
    known = operations(servers)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                try:
                    asked = json.loads(line)
                    answer = known[asked["op"]](asked)
                except (OSError, LookupError, ValueError) as error:
                    answer = {"error": str(error)}
                self.wfile.write(json.dumps(answer).encode() + b"\n")

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True

    def leave(_number: int, _frame: FrameType | None) -> None:
        os._exit(0)  # the kernel ends the programs, and their namespaces with them

    with Server(str(where), Handler) as server:
        where.chmod(0o600)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        signal.signal(signal.SIGTERM, leave)
        while not (ended := programs.ended()):
            time.sleep(LOOK_SECONDS)
    raise SystemExit(f"{ended} ended")
