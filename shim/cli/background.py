"""The demo's gateway: a background process, one for each state directory, whose id is kept in a file."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from adapters.embedded.layout import write_private
from adapters.embedded.processes import reap

START_SECONDS = 300.0  # importing takes minutes on a busy machine; a gateway that exits ends the wait at once
STOP_SECONDS = 40.0
READY = re.compile(r"^passerelle listening on (\S+)$", re.MULTILINE)


class BackgroundError(Exception):
    """The gateway did not start or stop; the text has the end of its log."""


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway that was started here.

    `born` is the start of the process in clock ticks since boot, which tells it from a later process with the same id.
    `made_of` is a digest of the configuration and the code that it was started with.
    """

    pid: int
    born: str
    url: str
    made_of: str = ""

    def alive(self) -> bool:
        """Tell whether the process still runs."""
        return born(self.pid) == self.born


@dataclass(frozen=True, slots=True)
class Background:
    """One background gateway, whose files are in a state directory."""

    state_dir: Path

    @property
    def log(self) -> Path:
        """The file of its log."""
        return self.state_dir / "gateway.log"

    @property
    def _memory(self) -> Path:
        return self.state_dir / "gateway.json"

    def running(self) -> Running | None:
        """Return the gateway that runs, if one does."""
        try:
            found = Running(**json.loads(self._memory.read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return found if found.alive() else None

    def start(self, options: Sequence[str], environment: dict[str, str], made_of: str) -> Running:
        """Start `passerelle serve` and return when it listens; raise BackgroundError when it does not."""
        ready = self.state_dir / "gateway.out"
        pid = self._spawn([sys.executable, "-m", "shim", "serve", *options], os.environ | environment, ready)
        started, deadline = born(pid), time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and born(pid):
            if found := READY.search(ready.read_text()):
                running = Running(pid, started, found[1], made_of)
                write_private(self._memory, json.dumps(asdict(running)))
                return running
            time.sleep(0.05)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise BackgroundError(f"the gateway did not start; the end of {self.log}:\n{self._tail()}")

    def _spawn(self, command: list[str], environment: dict[str, str], ready: Path) -> int:
        """Start a process in a session of its own, so that it outlives this one, and return its id."""
        with (
            Path(os.devnull).open("rb") as nothing,
            open(ready, "wb", opener=_private) as output,
            open(self.log, "ab", opener=_private) as errors,
        ):
            streams = ((nothing, 0), (output, 1), (errors, 2))
            actions = [(os.POSIX_SPAWN_DUP2, stream.fileno(), number) for stream, number in streams]
            return os.posix_spawn(command[0], command, environment, file_actions=actions, setsid=True)

    def stop(self) -> bool:
        """Stop the gateway with SIGTERM; tell whether one ran."""
        running = self.running()
        if running is None:
            return False
        os.kill(running.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while running.alive():
            if time.monotonic() > deadline:
                raise BackgroundError(f"process {running.pid} does not stop; the end of {self.log}:\n{self._tail()}")
            time.sleep(0.05)
        reap([running.pid])
        self._memory.unlink(missing_ok=True)
        return True

    def _tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])


def _private(path: str, flags: int) -> int:
    """Open a file so that only its owner may read it, even if it was there already."""
    descriptor = os.open(path, flags, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor


def born(pid: int) -> str:
    """Return when a process started (field 22 of /proc/PID/stat), or '' for one that is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]
