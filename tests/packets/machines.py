"""Programs in the network namespaces of instances, and of the host outside."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.embedded import CloudError, EmbeddedCloud
from adapters.embedded.ovn import packages
from adapters.embedded.ovn.control import OUTSIDE
from tests.ec2.network.test_security_groups import uuid

PORT = 80
OUTSIDE_ADDRESS = "172.24.0.1"
NOTHING = ""
# Answers each connection with its own name and the address that it saw, then closes it.
SERVER = """
import socket, sys
listener = socket.create_server(("0.0.0.0", int(sys.argv[2])))
while True:
    connection, (peer, _) = listener.accept()
    connection.sendall(f"{sys.argv[1]} saw {peer}".encode())
    connection.close()
"""
CLIENT = """
import http.client, sys
connection = http.client.HTTPConnection(sys.argv[1], timeout=60)
connection.request("GET", sys.argv[2])
sys.stdout.write(connection.getresponse().read().decode())
"""


@dataclass(slots=True)
class Machines:
    """The namespaces of one cloud.  An instance is named by its EC2 id."""

    cloud: EmbeddedCloud
    _listeners: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def command(self, instance: str, *words: str) -> list[str]:
        """Return the command line that runs a command of busybox in an instance."""
        server = instance if instance == OUTSIDE else uuid(instance)
        busybox = next(
            str(root / name)
            for root in (packages.unpacked(self.cloud.place), Path("/"))
            for name in packages.DHCP_CLIENT
            if (root / name).exists()
        )
        return [*self.cloud.inside(server), busybox, *words]

    def run(self, instance: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of busybox in an instance."""
        command = self.command(instance, *words)
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    def ping(self, instance: str, address: str) -> bool:
        """Return whether an address answers an instance."""
        return self.run(instance, "ping", "-c", "1", "-W", "1", address).returncode == 0

    def connect(self, instance: str, address: str, port: int = PORT) -> str:
        """Return what a listener says to an instance that connects; NOTHING where it gets no connection."""
        return self.run(instance, "nc", "-w", "1", address, str(port)).stdout

    def get(self, instance: str, host: str, path: str) -> str:
        """Return the body of an HTTP answer to an instance."""
        command = [*self.cloud.inside(uuid(instance)), sys.executable, "-c", CLIENT, host, path]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout

    def address(self, instance: str) -> str:
        """Return the address that DHCP gave an instance; NOTHING as long as it has none."""
        try:
            words = self.run(instance, "ip", "-4", "-o", "addr", "show", "eth0").stdout.split()
        except CloudError:  # not plugged yet
            return NOTHING
        return words[3].split("/")[0] if len(words) > 3 else NOTHING

    def listen(self, instance: str, name: str, port: int = PORT) -> None:
        """Let an instance answer connections with `<name> saw <address of the client>`, until the session ends."""
        server = instance if instance == OUTSIDE else uuid(instance)
        command = [*self.cloud.inside(server), sys.executable, "-c", SERVER, name, str(port)]
        quiet: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        self._listeners.append(subprocess.Popen(command, **quiet))

    def close(self) -> None:
        """End the listeners."""
        for one in self._listeners:
            one.kill()
            one.wait()


def settles(wanted: object, ask: Callable[..., object], *given: object, seconds: float = 240.0) -> None:
    """Ask until the answer is as wanted, since changes take a moment to reach the switch; assert that it becomes so."""
    deadline = time.monotonic() + seconds
    while (got := ask(*given)) != wanted and time.monotonic() < deadline:
        time.sleep(0.2)
    assert got == wanted
