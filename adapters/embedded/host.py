"""The local machine as the `Host` of a repair."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from adapters.embedded import free_ports, health, processes
from adapters.embedded.layout import tail
from adapters.embedded.plan import Plan
from adapters.embedded.processes import Process

PORT_PATIENCE = 5.0  # seconds; a killed process holds its ports until the kernel has taken down all its threads
YOUNG = 120.0  # seconds; a younger process may not answer yet


@dataclass(frozen=True, slots=True)
class LocalHost:
    """`adapters.embedded.repair.Host` for one cloud's plan and the signature required of each service."""

    plan: Plan
    signatures: Mapping[str, str]

    def running(self) -> Mapping[str, list[Process]]:
        """Return the live processes of each service."""
        return processes.running(self.plan.place)

    def start(self, service: str) -> int:
        """Start a service once its ports are free; if they stay taken, start it anyway: its log shows the conflict."""
        ports = [self.plan.ports[port] for port, _ in health.CHECKS[service]]
        free_ports.wait_until_free(ports, PORT_PATIENCE)
        return processes.start(self.plan.place, service, self.signatures[service])

    def stop(self, service: str) -> None:
        """End all processes of a service."""
        processes.stop(self.plan.place, service)

    def ended(self, pid: int) -> int | None:
        """Return the exit status of a process that `start` started; None while it runs."""
        return processes.ended(pid)

    def is_healthy(self, service: str) -> bool:
        """Return whether all ports of a service answer."""
        return health.is_healthy(service, self.plan.ports, self.plan.place)

    def is_good(self, found: list[Process]) -> bool:
        """Return whether these are a single process with the current configuration that does not hang."""
        return is_good(found, self.signatures[found[0].service], self.plan)

    def log_tail(self, service: str) -> str:
        """Return the end of a service's log."""
        return tail(self.plan.place.log(service))

    def now(self) -> float:
        """Return the seconds of a monotonic clock."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def is_good(found: list[Process], signature: str, plan: Plan, patience: float = 10) -> bool:
    """Return whether a service has a single process, with the current configuration, that answers or still starts.

    A process that accepts a connection and does not answer within `patience` seconds hangs, whatever its age.
    """
    if len(found) != 1 or found[0].signature != signature:
        return False
    service = found[0].service
    if health.is_healthy(service, plan.ports, plan.place, timeout=patience):
        return True
    return processes.age(found[0]) < YOUNG and not health.is_hung(service, plan.ports, timeout=patience)
