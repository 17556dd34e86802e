"""The same scenarios on moto and on the gateway: every difference stands in the ledger, with what AWS says of it."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator

import pytest
from moto.server import ThreadedMotoServer

from tests.parity.ledger import LEDGER, Entry, judge
from tests.parity.recording import Recording, differences
from tests.parity.scenarios import ALL
from tests.support.clients import Boto
from tests.support.target import Keys

_USED: set[Entry] = set()
_RUN: set[str] = set()


@pytest.fixture(scope="module")
def moto() -> Iterator[Boto]:
    """moto as a server, so that the same unmodified clients speak to it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # moto's own
        server.start()
    host, port = server.get_host_and_port()
    clients = Boto(f"http://{host}:{port}", {"main": Keys("AKIDMOTO", "secret")})
    yield clients
    clients.close()
    server.stop()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("scenario", ALL, ids=lambda scenario: scenario.__name__)
def test_scenario(scenario: object, aws: Boto, moto: Boto) -> None:
    assert callable(scenario)
    ours, theirs = Recording(aws), Recording(moto)
    scenario(ours)
    scenario(theirs)
    left, used = judge(differences(ours, theirs))
    _USED.update(used)
    _RUN.add(getattr(scenario, "__name__", ""))
    assert not left, "\n".join(map(str, left))


def test_the_ledger_holds_nothing_stale(aws: Boto) -> None:
    assert aws
    if len(_RUN) < len(ALL):
        pytest.skip("needs every scenario of this module to have run before")
    stale = [entry for entry in LEDGER if entry not in _USED]
    assert not stale, "\n".join(f"{entry.operation} {entry.path}: {entry.reason}" for entry in stale)
