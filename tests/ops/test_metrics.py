"""Metrics: what is counted can be scraped under the documented name."""

from prometheus_client import generate_latest

from shim.metrics import DEFINITIONS, Metrics
from shim.record import Record


def scrape(metrics: Metrics) -> list[str]:
    return generate_latest(metrics.registry).decode().splitlines()


def test_a_call_is_counted_under_its_labels() -> None:
    metrics = Metrics()
    call = Record("r", 0.0, service="ec2", operation="DescribeVolumes", status=400, code="InvalidVolume.NotFound")
    call.seconds, call.upstream_calls, call.bytes_in = 0.02, 1, 5
    call.refused, call.refused_label = "Filter.1.Coffee", "Filter"
    metrics.call(call)
    metrics.upstream("compute", "GET", 0, 0.5)
    metrics.cache_lookups["keys", "unknown"] += 1
    metrics.cache_lookups["listing", "too large"] += 1
    lines = scrape(metrics)
    labels = 'code="InvalidVolume.NotFound",operation="DescribeVolumes",service="ec2",status="4xx"'
    assert f"passerelle_requests_total{{{labels}}} 1.0" in lines
    refused = 'name="Filter",operation="DescribeVolumes",service="ec2"'
    assert f"passerelle_refusals_total{{{refused}}} 1.0" in lines
    assert 'passerelle_request_seconds_bucket{le="0.025",operation="DescribeVolumes",service="ec2"} 1.0' in lines
    assert 'passerelle_request_seconds_bucket{le="0.01",operation="DescribeVolumes",service="ec2"} 0.0' in lines
    assert 'passerelle_request_bytes_total{direction="in",service="ec2"} 5.0' in lines
    assert not any('direction="out"' in line for line in lines)
    assert 'passerelle_upstream_requests_total{method="GET",service="compute",status="none"} 1.0' in lines
    assert 'passerelle_cache_lookups_total{cache="keys",outcome="unknown"} 1.0' in lines
    assert 'passerelle_cache_lookups_total{cache="listing",outcome="too large"} 1.0' in lines


def test_every_definition_is_registered_with_its_help() -> None:
    text = "\n".join(scrape(Metrics()))
    for definition in DEFINITIONS:
        assert f"# HELP {definition.name} {definition.help}" in text


def test_two_gateways_in_one_process_do_not_share_counts() -> None:
    one, other = Metrics(), Metrics()
    one.cache_lookups["keys", "hit"] += 1
    assert any(line.startswith("passerelle_cache_lookups_total{") for line in scrape(one))
    assert not any(line.startswith("passerelle_cache_lookups_total{") for line in scrape(other))


def test_the_requests_in_flight_are_asked_for_at_every_scrape() -> None:
    metrics = Metrics()
    assert "passerelle_requests_in_flight 0.0" in scrape(metrics)
    serving = [3, 1]
    metrics.in_flight.read = serving.pop
    assert "passerelle_requests_in_flight 1.0" in scrape(metrics)
    assert "passerelle_requests_in_flight 3.0" in scrape(metrics)
