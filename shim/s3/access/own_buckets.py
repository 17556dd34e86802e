"""Objects for the actions of other services: read as GetObject reads them, with the caller's own rights.

The bucket's policy is asked as for a request of the caller, encrypted objects are decrypted, and a bucket of another
project is read where that project has allowed it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from shim.authz.principal import Principal, Proof
from shim.context import Call, Opened
from shim.protocol.message import Address, Head, Request
from shim.s3.access.access import authorise
from shim.s3.access.judge import access_denied
from shim.s3.objects.objects import get_object
from shim.s3.service import s3


class OwnBuckets:
    """`shim.context.Buckets`."""

    async def open(self, call: Call, bucket: str, key: str, span: str = "") -> Opened:
        """Read an object, or a span of it, if the caller may."""
        caller, params = call.requester, {"Bucket": bucket, "Key": key, **({"Range": span} if span else {})}
        reading = replace(call, operation="GetObject", at_end=[], configurations={})
        path = f"/{quote(bucket, safe='')}/{quote(key, safe='/')}".encode()
        request = Request(Head("GET", path, b"", ()), Address(bucket, key))
        principal = Principal(Proof.SIGNATURE, caller.access_key, caller.user_id, caller.project_id, caller.account_id)
        decision = await authorise(reading, request, s3.operations["GetObject"], principal, None)
        if not decision.allowed:
            raise decision.error or access_denied()

        def close() -> None:
            for end in reading.at_end:
                end()

        try:
            answer: Mapping[str, Any] = await get_object(reading, params)
        except BaseException:
            close()
            raise
        body = answer["Body"]
        pieces = _one(body) if isinstance(body, bytes) else body
        return Opened(int(answer["ContentLength"]), pieces, close)


async def _one(body: bytes) -> AsyncIterator[bytes]:
    yield body
