"""Finds the bucket whose CORS rules answer a browser: in the project of the access key that the request names, or by
the registry of names.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from adapters.errors import BackendError
from shim.context import Call
from shim.protocol.message import Reply, Request
from shim.s3.access.place import is_closed, place
from shim.s3.config import cors

log = logging.getLogger(__name__)


async def preflight(call: Call, request: Request) -> Reply:
    """Answer a browser's question whether a page may send a request."""
    return await cors.preflight(await _place(call, request), request)


async def headers(call: Call, request: Request) -> Sequence[tuple[str, str]]:
    """Return the headers by which a browser lets a page read the answer to a request."""
    try:
        found = await _place(call, request)
    except BackendError as error:  # the answer itself is told, and it says more
        log.debug("request %s: no CORS rules: %s", call.request_id, error)
        return ()
    return await cors.headers(found, request) if found else ()


async def _place(call: Call, request: Request) -> Call | None:
    """Return the call that acts where the bucket is, or None."""
    bucket = request.address.bucket
    try:
        return await place(call, bucket) if bucket else None
    except BackendError as error:
        if not is_closed(error):
            raise
        return None
