"""A Keystone for tests, which counts the calls made to it."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from adapters.errors import BackendError, Fault
from adapters.types.identity import Ec2Credential, Token
from shim.auth.keys import Keys, Lifetimes
from shim.cache import Lookups
from shim.errors import AwsError

T = TypeVar("T")
START = datetime(2026, 1, 1, tzinfo=UTC)
AK = "0123456789abcdef0123456789abcdef"


@dataclass
class Keystone:
    """An Identity that counts its calls, with a clock that tests set."""

    credentials: dict[str, Ec2Credential] = field(default_factory=dict)
    barred: set[str] = field(default_factory=set)
    down: bool = False
    seconds: float = 0.0
    lifetime: float = 3600.0
    delay: float = 0.0
    busy: int = 0
    busiest: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    seen: Lookups = field(default_factory=lambda: defaultdict(float))

    async def ec2_credential(self, access: str) -> Ec2Credential | None:
        self.calls[f"credential {access}"] += 1
        found = self.credentials.get(access)  # before the wait: the answer is as old as that
        await self._answer()
        return found

    async def token(self, credential: Ec2Credential) -> Token:
        self.calls[f"token {credential.access}"] += 1
        await self._answer()
        if credential.user_id in self.barred:
            raise BackendError(Fault.UNAUTHORIZED, service="identity", resource="token")
        number = self.calls[f"token {credential.access}"]
        expires = START + timedelta(seconds=self.seconds + self.lifetime)
        return Token(
            f"token-{number}", expires, credential.user_id, "", credential.project_id, "", "", frozenset({"member"}), {}
        )

    async def ready(self) -> None:
        return None

    async def _answer(self) -> None:
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        await asyncio.sleep(self.delay)
        self.busy -= 1
        if self.down:
            raise BackendError(Fault.UNAVAILABLE, service="identity")

    def keys(self, **lifetimes: Any) -> Keys:
        return Keys(
            self,
            Lifetimes(
                **{
                    "credential": 60.0,
                    "miss": 5.0,
                    "token_margin": 300.0,
                    "size": 100,
                    "unknown_per_second": 1e9,
                    **lifetimes,
                }
            ),
            clock=lambda: self.seconds,
            now=lambda: START + timedelta(seconds=self.seconds),
            lookups=self.seen,
        )


def keystone(*accesses: str) -> Keystone:
    return Keystone({access: Ec2Credential(access, "secret", f"user-{access}", "project") for access in accesses})


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)


async def refusal(coroutine: Coroutine[Any, Any, Any]) -> AwsError:
    with pytest.raises(AwsError) as caught:
        await coroutine
    return caught.value
