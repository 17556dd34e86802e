"""Opens an encrypted object: finds its key, checks it, and decrypts what Swift sends."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final

from adapters.errors import BackendError, Fault
from adapters.types.objects import Stored
from shim.context import Call
from shim.errors import AwsError
from shim.keystore import KeyStoreError
from shim.s3.encryption import envelope, kms
from shim.s3.encryption.blocks import Decryptor, Span, TamperedError
from shim.s3.encryption.customer import CustomerKey, missing_key, not_applicable, wrong_key
from shim.s3.encryption.envelope import CUSTOMER, MANAGED, MARK, Envelope, decoded

log = logging.getLogger(__name__)

STORE_ALGORITHM: Final = "AES256"
STORE_MEMBERS: Final[Mapping[str, str]] = {"ServerSideEncryption": STORE_ALGORITHM}


@dataclass(frozen=True, slots=True, repr=False)
class Opened:
    """The key of an encrypted object, and what is stored with it."""

    root: bytes
    envelope: Envelope


async def opened(call: Call, stored: Stored, key: CustomerKey | None) -> Opened:
    """Return the key of an encrypted object.

    Raises for a request with another key, without one, or with one for a plain object.
    """
    try:
        found = envelope.of(stored.content_type) if MARK in stored.content_type else None
        if found is None:
            raise not_applicable()
        if found.sort != CUSTOMER:
            if key is not None:
                raise not_applicable()
            return Opened(await unwrapped(call, found), found)
        if key is None:
            raise missing_key()
        if not key.fits(found):
            raise wrong_key()
        return Opened(key.raw, found)
    except TamperedError as error:
        raise damaged(call, error) from None


def members(call: Call, found: Envelope) -> Mapping[str, str]:
    """Return the members of an answer that say how an object is encrypted whose data key is stored with it."""
    return kms.members(call, found) if found.sort == MANAGED else STORE_MEMBERS


async def unwrapped(call: Call, found: Envelope) -> bytes:
    """Return the data key that is stored with an object; TamperedError where no key that is there wrapped it."""
    if found.sort == MANAGED:
        return await kms.unwrapped(call, found)
    if call.keys is None:
        raise TamperedError("it is encrypted with a key of the key store, and this gateway has none")
    try:
        return await call.keys.unwrapped(found.name, decoded(found.value))
    except KeyStoreError as error:
        raise TamperedError(str(error)) from None


async def decrypted(
    call: Call, root: bytes, wanted: Span, body: bytes | AsyncIterator[bytes]
) -> bytes | AsyncIterator[bytes]:
    """Decrypt a span.  The first block is read at once, so that for a damaged one an error can still be answered."""
    reader = Decryptor(root, wanted)
    try:
        if isinstance(body, bytes):
            plain = reader.feed(body)
            reader.finish()
            return plain
        pieces, first = aiter(body), b""
        while not first:
            piece = await anext(pieces, None)
            if piece is None:
                reader.finish()
                return b""
            first = reader.feed(piece)
    except TamperedError as error:
        raise damaged(call, error) from None
    return _further(reader, first, pieces)


async def _further(reader: Decryptor, first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    try:
        async for piece in pieces:
            plain = reader.feed(piece)
            if plain:
                yield plain
        reader.finish()
    except TamperedError as error:
        # The answer has begun; its end is missing, and the connection is closed.
        detail = f"it cannot be decrypted: {error}"
        raise BackendError(Fault.UNAVAILABLE, service="object-store", resource="object", detail=detail) from None


def damaged(call: Call, error: TamperedError) -> AwsError:
    """Return the error for an object whose stored bytes or description were changed outside of S3."""
    log.warning("request %s: an object cannot be decrypted: %s", call.request_id, error)
    return AwsError("InternalError", "The stored object was changed outside of S3 and cannot be decrypted.", 500)
