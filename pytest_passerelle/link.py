"""The tests' side of the keeper: starts it, asks it, ends it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_passerelle.account import Account

END_SECONDS = 600.0
# What the keeper's gateway and clients must not inherit: a test's own keys, and another cloud's names.
LEFT_OUT = ("AWS_", "OS_", "PYTHON")


class KeeperError(Exception):
    """The keeper could not do what it was asked; the message says why."""


@dataclass(slots=True)
class Link:
    """A running keeper, asked by one thread at a time. `endpoint_url` is the gateway's."""

    process: subprocess.Popen[str]
    endpoint_url: str = ""
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _vpcs: set[str] = field(default_factory=set)

    @classmethod
    def start(cls, wanted: Mapping[str, str], say: Callable[[str], None]) -> Link:
        """Start a keeper and return when its cloud and gateway answer; `say` gets a line for each step."""
        process = subprocess.Popen(
            command({**wanted, "do": "serve"}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
            start_new_session=True,  # Ctrl-C is for the tests; the keeper ends when they have ended
        )
        link = cls(process)
        try:
            while "ready" not in (line := link.read()):
                if "failed" in line:
                    raise KeeperError(line["failed"])
                say(line["progress"])
        except BaseException:
            link._ended()
            raise
        link.endpoint_url = line["ready"]
        return link

    def open(self) -> Account:
        """Return a fresh account."""
        return Account(**self.ask("open"))

    def default_vpc(self, account: Account) -> None:
        """See to it that an account has a default VPC."""
        with self._lock:
            if account.project_id not in self._vpcs:
                self.ask("default_vpc", account)
                self._vpcs.add(account.project_id)

    def close(self, account: Account) -> None:
        """Give an account back, to be removed with all that it holds."""
        self.ask("close", account)

    def ask(self, what: str, account: Account | None = None) -> Any:
        """Send a request and return its answer."""
        with self._lock:
            self._write(do=what, project=account.project_id if account else "")
            line = self.read()
        if "error" in line:
            raise KeeperError(f"{what}: {line['error']}")
        return line["answer"]

    def end(self) -> list[str]:
        """Let the keeper remove what is open; return what it could not remove."""
        with self._lock:
            try:
                self._write(do="end")
                left: list[str] = self.read()["left"]
            except (KeeperError, OSError) as error:
                left = [str(error)]
            self._ended()
        return left

    def _ended(self) -> None:
        """Close the pipes, by which the keeper ends, and wait for it."""
        self._pipe(self.process.stdin).close()
        self.process.wait(END_SECONDS)
        self._pipe(self.process.stdout).close()

    def read(self) -> dict[str, Any]:
        """Read one line; raise KeeperError if the keeper has ended."""
        line = self._pipe(self.process.stdout).readline()
        if not line:
            raise KeeperError(f"the process beside the tests ended with status {self.process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _write(self, **asked: str) -> None:
        pipe = self._pipe(self.process.stdin)
        print(json.dumps(asked), file=pipe, flush=True)

    @staticmethod
    def _pipe(pipe: Any) -> Any:
        if pipe is None:
            raise KeeperError("the process beside the tests has no pipe")
        return pipe


def stop(wanted: Mapping[str, str]) -> None:
    """Stop the cloud and the gateway that sessions started, unless somebody uses them."""
    subprocess.run(command({**wanted, "do": "stop"}), check=False, env=environment(), stdout=subprocess.DEVNULL)


def command(asked: Mapping[str, str]) -> list[str]:
    """Return the keeper's command line. `-P`: the tested program's directory has no place on its path."""
    return [sys.executable, "-P", "-m", "pytest_passerelle.keeper", json.dumps(dict(asked))]


def environment() -> dict[str, str]:
    """Return the keeper's environment."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(LEFT_OUT)}
    return kept | {"PYTHONUNBUFFERED": "1"}
