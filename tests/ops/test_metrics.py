"""Metrics: what is counted can be scraped under the documented name."""

import asyncio
from contextlib import suppress

import pytest
from prometheus_client import generate_latest

from shim.metrics import DEFINITIONS, Metrics


def scrape(metrics: Metrics) -> list[str]:
    return generate_latest(metrics.registry).decode().splitlines()


def test_a_call_is_counted_under_its_labels() -> None:
    metrics = Metrics()
    metrics.call("ec2", "DescribeVolumes", status=400, code="InvalidVolume.NotFound", seconds=0.02, upstream=1)
    metrics.moved("s3", received=5, sent=0)
    metrics.upstream("compute", "GET", 0, 0.5)
    metrics.cache("keys", hit=False)
    lines = scrape(metrics)
    labels = 'code="InvalidVolume.NotFound",operation="DescribeVolumes",service="ec2",status="4xx"'
    assert f"passerelle_requests_total{{{labels}}} 1.0" in lines
    assert 'passerelle_request_seconds_bucket{le="0.025",operation="DescribeVolumes",service="ec2"} 1.0' in lines
    assert 'passerelle_request_seconds_bucket{le="0.01",operation="DescribeVolumes",service="ec2"} 0.0' in lines
    assert 'passerelle_request_bytes_total{direction="in",service="s3"} 5.0' in lines
    assert not any('direction="out"' in line for line in lines)
    assert 'passerelle_upstream_requests_total{method="GET",service="compute",status="none"} 1.0' in lines
    assert 'passerelle_cache_lookups_total{cache="keys",outcome="miss"} 1.0' in lines


def test_every_definition_is_registered_with_its_help() -> None:
    text = "\n".join(scrape(Metrics()))
    for definition in DEFINITIONS:
        assert f"# HELP {definition.name} {definition.help}" in text


def test_two_gateways_in_one_process_do_not_share_counts() -> None:
    one, other = Metrics(), Metrics()
    one.cache("keys", hit=True)
    assert any(line.startswith("passerelle_cache_lookups_total{") for line in scrape(one))
    assert not any(line.startswith("passerelle_cache_lookups_total{") for line in scrape(other))


@pytest.mark.parametrize("ends", ["well", "badly"])
def test_requests_in_flight_are_counted_while_they_are_served(ends: str) -> None:
    metrics = Metrics()
    seen: list[str] = []

    async def app(scope: object, receive: object, send: object) -> None:
        seen.extend(line for line in scrape(metrics) if line.startswith("passerelle_requests_in_flight"))
        if ends == "badly":
            raise ValueError

    with suppress(ValueError):
        asyncio.run(metrics.watched(app)({}, None, None))
    assert seen == ["passerelle_requests_in_flight 1.0"]
    assert "passerelle_requests_in_flight 0.0" in scrape(metrics)
