"""Multipart objects made by Swift's own S3 middleware, which stores their S3 ETag where only listings show it."""

from __future__ import annotations

import re
from typing import Final

from adapters.types.objects import Listing, Stored
from shim.context import Call
from shim.s3.objects.headers import storage_class, typed, unknown_etag

_IN_HASH: Final = re.compile(r"; *s3_etag=([0-9a-f]{32}-[0-9]+)")


async def with_s3_etag(call: Call, bucket: str, key: str, stored: Stored) -> Stored:
    """Return a description with the S3 ETag in its content type, as for the gateway's own multipart objects.

    Only a static large object without that ETag costs a request, for its row of the listing.
    """
    if not unknown_etag(stored):
        return stored
    rows = await call.cloud.objects.objects(bucket, Listing(prefix=key, limit=1))
    if not rows or rows[0].get("name") != key:
        return stored
    told = rows[0].get("s3_etag", "").strip('"')
    if not told:  # if the middleware is not in the pipeline, Swift shows the parameter within the row's hash
        found = _IN_HASH.search(rows[0]["hash"])
        told = found[1] if found else ""
    return (
        stored._replace(content_type=typed(stored.content_type, told, storage_class(stored.content_type)))
        if told
        else stored
    )
