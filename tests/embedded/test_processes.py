"""A service is known by its command line: no pid file can lie about it."""

import subprocess
import sys
from pathlib import Path

from adapters.embedded import processes
from adapters.embedded.layout import Layout

PLACE = Layout(Path("/clouds/one/cloud"), Path("/venv"))


def pretend(proc: Path, pid: int, argv: list[str], parent: int = 1) -> None:
    """Write what /proc says of a process."""
    directory = proc / str(pid)
    directory.mkdir()
    (directory / "cmdline").write_text("".join(f"{word}\0" for word in argv))
    (directory / "stat").write_text(f"{pid} (python (x) y) S {parent} 1 1 0")


def test_a_service_is_found_with_the_signature_it_was_started_with(tmp_path: Path) -> None:
    pretend(tmp_path, 7, processes.command(PLACE, "nova", "abc"))
    assert processes.running(PLACE, tmp_path) == {"nova": [processes.Process("nova", 7, 1, "abc")]}


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
