"""Each write of an action is spoilt in turn: the client reads AWS's error, and the repeated request converges.

Afterwards the project holds what it held before, counted through OpenStack's own API.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from botocore.exceptions import ClientError

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
