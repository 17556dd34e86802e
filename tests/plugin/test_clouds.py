"""The last session takes a cloud down only if sessions started it.

Processes with the command line of a service stand for the cloud.
"""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from adapters.embedded.processes import PACKAGE
from pytest_passerelle.clouds import InUseError, Shared, Wanted, living, started_here, stop
from shim.cli.background import Running, born

Start = Callable[[str], subprocess.Popen[bytes]]


@pytest.fixture
def wanted(tmp_path: Path) -> Wanted:
    wanted = Wanted(tmp_path / "state")
    wanted.place.mkdir(parents=True)
    wanted.embedded.place.root.mkdir()
    return wanted


@pytest.fixture
def start(wanted: Wanted, tmp_path: Path) -> Iterator[Start]:
    """Return what starts a process that looks like a service of the cloud."""
    (tmp_path / f"{PACKAGE}.py").write_text("print('up', flush=True)\nimport time\ntime.sleep(60)\n")
    started: list[subprocess.Popen[bytes]] = []

    def make(service: str) -> subprocess.Popen[bytes]:
        root = str(wanted.embedded.place.root)
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", PACKAGE, service, root, "signature"],
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            stdout=subprocess.PIPE,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        return process

    yield make
    for process in started:
        process.kill()
        process.communicate()


def test_a_cloud_that_a_session_started_is_taken_down(wanted: Wanted, start: Start) -> None:
    start("keystone")
    start("glance")
    (wanted.place / "started").write_text("\n".join(living(wanted.embedded)))
    assert stop(wanted)
    assert living(wanted.embedded) == []
    assert not (wanted.place / "started").exists()


def test_a_cloud_that_somebody_started_since_then_stays(wanted: Wanted, start: Start) -> None:
    old = start("keystone")
    (wanted.place / "started").write_text("\n".join(living(wanted.embedded)))
    old.kill()
    old.wait()
    new = start("keystone")
    assert stop(wanted)
    assert new.poll() is None
    assert not (wanted.place / "started").exists()


def test_a_gateway_that_another_session_uses_is_not_stopped(tmp_path: Path) -> None:
    clouds = tmp_path / "clouds.yaml"
    clouds.write_text("clouds: {}\n")
    wanted = Wanted(tmp_path / "state", cloud="some", clouds_yaml=str(clouds))
    wanted.place.mkdir(parents=True)
    with subprocess.Popen(["sleep", "60"]) as gateway, (wanted.place / "users").open("w") as users:
        try:
            remembered = Running(gateway.pid, born(gateway.pid), "http://127.0.0.1:9", "of other code")
            (wanted.place / "gateway.json").write_text(json.dumps(asdict(remembered)))
            fcntl.flock(users, fcntl.LOCK_SH)
            with (
                pytest.raises(InUseError, match="another session uses a gateway"),
                Shared(wanted, lambda _: None).used(),
            ):
                pass
            assert gateway.poll() is None
        finally:
            gateway.kill()


def test_whose_processes_they_are(tmp_path: Path) -> None:
    assert not started_here(tmp_path, ["1 5"])
    (tmp_path / "started").write_text("1 5\n2 6")
    assert started_here(tmp_path, ["1 5", "2 6"])
    assert started_here(tmp_path, ["2 6"])  # the other has ended
    assert not started_here(tmp_path, ["1 5", "3 7"])
    assert not started_here(tmp_path, [])
