"""A gateway with destinations, a webhook behind them, and the process that delivers."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import remove_bucket
from tests.support.clients import Boto
from tests.support.gateway import START_SECONDS, STOP_SECONDS, Gateway, environment, faults, tail
from tests.support.gateway import gateway as run_gateway
from tests.support.names import unique
from tests.support.receiver import Receiver
from tests.support.target import Target

READY = re.compile(r"^passerelle notifying on ", re.MULTILINE)
SECRET = "a secret of the webhook's"
Notify = Callable[..., AbstractContextManager["Process"]]


class Process:
    """A running `passerelle notify`."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process, self.log = process, log

    def stop(self) -> None:
        """End it with SIGTERM."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(STOP_SECONDS) == 0, tail(self.log)


@contextmanager
def running(target: Target, settings: Mapping[str, str]) -> Iterator[Process]:
    """Run `passerelle notify` while the block runs."""
    name = unique("notify")
    log, ready = (target.state / "log" / f"{name}.{end}" for end in ("log", "out"))
    command = [sys.executable, "-m", "shim", "notify"]
    with log.open("wb") as errors, ready.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=errors, stdin=subprocess.DEVNULL, env=environment(target, settings)
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not READY.search(ready.read_text()):
            assert process.poll() is None, tail(log)
            assert time.monotonic() < deadline
            time.sleep(0.05)
        found = Process(process, log)
        yield found
        if process.poll() is None:
            found.stop()
        assert not faults(log)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


class Stage:
    """What the tests share: the clients' ARNs, the settings, and the webhook."""

    def __init__(self, target: Target, place: Path, account: str, receiver: Receiver) -> None:
        self.target, self.receiver = target, receiver
        self.topic = f"arn:aws:sns:us-east-1:{account}:uploads"
        self.queue = f"arn:aws:sqs:us-east-1:{account}:uploads"
        self.function = f"arn:aws:lambda:us-east-1:{account}:function:uploads"
        self.everybodys = "arn:aws:sns:us-east-1::audit"
        self.strangers = "arn:aws:sns:us-east-1:000000000001:uploads"
        self.silent = f"arn:aws:sns:us-east-1:{account}:silent"
        file = place / "destinations.json"
        url = receiver.url
        arns = (self.topic, self.queue, self.function, self.everybodys, self.strangers)
        named = {arn: {"url": url} for arn in arns}
        told = {
            **named,
            self.queue: {"url": f"{url}/signed", "secret": SECRET},
            self.silent: {"url": "http://[::1]:9/"},
        }
        file.write_text(json.dumps(told))
        file.chmod(0o600)
        self.settings = {
            "notification_file": str(file),
            "notification_dir": str(place / "spool"),
            "notification_retry_seconds": "0.2",
        }

    def notify(self, **more: str) -> AbstractContextManager[Process]:
        """Run the deliverer."""
        return running(self.target, self.settings | more)


@pytest.fixture(scope="package")
def stage(cloud: Target, aws: Boto, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    account = aws("sts").get_caller_identity()["Account"]
    with Receiver().serving() as receiver:
        yield Stage(cloud, tmp_path_factory.mktemp("notifications"), account, receiver)


@pytest.fixture(scope="package")
def noting(stage: Stage) -> Iterator[Gateway]:
    """A gateway that stores notifications."""
    with run_gateway(stage.target, "notifications", settings=stage.settings) as found:
        yield found
    assert not faults(found.log)


@pytest.fixture(scope="class")
def delivering(stage: Stage) -> Iterator[Process]:
    """The process that delivers them."""
    with stage.notify() as found:
        yield found


@pytest.fixture(scope="package")
def clients(noting: Gateway, cloud: Target) -> Iterator[Boto]:
    found = Boto(noting.url, dict(cloud.keys))
    yield found
    found.close()


@pytest.fixture(scope="package")
def client(clients: Boto) -> Any:
    return clients("s3")


@pytest.fixture
def source(client: Any) -> Iterator[str]:
    """A bucket; its notifications are ended before it is emptied."""
    name = unique("noted")
    client.create_bucket(Bucket=name)
    yield name
    client.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={})
    remove_bucket(client, name)
