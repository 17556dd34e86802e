"""A repair ends with every service well, whatever dies while it looks, or names the one that dies of itself again."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.embedded import AnswerError, ServiceFailedError
from adapters.embedded.layout import SERVICES
from adapters.embedded.processes import Process
from adapters.embedded.repair import MOST_OWN_ENDS, MOST_STARTS, PATIENCE, Repair

KILLED, CRASHED = -9, 1
LIVES = "lives"


@dataclass
class Machine:
    """Processes of a script. Each start takes the next fate of its service: how it ends, or that it lives."""

    fates: dict[str, list[int | str]] = field(default_factory=dict)
    lingering: int = 0  # looks at an ending process before it has ended
    before_look: Callable[["Machine"], None] = lambda _machine: None
    alive: dict[str, list[int]] = field(default_factory=dict)
    silent: set[int] = field(default_factory=set)
    starts: Counter[str] = field(default_factory=Counter)
    clock: float = 0.0
    _ends: dict[int, int] = field(default_factory=dict)
    _looks: Counter[int] = field(default_factory=Counter)
    _pid: int = 100

    def up(self, *services: str) -> None:
        """Let services run that somebody started before."""
        for service in services:
            self._pid += 1
            self.alive[service] = [*self.alive.get(service, []), self._pid]

    def kill(self, service: str, status: int = KILLED) -> None:
        """End whatever runs of a service."""
        for pid in self.alive.pop(service, []):
            self._ends[pid] = status

    def running(self) -> dict[str, list[Process]]:
        self.before_look(self)
        return {service: [Process(service, pid, 1, "") for pid in pids] for service, pids in self.alive.items() if pids}

    def start(self, service: str) -> int:
        assert not self.alive.get(service), "a second process beside a living one"
        self.starts[service] += 1
        self.up(service)
        pid = self.alive[service][0]
        fate = self.fates[service].pop(0) if self.fates.get(service) else LIVES
        if isinstance(fate, int):
            self.kill(service, fate)
        return pid

    def stop(self, service: str) -> None:
        self.kill(service, 0)

    def ended(self, pid: int) -> int | None:
        self._looks[pid] += 1
        return self._ends.get(pid) if self._looks[pid] > self.lingering else None

    def is_healthy(self, service: str) -> bool:
        found = bool(self.alive.get(service)) and not self.silent & set(self.alive[service])
        self.before_look(self)
        return found

    def is_good(self, found: list[Process]) -> bool:
        return len(found) == 1 and found[0].pid not in self.silent

    def log_tail(self, service: str) -> str:
        return f"the log of {service}"

    def now(self) -> float:
        return self.clock

    def sleep(self, seconds: float) -> None:
        self.clock += seconds


def kills(*planned: tuple[int, str]) -> Callable[[Machine], None]:
    """Kill a service at the n-th look, of whatever kind the look is."""
    looks = iter(range(1, 1 << 30))

    def before_look(machine: Machine) -> None:
        look = next(looks)
        for when, service in planned:
            if when == look:
                machine.kill(service)

    return before_look


def repaired(machine: Machine) -> Machine:
    repair = Repair(machine, lambda _line: None)
    repair.replace_unwell()
    members = repair.settle()
    assert {service: [pid] for service, pid in members.items()} == machine.alive
    assert set(members) == set(SERVICES)
    return machine


def test_only_what_is_gone_is_started() -> None:
    machine = Machine()
    machine.up(*(service for service in SERVICES if service not in {"nova", "swift"}))
    assert repaired(machine).starts == {"nova": 1, "swift": 1}


def test_a_process_that_was_alive_at_the_first_look_and_is_gone_at_the_second_is_started() -> None:
    machine = Machine(before_look=kills((2, "placement")))
    machine.up(*SERVICES)
    assert repaired(machine).starts == {"placement": 1}


def test_a_process_that_dies_just_after_it_answered_is_started() -> None:
    looks = 1 + len(SERVICES)  # both passes list the processes, then each service is asked
    machine = Machine(before_look=kills((looks + 1, "keystone")))
    machine.up(*SERVICES)
    assert repaired(machine).starts == {"keystone": 1}


@pytest.mark.parametrize("lingering", [0, 1, 7])
def test_a_process_that_takes_its_time_to_end_is_started_once_it_has(lingering: int) -> None:
    machine = Machine({"cinder": [KILLED, CRASHED]}, lingering)
    assert repaired(machine).starts == {**dict.fromkeys(SERVICES, 1), "cinder": 3}


def test_one_end_at_start_is_bad_luck_and_the_second_names_the_service() -> None:
    assert repaired(Machine({"glance": [CRASHED]})).starts["glance"] == 2
    machine = Machine({"glance": [CRASHED] * 9})
    with pytest.raises(ServiceFailedError, match="glance died while starting") as failed:
        repaired(machine)
    assert (failed.value.service, failed.value.tail) == ("glance", "the log of glance")
    assert machine.starts["glance"] == MOST_OWN_ENDS


def test_a_service_that_is_killed_again_and_again_is_given_up_in_the_end() -> None:
    machine = Machine({"nova": [KILLED] * 99})
    with pytest.raises(ServiceFailedError, match=f"nova was started {MOST_STARTS} times"):
        repaired(machine)
    assert machine.starts["nova"] == MOST_STARTS


def test_several_processes_of_one_service_become_one() -> None:
    machine = Machine()
    machine.up(*SERVICES, "swift")
    repair = Repair(machine, lambda _line: None)
    repair.settle()
    assert machine.starts == {"swift": 1}
    assert len(machine.alive["swift"]) == 1


def test_a_service_that_was_there_and_never_answers_is_restarted_once_its_time_is_over() -> None:
    machine = Machine()
    machine.up(*SERVICES)
    machine.silent = set(machine.alive["neutron"])
    Repair(machine, lambda _line: None).settle()
    assert machine.starts == {"neutron": 1}
    assert machine.clock > PATIENCE


def test_a_service_that_was_started_here_and_never_answers_is_named() -> None:
    machine = Machine()
    machine.silent = set(range(1000))
    with pytest.raises(ServiceFailedError, match="keystone is not healthy after"):
        repaired(machine)
    assert machine.starts == dict.fromkeys(SERVICES, 1)


def test_what_is_gone_is_started_though_nobody_waits_for_it_yet() -> None:
    machine = Machine(before_look=kills((1, "nova")))
    machine.up(*SERVICES)
    Repair(machine, lambda _line: None).settle(["keystone"])
    assert machine.starts == {"nova": 1}


def test_a_step_is_run_again_when_a_service_died_under_it_and_not_otherwise() -> None:
    machine = Machine()
    machine.up(*SERVICES)
    repair, done = Repair(machine, lambda _line: None), []

    def dies_under_it() -> str:
        done.append(1)
        if len(done) == 1:
            machine.kill("nova")
            raise ConnectionResetError("nova went away")
        return "seeded"

    assert repair.through(SERVICES, dies_under_it) == "seeded"
    assert machine.starts == {"nova": 1}

    def fails() -> None:
        done.append(1)
        raise AnswerError("GET", "http://nova", 500, "its own fault")

    done.clear()
    with pytest.raises(AnswerError):
        repair.through(SERVICES, fails)
    assert len(done) == 1


REFUSED, BROKEN, UNAVAILABLE, CONFLICT = (AnswerError("GET", "http://glance", n, "") for n in (401, 500, 503, 409))


@pytest.mark.parametrize("failure", [REFUSED, BROKEN, UNAVAILABLE, TimeoutError("nobody answered")])
def test_a_living_service_may_fail_once_for_each_service_that_was_started(failure: Exception) -> None:
    machine = Machine()
    machine.up(*SERVICES)
    machine.kill("keystone")
    said: list[str] = []
    repair, done = Repair(machine, said.append), []

    def fails_in_glance() -> str:
        done.append(1)
        if len(done) == 1:
            raise failure
        return "seeded"

    assert repair.through(SERVICES, fails_in_glance) == "seeded"
    assert machine.starts == {"keystone": 1}
    assert said[-1] == f"{failure} (just started: keystone): once more"

    def fails_always() -> None:
        done.append(1)
        raise failure

    done.clear()
    with pytest.raises(type(failure)):  # no service was started since the step was run again
        repair.through(SERVICES, fails_always)
    assert len(done) == 1


def test_an_answer_that_no_other_service_can_cause_is_the_steps_own_failure() -> None:
    machine, done = Machine(), []

    def fails() -> None:
        done.append(1)
        raise CONFLICT

    with pytest.raises(AnswerError):
        Repair(machine, lambda _line: None).through(SERVICES, fails)
    assert machine.starts == dict.fromkeys(SERVICES, 1)
    assert len(done) == 1


@given(
    st.lists(st.tuples(st.integers(1, 200), st.sampled_from(SERVICES)), max_size=12),
    st.sets(st.sampled_from(SERVICES)),
    st.sets(st.sampled_from(SERVICES)),
    st.integers(0, 3),
)
def test_whenever_services_are_killed_all_are_well_in_the_end(
    planned: Iterable[tuple[int, str]], there: set[str], unlucky: set[str], lingering: int
) -> None:
    seen: Counter[str] = Counter()
    bounded = []
    for when, service in planned:
        seen[service] += 1
        if seen[service] <= MOST_STARTS - 2:  # one start for the beginning, one for bad luck
            bounded.append((when, service))
    machine = Machine({service: [CRASHED] for service in unlucky}, lingering, kills(*bounded))
    machine.up(*there)
    repaired(machine)
