"""Principals as policies name them, and which of them a request's sender is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_ROOT: Final = re.compile(r"arn:aws:iam::([0-9]{12}):root")
_USER: Final = re.compile(r"arn:aws:(?:iam::[0-9]{12}:(?:user|role)|sts::[0-9]{12}:(?:assumed-role|federated-user))/.+")
_CANONICAL: Final = re.compile(r"[0-9a-zA-Z_-]{1,128}")
_SORTS: Final = frozenset({"AWS", "CanonicalUser", "Federated", "Service"})


class Who(NamedTuple):
    """The sender of a request as policies know it; all are '' if nobody signed it.

    `account` is the 12-digit id of the account, `canonical` its canonical id, `arn` the user's.  `service` is the name
    of the service of AWS for which the gateway acts, all else is '' then.
    """

    account: str = ""
    canonical: str = ""
    arn: str = ""
    service: str = ""

    @property
    def anonymous(self) -> bool:
        """Whether nobody signed the request."""
        return not self.account

    def __str__(self) -> str:
        """Name the sender in an explanation."""
        return self.service or self.arn or self.account or "nobody"


@dataclass(frozen=True, slots=True)
class Principals:
    """The principals that a statement names; the gateway has no federated users."""

    everyone: bool = False
    accounts: frozenset[str] = frozenset()
    arns: frozenset[str] = frozenset()
    canonical: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()

    def include(self, who: Who) -> bool:
        """Tell whether the sender of a request is among them."""
        if self.everyone:
            return True
        if who.anonymous:
            return who.service in self.services
        return who.account in self.accounts or who.arn in self.arns or who.canonical in self.canonical


def principals(told: Any) -> Principals | None:
    """Read the value of a policy's Principal; return None if it is not valid."""
    if told == "*":
        return Principals(everyone=True)
    if not isinstance(told, dict) or not told or not told.keys() <= _SORTS:
        return None
    found = list(_each(told))
    if not found or any(not isinstance(name, str) or not name for _, name in found):
        return None
    accounts, arns, canonical, services = set(), set(), set(), set()
    everyone = False
    for sort, name in found:
        if sort == "AWS" and name == "*":
            everyone = True
        elif sort == "Service" and name != "*":
            services.add(name)
        elif sort == "AWS" and (account := _account(name)):
            accounts.add(account)
        elif sort == "AWS" and _USER.fullmatch(name) and not set(name) & {"*", "?"}:
            arns.add(name)
        elif sort == "CanonicalUser" and _CANONICAL.fullmatch(name):
            canonical.add(name)
        elif sort in ("AWS", "CanonicalUser") or name == "*":
            return None
    return Principals(everyone, frozenset(accounts), frozenset(arns), frozenset(canonical), frozenset(services))


def _account(name: str) -> str:
    """Return the account that `123456789012` or `arn:aws:iam::123456789012:root` names."""
    found = _ROOT.fullmatch(name)
    return found[1] if found else name if _ACCOUNT.fullmatch(name) else ""


def _each(told: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for sort, names in told.items():
        for name in names if isinstance(names, list) else [names]:
            yield sort, name
