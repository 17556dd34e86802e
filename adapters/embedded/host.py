"""The machine that a repair works on: this one."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from adapters.embedded import free_ports, health, processes
from adapters.embedded.layout import tail
from adapters.embedded.plan import Plan
from adapters.embedded.processes import Process

PORT_PATIENCE = 5.0  # seconds; a killed process holds its ports until the kernel has taken down all its threads
YOUNG = 120.0  # seconds; one that does not answer yet is given its time


@dataclass(frozen=True, slots=True)
class LocalHost:
    """`adapters.embedded.repair.Host` for one cloud's plan, and the signature that each service must have."""

    plan: Plan
    signatures: Mapping[str, str]

    def running(self) -> Mapping[str, list[Process]]:
        """List the living processes of each service."""
        return processes.running(self.plan.place)

    def start(self, service: str) -> int:
        """Start a service, once its ports are free; if they stay taken it is started anyway, and its log says so."""
        ports = [self.plan.ports[port] for port, _ in health.CHECKS[service]]
        free_ports.wait_until_free(ports, PORT_PATIENCE)
        return processes.start(self.plan.place, service, self.signatures[service])

    def stop(self, service: str) -> None:
        """End all processes of a service."""
        processes.stop(self.plan.place, service)

    def ended(self, pid: int) -> int | None:
        """Return how a process ended that `start` started; None while it has not."""
        return processes.ended(pid)

    def is_healthy(self, service: str) -> bool:
        """Tell whether all ports of a service answer."""
        return health.is_healthy(service, self.plan.ports)

    def is_good(self, found: list[Process]) -> bool:
        """Tell whether these are one process, with today's configuration, and well or about to be."""
        return is_good(found, self.signatures[found[0].service], self.plan)

    def log_tail(self, service: str) -> str:
        """Return the end of a service's log."""
        return tail(self.plan.place.log(service))

    def now(self) -> float:
        """Return the seconds of a clock that never goes back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def is_good(found: list[Process], signature: str, plan: Plan, patience: float = 10) -> bool:
    """Tell whether these processes of a service are one, with today's configuration, and well or about to be.

    One that takes a connection and does not answer within `patience` seconds hangs, however young it is.
    """
    if len(found) != 1 or found[0].signature != signature:
        return False
    service = found[0].service
    if health.is_healthy(service, plan.ports, timeout=patience):
        return True
    return processes.age(found[0]) < YOUNG and not health.is_hung(service, plan.ports, timeout=patience)
