"""The same scenarios on moto and on the gateway: every difference stands in the ledger, with what AWS says of it.

Two gateways take the requests in turn, so that no answer may depend on what one of them remembers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.parity.ledger import LEDGER, Entry, judge
from tests.parity.recording import Recording, differences
from tests.parity.scenarios import ALL
from tests.support.clients import Boto
from tests.support.gateway import faults
from tests.support.gateway import gateway as run_gateway
from tests.support.ipv6 import shared_pool
from tests.support.moto_server import moto_clients
from tests.support.target import Target

_USED: set[Entry] = set()
_RUN: set[str] = set()


@pytest.fixture(scope="module")
def moto() -> Iterator[Boto]:
    """moto as a server, so that the same unmodified clients speak to it."""
    with moto_clients() as clients:
        yield clients


@pytest.fixture(scope="module")
def replicas(cloud: Target) -> Iterator[Boto]:
    """Clients that send their requests to two gateways in turn."""
    with ExitStack() as stack:
        admin = stack.enter_context(cloud.connect("admin"))
        settings = {"ec2_ipv6_pool": stack.enter_context(shared_pool(admin, "2001:db8:88::/48")).name}
        gateways = (run_gateway(cloud, name, settings=settings) for name in ("parity-1", "parity-2"))
        first, second = map(stack.enter_context, gateways)
        clients = Boto(first.url, dict(cloud.keys), further=(second.url,))
        yield clients
        clients.close()
        assert not faults(first.log) + faults(second.log)
        taken = [len(one.lines(message="call")) for one in (first, second)]
        assert min(taken) > max(taken) // 3, taken


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("scenario", ALL, ids=lambda scenario: scenario.__name__)
def test_scenario(scenario: object, replicas: Boto, moto: Boto) -> None:
    assert callable(scenario)
    ours, theirs = Recording(replicas), Recording(moto)
    scenario(ours)
    scenario(theirs)
    left, used = judge(differences(ours, theirs))
    _USED.update(used)
    _RUN.add(getattr(scenario, "__name__", ""))
    assert not left, "\n".join(map(str, left))


def test_the_ledger_holds_nothing_stale(replicas: Boto) -> None:
    assert replicas
    if len(_RUN) < len(ALL):
        pytest.skip("needs every scenario of this module to have run before")
    stale = [entry for entry in LEDGER if entry not in _USED]
    assert not stale, "\n".join(f"{entry.operation} {entry.path}: {entry.reason}" for entry in stale)
