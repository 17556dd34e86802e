"""Repair: start whatever service is gone, until all answer or one of them ends of itself again.

A process can end at any moment: while it is looked at, after its health was checked, while the accounts are written.
So nothing here is decided once. Each round looks at every service anew, and the number of starts is bounded.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, TypeVar

from adapters.embedded.errors import AnswerError, ServiceFailedError
from adapters.embedded.layout import SERVICES
from adapters.embedded.processes import Process

MOST_STARTS = 5  # of one service during one repair, whoever ends it
MOST_OWN_ENDS = 2  # the first may be bad luck (a port that a dying process still held); the second names the service
PATIENCE = 240.0  # seconds for a service that lives and does not answer
ROUND_SECONDS = 0.15

# How a process ends that somebody else ended: by SIGKILL, or by SIGTERM, upon which services leave with status 0.
ENDED_BY_OTHERS = frozenset({-9, -15, 0})

# What a service answers when another one, which it asks, has just been replaced. keystonemiddleware answers 503 when it
# cannot check a token; where `delay_auth_decision` is set, as in glance-api-paste.ini, it takes the token for invalid
# and the service answers 401 (`AuthProtocol.fetch_token`). Every service answers 500 for an error it does not expect.
ECHOES = frozenset({401, 500, 502, 503, 504})

T = TypeVar("T")


class Host(Protocol):
    """What a repair sees of the machine and does to it."""

    def running(self) -> Mapping[str, list[Process]]:
        """List the processes of each service that live and are not about to end."""
        ...

    def start(self, service: str) -> int:
        """Start a service and return its pid; what is left of an earlier process of it has ended by then."""
        ...

    def stop(self, service: str) -> None:
        """End all processes of a service."""
        ...

    def ended(self, pid: int) -> int | None:
        """Return how a process ended that `start` started: its status, or minus the signal; None while it has not."""
        ...

    def is_healthy(self, service: str) -> bool:
        """Tell whether all ports of a service answer."""
        ...

    def is_good(self, found: list[Process]) -> bool:
        """Tell whether these are one process, with today's configuration, and well or about to be."""
        ...

    def log_tail(self, service: str) -> str:
        """Return the end of a service's log."""
        ...

    def now(self) -> float:
        """Return the seconds of a clock that never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Repair:
    """One repair of one cloud: it counts what it started, and how that ended."""

    def __init__(self, host: Host, say: Callable[[str], None]) -> None:
        self._host = host
        self._say = say
        self._starts: Counter[str] = Counter()
        self._own_ends: Counter[str] = Counter()
        self._unproved: set[str] = set()  # services that were started, and with which no step has passed since
        self._children: dict[str, int] = {}  # service → the process that was started here and, as far as known, lives
        self._since: dict[str, float] = {}  # service → when its time to answer began

    def replace_unwell(self, before_start: Callable[[str], None] = lambda _service: None) -> None:
        """Start every service that is not there, hangs, or runs with another configuration than today's."""
        running = self._host.running()
        for service in SERVICES:
            found = running.get(service, [])
            if found and self._host.is_good(found):
                continue
            before_start(service)
            self._start(service, f"restarting {service}" if found else "")

    def settle(self, wanted: Iterable[str] = SERVICES) -> Mapping[str, int]:
        """Return when these services answer, with the pid of each; start again what is gone, whichever it is.

        Raises ServiceFailedError for a service that ends of itself again, or lives and does not answer.
        """
        wanted = tuple(wanted)
        self._since = dict.fromkeys(SERVICES, self._host.now())
        while True:
            running = self._host.running()
            for service in SERVICES:
                self._look_after(service, running.get(service, []))
            silent = [service for service in wanted if not self._host.is_healthy(service)]
            # An answer proves nothing of a process that has ended since, or of one that began after the first look.
            if not silent and (members := pids(running, wanted)) and members == pids(self._host.running(), wanted):
                return members
            for service in silent or wanted:
                self._bound_silence(service)
            self._host.sleep(ROUND_SECONDS)

    def through(self, wanted: Iterable[str], step: Callable[[], T]) -> T:
        """Run a step while these services answer; run it again when its failure may come from a service's replacement.

        It may when one of the services was replaced meanwhile. It also may when all lived, one gave an answer of ECHOES
        or none, and a service was started with which no step has passed yet. Every start excuses one such failure, so
        the number of runs is bounded by the number of starts. Any other failure is the step's own, and is raised.
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
        """Start a service that is gone, and one of which there are several."""
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
        if status is None:  # it is about to become the service, or about to end
            return
        del self._children[service]
        if status not in ENDED_BY_OTHERS:
            self._own_ends[service] += 1
        if self._own_ends[service] >= MOST_OWN_ENDS:
            raise ServiceFailedError(service, "died while starting, and again", self._host.log_tail(service))
        self._start(service, f"{service} ended ({told(status)}): starting it")

    def _bound_silence(self, service: str) -> None:
        """Restart a service that was there before and answers nothing; give up on one that was started here."""
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
    """Return the pid of each of these services; nothing where one is missing or there twice."""
    found = {service: running.get(service, []) for service in wanted}
    if any(len(processes) != 1 for processes in found.values()):
        return {}
    return {service: processes[0].pid for service, processes in found.items()}


def told(status: int) -> str:
    """Say how a process ended."""
    return f"signal {-status}" if status < 0 else f"status {status}"
