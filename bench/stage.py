"""The environment of measurements: a cloud, a gateway process before it, and direct access to Swift."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from tests.support.clients import Boto
from tests.support.gateway import Gateway
from tests.support.gateway import gateway as run_gateway
from tests.support.target import Target, target

TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Stage:
    """A cloud and a gateway; `swift` is the storage URL of the main project, `token` its native token."""

    target: Target
    gateway: Gateway
    aws: Boto
    swift: str
    token: str

    def memory(self) -> float:
        """Return the gateway's resident memory in MiB."""
        status = Path(f"/proc/{self.gateway.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def cpu_of(pid: int) -> float:
    """Return the CPU seconds that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


@contextmanager
def stage() -> Iterator[Stage]:
    """Start what measurements need, and stop it after the block."""
    with target() as cloud, run_gateway(cloud, "bench", settings={"log_level": "info"}) as running:
        aws = Boto(running.url, dict(cloud.keys))
        with cloud.connect("main") as connection:
            swift, token = connection.object_store.get_endpoint(), connection.auth_token
        try:
            yield Stage(cloud, running, aws, str(swift).rstrip("/"), str(token))
        finally:
            aws.close()


def redirected(target: Target, urls: Mapping[str, str]) -> Target:
    """Return the target with other URLs for some services, by type; the gateway reads them from its clouds.yaml."""
    clouds = yaml.safe_load(target.clouds_yaml.read_text())
    for service, url in urls.items():
        clouds["clouds"][target.cloud][f"{service.replace('-', '_')}_endpoint_override"] = url
    path: Path = target.state / "bench-clouds.yaml"
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(clouds))
    return replace(target, clouds_yaml=path)


@contextmanager
def beside(module: str, *options: str, told: str = "") -> Iterator[tuple[int, str]]:
    """Run a server of this package in a separate process; yield its pid and URL.

    It gets one line on standard input, prints its port, and is stopped after the block.
    """
    command = [sys.executable, "-m", f"bench.{module}", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin
        assert server.stdout
        print(told, file=server.stdin, flush=True)
        try:
            yield server.pid, f"http://127.0.0.1:{server.stdout.readline().strip()}"
        finally:
            server.terminate()
