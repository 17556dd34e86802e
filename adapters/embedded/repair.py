"""Repairs a cloud: starts missing services until all answer, or until one of them fails again.

A process can end at any moment, also after its health check or while the accounts are written. So each round checks
every service again, and the number of starts is bounded.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, TypeVar

from adapters.embedded.errors import AnswerError, ServiceFailedError
from adapters.embedded.layout import SERVICES
from adapters.embedded.processes import Process

MOST_STARTS = 5  # of one service during one repair, whatever ended it
MOST_OWN_ENDS = 2  # the first may be accidental (a port still held by an ending process); the second fails the repair
PATIENCE = 240.0  # seconds to wait for a live service that does not answer
ROUND_SECONDS = 0.15

# The exit status of a process that another process ended: by SIGKILL, or by SIGTERM, after which services exit with 0.
ENDED_BY_OTHERS = frozenset({-9, -15, 0})

# Statuses of a service when another service that it calls has just been replaced. keystonemiddleware answers 503 when
# it cannot check a token; with `delay_auth_decision`, as in glance-api-paste.ini, it treats the token as invalid and
# the service answers 401 (`AuthProtocol.fetch_token`). Every service answers 500 for an unexpected error.
ECHOES = frozenset({401, 500, 502, 503, 504})

T = TypeVar("T")


class Host(Protocol):
    """The operations of a repair on the machine."""

    def running(self) -> Mapping[str, list[Process]]:
        """Return the live processes of each service, without those that are ending."""
        ...

    def start(self, service: str) -> int:
        """Start a service after its earlier processes have ended; return its pid."""
        ...

    def stop(self, service: str) -> None:
        """End all processes of a service."""
        ...

    def ended(self, pid: int) -> int | None:
        """Return the exit status, or minus the signal, of a process that `start` started; None while it runs."""
        ...

    def is_healthy(self, service: str) -> bool:
        """Return whether all ports of a service answer."""
        ...

    def is_good(self, found: list[Process]) -> bool:
        """Return whether these are a single process, with the current configuration, that answers or still starts."""
        ...

    def log_tail(self, service: str) -> str:
        """Return the end of a service's log."""
        ...

    def now(self) -> float:
        """Return the seconds of a monotonic clock."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Repair:
    """One repair of one cloud; it counts the starts and failures of each service."""

    def __init__(self, host: Host, say: Callable[[str], None], services: tuple[str, ...] = SERVICES) -> None:
        self._host = host
        self._say = say
        self._services = services
        self._starts: Counter[str] = Counter()
        self._own_ends: Counter[str] = Counter()
        self._unproved: set[str] = set()  # services that were started and since which no step has succeeded
        self._children: dict[str, int] = {}  # service → the pid that was started here and is believed to run
        self._since: dict[str, float] = {}  # service → the time from which its silence is measured

    def replace_unwell(self, before_start: Callable[[str], None] = lambda _service: None) -> None:
        """Start every service that is missing, hangs, or runs with an outdated configuration."""
        running = self._host.running()
        for service in self._services:
            found = running.get(service, [])
            if found and self._host.is_good(found):
                continue
            before_start(service)
            self._start(service, f"restarting {service}" if found else "")

    def settle(self, wanted: Iterable[str] = ()) -> Mapping[str, int]:
        """Wait until these services, or all, answer; return the pid of each; restart any that ends meanwhile.

        Raises ServiceFailedError for a service that fails again by itself, or runs and does not answer.
        """
        wanted = tuple(wanted) or self._services
        self._since = dict.fromkeys(self._services, self._host.now())
        while True:
            running = self._host.running()
            for service in self._services:
                self._look_after(service, running.get(service, []))
            silent = [service for service in wanted if not self._host.is_healthy(service)]
            # The answer may be of a process that has ended since, or of one that started after the first check.
            if not silent and (members := pids(running, wanted)) and members == pids(self._host.running(), wanted):
                return members
            for service in silent or wanted:
                self._bound_silence(service)
            self._host.sleep(ROUND_SECONDS)

    def through(self, wanted: Iterable[str], step: Callable[[], T]) -> T:
        """Run a step while these services answer; repeat it if a service's replacement may have caused its failure.

        That is so if one of the services was replaced during the step. It is also so if none was replaced, one gave a
        status of ECHOES or no answer, and a service was started since the last successful step. Every start excuses one
        such failure, so the number of runs is bounded by the number of starts. Any other failure is raised.
        """
        wanted = tuple(wanted)
        while True:
            before = self.settle(wanted)
            try:
                result = step()
            except (OSError, AnswerError) as failure:
                if self.settle(wanted) != before:
                    self._say("a service ended meanwhile: once more")
                elif self._unproved and (isinstance(failure, OSError) or failure.status in ECHOES):
                    self._say(f"{failure} (just started: {', '.join(sorted(self._unproved))}): once more")
                    self._unproved.clear()
                else:
                    raise
            else:
                self._unproved.difference_update(wanted)
                return result

    def _look_after(self, service: str, found: list[Process]) -> None:
        """Start a service that is missing or has several processes."""
        if len(found) == 1:
            return
        if found:
            self._start(service, f"{len(found)} processes of {service}: restarting it")
            return
        child = self._children.get(service)
        if child is None:
            self._start(service, f"{service} is gone: starting it")
            return
        status = self._host.ended(child)
        if status is None:  # just forked, or ending
            return
        del self._children[service]
        if status not in ENDED_BY_OTHERS:
            self._own_ends[service] += 1
        if self._own_ends[service] >= MOST_OWN_ENDS:
            raise ServiceFailedError(service, "died while starting, and again", self._host.log_tail(service))
        self._start(service, f"{service} ended ({told(status)}): starting it")

    def _bound_silence(self, service: str) -> None:
        """Restart a silent service from before this repair; raise for a silent one that was started here."""
        if self._host.now() - self._since[service] <= PATIENCE:
            return
        if service in self._children:
            what = f"is not healthy after {PATIENCE:.0f} s"
            raise ServiceFailedError(service, what, self._host.log_tail(service))
        self._start(service, f"{service} does not answer: restarting it")

    def _start(self, service: str, why: str) -> None:
        if self._starts[service] >= MOST_STARTS:
            what = f"was started {MOST_STARTS} times and ended each time"
            raise ServiceFailedError(service, what, self._host.log_tail(service))
        if why:
            self._say(why)
        self._starts[service] += 1
        self._unproved.add(service)
        self._host.stop(service)
        self._children[service] = self._host.start(service)
        self._since[service] = self._host.now()


def pids(running: Mapping[str, list[Process]], wanted: Iterable[str]) -> dict[str, int]:
    """Return the pid of each of these services; empty if one is missing or has several processes."""
    found = {service: running.get(service, []) for service in wanted}
    if any(len(processes) != 1 for processes in found.values()):
        return {}
    return {service: processes[0].pid for service, processes in found.items()}


def told(status: int) -> str:
    """Describe how a process ended."""
    return f"signal {-status}" if status < 0 else f"status {status}"
