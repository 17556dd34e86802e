"""Tally: how many OpenStack calls stand behind the AWS call being served, and how long they took together.

A context variable carries it, so that no action and no port has to pass it on: tasks that an action starts share it.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """The cost of one call in OpenStack calls; `services` counts them by OpenStack service."""

    calls: int = 0
    seconds: float = 0.0
    services: dict[str, int] = field(default_factory=dict)

    def add(self, service: str, seconds: float) -> None:
        """Count one OpenStack call."""
        self.calls += 1
        self.seconds += seconds
        self.services[service] = self.services.get(service, 0) + 1


_CURRENT: ContextVar[Tally | None] = ContextVar("tally", default=None)


def begin() -> Tally:
    """Start counting for the call that the current task serves."""
    tally = Tally()
    _CURRENT.set(tally)
    return tally


def count(service: str, seconds: float) -> None:
    """Add one OpenStack call to the tally of whoever is being served; outside of a call it counts for nobody."""
    if (tally := _CURRENT.get()) is not None:
        tally.add(service, seconds)
