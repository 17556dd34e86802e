"""A service that takes connections and answers nothing hangs, however young; one that does not listen yet starts."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from adapters.embedded.free_ports import first_free
from adapters.embedded.host import is_good
from adapters.embedded.layout import HOST, Layout
from adapters.embedded.plan import Plan
from adapters.embedded.processes import Process, stat


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    place = Layout(tmp_path / "cloud", Path("/venv"))
    return Plan(place, first_free(tmp_path / "ports.json"), {}, tmp_path / "objects")


@pytest.fixture
def young() -> Iterator[Process]:
    """A process that has just started."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        yield Process("nova", child.pid, 1, "signature", stat(Path(f"/proc/{child.pid}")).started)
        child.kill()


@pytest.mark.parametrize(
    ("listening", "good"), [((), True), (("nova", "metadata"), False), (("metadata",), False), (("glance",), True)]
)
def test_a_young_service(plan: Plan, young: Process, listening: tuple[str, ...], good: bool) -> None:
    with ExitStack() as stack:
        for name in listening:
            stack.enter_context(socket.create_server((HOST, plan.ports[name])))
        assert is_good([young], "signature", plan, patience=0.3) is good


def test_two_processes_or_another_configuration_are_not_good(plan: Plan, young: Process) -> None:
    assert not is_good([young, young], "signature", plan)
    assert not is_good([young], "another", plan)
