"""Objects for the actions of other services: read and written as S3's own actions do, with the caller's own rights.

The bucket's policy is asked as for a request of the caller, objects are encrypted and decrypted, and a bucket of
another project is used where that project allows it.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final
from urllib.parse import quote, urlencode

from adapters.errors import BackendError
from shim.auth.body import Body, Plan
from shim.authz.principal import Principal, Proof
from shim.context import Call, Opened, Upload
from shim.errors import AwsError
from shim.http.asgi import Receive
from shim.protocol.message import Address, Head, Request
from shim.record import Record
from shim.s3 import names
from shim.s3.access.access import authorise
from shim.s3.access.judge import access_denied
from shim.s3.errors import translate
from shim.s3.multipart.complete import complete_multipart_upload
from shim.s3.multipart.multipart import abort_multipart_upload, create_multipart_upload, upload_part
from shim.s3.objects.objects import get_object
from shim.s3.service import s3

_BEGIN: Final = {"uploads": ""}


@dataclass(frozen=True, slots=True)
class Access:
    """An access to a bucket, as an access log is told of a request: without a client and a signature."""

    call: Call
    head: Head
    request: Request
    record: Record
    signature: None = None
    tokens: None = None


class OwnBuckets:
    """`shim.context.Buckets`; `note` is told of each access to an object, for the access log of its bucket."""

    def __init__(self, note: Callable[[Access], None]) -> None:
        self._note = note

    async def open(self, call: Call, bucket: str, key: str, span: str = "") -> Opened:
        """Read an object, or a span of it, if the caller may."""
        access = _access(call, "GetObject", bucket, key)
        params = {"Bucket": bucket, "Key": key, **({"Range": span} if span else {})}
        with self._told(access):
            await _authorise(access)
            try:
                answer: Mapping[str, Any] = await get_object(access.call, params)
            except BaseException:
                _end(access.call)
                raise
        access.record.status = 206 if span else 200
        body = answer["Body"]
        pieces = _one(body) if isinstance(body, bytes) else body
        return Opened(int(answer["ContentLength"]), _counted(pieces, access.record), partial(self._closed, access))

    async def check_write(self, call: Call, bucket: str, key: str) -> None:
        """Ask whether the caller may write an object, and Swift whether there is the bucket."""
        names.check_key(key)
        access = _access(call, "CreateMultipartUpload", bucket, key, _BEGIN)
        await _authorise(access)
        await access.call.cloud.objects.container(bucket)

    async def begin(self, call: Call, bucket: str, key: str) -> Upload:
        """Begin a multipart upload, if the caller may."""
        asked = {"Bucket": bucket, "Key": key, "ContentType": "application/octet-stream"}
        async with self._acting(_access(call, "CreateMultipartUpload", bucket, key, _BEGIN)) as acting:
            return Upload(bucket, key, (await create_multipart_upload(acting, asked))["UploadId"])

    async def add(self, call: Call, upload: Upload, number: int, pieces: AsyncIterator[bytes], size: int) -> str:
        """Store a part, if the caller may."""
        query = {"partNumber": str(number), "uploadId": upload.id}
        access = _access(call, "UploadPart", upload.bucket, upload.key, query)
        access.record.bytes_in = size
        async with self._acting(access) as acting:
            body = Body(_received(pieces), Plan(size))
            stored = await upload_part(acting, {**_named(upload), "PartNumber": number, "Body": body})
        return str(stored["ETag"])

    async def complete(self, call: Call, upload: Upload, etags: Sequence[str]) -> None:
        """Complete an upload, if the caller may."""
        query = {"uploadId": upload.id}
        parts = [{"ETag": etag, "PartNumber": number} for number, etag in enumerate(etags, 1)]
        async with self._acting(_access(call, "CompleteMultipartUpload", upload.bucket, upload.key, query)) as acting:
            await complete_multipart_upload(acting, {**_named(upload), "MultipartUpload": {"Parts": parts}})

    async def abort(self, call: Call, upload: Upload) -> None:
        """Abort an upload, if the caller may."""
        query = {"uploadId": upload.id}
        access = _access(call, "AbortMultipartUpload", upload.bucket, upload.key, query)
        async with self._acting(access) as acting:
            await abort_multipart_upload(acting, _named(upload))

    @asynccontextmanager
    async def _acting(self, access: Access) -> AsyncIterator[Call]:
        """Give the call of an access that the caller may make, and tell of it when it ends."""
        with self._told(access):
            await _authorise(access)
            yield access.call
        access.record.status = 204 if access.record.operation == "AbortMultipartUpload" else 200
        self._tell(access)

    @contextmanager
    def _told(self, access: Access) -> Iterator[None]:
        """Tell of an access that fails."""
        try:
            yield
        except (AwsError, BackendError) as error:
            told = translate(error, access.record.operation) if isinstance(error, BackendError) else error
            access.record.status, access.record.code = told.status, told.code
            self._tell(access)
            raise

    def _closed(self, access: Access) -> None:
        _end(access.call)
        self._tell(access)

    def _tell(self, access: Access) -> None:
        access.record.seconds = time.monotonic() - access.record.started
        self._note(access)


def _access(call: Call, operation: str, bucket: str, key: str, query: Mapping[str, str] | None = None) -> Access:
    """Return the access that an action makes of S3, where the bucket is not known yet."""
    path = f"/{quote(bucket, safe='')}/{quote(key, safe='/')}".encode()
    head = Head(s3.operations[operation].method, path, urlencode(query or {}).encode(), ())
    acting = replace(call, operation=operation, at_end=[], configurations={})
    record = Record(call.request_id, time.monotonic(), service="s3", operation=operation)
    return Access(acting, head, Request(head, Address(bucket, key)), record)


async def _authorise(access: Access) -> None:
    """Raise the refusal of an access that the caller may not make; the call acts where the bucket is from then on."""
    caller, operation = access.call.requester, s3.operations[access.record.operation]
    principal = Principal(Proof.SIGNATURE, caller.access_key, caller.user_id, caller.project_id, caller.account_id)
    decision = await authorise(access.call, access.request, operation, principal, None)
    if not decision.allowed:
        raise decision.error or access_denied()


async def _counted(pieces: AsyncIterable[bytes], record: Record) -> AsyncIterator[bytes]:
    """Pass the pieces of an object on, and count their bytes."""
    async for piece in pieces:
        record.bytes_out += len(piece)
        yield piece


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
