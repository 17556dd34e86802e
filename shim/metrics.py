"""Metrics: the counters, gauges and histograms that Prometheus scrapes from the metrics port.

`DEFINITIONS` names and explains every metric; `docs/metrics.md` is generated from it.  Labels have only values from
closed sets (operations of AWS's models, AWS codes, OpenStack service types), so that no client can make the number of
series grow.

prometheus_client's own counters take a lock and search their buckets one by one, which was a tenth of the CPU of a
small S3 request.  Only one thread counts here, so plain numbers suffice; they are turned into the library's families at
each scrape.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from itertools import accumulate
from typing import Literal, TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from shim.record import Record


@dataclass(frozen=True, slots=True)
class Definition:
    """One metric; `name` is without the suffixes that Prometheus adds (`_bucket`, `_sum`)."""

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
REFUSALS = Definition(
    "passerelle_refusals_total",
    "counter",
    ("service", "operation", "name"),
    "Calls refused by the name of what was refused: a parameter, header, query key or operation of AWS's model; "
    "`other` for any name that the model does not have.",
)
IN_FLIGHT = Definition("passerelle_requests_in_flight", "gauge", (), "Requests being served now.")
CONNECTIONS = Definition("passerelle_connections", "gauge", (), "Connections to the AWS endpoint that are open.")
UNSIGNED = Definition(
    "passerelle_unsigned_body_bytes", "gauge", (), "Bytes of bodies in memory whose signatures are not verified yet."
)
SLOWED = Definition(
    "passerelle_slow_downs_total",
    "counter",
    ("bound",),
    "Clients told to slow down, by the bound they met (`connections`, `address`, `memory`).",
)
WORKERS = Definition("passerelle_workers", "gauge", (), "Processes that serve.")
WORKER_DEATHS = Definition(
    "passerelle_worker_deaths_total",
    "counter",
    (),
    "Workers that ended without being told to, or could not be started.",
)
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
    "Lookups in the gateway's caches, by outcome (`hit`, `miss`; of keys also `unknown`, `error`), and values "
    "that were not kept because they exceed an account's share (`too large`).",
)
LIFECYCLE_ACTIONS = Definition(
    "passerelle_lifecycle_actions_total",
    "counter",
    ("action", "outcome"),
    "What `passerelle sweep` did by lifecycle rules, by outcome: `done`, `kept` (the object changed, is gone, or may "
    "not be deleted) or `failed`; and of how many uploads it removed segments (`remove-segments`, `found` if dry).",
)
LIFECYCLE_BUCKETS = Definition(
    "passerelle_lifecycle_buckets_total",
    "counter",
    ("outcome",),
    "Buckets that `passerelle sweep` went through: `swept`, `released` (no rules any more) or `failed`.",
)
NOTIFICATIONS = Definition(
    "passerelle_notifications_total",
    "counter",
    ("destination", "outcome"),
    "Event notifications by destination of the operator's file and outcome: `stored` on disk, `dropped` (no room, or "
    "the disk failed), `unknown` (the bucket names a destination that the file has no more); by `passerelle notify`: "
    "`delivered`, `failed` (an attempt; there will be another), `expired` (nobody took it in time).",
)
NOTIFICATIONS_WAITING = Definition(
    "passerelle_notifications_waiting_bytes",
    "gauge",
    (),
    "Bytes of files of event notifications on the disk, as `passerelle notify` sees them.",
)
BUILD = Definition("passerelle_build_info", "gauge", ("version",), "Always 1; says which version runs.")

DEFINITIONS = (
    REQUESTS,
    DURATION,
    BYTES,
    REFUSALS,
    IN_FLIGHT,
    CONNECTIONS,
    UNSIGNED,
    SLOWED,
    WORKERS,
    WORKER_DEATHS,
    UPSTREAM,
    UPSTREAM_DURATION,
    UPSTREAM_PER_CALL,
    CACHE,
    LIFECYCLE_ACTIONS,
    LIFECYCLE_BUCKETS,
    NOTIFICATIONS,
    NOTIFICATIONS_WAITING,
    BUILD,
)

_PER_CALL_BUCKETS = (0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 100)

Labels = tuple[str, ...]
C = TypeVar("C", "Counter", "Histogram", "Gauge")


class Counter:
    """A number for each combination of labels; callers add to `numbers`."""

    __slots__ = ("_definition", "numbers")

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        self.numbers: defaultdict[Labels, float] = defaultdict(float)

    def collect(self) -> Iterator[Metric]:
        """Yield the counter, as a collector of prometheus_client."""
        family = CounterMetricFamily(self._definition.name, self._definition.help, labels=self._definition.labels)
        for labels, number in self.numbers.items():
            family.add_metric(labels, number)
        yield family


class Gauge:
    """A number that a function returns at each scrape, under fixed labels."""

    __slots__ = ("_definition", "_labels", "read")

    def __init__(self, definition: Definition, read: Callable[[], float], labels: Labels = ()) -> None:
        self._definition = definition
        self.read = read
        self._labels = labels

    def collect(self) -> Iterator[Metric]:
        """Yield the gauge, as a collector of prometheus_client."""
        family = GaugeMetricFamily(self._definition.name, self._definition.help, labels=self._definition.labels)
        family.add_metric(self._labels, self.read())
        yield family


class Histogram:
    """How many values lie in each bucket, and their sum, for each combination of labels."""

    __slots__ = ("_bounds", "_cells", "_definition")

    def __init__(self, definition: Definition, bounds: tuple[float, ...]) -> None:
        self._definition = definition
        self._bounds = bounds
        self._cells: defaultdict[Labels, list[float]] = defaultdict(lambda: [0.0] * (len(bounds) + 2))

    def observe(self, labels: Labels, value: float) -> None:
        """Count a value; a bucket includes its upper bound."""
        cell = self._cells[labels]
        cell[bisect_left(self._bounds, value)] += 1
        cell[-1] += value

    def collect(self) -> Iterator[Metric]:
        """Yield the histogram with cumulative buckets, as a collector of prometheus_client."""
        family = HistogramMetricFamily(self._definition.name, self._definition.help, labels=self._definition.labels)
        bounds = [*(repr(float(bound)) for bound in self._bounds), "+Inf"]
        for labels, (*counts, total) in self._cells.items():
            family.add_metric(labels, list(zip(bounds, accumulate(counts), strict=True)), total)
        yield family


class Metrics:
    """The gateway's metrics on a registry of their own; one for each process, made by `shim.app`.

    `in_flight`, `connections` and `unsigned_bytes` read the gateway's and its listener's own numbers; their functions
    are set when those exist.  The listener counts in `slow_downs` itself, and the caches in `cache_lookups`.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self._requests = self._registered(Counter(REQUESTS)).numbers
        self._duration = self._registered(Histogram(DURATION, BUCKETS))
        self._bytes = self._registered(Counter(BYTES)).numbers
        self._refusals = self._registered(Counter(REFUSALS)).numbers
        self.in_flight = self._registered(Gauge(IN_FLIGHT, lambda: 0))
        self.connections = self._registered(Gauge(CONNECTIONS, lambda: 0))
        self.unsigned_bytes = self._registered(Gauge(UNSIGNED, lambda: 0))
        self.slow_downs: dict[Labels, float] = self._registered(Counter(SLOWED)).numbers
        self._registered(Gauge(WORKERS, lambda: 1))
        self._registered(Counter(WORKER_DEATHS)).numbers[()] = 0  # only a supervisor counts these
        self._upstream = self._registered(Counter(UPSTREAM)).numbers
        self._upstream_duration = self._registered(Histogram(UPSTREAM_DURATION, BUCKETS))
        self._upstream_per_call = self._registered(Histogram(UPSTREAM_PER_CALL, _PER_CALL_BUCKETS))
        self.cache_lookups = self._registered(Counter(CACHE)).numbers
        self._lifecycle_actions = self._registered(Counter(LIFECYCLE_ACTIONS)).numbers
        self._lifecycle_buckets = self._registered(Counter(LIFECYCLE_BUCKETS)).numbers
        self._notifications = self._registered(Counter(NOTIFICATIONS)).numbers
        self.notifications_waiting = self._registered(Gauge(NOTIFICATIONS_WAITING, lambda: 0))
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._registered(Gauge(BUILD, lambda: 1, (own_version(),)))

    def call(self, record: Record) -> None:
        """Count one answered call; its operation is a registered name, or empty where none was recognised."""
        service = record.service
        place = (service, record.operation)
        self._requests[(*place, status_class(record.status), record.code)] += 1
        self._duration.observe(place, record.seconds)
        self._upstream_per_call.observe(place, record.upstream_calls)
        if record.refused_label:
            self._refusals[(*place, record.refused_label)] += 1
        if record.bytes_in:
            self._bytes[(service, "in")] += record.bytes_in
        if record.bytes_out:
            self._bytes[(service, "out")] += record.bytes_out

    def upstream(self, service: str, method: str, status: int, seconds: float) -> None:
        """Count one OpenStack call; `status` 0 means that no answer came."""
        self._upstream[(service, method, status_class(status))] += 1
        self._upstream_duration.observe((service,), seconds)

    def lifecycle_action(self, action: str, outcome: str) -> None:
        """Count an action of a lifecycle rule."""
        self._lifecycle_actions[(action, outcome)] += 1

    def lifecycle_bucket(self, outcome: str) -> None:
        """Count a bucket that a sweep went through."""
        self._lifecycle_buckets[(outcome,)] += 1

    def notification(self, destination: str, outcome: str, number: int) -> None:
        """Count event notifications."""
        self._notifications[(destination, outcome)] += number

    def _registered(self, collector: C) -> C:
        self.registry.register(collector)
        return collector


@lru_cache(maxsize=1024)
def status_class(status: int) -> str:
    """Return `2xx` for 204, and so on; `none` for 0."""
    return f"{status // 100}xx" if status else "none"


def own_version() -> str:
    """Return the installed version of this distribution, or `unknown` outside of an installation."""
    try:
        return version("passerelle")
    except PackageNotFoundError:
        return "unknown"
