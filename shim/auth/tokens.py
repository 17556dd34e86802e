"""Tokens: the source of one caller's Keystone token for requests to OpenStack."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from adapters.types.identity import Ec2Credential, Token
from shim.auth.keys import Keys
from shim.auth.sessions import Session, SessionCredential


@dataclass(slots=True)
class Tokens:
    """The tokens of one access key's owner; a refused key raises the errors of `service`."""

    keys: Keys
    credential: Ec2Credential
    service: str

    def token(self) -> Coroutine[Any, Any, Token]:
        """Return the caller's token, nearly always from the cache."""
        return self.keys.token(self.credential, service=self.service)

    @property
    def session(self) -> Session | None:
        """The session that the caller signed with, if it did."""
        return self.credential.session if isinstance(self.credential, SessionCredential) else None

    async def renew(self, stale: Token) -> Token:
        """Return a fresh token in place of one that OpenStack refused."""
        self.keys.forget(stale)
        return await self.token()
