"""Every scenario on the gateway before the real cloud, and nothing of it left there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from conformance.command import chosen
from conformance.endpoint import Endpoint
from conformance.places import find
from conformance.runner import Run
from conformance.scenario import PREFIX, load
from shim.keystore import add
from tests.conftest import inventory, left_behind
from tests.support.clients import REGION
from tests.support.gateway import faults
from tests.support.gateway import gateway as run_gateway
from tests.support.target import REPOSITORY, Target

AT_ONCE = 6
# What AWS does otherwise, and the words of docs/s3.md that say so.
DOCUMENTED = {
    "s3/configuration of buckets/a new bucket encrypts by default": (
        "A bucket without configuration says `ServerSideEncryptionConfigurationNotFoundError` and encrypts nothing"
    )
}


@pytest.fixture
def endpoint(cloud: Target, tmp_path: Path) -> Iterator[Endpoint]:
    """A gateway as an operator runs it who offers encryption."""
    key_file = tmp_path / "keys.json"
    add(key_file)
    with run_gateway(cloud, "checked", settings={"sse_key_file": str(key_file)}) as running:
        keys = cloud.keys["main"]
        yield Endpoint(running.url, boto3.Session(keys.access, keys.secret, region_name=REGION))
    assert not faults(running.log)


def test_what_differs_is_documented() -> None:
    page = (REPOSITORY / "docs" / "s3.md").read_text(encoding="utf-8")
    assert [name for name, words in DOCUMENTED.items() if words not in page] == []


@pytest.mark.timeout(900)  # on a machine that does much else
def test_every_scenario_passes(endpoint: Endpoint, cloud: Target) -> None:
    before = inventory(cloud, "main")
    catalogue = load()
    known = {"endpoint": endpoint.url, "region": REGION, **find(endpoint, "", "")}
    run = Run(endpoint, catalogue, f"{PREFIX}{os.getpid():06x}-", known)
    report = run.all(chosen(catalogue, (), ()), AT_ONCE, lambda _: None)
    assert {one.scenario.id: one.why for one in report.failed if one.scenario.id not in DOCUMENTED} == {}
    assert DOCUMENTED.keys() == {one.scenario.id for one in report.failed}
    assert report.count() == report.planned > 120
    assert report.left == []
    left = left_behind(cloud, {"main": before})
    assert not left
