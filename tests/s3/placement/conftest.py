"""A gateway that maps storage classes to the policy `cold` of the embedded Swift."""

from collections.abc import Iterator
from typing import Any

import pytest

from shim.keystore import add
from tests.support.clients import Boto
from tests.support.gateway import Gateway, faults
from tests.support.gateway import gateway as started
from tests.support.target import Target

MAPPED = '{"STANDARD_IA": "Cold", "GLACIER": "cold", "ONEZONE_IA": "nowhere"}'


@pytest.fixture(scope="session")
def running(cloud: Target, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that maps STANDARD_IA and GLACIER to the policy `cold`, and has a key store."""
    add(keys := tmp_path_factory.mktemp("keys") / "keys.json")
    with started(cloud, "classes", settings={"s3_storage_classes": MAPPED, "sse_key_file": str(keys)}) as one:
        yield one
    assert not faults(one.log)


@pytest.fixture(scope="session")
def classes(running: Gateway, cloud: Target) -> Iterator[Boto]:
    """Clients of that gateway."""
    aws = Boto(running.url, dict(cloud.keys))
    yield aws
    aws.close()


@pytest.fixture(scope="session")
def mapped(classes: Boto) -> Any:
    """S3 of that gateway, for the main account."""
    return classes("s3")
