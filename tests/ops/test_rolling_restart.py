"""Two gateways behind HAProxy, set up as the manual says, restart one after the other under work: no call fails."""

import http.client
import re
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import pytest

from tests.support.clients import Boto
from tests.support.gateway import Gateway, faults, gateway
from tests.support.names import unique
from tests.support.target import Target
from tests.support.wire import free_port

pytestmark = pytest.mark.cloud
MANUAL = Path(__file__).parents[2] / "docs" / "running.md"
PORTS = ("8080", "8773", "8774")  # in the manual: of HAProxy, and of the two gateways
ONCE: dict[str, Any] = {"retries": {"total_max_attempts": 1}, "read_timeout": 300}  # no retry hides a failure
BODY = b"x" * 4096
KINDS = ("put", "get", "list", "types", "create", "delete")


@pytest.fixture
def haproxy() -> str:
    found = shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if found is None:
        pytest.skip("there is no haproxy: `make proxies` installs it on Debian")
    return found


def configuration(ports: tuple[int, ...]) -> str:
    """Return the configuration of the manual, with ports of this machine."""
    [text] = re.findall(r"```haproxy\n(.*?)```", MANUAL.read_text(), re.DOTALL)
    for told, ours in zip(PORTS, ports, strict=True):
        assert f":{told}\n" in text
        text = text.replace(f":{told}\n", f":{ours}\n")
    return f"global\n    maxconn 200\n{text}"


@contextmanager
def balancer(program: str, file: Path) -> Iterator[None]:
    """Run HAProxy until the block ends."""
    process = subprocess.Popen([program, "-db", "-q", "-f", file])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def wait_until_served(port: int) -> None:
    """Wait until the balancer has found a gateway."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        with suppress(OSError, http.client.HTTPException), closing(connection):
            connection.request("GET", "/healthcheck")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.1)
    raise AssertionError("the balancer finds no gateway")


class Work:
    """Threads that call S3 and EC2 without a pause; `done` counts the calls, and `failed` has what went wrong."""

    def __init__(self, clients: Callable[[], Boto], bucket: str) -> None:
        self.done: Counter[str] = Counter()
        self.failed: list[str] = []
        self._stop = threading.Event()
        jobs = (self._objects, self._objects, self._instances)
        self._threads = [threading.Thread(target=job, args=(clients(), bucket, n)) for n, job in enumerate(jobs)]
        for thread in self._threads:
            thread.start()

    def wait_for(self, calls: int) -> None:
        """Wait until each kind of call was made so many times more."""
        before = self.done.copy()
        while not self.failed and any(self.done[kind] < before[kind] + calls for kind in KINDS):
            time.sleep(0.05)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """End the threads."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, kind: str, call: Callable[..., Any], **params: Any) -> Any:
        try:
            answer = call(**params)
        except Exception as error:
            self.failed.append(f"{kind}: {error!r}")
            self._stop.set()
            raise SystemExit from error
        self.done[kind] += 1
        return answer

    def _objects(self, clients: Boto, bucket: str, number: int) -> None:
        s3, key = clients("s3", **ONCE), f"k{number}"
        while not self._stop.is_set():
            self._repeat("put", s3.put_object, Bucket=bucket, Key=key, Body=BODY)
            body = self._repeat("get", s3.get_object, Bucket=bucket, Key=key)["Body"].read()
            if body != BODY:
                self.failed.append("get: another body")
            self._repeat("list", s3.list_objects_v2, Bucket=bucket)
        clients.close()

    def _instances(self, clients: Boto, _bucket: str, _number: int) -> None:
        ec2 = clients("ec2", **ONCE)
        while not self._stop.is_set():
            self._repeat("types", ec2.describe_instance_types)
            wanted = {"GroupName": unique("rolling"), "Description": "rolling"}
            group = self._repeat("create", ec2.create_security_group, **wanted)["GroupId"]
            self._repeat("delete", ec2.delete_security_group, GroupId=group)
        clients.close()


@contextmanager
def replica(cloud: Target, port: int, turn: int) -> Iterator[Gateway]:
    """Run a gateway that drains; its log may hold no fault."""
    settings = {"drain_seconds": "5"}
    with gateway(cloud, f"rolling-{port}-{turn}", "--port", str(port), settings=settings) as running:
        yield running
    assert not faults(running.log)


def test_no_call_fails_while_replicas_restart(haproxy: str, cloud: Target, bucket: str, tmp_path: Path) -> None:
    front, *own = ports = (free_port(), free_port(), free_port())
    file, url = tmp_path / "haproxy.cfg", f"http://127.0.0.1:{front}"
    file.write_text(configuration(ports))
    with ExitStack() as stack:
        running = [stack.enter_context(replica(cloud, port, 1)) for port in own]
        stack.enter_context(balancer(haproxy, file))
        wait_until_served(front)
        work = stack.enter_context(Work(lambda: Boto(url, dict(cloud.keys)), bucket))
        for port, old in zip(own, running, strict=True):
            work.wait_for(5)
            old.process.send_signal(signal.SIGTERM)
            assert old.stop() == 0
            new = stack.enter_context(replica(cloud, port, 2))
            while not new.lines(action="PutObject") and not work.failed:
                time.sleep(0.1)
        work.wait_for(5)
        work.end()
        assert not work.failed, work.failed
