"""Temporary credentials without a table of sessions: all that is known of a session is sealed in its token.

The token is sealed with AES-256-GCM under a key that all replicas share, and the temporary access key is part of what
the seal authenticates, so a token is worth nothing beside another access key.  The secret is computed from the access
key and the token.  A session acts with the Keystone credential (the parent) that it names, so it ends when that is
deleted, and in any case when it expires.
"""

from __future__ import annotations

import hmac
import json
import secrets
from base64 import b32decode, b32encode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.types.identity import Ec2Credential
from shim.auth.errors import AuthFault, auth_error

PREFIX: Final = "ASIA"  # "temporary (AWS STS) access key IDs" begin with it
_VERSION: Final = b"\x01"
_NONCE: Final = 12
_ACCOUNT_BYTES: Final = 5  # of an account id, a number of twelve digits
_RANDOM_BYTES: Final = 10
_LONGEST: Final = 2048  # characters of a token; those that are issued have some 400
_LONGEST_KEY: Final = 64


@dataclass(frozen=True, slots=True)
class Session:
    """A session: the access key that it acts with, its end in seconds since 1970, and the role that was assumed.

    `role` and `name` are '' for a session of GetSessionToken.
    """

    parent: str
    user_id: str
    project_id: str
    expires: int
    role: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Temporary:
    """Temporary credentials as a client gets them."""

    access_key: str
    secret: str = field(repr=False)
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SessionCredential(Ec2Credential):
    """The credential of a session; OpenStack is asked with the parent's token."""

    parent: Ec2Credential = field(kw_only=True)
    session: Session = field(kw_only=True)
    token: str = field(repr=False, kw_only=True)


class Sessions:
    """Issues sessions, and opens their tokens."""

    def __init__(self, key: bytes) -> None:
        self._seal = AESGCM(hmac.digest(key, b"passerelle session seal 1", "sha256"))
        self._secrets = hmac.digest(key, b"passerelle session secrets 1", "sha256")

    def __repr__(self) -> str:
        """Show nothing of the keys."""
        return "Sessions()"

    def issue(self, session: Session, account: str) -> Temporary:
        """Return the credentials of a new session in an account."""
        number = b32encode(int(account).to_bytes(_ACCOUNT_BYTES, "big") + secrets.token_bytes(_RANDOM_BYTES))
        access_key = PREFIX + number.decode()
        nonce = secrets.token_bytes(_NONCE)
        sealed = self._seal.encrypt(nonce, json.dumps(asdict(session)).encode(), _bound(access_key))
        token = urlsafe_b64encode(_VERSION + nonce + sealed).decode()
        return Temporary(access_key, self.secret(access_key, token), token)

    def open(self, access_key: str, token: str, *, service: str, now: datetime) -> Session:
        """Return the session of a token; raise the error of `service` if it was not issued, or has expired."""
        try:
            if len(token) > _LONGEST or len(access_key) > _LONGEST_KEY:
                raise ValueError
            raw = urlsafe_b64decode(token.encode("ascii"))
            if raw[:1] != _VERSION or urlsafe_b64encode(raw).decode() != token:
                raise ValueError
            opened = self._seal.decrypt(raw[1 : 1 + _NONCE], raw[1 + _NONCE :], _bound(access_key))
            session = Session(**json.loads(opened))
        except (InvalidTag, ValueError, TypeError):
            # Without the cause: nothing of a token may reach a log.
            raise auth_error(service, AuthFault.BAD_TOKEN) from None
        if now.timestamp() >= session.expires:
            raise auth_error(service, AuthFault.EXPIRED_TOKEN)
        return session

    def secret(self, access_key: str, token: str) -> str:
        """Return the secret that belongs to an access key and its token; it has the form of AWS's secrets."""
        made = hmac.digest(self._secrets, f"{access_key} {token}".encode(), "sha256")
        return b64encode(made[:30]).decode()


def account_in(access_key: str) -> str | None:
    """Return the account that a temporary access key names; None for another key.  Nothing proves that it is right."""
    if not access_key.startswith(PREFIX):
        return None
    try:
        raw = b32decode(access_key[len(PREFIX) :])
    except ValueError:
        return None
    number = int.from_bytes(raw[:_ACCOUNT_BYTES], "big")
    return f"{number:012d}" if len(raw) == _ACCOUNT_BYTES + _RANDOM_BYTES and number < 10**12 else None


def token_of(credential: Any) -> str:
    """Return the session token that belongs to a credential, '' if it is no session's."""
    return credential.token if isinstance(credential, SessionCredential) else ""


def ends(session: Session) -> datetime:
    """Return when a session ends."""
    return datetime.fromtimestamp(session.expires, UTC)


def _bound(access_key: str) -> bytes:
    return b"passerelle session 1 " + access_key.encode("utf-8", "surrogatepass")
