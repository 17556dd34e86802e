"""The process beside the tests: it brings up cloud and gateway, makes accounts, and removes those that were used.

Requests and answers are lines of JSON on its standard input and output. It is a process of its own because a test may
freeze the clock, block sockets or put something in place of `requests`; and because the tested program may have a
package named `shim` or `adapters` too. When the tests' process ends, however it does, its input ends: what that process
left is removed, and nobody waits for it.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO

import botocore.session

from pytest_passerelle.account import Account
from pytest_passerelle.clouds import Shared, Wanted, stop
from pytest_passerelle.projects import Projects
from shim.auth.accounts import account_id

Answer = Mapping[str, Any]


@dataclass(slots=True)
class Keeper:
    """The accounts of one process of tests.

    While a test runs, the next account is made and used ones are removed: a test waits for neither. The next one has a
    default VPC if the last one needed it.
    """

    projects: Projects
    _open: dict[str, Account] = field(default_factory=dict)
    _next: Future[Account] | None = None
    _with_vpc: bool = False
    _vpcs: set[str] = field(default_factory=set)  # projects that have one
    _asked: set[str] = field(default_factory=set)  # projects whose tests needed one
    _removed: list[tuple[str, Future[None]]] = field(default_factory=list)
    _makers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    _removers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))

    def open(self, project: str = "") -> Answer:
        """Give an account to a test."""
        made = self._next or self._makers.submit(self._make)
        self._next = None
        account = made.result()
        self._open[account.project_id] = account
        self._next = self._makers.submit(self._make)
        return asdict(account)

    def default_vpc(self, project: str) -> Answer:
        """Give a default VPC to an account that has none yet."""
        self._with_vpc = True
        self._asked.add(project)
        if project not in self._vpcs:
            self._make_vpc(self._open[project])
        return {}

    def close(self, project: str) -> Answer:
        """Take an account back; it is removed in the background."""
        account = self._open.pop(project)
        self._with_vpc = project in self._asked
        self._remove(account)
        return {}

    def end(self) -> list[str]:
        """Remove all accounts and return what could not be removed."""
        self._makers.shutdown()  # waits for the next account
        if self._next is not None and not self._next.exception():  # one that could not be made is removed already
            self._remove(self._next.result())
        for project in list(self._open):
            self.close(project)
        removed = [(project, done.exception()) for project, done in self._removed]
        failures = [f"project {project}: {failure}" for project, failure in removed if failure]
        self._removers.shutdown()
        return failures

    def _remove(self, account: Account) -> None:
        self._removed.append((account.project_id, self._removers.submit(self.projects.remove, account)))

    def _make(self) -> Account:
        account = self.projects.make()
        try:
            if self._with_vpc:
                self._make_vpc(account)
        except Exception:
            self._remove(account)
            raise
        return replace(account, account_id=account_id(account.project_id))

    def _make_vpc(self, account: Account) -> None:
        session = botocore.session.Session()
        client: Any = session.create_client(
            "ec2",
            region_name=account.region,
            endpoint_url=account.endpoint_url,
            aws_access_key_id=account.access_key,
            aws_secret_access_key=account.secret_key,
        )
        client.create_default_vpc()
        client.close()
        self._vpcs.add(account.project_id)


@contextmanager
def keeping(wanted: Wanted, say: Callable[[str], None]) -> Iterator[Keeper]:
    """Bring up cloud and gateway, and yield the keeper of its accounts."""
    with Shared(wanted, say).used() as shared:
        yield Keeper(Projects.of(shared.clouds_yaml or None, wanted.admin, shared.endpoint_url))


def serve(wanted: Wanted, requests: TextIO, answers: TextIO) -> None:
    """Answer requests until there are no more."""

    def write(**line: Any) -> None:
        try:
            print(json.dumps(line), file=answers, flush=True)
        except BrokenPipeError:  # the tests' process has ended
            return

    with ExitStack() as stack:
        try:
            keeper = stack.enter_context(keeping(wanted, lambda text: write(progress=text)))
            write(ready=keeper.projects.endpoint_url)
        except Exception as error:  # noqa: BLE001 - the tests' process tells it to its user
            write(failed=f"{type(error).__name__}: {error}")
            return
        for line in requests:
            asked = json.loads(line)
            if asked["do"] == "end":
                break
            known = {"open": keeper.open, "close": keeper.close, "default_vpc": keeper.default_vpc}
            try:
                write(answer=known[asked["do"]](asked["project"]))
            except Exception as error:  # noqa: BLE001 - it is told to whoever asked, and the keeper goes on
                write(error=f"{type(error).__name__}: {error}")
        write(left=keeper.end())


def main(asked: Mapping[str, str]) -> None:
    """Serve the tests' process, or stop what nobody uses any more."""
    wanted = Wanted(
        state=Path(asked["state"]),
        cloud=asked["cloud"],
        admin=asked["admin"],
        clouds_yaml=asked["clouds_yaml"],
        venv=Path(asked["venv"]) if asked["venv"] else None,
    )
    if asked["do"] == "stop":
        stop(wanted)
    else:
        serve(wanted, sys.stdin, sys.stdout)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(json.loads(sys.argv[1]))
