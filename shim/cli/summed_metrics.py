"""The metrics of several workers added up, as if they were one process."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families

from shim.metrics import WORKER_DEATHS

# The sums take the largest value of these: adding them up over processes has no meaning.
_NOT_ADDED = ("_info", "_start_time_seconds", "_max_fds")

Numbers = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class SummedMetrics:
    """The latest metrics of each worker, and the counts of workers that have ended: a counter never goes back.

    What a worker counted between the last scrape and its sudden death is lost.  After `worker_ended`, the metrics of
    the process that ended must not come to `update` any more, or they would be counted twice.
    """

    def __init__(self) -> None:
        self._latest: dict[int, dict[str, tuple[Metric, Numbers]]] = {}
        self._ended: dict[str, tuple[Metric, Numbers]] = {}
        self.deaths = 0

    def update(self, worker: int, text: str) -> None:
        """Take a worker's metrics in the text format."""
        self._latest[worker] = {
            family.name: (
                family,
                {(one.name, tuple(sorted(one.labels.items()))): one.value for one in family.samples},
            )
            for family in text_string_to_metric_families(text)
            if family.name != WORKER_DEATHS.name.removesuffix("_total")
        }

    def worker_ended(self, worker: int) -> None:
        """Keep the counters of a worker that has ended, and drop its gauges."""
        for name, (family, numbers) in self._latest.pop(worker, {}).items():
            if family.type in ("counter", "histogram"):
                _add(self._ended.setdefault(name, (family, {}))[1], numbers, name)

    def collect(self) -> Iterator[Metric]:
        """Yield the sums, as a collector of prometheus_client."""
        sums: dict[str, tuple[Metric, Numbers]] = {}
        for metrics in (self._ended, *self._latest.values()):
            for name, (family, numbers) in metrics.items():
                _add(sums.setdefault(name, (family, {}))[1], numbers, name)
        for name, (family, numbers) in sums.items():
            summed = Metric(name, family.documentation, family.type)
            for (sample, labels), value in numbers.items():
                summed.add_sample(sample, dict(labels), value)
            yield summed
        yield CounterMetricFamily(WORKER_DEATHS.name, WORKER_DEATHS.help, self.deaths)


def _add(sums: Numbers, numbers: Numbers, name: str) -> None:
    for key, value in numbers.items():
        before = sums.get(key, 0.0)
        sums[key] = max(before, value) if name.endswith(_NOT_ADDED) else before + value
