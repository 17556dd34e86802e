"""How a new object is encrypted: with the customer's key, with a data key of its own, or not at all."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from adapters.types.objects import Description
from shim.context import Call
from shim.errors import AwsError
from shim.protocol.s3_router import not_implemented
from shim.s3.encryption import customer, envelope, kms
from shim.s3.encryption.blocks import Encryptor, Place, TamperedError, encrypt, stored_size
from shim.s3.encryption.bucket import check_not_blocked, default
from shim.s3.encryption.customer import CustomerKey, customer_key
from shim.s3.encryption.envelope import CUSTOMER, MARK, STORE, Envelope, coded
from shim.s3.encryption.opening import STORE_MEMBERS, damaged, members, unwrapped
from shim.s3.encryption.parts import StoredPart, seal
from shim.s3.errors import invalid_argument, invalid_request

log = logging.getLogger(__name__)

_OF_KMS: Final = ("SSEKMSKeyId", "SSEKMSEncryptionContext")
ASKING: Final = customer.MEMBERS | {"ServerSideEncryption", *_OF_KMS}  # members that ask for encryption
ENCRYPTING: Final = " ".join(sorted(ASKING))
# Beside AES256 S3 ignores it too.
NO_BUCKET_KEYS: Final = {"BucketKeyEnabled": "bucket keys spare the cost of calls to KMS, and these cost nothing here"}


@dataclass(frozen=True, slots=True, repr=False)
class Sealing:
    """The encryption of a new object or upload.

    `root` is its root key, `envelope` what is stored with it, `members` the members of an answer that tell it.
    """

    root: bytes
    envelope: Envelope
    members: Mapping[str, str]

    @property
    def shows_md5(self) -> bool:
        """Whether the ETag is the MD5 of the plain bytes: with SSE-S3, and neither with SSE-C nor SSE-KMS."""
        return self.envelope.sort == STORE

    def described(self, description: Description, md5: str | None = None) -> Description:
        """Return a description that says how the object is encrypted; `md5` is that of the bytes, if it is known."""
        content_type = description.content_type
        if md5 and self.shows_md5:
            content_type = f"{content_type}; s3_etag={md5}"
        return description._replace(content_type=envelope.enclosed(content_type, self.envelope))

    def etag(self, md5: str | None, written: str) -> str:
        """Return the ETag of an object, of which Swift says `written`."""
        if not self.shows_md5:
            return written
        return md5 or f"{written}-N"

    def completed(self, description: Description, upload: Place, size: int, parts: Sequence[StoredPart]) -> Description:
        """Return the description of a multipart object of these parts."""
        whole = self.envelope._replace(size=size, seal=seal(self.root, upload, parts))
        return description._replace(content_type=envelope.enclosed(description.content_type, whole))

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


def md5_of(data: bytes) -> str:
    """Return the MD5 that is the ETag of a plain object."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


async def sealing(call: Call, req: Mapping[str, Any], bucket: str) -> Sealing | None:
    """Return how a request's new object or upload is to be encrypted; None for a plain one."""
    asked = req.get("ServerSideEncryption")
    if asked and not customer.MEMBERS.isdisjoint(req):
        raise customer.incompatible(asked)
    if asked != kms.ALGORITHM and any(map(req.get, _OF_KMS)):
        raise invalid_argument(
            "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : "
            "aws:kms",
            "x-amz-server-side-encryption",
            asked or "null",
        )
    key = customer_key(call, req)
    if key:
        await check_not_blocked(call, bucket)
        return Sealing(key.raw, key.envelope(), key.members)
    algorithm, master = (asked, req.get("SSEKMSKeyId")) if asked else await default(call, bucket)
    if algorithm is None:
        return None
    if algorithm == kms.ALGORITHM:
        return Sealing(*await kms.new(call, master, req.get("SSEKMSEncryptionContext")))
    if call.keys is None:
        raise not_implemented("x-amz-server-side-encryption") if asked else _without_keys(call, bucket)
    made = await call.keys.new()
    return Sealing(made.raw, Envelope(STORE, made.id, coded(made.wrapped)), STORE_MEMBERS)


def _without_keys(call: Call, bucket: str) -> AwsError:
    """Return the error for a bucket that encrypts by default, at a gateway that was started without its key file.

    PutBucketEncryption needs a key store, so there was one; the client can do nothing but try again later.
    """
    log.warning(
        "request %s: bucket %s encrypts new objects, and this gateway has no key store (sse_key_file, sse_key_secret); "
        "nothing is stored",
        call.request_id,
        bucket,
    )
    return AwsError("ServiceUnavailable", "The keys of the bucket's default encryption are not available.", 503)


async def continued(call: Call, content_type: str, key: CustomerKey | None) -> Sealing | None:
    """Return the encryption of an open upload, whose description has this content type; None for a plain one."""
    try:
        found = envelope.of(content_type) if MARK in content_type else None
        if (key is None) == (found is not None and found.sort == CUSTOMER):
            raise invalid_request(
                "The multipart upload initiate requested encryption. Subsequent part requests must include the "
                "appropriate encryption parameters."
            )
        if found is None:
            return None
        if key is None:
            return Sealing(await unwrapped(call, found), found, members(call, found))
        if not key.fits(found):
            raise invalid_request("The provided encryption parameters did not match the ones used originally.")
        return Sealing(key.raw, found, key.members)
    except TamperedError as error:
        raise damaged(call, error) from None


def check_same(content_type: str, sealing: Sealing | None) -> None:
    """Raise for a part that was encrypted for another upload than the open one."""
    told = envelope.of(content_type) if MARK in content_type else None
    if told != (sealing.envelope if sealing else None):
        raise AwsError("OperationAborted", "The upload was replaced. Please try again.", 409)
