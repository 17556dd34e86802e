"""The metrics of several workers added up, as if they were one process."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families

from shim.metrics import WORKER_DEATHS

# These say something of each process; a sum of them would say nothing.
_NOT_ADDED = ("_info", "_start_time_seconds", "_max_fds")

Numbers = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class Sum:
    """What the workers told last, and what those had counted that are gone: a counter never goes back.

    What a worker counted between the last scrape and its sudden death is lost.
    """

    def __init__(self) -> None:
        self._told: dict[int, dict[str, tuple[Metric, Numbers]]] = {}
        self._gone: dict[str, tuple[Metric, Numbers]] = {}
        self.deaths = 0

    def told(self, worker: int, text: str) -> None:
        """Take a worker's metrics in the text format."""
        self._told[worker] = {
            family.name: (
                family,
                {(one.name, tuple(sorted(one.labels.items()))): one.value for one in family.samples},
            )
            for family in text_string_to_metric_families(text)
            if family.name != WORKER_DEATHS.name.removesuffix("_total")
        }

    def departed(self, worker: int) -> None:
        """Keep the counts of a worker that has ended, and forget what it was at the moment."""
        for name, (family, numbers) in self._told.pop(worker, {}).items():
            if family.type in ("counter", "histogram"):
                _add(self._gone.setdefault(name, (family, {}))[1], numbers, name)

    def collect(self) -> Iterator[Metric]:
        """Give the sums to whoever scrapes."""
        sums: dict[str, tuple[Metric, Numbers]] = {}
        for told in (self._gone, *self._told.values()):
            for name, (family, numbers) in told.items():
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
