"""How a new object is encrypted: with the customer's key of the request, or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from adapters.types.objects import Description
from shim.context import Call
from shim.s3.encryption import customer, envelope
from shim.s3.encryption.blocks import Encryptor, Place, encrypt, stored_size
from shim.s3.encryption.envelope import Envelope

ASKING: Final = customer.MEMBERS  # members of a request that ask for encryption
ENCRYPTING: Final = " ".join(sorted(ASKING))


@dataclass(frozen=True, slots=True, repr=False)
class Sealing:
    """The encryption of a new object or upload.

    `root` is its root key, `envelope` what is stored with it, `members` the members of an answer that tell it.
    """

    root: bytes
    envelope: Envelope
    members: Mapping[str, str]

    def described(self, description: Description) -> Description:
        """Return a description that says how the object is encrypted."""
        return replace(description, content_type=envelope.enclosed(description.content_type, self.envelope))

    def encrypted(self, place: Place, plain: bytes) -> bytes:
        """Encrypt a whole stream."""
        return encrypt(self.root, place, plain)

    async def encrypting(self, place: Place, pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """Encrypt a stream; its last block is sent after the last piece, and so after the checks of an upload."""
        writer = Encryptor(self.root, place)
        async for piece in pieces:
            made = writer.feed(piece)
            if made:
                yield made
        yield writer.finish()


def stored_length(plain: int | None) -> int | None:
    """Return the length of the stored stream; None where that of the plain bytes is not known."""
    return None if plain is None else stored_size(plain)


def sealing(call: Call, req: Mapping[str, Any]) -> Sealing | None:
    """Return how a request's new object is to be encrypted; None for a plain one."""
    key = customer.customer_key(call, req)
    return Sealing(key.raw, key.envelope(), key.members) if key else None
