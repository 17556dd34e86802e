"""A service's process is recognised by its command line, without a pid file."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from adapters.embedded import processes
from adapters.embedded.layout import Layout

PLACE = Layout(Path("/clouds/one/cloud"), Path("/venv"))


def pretend(
    proc: Path, pid: int, argv: list[str], parent: int = 1, state: str = "S", flags: int = 0x400000, pending: int = 0
) -> None:
    """Write what /proc says of a process."""
    directory = proc / str(pid)
    directory.mkdir()
    (directory / "cmdline").write_text("".join(f"{word}\0" for word in argv))
    between = " ".join(["0"] * 12)
    (directory / "stat").write_text(f"{pid} (python (x) y) {state} {parent} 1 1 0 -1 {flags} {between} 4711 0 0")
    (directory / "status").write_text(f"Name:\tpython\nSigPnd:\t{0:016x}\nShdPnd:\t{pending:016x}\nSigBlk:\t{0:016x}\n")


def test_a_service_is_found_with_the_signature_it_was_started_with(tmp_path: Path) -> None:
    pretend(tmp_path, 7, processes.command(PLACE, "nova", "abc"))
    assert processes.running(PLACE, tmp_path) == {"nova": [processes.Process("nova", 7, 1, "abc", 4711)]}


def test_another_clouds_service_is_not_ours(tmp_path: Path) -> None:
    pretend(tmp_path, 7, processes.command(Layout(Path("/clouds/two/cloud"), PLACE.venv), "nova", "abc"))
    pretend(tmp_path, 8, processes.command(Layout(Path("/clouds/one/cloud/x"), PLACE.venv), "nova", "abc"))
    assert processes.running(PLACE, tmp_path) == {}


def test_others_zombies_and_the_ended_are_passed_over(tmp_path: Path) -> None:
    pretend(tmp_path, 2, ["python", "-P", "-m", "something", "nova", str(PLACE.root), "abc"])
    pretend(tmp_path, 3, [])
    (tmp_path / "4").mkdir()
    (tmp_path / "self").mkdir()
    assert processes.running(PLACE, tmp_path) == {}


@pytest.mark.parametrize("fate", [{"state": "Z"}, {"state": "X"}, {"flags": 0x400004}, {"pending": 1 << 8}])
def test_a_process_that_is_about_to_end_is_not_alive_and_is_waited_for(tmp_path: Path, fate: dict[str, Any]) -> None:
    pretend(tmp_path, 7, processes.command(PLACE, "nova", "abc"), **fate)
    assert processes.running(PLACE, tmp_path) == {}
    assert [process.ending for process in processes.present(PLACE, tmp_path)["nova"]] == [True]


@pytest.mark.parametrize("signal", [signal.SIGTERM, signal.SIGCHLD, signal.SIGUSR1])
def test_another_pending_signal_ends_nobody(tmp_path: Path, signal: int) -> None:
    pretend(tmp_path, 7, processes.command(PLACE, "nova", "abc"), pending=1 << (signal - 1))
    assert [process.ending for process in processes.running(PLACE, tmp_path)["nova"]] == [False]


def test_a_process_that_got_the_pid_of_another_is_left_alone() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        started = processes.stat(Path(f"/proc/{child.pid}")).started
        processes.end([processes.Process("nova", child.pid, 1, "abc", started - 1)], signal.SIGKILL, 0.1)
        assert child.poll() is None
        processes.end([processes.Process("nova", child.pid, 1, "abc", started)], signal.SIGKILL, 10)
        assert not Path(f"/proc/{child.pid}").exists()


def test_a_child_that_has_ended_says_how() -> None:
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", "import time; time.sleep(60)"], {})
    assert processes.ended(pid) is None
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert processes.ended(pid) == -signal.SIGKILL
    assert processes.ended(pid) == 0  # nobody knows any more


def test_a_process_is_as_old_as_it_is() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        mine, its = (processes.stat(Path(f"/proc/{pid}")).started for pid in (os.getpid(), child.pid))
        ages = [processes.age(processes.Process("nova", 0, 1, "", started)) for started in (mine, its)]
        assert ages[0] >= ages[1] >= 0
        child.kill()


def test_a_child_between_fork_and_exec_is_not_a_second_service(tmp_path: Path) -> None:
    pretend(tmp_path, 7, processes.command(PLACE, "cinder", "abc"))
    pretend(tmp_path, 8, processes.command(PLACE, "cinder", "abc"), parent=7)
    assert [process.pid for process in processes.running(PLACE, tmp_path)["cinder"]] == [7]


def test_two_processes_of_one_service_are_both_found(tmp_path: Path) -> None:
    pretend(tmp_path, 7, processes.command(PLACE, "cinder", "abc"))
    pretend(tmp_path, 8, processes.command(PLACE, "cinder", "abd"))
    assert [process.pid for process in processes.running(PLACE, tmp_path)["cinder"]] == [7, 8]


def test_in_order_puts_services_in_the_order_they_start() -> None:
    found = {name: [processes.Process(name, pid, 1, "")] for pid, name in enumerate(("swift", "keystone", "nova"), 2)}
    assert [process.service for process in processes.in_order(found)] == ["keystone", "nova", "swift"]


def test_a_process_which_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    place = Layout(tmp_path, tmp_path / "venv")
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    module = tmp_path / processes.PACKAGE
    module.mkdir()
    (module / "__main__.py").write_text(deaf)
    command = [sys.executable, *processes.command(place, "nova", "abc")[1:]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={"PYTHONPATH": str(tmp_path)}) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert [process.pid for process in processes.running(place)["nova"]] == [child.pid]
        processes.stop(place, patience=0.3)
        assert processes.running(place) == {}


def test_services_get_an_environment_of_their_own() -> None:
    variables = processes.environment(PLACE)
    assert variables["PYTHONPATH"] == "/clouds/one/cloud/path"
    assert variables["PATH"].startswith("/venv/bin:")
    assert not [name for name in variables if name.startswith("OS_") or name.lower().endswith("_proxy")]


def test_memory_is_measured_and_zero_for_the_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        alive = processes.memory(child.pid)
        assert 0 < alive.pss <= alive.rss
        child.kill()
    assert processes.memory(child.pid) == processes.Memory(0, 0)
