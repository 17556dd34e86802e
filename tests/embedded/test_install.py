"""The lock pins every file by hash and names no host; the databases' seed is keyed by all that decides its content."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.embedded import databases, install
from adapters.embedded.layout import Layout
from adapters.embedded.locks import locked


def test_every_line_of_the_lock_is_a_pin_with_hashes() -> None:
    entries = re.split(r"\n(?=\S)", install.LOCK.read_text().strip())
    assert len(entries) > 150
    for entry in entries:
        assert re.match(r"[a-z0-9.-]+==\S+ \\\n", entry), entry
        assert re.findall(r"--hash=sha256:[0-9a-f]{64}", entry), entry


def test_the_lock_names_no_host() -> None:
    assert not re.search(r"https?:|index-url|find-links", install.LOCK.read_text())


def test_what_is_asked_for_is_what_is_locked() -> None:
    wanted = re.findall(r"^([a-z-]+==\S+)$", install.LOCK.with_name("requirements.in").read_text(), re.MULTILINE)
    locked_pins = set(re.findall(r"^([a-z0-9.-]+==\S+) ", install.LOCK.read_text(), re.MULTILINE))
    assert len(wanted) == 9
    assert set(wanted) <= locked_pins


def test_an_environment_without_the_mark_of_this_lock_is_not_installed(tmp_path: Path) -> None:
    place = Layout(tmp_path, tmp_path / "venv")
    assert not install.is_installed(place)
    place.python.parent.mkdir(parents=True)
    place.python.touch()
    (place.venv / install.MARK).write_text("of an older lock")
    assert not install.is_installed(place)
    (place.venv / install.MARK).write_text(install.digest())
    assert install.is_installed(place)


def test_an_environment_that_is_linked_is_left_to_its_own_clouds(tmp_path: Path) -> None:
    others, place = tmp_path / "others", Layout(tmp_path / "cloud", tmp_path / "cloud/venv")
    for directory in (others, place.root):
        directory.mkdir()
    place.venv.symlink_to(others)
    install.leave_others(place)
    assert others.exists()
    assert not place.venv.exists()
    place.venv.mkdir()
    install.leave_others(place)
    assert place.venv.exists()


@pytest.mark.parametrize("uv", [None, "/bin/uv"])
def test_both_installers_check_hashes(tmp_path: Path, uv: str | None) -> None:
    last = install.commands(Layout(tmp_path, tmp_path / "venv"), uv)[-1]
    assert "--require-hashes" in last
    assert str(install.LOCK) in last


def test_the_seeds_name_follows_its_commands() -> None:
    before = databases.seed_key()
    assert before == databases.seed_key()
    assert databases.seed_key(databases.MIGRATIONS[1:]) != before


def test_the_seed_lies_beside_the_environment(tmp_path: Path) -> None:
    place = Layout(tmp_path / "one/cloud", tmp_path / "venv")
    assert databases.seed_directory(place).parent == tmp_path
    assert databases.seed_directory(Layout(tmp_path / "two/cloud", tmp_path / "venv")) == databases.seed_directory(
        place
    )


def test_keystones_keys_are_made_once(tmp_path: Path) -> None:
    place = Layout(tmp_path, tmp_path / "venv")
    databases.keystone_keys(place)
    key = place.root / "keystone/fernet-keys/0"
    first = key.read_text()
    databases.keystone_keys(place)
    assert key.read_text() == first
    assert len(first) == 44
    assert key.stat().st_mode & 0o777 == 0o600


def test_a_child_keeps_the_lock_of_its_killed_parent(tmp_path: Path) -> None:
    """An installer outlives its supervisor: the next one must wait for it."""
    said: list[str] = []
    with locked(tmp_path / "lock", said.append) as descriptor:
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(descriptor,))
    other = (
        "import sys; from pathlib import Path; from adapters.embedded.locks import locked\n"
        f"with locked(Path({str(tmp_path / 'lock')!r}), lambda line: print(line, flush=True)): print('mine')"
    )
    with subprocess.Popen([sys.executable, "-c", other], stdout=subprocess.PIPE, text=True) as waiter:
        assert waiter.stdout is not None
        assert waiter.stdout.readline().startswith("waiting for")
        child.communicate(b"\n")
        assert waiter.stdout.readline() == "mine\n"
    assert said == []


def test_a_long_command_is_told_of_until_it_ends(tmp_path: Path) -> None:
    told, waits = (
        tmp_path / "told",
        "import os, sys, time\nwhile not os.path.exists(sys.argv[1]): time.sleep(0.01)\nsys.exit(3)",
    )
    with (tmp_path / "log").open("wb") as output:
        assert install.run([sys.executable, "-c", waits, str(told)], output, output.fileno(), told.touch, 0.05) == 3


def test_an_installation_says_how_far_it_is(tmp_path: Path) -> None:
    place = Layout(tmp_path, tmp_path / "venv")
    (place.venv / "lib/python3.11/site-packages/nova-1.dist-info").mkdir(parents=True)
    (tmp_path / "install.log").write_text("Resolved 2 packages\nDownloading nova (4 MiB)\n")
    total = len(re.findall(r"^[a-z0-9]", install.LOCK.read_text(), re.MULTILINE))
    said = install.so_far(place, tmp_path / "install.log")
    assert said == f"1 of {total} packages are installed (Downloading nova (4 MiB))"
