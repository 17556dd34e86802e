"""A user with an endpoint to record: moto, a listener that checks signatures, the gateway."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.recording.commands import Passerelle
from tests.support.clients import Boto
from tests.support.moto_server import moto_clients


@pytest.fixture(scope="module")
def moto() -> Iterator[Boto]:
    """Clients of a moto of this module's own."""
    with moto_clients() as clients:
        yield clients


@pytest.fixture
def passerelle(moto: Boto, tmp_path: Path) -> Passerelle:
    """A user of moto."""
    return Passerelle(tmp_path, moto.url, moto.keys["main"])
