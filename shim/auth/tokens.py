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
    """The tokens of one access key's owner; a refused key raises the errors of `service`.

    `session` is the session that the caller signed with, if it did; `credential` is then the one it acts with.
    """

    keys: Keys
    credential: Ec2Credential
    service: str
    session: Session | None = None

    def token(self) -> Coroutine[Any, Any, Token]:
        """Return the caller's token, nearly always from the cache."""
        return self.keys.token(self.credential, service=self.service)

    async def renew(self, stale: Token) -> Token:
        """Return a fresh token in place of one that OpenStack refused."""
        self.keys.forget(stale)
        return await self.token()


def session_tokens(keys: Keys, credential: Ec2Credential, service: str) -> Tokens:
    """Return the tokens behind a session's credential, which are those of its parent."""
    assert isinstance(credential, SessionCredential)  # what `Keys.credential` returns for a session's token
    return Tokens(keys, credential.parent, service, credential.session)
