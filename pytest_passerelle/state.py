"""What the plugin keeps for one pytest process: its options, and the processes that it has started."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pytest_passerelle.account import Account
from pytest_passerelle.calls import Calls
from pytest_passerelle.link import KeeperError, Link
from pytest_passerelle.moto_server import MotoServer
from pytest_passerelle.moto_suites import InsteadOfMoto

HERE, MOTO = "passerelle", "moto"


@dataclass(slots=True)
class State:
    """The options as `wanted`, and what was started because a test asked for it.

    `on` says who answers the test that runs: the gateway, or moto in the second run of a parity test.
    """

    wanted: Mapping[str, str]
    say: Callable[[str], None] = field(repr=False)
    vpc: str = "auto"
    on: str = HERE
    fixtures: int = 0  # how many tests have asked for an account by a fixture
    calls: Calls = field(default_factory=Calls)
    moto_suite: InsteadOfMoto | None = None
    _mocks_before: int = 0
    _undo: list[Callable[[], None]] = field(default_factory=list)
    _failed: str = ""  # why there is no cloud: it is tried once
    _link: Link | None = None
    _moto: MotoServer | None = None

    @property
    def used(self) -> bool:
        """Tell whether a test has asked for the cloud."""
        return self._link is not None or bool(self._failed)

    @property
    def used_mock(self) -> bool:
        """Tell whether the test that runs has used moto's mock."""
        suite = self.moto_suite
        return suite is not None and (suite.active or suite.mocks != self._mocks_before)

    def begin(self) -> None:
        """Begin with the next test."""
        self.calls.made.clear()
        self._mocks_before = self.moto_suite.mocks if self.moto_suite else 0

    def link(self) -> Link:
        """Return the keeper's other end; the first test that asks waits for the cloud."""
        if self._failed:
            raise KeeperError(self._failed)
        if self._link is None:
            try:
                self._link = Link.start(self.wanted, self.say)
            except KeeperError as error:
                self._failed = str(error)
                raise
        return self._link

    def open(self) -> Account:
        """Return a fresh account for the test that runs."""
        self.fixtures += 1
        if self.on == MOTO:
            if self._moto is None:
                self._moto = MotoServer.start()
            return self._moto.open()
        account = self.link().open()
        if self.vpc == "always":
            self.link().default_vpc(account)
        return account

    def close(self, account: Account) -> None:
        """Take an account back."""
        if account.project_id:
            self.link().close(account)

    def default_vpc(self, account: Account) -> None:
        """See to it that an account has a default VPC, unless the tests want none."""
        if account.project_id and self.vpc != "never":
            self.link().default_vpc(account)

    def switch(self, on: str) -> None:
        """Let the gateway or moto answer the next run."""
        self.on = on
        if self.moto_suite is not None:
            self.moto_suite.on = on == HERE

    def install(self, instead_of_moto: bool) -> None:
        """Note the calls of botocore's clients, and take over moto's mocks if that is wanted."""
        if instead_of_moto:
            self.moto_suite = InsteadOfMoto(self)
            self.moto_suite.install()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._undo.append(self.calls.install())

    def end(self) -> list[str]:
        """End all that was started; return what could not be removed from the cloud."""
        while self._undo:
            self._undo.pop()()
        if self.moto_suite is not None:
            self.moto_suite.uninstall()
        if self._moto is not None:
            self._moto.end()
        return self._link.end() if self._link is not None else []
