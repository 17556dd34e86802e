"""Documents of a bucket's configuration: its tags, its CORS rules, its policy, each of them JSON.

A short document is an item of the container's metadata itself.  Swift bounds those ("max_meta_value_length" is 256
bytes, "max_meta_overall_size" 4,096 for all items), so a longer document is an object in a container beside the
bucket's, and the item is the last part of that object's name.  A changed document gets a new name: who reads the item
finds the whole old document or the whole new one.  Decision 12 tells why.
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
from shim.s3.config.configuration import configure, read
from shim.undo import undoing

log = logging.getLogger(__name__)

_ITEM_BYTES: Final = 120  # of a document that stays in the item: all of AWS's sub-resources fit into 4,096 bytes
_SORT: Final = "document"  # how the metrics call these look-ups
_KEEP_SECONDS: Final = 600.0  # what a name stands for never changes
_MOST_BYTES: Final = 256 << 10  # of a document, which is read whole: a thousand lifecycle rules take less
_TRIES: Final = 3
_GONE: Final = object()
_INLINE: Final = '{["'  # how a document begins; a name is hexadecimal


async def current(call: Call, bucket: str, name: str) -> Any:
    """Return a document as it is now, or None; raises NOT_FOUND for a bucket that is not there."""
    tried = None
    for _ in range(_TRIES):
        item = (await read(call, bucket)).get(name, "")
        if item == tried:
            break
        found = await _opened(call, bucket, name, item)
        if found is not _GONE:  # else another request has replaced the document since the item was read
            return found
        tried = item
    raise _unreadable(bucket, name, "its object is gone")


def alone(call: Call, bucket: str) -> AbstractAsyncContextManager[None]:
    """Hold the lock under which a bucket's documents change, or are deleted with the bucket."""
    return call.locks.hold("bucket-configuration", call.caller.project_id, bucket)


async def write(call: Call, bucket: str, name: str, content: Any) -> None:
    """Store a document in place of the one before it."""
    text = json.dumps(content, separators=(",", ":"))
    if len(text) > _MOST_BYTES:
        raise AwsError("MaxMessageLengthExceeded", "Your request was too big.", 400)
    async with alone(call, bucket), undoing() as undo:
        old = (await read(call, bucket)).get(name, "")
        item = text
        if len(text) > _ITEM_BYTES:
            item = secrets.token_hex(8)
            undo(_undo_put, call, bucket, name, item)
            await _put(call, bucket, _object(name, item), text.encode())
        await configure(call, bucket, {name: item})
    await _drop(call, bucket, name, old)


async def delete(call: Call, bucket: str, name: str) -> bool:
    """Delete a document; False where the bucket had none."""
    async with alone(call, bucket):
        old = (await read(call, bucket)).get(name, "")
        if not old:
            return False
        await configure(call, bucket, {name: ""})
    await _drop(call, bucket, name, old)
    return True


async def _opened(call: Call, bucket: str, name: str, item: str) -> Any:
    """Return the document that an item is or names, or _GONE where the object that it names is gone."""
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
        # A parsed document takes some times the bytes of its text.
        call.cache.put(call.caller.project_id, key, content, size=8 * len(raw), seconds=_KEEP_SECONDS)
    return content


def _parsed(bucket: str, name: str, text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unreadable(bucket, name, "it is not JSON") from error


def _unreadable(bucket: str, name: str, why: str) -> AwsError:
    """Refuse to act on a document that somebody has damaged through Swift; it can still be replaced or deleted."""
    log.warning("the document %r of bucket %r cannot be read: %s", name, bucket, why)
    return AwsError("InternalError", "The bucket's configuration cannot be read.", 500)


def _object(name: str, item: str) -> str:
    return f"{name}/{item}"


async def _put(call: Call, bucket: str, key: str, text: bytes) -> None:
    store, container, described = call.cloud.objects, names.documents(bucket), Description("application/json")
    if await absent_is(None, store.put(container, key, text, len(text), described)) is None:
        await store.create_container(container)  # not like the bucket's, whose ACLs may let strangers read
        await store.put(container, key, text, len(text), described)


async def _get(call: Call, bucket: str, name: str, item: str) -> bytes | None:
    download = await absent_is(None, call.cloud.objects.get(names.documents(bucket), _object(name, item)))
    if download is None:
        return None
    try:
        if download.stored.size > _MOST_BYTES:  # written through Swift, so of any size
            raise _unreadable(bucket, name, "it is too long")
        if isinstance(download.body, bytes):
            return download.body
        return b"".join([piece async for piece in download.body])
    finally:
        download.close()


async def _undo_put(call: Call, bucket: str, name: str, item: str) -> None:
    """Delete a new document's object unless the item names it: the answer to the change may have been lost."""
    items = await absent_is(None, read(call, bucket))
    if items is None or items.get(name) != item:
        await _drop(call, bucket, name, item)


async def _drop(call: Call, bucket: str, name: str, item: str) -> None:
    """Delete the object behind an item that nothing refers to any more; what fails goes with the bucket."""
    if not item or item[0] in _INLINE:
        return
    try:
        await absent_is(None, call.cloud.objects.delete(names.documents(bucket), _object(name, item)))
    except BackendError as error:
        log.warning("request %s: %s of %s stays behind: %s", call.request_id, name, bucket, error)
