"""`passerelle serve --workers N`: one command, one port, one metrics listener, and workers that come back."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shim.cli.summed_metrics import SummedMetrics
from shim.cli.workers import worker_settings
from shim.config import Settings
from shim.metrics import Metrics
from shim.record import Record
from tests.support.wire import get

CLOUDS = """
clouds:
  nowhere:
    auth: {auth_url: "http://127.0.0.1:9/v3", username: u, password: p, project_name: p,
           user_domain_id: default, project_domain_id: default}
    region_name: RegionOne
"""


class Running:
    """A supervisor of two workers before a cloud that is down: enough for whoever does not sign."""

    def __init__(self, state: Path, *options: str) -> None:
        (state / "clouds.yaml").write_text(CLOUDS)
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "PASSERELLE_"))}
        environment |= {"OS_CLIENT_CONFIG_FILE": str(state / "clouds.yaml"), "PASSERELLE_DRAIN_SECONDS": "0"}
        command = [sys.executable, "-m", "shim", "serve", "--cloud", "nowhere", "--state-dir", str(state)]
        command += ["--workers", "2", "--port", "0", "--metrics-port", "0", *options]
        self.log = state / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log)
        assert self.process.stdout
        told = b""
        while b"listening" not in told and (line := self.process.stdout.readline()):
            told += line
        self.process.stdout.close()  # nothing more is said there
        self.urls = dict(re.findall(r"passerelle (\w+) on (\S+)", told.decode()))

    def end(self) -> int:
        """End the supervisor if it has not ended; return its exit status."""
        self.process.terminate()
        return self.process.wait(240)

    def workers(self) -> set[int]:
        """Return the pids of the workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return {int(pid) for pid in children}

    def counted(self, name: str) -> float:
        """Return the sum of a metric's samples."""
        text = get(self.urls["metrics"] + "/metrics")[2].decode()
        return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if re.match(name + r"(\{| )", line))

    def ask(self, times: int) -> None:
        """Send requests that nobody signed, each on a connection of its own, so that every worker gets some."""
        for _ in range(times):
            assert get(self.urls["listening"] + "/")[0] == 403


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    found = Running(tmp_path)
    yield found
    found.process.kill()
    found.process.wait()
    until(lambda: found.process.poll() is not None)


def until(true: Callable[[], bool], seconds: float = 240) -> None:
    """Wait for something that nobody tells of."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def gone(pid: int) -> bool:
    """Whether a process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.timeout(600)
def test_two_workers_serve_as_one_and_one_that_dies_comes_back(running: Running) -> None:
    before = running.workers()
    assert len(before) == 2
    running.ask(40)
    until(lambda: running.counted("passerelle_requests_total") == 40)
    assert running.counted("passerelle_workers") == 2
    for path, status in (("/healthcheck", 200), ("/healthcheck/ready", 503), ("/api/actions", 200)):
        assert get(running.urls["metrics"] + path)[0] == status
    assert get(running.urls["metrics"] + "/api/refusals")[2].count(b"AccessDenied") > 20  # each keeps its last 20

    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    until(lambda: len(running.workers() - {victim}) == 2 and running.counted("passerelle_workers") == 2)
    assert before - {victim} < running.workers()
    running.ask(20)
    until(lambda: running.counted("passerelle_requests_total") == 60)  # what the dead one had counted is not lost
    assert running.counted("passerelle_worker_deaths_total") == 1

    workers = running.workers()
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(240) == 0
    assert all(map(gone, workers))


def test_workers_end_when_nobody_supervises_them(running: Running) -> None:
    workers = running.workers()
    running.process.kill()
    running.process.wait()
    until(lambda: all(map(gone, workers)))


@pytest.mark.timeout(600)
def test_what_cannot_start_is_not_started_for_ever(tmp_path: Path) -> None:
    taken = Running(tmp_path)
    port = taken.urls["listening"].rpartition(":")[2]
    other = tmp_path / "other"
    other.mkdir()
    try:
        # The metrics port of the other one: nothing of this one can serve.
        ended = Running(other, "--port", port, "--metrics-port", taken.urls["metrics"].rpartition(":")[2])
        assert ended.process.wait(240) == 1
        assert ended.end() == 1
        assert not ended.urls
    finally:
        assert taken.end() == 0


def text(requests: int) -> str:
    """Return what a worker says that answered so many requests."""
    from prometheus_client.exposition import generate_latest

    metrics = Metrics()
    for _ in range(requests):
        metrics.call(Record("id", 0.0, service="s3", operation="GetObject", status=200, seconds=0.002))
    return generate_latest(metrics.registry).decode()


def read(found: SummedMetrics) -> dict[str, float]:
    """Return the sums by the samples' names; of labels only the histogram's bounds."""
    return {
        one.name + one.labels.get("le", ""): one.value
        for family in found.collect()
        for one in family.samples
        if one.name.startswith("passerelle_")
    }


def test_counts_add_up_and_never_go_back() -> None:
    found = SummedMetrics()
    found.update(0, text(3))
    found.update(1, text(4))
    assert read(found)["passerelle_requests_total"] == 7
    assert read(found)["passerelle_request_seconds_bucket0.0025"] == 7
    assert read(found)["passerelle_request_seconds_bucket0.001"] == 0
    assert (read(found)["passerelle_workers"], read(found)["passerelle_build_info"]) == (2, 1)
    found.worker_ended(1)
    assert read(found)["passerelle_requests_total"] == 7
    assert read(found)["passerelle_workers"] == 1
    found.update(1, text(1))
    assert read(found)["passerelle_requests_total"] == 8


@pytest.mark.parametrize("workers", [2, 3, 7])
def test_workers_share_what_bounds_the_gateway(workers: int) -> None:
    bounds = {
        "max_connections": 10,
        "max_connections_per_address": 8,
        "unsigned_body_bytes": 3 << 20,
        "cache_bytes": 5 << 20,
        "account_calls": 16,
        "unknown_keys_per_second": 20.0,
        "unknown_names_per_second": 20.0,
    }
    settings = Settings.model_validate({"workers": workers, "credential_cache_size": 100, **bounds})
    given = [json.loads(worker_settings(settings, 1, worker)) for worker in range(workers)]
    for name, bound in bounds.items():
        parts = [one[name] for one in given]
        assert sum(parts) == pytest.approx(bound)
        assert max(parts) - min(parts) <= 1
    assert {(one["workers"], one["credential_cache_size"]) for one in given} == {(1, 100)}


def test_every_worker_has_a_part_of_a_bound_that_is_smaller_than_their_number() -> None:
    settings = Settings.model_validate({"workers": 3, "account_calls": 2, "max_connections": 1, "cache_bytes": 0})
    given = [json.loads(worker_settings(settings, 1, worker)) for worker in range(3)]
    assert [(one["account_calls"], one["max_connections"], one["cache_bytes"]) for one in given] == [(1, 1, 0)] * 3
    assert all(Settings.model_validate(one) for one in given)
