"""Each write of an action is spoilt in turn: the client reads AWS's error, and the repeated request converges.

Afterwards the project holds what it held before, counted through OpenStack's own API.
"""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any

import pytest
from botocore.exceptions import ClientError, HTTPClientError

from tests.chaos.faulty_cloud import Fault, faulty
from tests.chaos.scenarios import SCENARIOS, Scenario
from tests.conftest import inventory
from tests.ec2.conftest import eventually
from tests.support.clients import Boto
from tests.support.gateway import Gateway
from tests.support.gateway import gateway as run_gateway
from tests.support.names import unique
from tests.support.target import Target

ACCOUNT = "tenant"
MOST_WRITES = 40  # of one action; a scenario ends with the first request that makes fewer writes than are to be spoilt
RETRYABLE = {"Unavailable", "ServiceUnavailable", "RequestLimitExceeded"}

Spoilt = tuple[Target, Fault]
Ask = Callable[[dict[str, Any]], Any]  # sends the request, and returns the answer, or None if there is none


@pytest.fixture(scope="module")
def behind(cloud: Target, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spoilt]:
    """The cloud behind proxies, and the fault to set."""
    with faulty(cloud, tmp_path_factory.mktemp("faulty")) as found:
        yield found


@pytest.fixture(scope="module")
def living(behind: Spoilt) -> Iterator[Gateway]:
    """A gateway whose writes are spoilt and which lives on."""
    with run_gateway(behind[0], "chaos") as running:
        yield running


class Mortals:
    """Gateways behind the proxies, of which one may be killed: the next is being started meanwhile."""

    def __init__(self, behind: Target, stack: ExitStack) -> None:
        self._behind, self._stack = behind, stack
        self._worker = stack.enter_context(ThreadPoolExecutor(1))
        self._started = 0
        self._next = self._worker.submit(self._start)
        self._now: Gateway | None = None

    def _start(self) -> Gateway:
        self._started += 1
        return self._stack.enter_context(run_gateway(self._behind, f"mortal-{self._started % 3}"))

    def living(self) -> Gateway:
        """Return a gateway that lives."""
        if self._now is None or self._now.process.poll() is not None:
            self._now = self._next.result()
            self._next = self._worker.submit(self._start)
        return self._now

    def end(self) -> None:
        """Wait for the one that is being started, so that the stack can stop it."""
        self._next.exception()


@pytest.fixture(scope="module")
def mortals(behind: Spoilt) -> Iterator[Mortals]:
    """Gateways that may be killed."""
    with ExitStack() as stack:
        found = Mortals(behind[0], stack)
        yield found
        found.end()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.action)
@pytest.mark.parametrize("kind", ["refused", "lost"])
@pytest.mark.timeout(600)
def test_a_write_fails(
    aws: Boto, cloud: Target, behind: Spoilt, living: Gateway, scenario: Scenario, kind: str
) -> None:
    fault = behind[1]
    with closing(Boto(living.url, dict(cloud.keys))) as clients:
        act = getattr(clients("ec2", ACCOUNT, retries={"total_max_attempts": 1}), scenario.action)

        def ask(request: dict[str, Any]) -> Any:
            try:
                return act(**request)
            except ClientError as error:
                refused = error.response
            finally:
                fault.kind = ""
            assert refused["Error"]["Code"] in RETRYABLE, (fault.writes, refused["Error"])
            assert refused["ResponseMetadata"]["HTTPStatusCode"] == 503
            return None

        check_each(aws("ec2", ACCOUNT), cloud, scenario, ask, lambda at: fault.set(kind, at), fault)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.action)
@pytest.mark.timeout(600)
def test_the_gateway_is_killed(aws: Boto, cloud: Target, behind: Spoilt, mortals: Mortals, scenario: Scenario) -> None:
    """It dies after each write in turn, and another gateway serves the repetition."""
    fault = behind[1]

    def ask(request: dict[str, Any]) -> Any:
        running = mortals.living()
        fault.kill = running.process.kill
        with closing(Boto(running.url, dict(cloud.keys))) as clients:
            try:
                return getattr(clients("ec2", ACCOUNT, retries={"total_max_attempts": 1}), scenario.action)(**request)
            except HTTPClientError:  # the connection has ended, after which every SDK repeats the request
                assert running.process.wait(60) == -signal.SIGKILL
                return None
            finally:
                fault.kind = ""

    check_each(aws("ec2", ACCOUNT), cloud, scenario, ask, lambda at: fault.set("killed", at), fault)


def check_each(
    ec2: Any, cloud: Target, scenario: Scenario, ask: Ask, spoil: Callable[[int], None], fault: Fault
) -> None:
    """Spoil one write after the other, with a request for each; `ec2` is a client of a gateway that nothing spoils."""
    before = inventory(cloud, ACCOUNT)
    with scenario.needs(ec2) as following:
        for at in range(MOST_WRITES):
            request = following()
            if scenario.token:
                request = {**request, "ClientToken": unique("token")}
            held = inventory(cloud, ACCOUNT)
            spoil(at)
            answer = ask(request)
            writes, met = list(fault.writes), fault.met
            answer = answer or repeated(ec2, scenario, request)
            if answer is not None:
                scenario.delete(ec2, answer)
            for other in scenario.others(ec2, request):
                scenario.delete(ec2, other)
            check_left(cloud, held, (scenario.action, at, writes))
            if not met:
                break
        assert at, "the action makes no write"
    check_left(cloud, before, (scenario.action, "in the end"))


def repeated(ec2: Any, scenario: Scenario, request: dict[str, Any]) -> Any:
    """Return the answer of the same request, or of the first one if that took effect; None if nothing is to delete."""
    try:
        return getattr(ec2, scenario.action)(**request)
    except ClientError as error:
        if error.response["Error"]["Code"] != scenario.final:
            raise
        return scenario.find(ec2, request)


def check_left(cloud: Target, before: dict[str, str], what: object) -> None:
    """Expect that the project soon holds nothing but what it held before."""
    left: list[str] = []

    def nothing() -> bool:
        left[:] = sorted(f"{one} {name}" for one, name in inventory(cloud, ACCOUNT).items() if one not in before)
        return not left

    assert eventually(nothing), (what, left)
