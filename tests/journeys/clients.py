"""Install the clients of the journeys, each by its lock and below `.state/journeys`."""

import shutil
import subprocess
import venv
from pathlib import Path

from tests.support.target import REPOSITORY

ROOT = REPOSITORY / ".state" / "journeys"
HERE = Path(__file__).parent
SECONDS = 240


class NotInstalledError(Exception):
    """The packages cannot be had here."""


def javascript() -> Path:
    """Install the AWS SDK for JavaScript unless it is there; return the folder of Node's packages."""
    folder, lock = ROOT / "node", HERE / "package-lock.json"
    stamp = folder / "installed.lock"
    if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
        folder.mkdir(parents=True, exist_ok=True)
        for one in (HERE / "package.json", lock):
            shutil.copy(one, folder)
        _run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], folder)
        stamp.write_bytes(lock.read_bytes())
    return folder / "node_modules"


def python() -> Path:
    """Install boto 2 and libcloud unless they are there; return their Python."""
    folder, lock = ROOT / "python", REPOSITORY / "requirements" / "clients.lock"
    interpreter, stamp = folder / "bin" / "python", folder / "installed.lock"
    if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
        venv.create(folder, clear=True, with_pip=True)
        command = [str(interpreter), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        _run([*command, "--require-hashes", "-r", str(lock)], folder)
        stamp.write_bytes(lock.read_bytes())
    return interpreter


def _run(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired as error:
        raise NotInstalledError(f"not within {SECONDS} s") from error
    if done.returncode:
        raise NotInstalledError(done.stderr.strip()[-400:])


def ansible() -> Path | None:
    """Return the command that plays playbooks where `make ansible` has installed it (600 MB)."""
    command = ROOT / "ansible" / "bin" / "ansible-playbook"
    return command if command.exists() else None
