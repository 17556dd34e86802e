"""Metrics: what an operator's Prometheus reads from the metrics port.

`DEFINITIONS` is the one place where a metric is named and explained; `docs/metrics.md` is generated from it.  Labels
hold only words from closed sets (operations that are registered, AWS codes, OpenStack service types), so that no
client can make the number of series grow.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector


@dataclass(frozen=True, slots=True)
class Definition:
    """One metric: `name` as it is scraped, without Prometheus' own suffixes."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    help: str


# Seconds.  Small S3 requests take about a millisecond, a large upload minutes.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

REQUESTS = Definition(
    "passerelle_requests_total",
    "counter",
    ("service", "operation", "status", "code"),
    "AWS calls answered, by status class (`2xx`, …) and AWS error code (empty when there was none).",
)
DURATION = Definition(
    "passerelle_request_seconds",
    "histogram",
    ("service", "operation"),
    "Seconds from a request's first byte to its answer's last.",
)
BYTES = Definition(
    "passerelle_request_bytes_total",
    "counter",
    ("service", "direction"),
    "Bytes of request bodies (`in`) and answer bodies (`out`).",
)
IN_FLIGHT = Definition("passerelle_requests_in_flight", "gauge", (), "Requests being served now.")
UPSTREAM = Definition(
    "passerelle_upstream_requests_total",
    "counter",
    ("service", "method", "status"),
    "OpenStack calls made, by service type and status class (`none`: no answer came).",
)
UPSTREAM_DURATION = Definition(
    "passerelle_upstream_seconds", "histogram", ("service",), "Seconds that OpenStack took to answer one call."
)
UPSTREAM_PER_CALL = Definition(
    "passerelle_upstream_requests_per_call",
    "histogram",
    ("service", "operation"),
    "OpenStack calls behind one AWS call: it must not grow with the number of resources.",
)
CACHE = Definition(
    "passerelle_cache_lookups_total",
    "counter",
    ("cache", "outcome"),
    "Lookups in the gateway's caches, by outcome (`hit`, `miss`).",
)
BUILD = Definition("passerelle_build_info", "gauge", ("version",), "Always 1; says which version runs.")

DEFINITIONS = (
    REQUESTS,
    DURATION,
    BYTES,
    IN_FLIGHT,
    UPSTREAM,
    UPSTREAM_DURATION,
    UPSTREAM_PER_CALL,
    CACHE,
    BUILD,
)

_PER_CALL_BUCKETS = (0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 100)

App = Callable[[Any, Any, Any], Coroutine[Any, Any, None]]  # ASGI's


class Metrics:
    """The gateway's metrics on a registry of their own; one for each process, made by `shim.app`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self._made: Mapping[str, Any] = {d.name: self._make(d) for d in DEFINITIONS}
        # Children are looked up once for each combination of labels, not once for each request.
        self._child = lru_cache(maxsize=10_000)(self._labelled)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._child(BUILD, own_version()).set(1)

    def call(self, service: str, operation: str, *, status: int, code: str, seconds: float, upstream: int) -> None:
        """Count one answered call; `operation` is a registered name, or empty where none was recognised."""
        self._child(REQUESTS, service, operation, status_class(status), code).inc()
        self._child(DURATION, service, operation).observe(seconds)
        self._child(UPSTREAM_PER_CALL, service, operation).observe(upstream)

    def moved(self, service: str, *, received: int, sent: int) -> None:
        """Count the bytes of a call's bodies."""
        if received:
            self._child(BYTES, service, "in").inc(received)
        if sent:
            self._child(BYTES, service, "out").inc(sent)

    def watched(self, app: App) -> App:
        """Return the ASGI application with a count of the requests that it is serving at the moment."""
        gauge = self._made[IN_FLIGHT.name]

        async def serving(scope: Any, receive: Any, send: Any) -> None:
            gauge.inc()
            try:
                await app(scope, receive, send)
            finally:
                gauge.dec()

        return serving

    def upstream(self, service: str, method: str, status: int, seconds: float) -> None:
        """Count one OpenStack call; `status` 0 means that no answer came."""
        self._child(UPSTREAM, service, method, status_class(status)).inc()
        self._child(UPSTREAM_DURATION, service).observe(seconds)

    def cache(self, name: str, *, hit: bool) -> None:
        """Count one lookup in a cache."""
        self._child(CACHE, name, "hit" if hit else "miss").inc()

    def _labelled(self, definition: Definition, *labels: str) -> Any:
        return self._made[definition.name].labels(*labels)

    def _make(self, d: Definition) -> Counter | Gauge | Histogram:
        if d.kind == "counter":
            return Counter(d.name, d.help, d.labels, registry=self.registry)
        if d.kind == "gauge":
            return Gauge(d.name, d.help, d.labels, registry=self.registry)
        buckets = _PER_CALL_BUCKETS if d is UPSTREAM_PER_CALL else BUCKETS
        return Histogram(d.name, d.help, d.labels, registry=self.registry, buckets=buckets)


def status_class(status: int) -> str:
    """Return `2xx` for 204, and so on; `none` for 0."""
    return f"{status // 100}xx" if status else "none"


def own_version() -> str:
    """Return the installed version of this distribution, or `unknown` outside of an installation."""
    try:
        return version("passerelle")
    except PackageNotFoundError:
        return "unknown"
