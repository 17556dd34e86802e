"""The services' virtual environment, made from the lock file; one that was not finished is made again."""

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
MARK = ".passerelle-lock"  # in the environment: the digest of the lock it was made from, written last


def digest() -> str:
    """Name the set of packages: the lock file's digest."""
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()


def is_installed(place: Layout) -> bool:
    """Tell whether the environment holds exactly the lock's packages."""
    try:
        return (place.venv / MARK).read_text() == digest() and place.python.exists()
    except OSError:
        return False


def find_uv() -> str | None:
    """Find uv: the one installed with us, else one on the PATH."""
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
            # Without its resolver: with hashes, it refuses what a dependency asks for without "==".
            [python, "-m", "pip", "install", "--no-deps", "--require-hashes", "-r", lock],
        ]
    return [
        [uv, "venv", "--clear", "--no-project", "--python", base, venv],
        [uv, "pip", "install", "--python", python, "--compile-bytecode", "--require-hashes", "-b", lock, "-r", lock],
    ]


def install(place: Layout, progress: Callable[[str], None]) -> bool:
    """Make the environment unless it is there; tell whether anything was done."""
    if is_installed(place):
        return False
    place.venv.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(place.venv.with_name(f"{place.venv.name}.lock"), progress) as lock:
        if is_installed(place):
            return False
        progress(f"installing OpenStack into {place.venv}: this takes a minute or two, once")
        log = place.log("install")
        with log.open("wb") as output:
            for command in commands(place, find_uv()):
                if run(command, output, lock, lambda: progress(so_far(place, log))):
                    raise CloudError(f"{' '.join(command[:3])} failed\n--- end of {log} ---\n{tail(log)}")
        (place.venv / MARK).write_text(digest())
    return True


def run(
    command: list[str], output: BinaryIO, lock: int, waiting: Callable[[], None], every: float = PROGRESS_SECONDS
) -> int:
    """Run a command to its end, calling `waiting` every so many seconds; give its exit status."""
    with subprocess.Popen(command, stdout=output, stderr=output, pass_fds=(lock,)) as process:
        while True:
            try:
                return process.wait(every)
            except subprocess.TimeoutExpired:
                waiting()


def so_far(place: Layout, log: Path) -> str:
    """Say how far an installation is: how many packages are in the environment, and what the installer said last."""
    total = sum("==" in line and line[0].isalnum() for line in LOCK.read_text().splitlines() if line)
    there = sum(1 for _ in place.venv.glob("lib/python3*/site-packages/*.dist-info"))
    said = tail(log, 1).strip()
    return f"{there} of {total} packages are installed" + (f" ({said})" if said else "")
