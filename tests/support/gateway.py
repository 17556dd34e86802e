"""A gateway as users run it: a process of its own, used over a socket, stopped by SIGTERM."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.embedded import GATEWAY_SETTINGS
from tests.support.target import Target

READY = re.compile(r"^passerelle listening on (https?://\S+)$", re.MULTILINE)
METRICS = re.compile(r"^passerelle metrics on (http://\S+)$", re.MULTILINE)
START_SECONDS = 300.0  # for one that hangs: on a busy machine its imports may take minutes, and one that ends is seen
STOP_SECONDS = 30.0
LINE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway: where it listens, where it logs, and the process."""

    url: str
    metrics_url: str
    log: Path
    process: subprocess.Popen[bytes]

    def lines(self, **wanted: object) -> list[dict[str, Any]]:
        """Return the log lines whose fields are as wanted; one that is being written is left for the next look."""
        whole = self.log.read_text().rpartition("\n")[0].splitlines()
        found = [json.loads(line) for line in whole if line.startswith("{")]
        return [line for line in found if all(line.get(name) == value for name, value in wanted.items())]

    def call(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """Return the log line of the call that gave this boto3 answer; it is written after the answer's last byte."""
        wanted = answer["ResponseMetadata"]["RequestId"]
        deadline = time.monotonic() + LINE_SECONDS
        while not (found := self.lines(request_id=wanted, message="call")):
            if time.monotonic() > deadline:
                raise AssertionError(f"no log line for {wanted}")
            time.sleep(0.01)
        (line,) = found
        return line

    def least_calls(self, act: Callable[[], Mapping[str, Any]]) -> int:
        """Return the OpenStack calls behind `act`: the least of three, as expired cache entries add some."""
        return min(int(self.call(act())["upstream_calls"]) for _ in range(3))

    def stop(self) -> int:
        """Send SIGTERM and return the exit status; a gateway that does not end is killed, and that is an error."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the gateway did not stop:\n{tail(self.log)}") from None


@contextmanager
def gateway(
    target: Target, name: str = "gateway", *options: str, settings: Mapping[str, str] | None = None
) -> Iterator[Gateway]:
    """Run `passerelle serve` until the block ends, with `options` as its arguments and `settings` as PASSERELLE_*."""
    (target.state / "log").mkdir(exist_ok=True)
    log, ready = target.state / "log" / f"{name}.log", target.state / "log" / f"{name}.out"
    command = [sys.executable, "-m", "shim", "serve", "--cloud", target.cloud, "--port", "0", *options]
    with log.open("wb") as errors, ready.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=errors, stdin=subprocess.DEVNULL, env=environment(target, settings or {})
        )
    try:
        url, metrics = wait_until_ready(process, ready, log)
        running = Gateway(url, metrics, log, process)
        yield running
        running.stop()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def environment(target: Target, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a gateway: clouds.yaml and settings, and nothing of ours that could change it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "AWS_", "PASSERELLE_"))}
    own = {
        **GATEWAY_SETTINGS,  # another cloud shows zones of other names by those
        "OS_CLIENT_CONFIG_FILE": str(target.clouds_yaml),
        "PASSERELLE_STATE_DIR": str(target.state),
        "PASSERELLE_METRICS_PORT": "0",
        "PASSERELLE_DRAIN_SECONDS": "0",
        "PASSERELLE_LOG_FORMAT": "json",
        "PYTHONWARNINGS": "default",
        "PYTHONUNBUFFERED": "1",
    }
    return kept | own | {f"PASSERELLE_{name.upper()}": value for name, value in settings.items()}


def wait_until_ready(process: subprocess.Popen[bytes], ready: Path, log: Path) -> tuple[str, str]:
    """Return the URLs of the ready lines; raise with the log's end when the process ends or stays silent."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        text = ready.read_text()
        if found := READY.search(text):
            metrics = METRICS.search(text)
            return found[1], metrics[1] if metrics else ""
        time.sleep(0.05)
    raise AssertionError(f"the gateway did not start (status {process.poll()}):\n{ready.read_text()}{tail(log)}")


def tail(log: Path, lines: int = 40) -> str:
    """Return the last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def faults(log: Path) -> list[str]:
    """Return the lines no test may leave in a gateway's log: bugs and warnings, which a client's retry can hide."""
    return [line for line in log.read_text(errors="replace").splitlines() if is_fault(line)]


def is_fault(line: str) -> bool:
    """Tell whether a log line is an error, a Python warning, or no log line at all (a traceback)."""
    if not line.startswith("{"):
        return True
    fields = json.loads(line)
    return fields["level"] in {"error", "critical"} or fields["logger"] == "py.warnings"
