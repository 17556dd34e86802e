"""The port to Keystone: access keys and the tokens made from them; calls use the gateway's own service user."""

from __future__ import annotations

from typing import Protocol

from adapters.types.identity import Ec2Credential, Token


class Identity(Protocol):
    """Keystone, as the gateway's service user sees it."""

    async def ec2_credential(self, access: str) -> Ec2Credential | None:
        """Return the credential of an access key, or None where Keystone knows no such key.

        Raises BackendError UNAVAILABLE when Keystone cannot answer, FORBIDDEN when the service user lacks the
        `reader` role on the system scope.
        """
        ...

    async def token(self, credential: Ec2Credential) -> Token:
        """Exchange a credential for a token of its user on its project (`POST /v3/ec2tokens`).

        Raises BackendError UNAUTHORIZED when the user, the project or the role is gone or disabled.
        """
        ...

    async def ready(self) -> None:
        """Return when Keystone answers and the service user's login works; raise BackendError otherwise."""
        ...


class OwnedCredentials(Protocol):
    """The access keys of a user, as the gateway's service user sees them."""

    async def ec2_credentials(self, user_id: str) -> list[Ec2Credential]:
        """List the EC2 credentials of a user, of all its projects; raises BackendError as `ec2_credential` does."""
        ...


class TokenSource(Protocol):
    """Where calls to OpenStack get their caller's token from; cheap to call."""

    async def token(self) -> Token:
        """Return a token that has not expired, as far as known."""
        ...

    async def renew(self, stale: Token) -> Token:
        """Return a token in place of one that was refused; the same one when another try would not help."""
        ...
