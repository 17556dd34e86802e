"""Objects for the actions of other services: read and written as S3's own actions do, with the caller's own rights.

The bucket's policy is asked as for a request of the caller, objects are encrypted and decrypted, and a bucket of
another project is used where that project allows it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote, urlencode

from shim.auth.body import Body, Plan
from shim.authz.principal import Principal, Proof
from shim.context import Call, Opened, Upload
from shim.http.asgi import Receive
from shim.protocol.message import Address, Head, Request
from shim.s3 import names
from shim.s3.access.access import authorise
from shim.s3.access.judge import access_denied
from shim.s3.multipart.complete import complete_multipart_upload
from shim.s3.multipart.multipart import abort_multipart_upload, create_multipart_upload, upload_part
from shim.s3.objects.objects import get_object
from shim.s3.service import s3

_BEGIN: Final = {"uploads": ""}


class OwnBuckets:
    """`shim.context.Buckets`."""

    async def open(self, call: Call, bucket: str, key: str, span: str = "") -> Opened:
        """Read an object, or a span of it, if the caller may."""
        reading = await _allowed(call, "GetObject", bucket, key)
        params = {"Bucket": bucket, "Key": key, **({"Range": span} if span else {})}
        try:
            answer: Mapping[str, Any] = await get_object(reading, params)
        except BaseException:
            _end(reading)
            raise
        body = answer["Body"]
        pieces = _one(body) if isinstance(body, bytes) else body
        return Opened(int(answer["ContentLength"]), pieces, lambda: _end(reading))

    async def check_write(self, call: Call, bucket: str, key: str) -> None:
        """Ask whether the caller may write an object, and Swift whether there is the bucket."""
        names.check_key(key)
        acting = await _allowed(call, "CreateMultipartUpload", bucket, key, _BEGIN)
        await acting.cloud.objects.container(bucket)

    async def begin(self, call: Call, bucket: str, key: str) -> Upload:
        """Begin a multipart upload, if the caller may."""
        acting = await _allowed(call, "CreateMultipartUpload", bucket, key, _BEGIN)
        asked = {"Bucket": bucket, "Key": key, "ContentType": "application/octet-stream"}
        return Upload(bucket, key, (await create_multipart_upload(acting, asked))["UploadId"])

    async def add(self, call: Call, upload: Upload, number: int, pieces: AsyncIterator[bytes], size: int) -> str:
        """Store a part, if the caller may."""
        query = {"partNumber": str(number), "uploadId": upload.id}
        acting = await _allowed(call, "UploadPart", upload.bucket, upload.key, query)
        body = Body(_received(pieces), Plan(size))
        stored = await upload_part(acting, {**_named(upload), "PartNumber": number, "Body": body})
        return str(stored["ETag"])

    async def complete(self, call: Call, upload: Upload, etags: Sequence[str]) -> None:
        """Complete an upload, if the caller may."""
        query = {"uploadId": upload.id}
        acting = await _allowed(call, "CompleteMultipartUpload", upload.bucket, upload.key, query)
        parts = [{"ETag": etag, "PartNumber": number} for number, etag in enumerate(etags, 1)]
        await complete_multipart_upload(acting, {**_named(upload), "MultipartUpload": {"Parts": parts}})

    async def abort(self, call: Call, upload: Upload) -> None:
        """Abort an upload, if the caller may."""
        query = {"uploadId": upload.id}
        acting = await _allowed(call, "AbortMultipartUpload", upload.bucket, upload.key, query)
        await abort_multipart_upload(acting, _named(upload))


async def _allowed(call: Call, operation: str, bucket: str, key: str, query: Mapping[str, str] | None = None) -> Call:
    """Return a call that acts where the bucket is, if the caller may make such a request; else raise its refusal."""
    caller = call.requester
    acting = replace(call, operation=operation, at_end=[], configurations={})
    path = f"/{quote(bucket, safe='')}/{quote(key, safe='/')}".encode()
    head = Head(s3.operations[operation].method, path, urlencode(query or {}).encode(), ())
    principal = Principal(Proof.SIGNATURE, caller.access_key, caller.user_id, caller.project_id, caller.account_id)
    decision = await authorise(acting, Request(head, Address(bucket, key)), s3.operations[operation], principal, None)
    if not decision.allowed:
        raise decision.error or access_denied()
    return acting


def _named(upload: Upload) -> dict[str, Any]:
    return {"Bucket": upload.bucket, "Key": upload.key, "UploadId": upload.id}


def _end(call: Call) -> None:
    for end in call.at_end:
        end()


async def _one(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _received(pieces: AsyncIterator[bytes]) -> Receive:
    """Return pieces as the body of a request arrives."""

    async def receive() -> dict[str, Any]:
        piece = await anext(pieces, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    return receive
