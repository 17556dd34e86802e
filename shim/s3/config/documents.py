"""Stores the documents of a bucket's configuration (tags, CORS rules, policy) as JSON.

A short document is stored in an item of the container's metadata.  By default Swift limits those to 256 bytes each
("max_meta_value_length") and 4,096 for all ("max_meta_overall_size"), so a longer document is an object in a second
container, and the item is the last part of that object's name.  A changed document gets a new name, so a reader of the
item finds the whole old document or the whole new one.  See decision 12.
"""

from __future__ import annotations

import json
import logging
import secrets
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from adapters.errors import BackendError, absent_is
from adapters.types.objects import Description
from shim.context import Call
from shim.errors import AwsError
from shim.s3 import names
from shim.s3.config.configuration import configuration, configure, read
from shim.undo import undoing

log = logging.getLogger(__name__)

_SUB_RESOURCES: Final = 34  # at most, so that items for all of AWS's sub-resources fit into a container's metadata
_SORT: Final = "document"  # the name of these look-ups in the metrics
_KEEP_SECONDS: Final = 600.0  # the document of a name never changes
_MOST_BYTES: Final = 256 << 10  # largest document, as it is read whole; a thousand lifecycle rules are smaller
_TRIES: Final = 3
_GONE: Final = object()
_INLINE: Final = '{["'  # first characters of a document; a name is hexadecimal


async def current(call: Call, bucket: str, name: str) -> Any:
    """Return the current document, or None; raise NOT_FOUND for a missing bucket."""
    tried = None
    for _ in range(_TRIES):
        item = (await read(call, bucket)).get(name, "")
        if item == tried:
            break
        found = await _opened(call, bucket, name, item)
        if found is not _GONE:  # otherwise another request has replaced the document since the item was read
            return found
        tried = item
    raise unreadable(bucket, name, "its object is gone")


async def recent(call: Call, bucket: str, name: str) -> tuple[str, Any]:
    """Return the document's item and content, which may be some seconds old; ('', None) if there is none.

    Without a document this costs no call to Swift while the bucket's configuration is cached.
    """
    item = (await configuration(call, bucket)).get(name, "")
    found = await _opened(call, bucket, name, item)
    if found is _GONE:  # replaced by another gateway since
        item = (await read(call, bucket)).get(name, "")
        found = await _opened(call, bucket, name, item)
        if found is _GONE:
            raise unreadable(bucket, name, "its object is gone")
    return item, found


def alone(call: Call, bucket: str) -> AbstractAsyncContextManager[None]:
    """Hold the lock for changing a bucket's documents or deleting them with the bucket."""
    return call.locks.hold("bucket-configuration", call.caller.project_id, bucket)


async def write(call: Call, bucket: str, name: str, content: Any) -> None:
    """Store a document and delete the previous one."""
    text = json.dumps(content, separators=(",", ":"))
    if len(text) > _MOST_BYTES:
        raise AwsError("MaxMessageLengthExceeded", "Your request was too big.", 400)
    async with alone(call, bucket), undoing() as undo:
        old = (await read(call, bucket)).get(name, "")
        item = text
        if len(text) > (await call.cloud.objects.limits()).metadata_bytes // _SUB_RESOURCES:
            item = secrets.token_hex(8)
            undo(_undo_put, call, bucket, name, item)
            await _put(call, bucket, _object(name, item), text.encode())
        await configure(call, bucket, {name: item})
    await _drop(call, bucket, name, old)


async def delete(call: Call, bucket: str, name: str) -> bool:
    """Delete a document; return False if the bucket had none."""
    async with alone(call, bucket):
        old = (await read(call, bucket)).get(name, "")
        if not old:
            return False
        await configure(call, bucket, {name: ""})
    await _drop(call, bucket, name, old)
    return True


async def _opened(call: Call, bucket: str, name: str, item: str) -> Any:
    """Return the document that an item contains or names, or _GONE if the named object is gone."""
    if not item:
        return None
    if item[0] in _INLINE:
        return _parsed(bucket, name, item)
    key = (_SORT, bucket, name, item)
    content = call.cache.get(call.caller.project_id, key)
    if content is None:
        raw = await _get(call, bucket, name, item)
        if raw is None:
            return _GONE
        content = _parsed(bucket, name, raw)
        # A parsed document takes several times the memory of its text.
        call.cache.put(call.caller.project_id, key, content, size=8 * len(raw), seconds=_KEEP_SECONDS)
    return content


def _parsed(bucket: str, name: str, text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise unreadable(bucket, name, "it is not JSON") from error


def unreadable(bucket: str, name: str, why: str) -> AwsError:
    """Return the error for a document that was damaged through Swift; it can still be replaced or deleted."""
    log.warning("the document %r of bucket %r cannot be read: %s", name, bucket, why)
    return AwsError("InternalError", "The bucket's configuration cannot be read.", 500)


def _object(name: str, item: str) -> str:
    return f"{name}/{item}"


async def _put(call: Call, bucket: str, key: str, text: bytes) -> None:
    store, container, described = call.cloud.objects, names.documents(bucket), Description("application/json")
    if await absent_is(None, store.put(container, key, text, len(text), described)) is None:
        await store.create_container(container)  # without the bucket's ACLs, which may let others read
        await store.put(container, key, text, len(text), described)


async def _get(call: Call, bucket: str, name: str, item: str) -> bytes | None:
    download = await absent_is(None, call.cloud.objects.get(names.documents(bucket), _object(name, item)))
    if download is None:
        return None
    try:
        if download.stored.size > _MOST_BYTES:  # Swift's own users may have stored any size
            raise unreadable(bucket, name, "it is too long")
        if isinstance(download.body, bytes):
            return download.body
        return b"".join([piece async for piece in download.body])
    finally:
        download.close()


async def _undo_put(call: Call, bucket: str, name: str, item: str) -> None:
    """Delete a new document's object unless the item names it: the change may have succeeded with its answer lost."""
    items = await absent_is(None, read(call, bucket))
    if items is None or items.get(name) != item:
        await _drop(call, bucket, name, item)


async def _drop(call: Call, bucket: str, name: str, item: str) -> None:
    """Delete the object of a replaced item; if that fails, it is deleted with the bucket."""
    if not item or item[0] in _INLINE:
        return
    try:
        await absent_is(None, call.cloud.objects.delete(names.documents(bucket), _object(name, item)))
    except BackendError as error:
        log.warning("request %s: %s of %s stays behind: %s", call.request_id, name, bucket, error)
