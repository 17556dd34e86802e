"""Where measurements happen: a cloud, a gateway process before it, and the way to Swift without the gateway."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.clients import Boto
from tests.support.gateway import Gateway
from tests.support.gateway import gateway as run_gateway
from tests.support.target import Target, target

TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Stage:
    """A cloud and a gateway; `swift` is the storage URL of the main project, `token` its native token."""

    target: Target
    gateway: Gateway
    aws: Boto
    swift: str
    token: str

    def cpu(self) -> float:
        """Return the CPU seconds that the gateway has used so far."""
        return cpu_of(self.gateway.process.pid)

    def memory(self) -> float:
        """Return the gateway's resident memory in MiB."""
        status = Path(f"/proc/{self.gateway.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def cpu_of(pid: int) -> float:
    """Return the CPU seconds that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


@contextmanager
def stage() -> Iterator[Stage]:
    """Bring up what measurements need, and take it away."""
    with target() as cloud, run_gateway(cloud, "bench", settings={"log_level": "info"}) as running:
        aws = Boto(running.url, dict(cloud.keys))
        with cloud.connect("main") as connection:
            swift, token = connection.object_store.get_endpoint(), connection.auth_token
        try:
            yield Stage(cloud, running, aws, str(swift).rstrip("/"), str(token))
        finally:
            aws.close()
