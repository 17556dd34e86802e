"""Makes the services' virtual environment from the lock file; an unfinished one is made again."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

from adapters.embedded.errors import CloudError
from adapters.embedded.layout import Layout, tail
from adapters.embedded.locks import locked

LOCK = Path(__file__).with_name("requirements.lock")
PROGRESS_SECONDS = 10.0
MARK = ".passerelle-lock"  # file in the environment with the digest of its lock file, written last


def digest() -> str:
    """Return the lock file's digest, which identifies the set of packages."""
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()


def is_installed(place: Layout) -> bool:
    """Return whether the environment has exactly the lock's packages."""
    try:
        return (place.venv / MARK).read_text() == digest() and place.python.exists()
    except OSError:
        return False


def find_uv() -> str | None:
    """Return the path of uv: the one installed with this project, else one on the PATH."""
    try:
        found: str = import_module("uv").find_uv_bin()
    except (ImportError, FileNotFoundError):
        return shutil.which("uv")
    return found


def commands(place: Layout, uv: str | None) -> list[list[str]]:
    """Return the commands that make the environment. Every file is checked against the lock's hashes, and so is the
    setuptools which uv builds the two source distributions with.
    """
    base = f"{sys.version_info.major}.{sys.version_info.minor}"
    lock, python, venv = str(LOCK), str(place.python), str(place.venv)
    if uv is None:
        return [
            [sys.executable, "-m", "venv", "--clear", venv],
            # Without the resolver: with hashes, it refuses dependencies that are not pinned with "==".
            [python, "-m", "pip", "install", "--no-deps", "--require-hashes", "-r", lock],
        ]
    return [
        [uv, "venv", "--clear", "--no-project", "--python", base, venv],
        [uv, "pip", "install", "--python", python, "--compile-bytecode", "--require-hashes", "-b", lock, "-r", lock],
    ]


def install(place: Layout, progress: Callable[[str], None]) -> bool:
    """Make the environment if it is missing; return whether it was made."""
    if is_installed(place):
        return False
    place.venv.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(place.venv.with_name(f"{place.venv.name}.lock"), progress) as lock:
        if is_installed(place):
            return False
        leave_others(place)
        progress(f"installing OpenStack into {place.venv}: this takes a minute or two, once")
        log = place.log("install")
        with log.open("wb") as output:
            for command in commands(place, find_uv()):
                if run(command, output, lock, lambda: progress(so_far(place, log))):
                    raise CloudError(f"{' '.join(command[:3])} failed\n--- end of {log} ---\n{tail(log)}")
        (place.venv / MARK).write_text(digest())
    return True


def leave_others(place: Layout) -> None:
    """Remove a link to an environment with other packages: other clouds may run from it."""
    if place.venv.is_symlink():
        place.venv.unlink()


def run(
    command: list[str], output: BinaryIO, lock: int, waiting: Callable[[], None], every: float = PROGRESS_SECONDS
) -> int:
    """Run a command, calling `waiting` at a fixed interval; return its exit status."""
    with subprocess.Popen(command, stdout=output, stderr=output, pass_fds=(lock,)) as process:
        while True:
            try:
                return process.wait(every)
            except subprocess.TimeoutExpired:
                waiting()


def so_far(place: Layout, log: Path) -> str:
    """Describe an installation's progress: the number of installed packages, and the installer's last line."""
    total = sum("==" in line and line[0].isalnum() for line in LOCK.read_text().splitlines() if line)
    there = sum(1 for _ in place.venv.glob("lib/python3*/site-packages/*.dist-info"))
    said = tail(log, 1).strip()
    return f"{there} of {total} packages are installed" + (f" ({said})" if said else "")
