"""Keep the connections of long operations alive: their answers begin before the work has ended.

"After Amazon S3 begins processing the request, it sends an HTTP response header that specifies a 200 OK response.
While processing is in progress, Amazon S3 periodically sends white space characters to keep the connection from timing
out.  [...] A 200 OK response can contain either a success or an error" (CompleteMultipartUpload; CopyObject and
UploadPartCopy likewise).  SDKs take an error within a 200 for a 500.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from shim.protocol.faults import s3_ids
from shim.protocol.message import Reply
from shim.protocol.restxml import CONTENT_TYPE
from shim.protocol.xml.write import DECLARATION

_DECLARATION = DECLARATION.encode()


async def keep_connection_alive(
    work: Coroutine[Any, Any, Reply], silence: float, request_id: str, failed: Callable[[Exception], Reply]
) -> Reply:
    """Return the work's answer, or raise its error, if it ends within `silence` seconds.

    Otherwise return a 200 whose body is a space every `silence` seconds until the work has ended, and then the work's
    document, or the one that `failed` makes of its error.  The headers of the work's answer are not sent.  The work
    goes on to its end even if the client disconnects.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=silence)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if task.done():
        return task.result()
    headers = [*s3_ids(request_id), ("Content-Type", CONTENT_TYPE)]
    return Reply(200, headers, _waiting(task, silence, failed), watched=False)


async def _waiting(
    task: asyncio.Future[Reply], silence: float, failed: Callable[[Exception], Reply]
) -> AsyncIterator[bytes]:
    try:
        yield _DECLARATION
        while not (await asyncio.wait({task}, timeout=silence))[0]:
            yield b" "
        try:
            reply = task.result()
        except Exception as error:  # noqa: BLE001 - the last border, as in the gateway itself
            reply = failed(error)
        assert isinstance(reply.body, bytes)
        yield reply.body.removeprefix(_DECLARATION)
    finally:
        task.cancel()  # the server ends this request; work that is done stays done
