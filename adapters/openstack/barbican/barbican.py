"""Barbican (https://docs.openstack.org/api-guide/key-manager/): keys, which are secrets of type `symmetric`."""

from __future__ import annotations

from base64 import b64encode
from typing import Any, Final

from adapters.openstack.faults import unavailable
from adapters.openstack.session import Session

_SERVICE: Final = "key-manager"
_BITS: Final = 256
_BYTES: Final = "application/octet-stream"


class Barbican:
    """`adapters.ports.keys.SecretKeys` over Barbican's REST API."""

    def __init__(self, session: Session, *, available: bool) -> None:
        self._session = session
        self._available = available

    @property
    def available(self) -> bool:
        """Whether the catalog has the service."""
        return self._available

    async def key(self, id: str) -> bytes:
        """Read a secret's payload."""
        answer = await self._session.get(
            _SERVICE, f"/secrets/{id}/payload", headers={"Accept": _BYTES}, resource="secret", id=id
        )
        return answer.body

    async def keys(self, name: str) -> list[str]:
        """List the AES-256 keys of a name, the oldest first."""
        # "sort: Determines the sorted order of the returned list" (Secrets API); of one microsecond, by id.
        params: dict[str, str | int] = {"name": name, "alg": "aes", "bits": _BITS, "secret_type": "symmetric"}
        asked = params | {"sort": "created:asc", "limit": 100}
        answer = await self._session.get(_SERVICE, "/secrets", params=asked, resource="secret")
        found = [one for one in answer.member("secrets") if one.get("status") == "ACTIVE"]
        found.sort(key=lambda one: (str(one.get("created")), str(one.get("secret_ref"))))
        return [_id(one) for one in found]

    async def create_key(self, name: str, key: bytes) -> str:
        """Store an AES-256 key."""
        body = {
            "name": name,
            "secret_type": "symmetric",
            "algorithm": "aes",
            "bit_length": _BITS,
            "payload": b64encode(key).decode(),
            "payload_content_type": _BYTES,
            "payload_content_encoding": "base64",
        }
        answer = await self._session.post(_SERVICE, "/secrets", json=body, resource="secret")
        return _id(answer.mapping("secret_ref"))


def _id(secret: dict[str, Any]) -> str:
    """Return the id of a secret, which Barbican tells as the end of a URL."""
    found = str(secret.get("secret_ref", "")).rstrip("/").rpartition("/")[2]
    if not found:
        raise unavailable(_SERVICE, "a secret without its reference", resource="secret")
    return found
