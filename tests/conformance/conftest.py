"""moto as the endpoint, and scenarios of the tests' own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest

from conformance.endpoint import Endpoint
from conformance.runner import Run
from conformance.scenario import load
from tests.support.clients import REGION, Boto
from tests.support.moto_server import moto_clients


@pytest.fixture(scope="module")
def moto() -> Iterator[Boto]:
    with moto_clients() as clients:
        yield clients


@pytest.fixture
def endpoint(moto: Boto) -> Endpoint:
    keys = moto.keys["main"]
    return Endpoint(moto.url, boto3.Session(keys.access, keys.secret, region_name=REGION))


@pytest.fixture
def written(endpoint: Endpoint, tmp_path: Path) -> Callable[[str], Run]:
    """Return a run of scenarios of S3 that are written as the steps of YAML."""

    def make(steps: str) -> Run:
        made = "CreateBucket: {Bucket: '${name}'}, undo: {DeleteBucket: {Bucket: '${name}'}}"
        (tmp_path / "given.yaml").write_text(f"bucket: {{service: s3, steps: [{{{made}}}]}}")
        one = f"{{name: a, says: b, at: c, given: [bucket], steps: {steps}}}"
        (tmp_path / "s3.yaml").write_text(f"{{service: s3, capability: x, scenarios: [{one}]}}")
        return Run(endpoint, load(tmp_path), "passerelle-check-", interval=0)

    return make
