"""The port to Barbican; calls use the caller's own token, so Barbican's roles and ACLs decide who may read a key."""

from __future__ import annotations

from typing import Protocol


class SecretKeys(Protocol):
    """Barbican for one project.  Every call raises BackendError: UNSUPPORTED where the cloud has no such service."""

    @property
    def available(self) -> bool:
        """Whether the cloud's catalog has the service; it is not asked."""
        ...

    async def key(self, id: str) -> bytes:
        """Read the bytes of a secret; NOT_FOUND where there is none, FORBIDDEN where the caller may not read it."""
        ...

    async def keys(self, name: str) -> list[str]:
        """List the ids of the project's AES-256 keys of this name, the oldest first."""
        ...

    async def create_key(self, name: str, key: bytes) -> str:
        """Store an AES-256 key under a name, which others may have too, and return its id."""
        ...
