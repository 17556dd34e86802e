"""A gateway with a key store, for SSE-S3."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shim.keystore import add
from tests.conftest import remove_bucket
from tests.support.clients import Boto
from tests.support.gateway import Gateway, faults
from tests.support.gateway import gateway as run_gateway
from tests.support.names import unique
from tests.support.target import Target


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with one key."""
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    add(path)
    return path


@pytest.fixture(scope="session")
def sealing_gateway(cloud: Target, key_file: Path) -> Iterator[Gateway]:
    """A gateway with that key store."""
    with run_gateway(cloud, "sealing", settings={"sse_key_file": str(key_file)}) as running:
        yield running
    assert not faults(running.log)


@pytest.fixture(scope="session")
def sealing(sealing_gateway: Gateway, cloud: Target) -> Iterator[Any]:
    """S3 of that gateway, for the main account."""
    clients = Boto(sealing_gateway.url, dict(cloud.keys))
    yield clients("s3")
    clients.close()


@pytest.fixture(scope="module")
def shared(s3: Any) -> Iterator[str]:
    """A bucket that the tests of a module share."""
    name = unique("encrypted")
    s3.create_bucket(Bucket=name)
    yield name
    remove_bucket(s3, name)
