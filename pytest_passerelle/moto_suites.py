"""Lets a suite that was written with moto run on the gateway: moto's mocks open an account here.

moto's own classes stay, so that the decorator, the context manager, classes and fixtures mean what moto means by them.
What changes is what happens when the outermost mock begins and ends. Services that the gateway does not have stay
moto's.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import Any, Protocol

from pytest_passerelle.account import Account
from pytest_passerelle.redirect import Redirect

BEGINS, ENDS = "_enable_patching", "_disable_patching"
OLD_NAMES = "mock_"  # before moto 5 each service had a mock of its own: mock_s3, mock_ec2


class MotoError(Exception):
    """The suite's moto cannot be replaced; the message says why."""


class Accounts(Protocol):
    """Where the accounts come from."""

    def open(self) -> Account:
        """Return a fresh account."""

    def close(self, account: Account) -> None:
        """Take an account back."""

    def default_vpc(self, account: Account) -> None:
        """See to it that an account has a default VPC."""


@dataclass(slots=True)
class InsteadOfMoto:
    """The account of the outermost mock: made when the first client calls, taken back when the mock ends."""

    accounts: Accounts
    on: bool = True  # else moto answers
    mocks: int = 0  # how many outermost mocks have begun
    active: bool = False  # whether a mock is open
    _account: Account | None = None
    _undo: list[Callable[[], None]] = field(default_factory=list)

    def install(self) -> None:
        """Take moto's mocks over; raise MotoError if there is no moto, or one that is made differently."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of importing them: a suite that makes errors of warnings imports them too
            try:
                moto = import_module("moto")
                mock = import_module("moto.core.models").MockAWS
                handlers = import_module("botocore.handlers").BUILTIN_HANDLERS
            except (ImportError, AttributeError) as error:
                raise MotoError(f"moto 5 is not installed here ({error})") from None
        for name, does in ((BEGINS, self._begins), (ENDS, self._ends)):
            if not hasattr(mock, name):
                raise MotoError(f"this version of moto has no MockAWS.{name}")
            self._replace(mock, name, does(getattr(mock, name)))
        if not hasattr(moto, "__getattr__"):
            self._replace(moto, "__getattr__", lambda name: older_name(moto, name))
        redirect = Redirect(self.account)
        ours = [
            ("before-endpoint-resolution", redirect.before_endpoint_resolution),
            ("before-sign", redirect.before_sign),
            ("after-call.sts", redirect.after_call),
        ]
        for one in ours:
            handlers.append(one)
            self._undo.append(partial(handlers.remove, one))

    def uninstall(self) -> None:
        """Give moto its mocks back."""
        self._close()
        while self._undo:
            self._undo.pop()()

    def account(self, service: str) -> Account | None:
        """Return the account that a call goes to; None outside a mock."""
        if not self.active or not self.on:
            return None
        if self._account is None:
            self._account = self.accounts.open()
        if service == "ec2":
            self.accounts.default_vpc(self._account)
        return self._account

    def _begins(self, real: Callable[..., None]) -> Callable[..., None]:
        def begin(mock: Any, reset: bool = True) -> None:
            real(mock, reset=reset)
            self.mocks += 1
            if reset:
                self._close()
            self.active = True

        return begin

    def _ends(self, real: Callable[..., None]) -> Callable[..., None]:
        def end(mock: Any, remove_data: bool = True) -> None:
            self.active = False
            try:
                if remove_data:
                    self._close()
            finally:
                real(mock, remove_data)

        return end

    def _close(self) -> None:
        account, self._account = self._account, None
        if account is not None:
            self.accounts.close(account)

    def _replace(self, owner: Any, name: str, new: Any) -> None:
        there = owner.__dict__.get(name)
        setattr(owner, name, new)
        self._undo.append(lambda: setattr(owner, name, there) if there is not None else delattr(owner, name))


def older_name(moto: Any, name: str) -> Any:
    """Return the mock that a suite of moto 4 means by `mock_s3` and the like."""
    if name.startswith(OLD_NAMES):
        return moto.mock_aws
    raise AttributeError(f"module 'moto' has no attribute {name!r}")
