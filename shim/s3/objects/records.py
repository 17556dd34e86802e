"""Side records: items of an object's description that change after its write, or that Swift's metadata cannot hold.

Swift can change an object's metadata only by a POST, which replaces all of it, changes Last-Modified and is impossible
for an old version.  So an object that is tagged after its write has a record: a small JSON object in the container
`<bucket>+records`, named by key and version.  Its items have the names of the object's own reserved metadata and take
their place; an empty item removes one.  It holds the identity of the object that it describes, and says nothing about
any other object of that key.  The bucket's configuration tells whether it may have records.  See decision 13.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, NamedTuple

from adapters.errors import BackendError, absent_is
from adapters.types.objects import Description, Download, Limits, Listing, ObjectRow, Stored
from shim.concurrency import gather
from shim.context import Call
from shim.errors import AwsError
from shim.s3 import names
from shim.s3.config.configuration import SWIFT_VERSIONS, configuration, configure
from shim.s3.config.configuration import read as read_configuration
from shim.s3.objects import versions
from shim.s3.objects.conditions import lock_of
from shim.s3.objects.headers import ACL, RECORD, REDIRECT, TAGGING

log = logging.getLogger(__name__)

NULL: Final = "null"  # the version of an object in an unversioned bucket
SETTING: Final = "records"  # the item of a bucket's configuration that says that it may have records
_MOST_BYTES: Final = 256 << 10  # a record is read whole; the largest is far smaller
_MOST_LISTED: Final = 10_000
_AFTER_SLASH: Final = "0"  # the character that follows `/`
# What items of other sorts may take of an object's metadata.
_RESERVED_BYTES: Final = 512
_RESERVED_ITEMS: Final = 10
_SPILLING: Final = frozenset({ACL, TAGGING, REDIRECT})  # items that may be long

Items = Mapping[str, str]


class Record(NamedTuple):
    """A record as stored: the identity of the object that it describes, and the items."""

    object: str
    items: Items


NONE: Final = Record("", {})


# --- reading ---


async def get(call: Call, bucket: str, key: str, *, span: str = "", part: int = 0, version: str = "") -> Download:
    """Open an object, or a version of it, with the items of its record in its metadata."""
    store, configured = call.cloud.objects, await configuration(call, bucket)
    if SETTING not in configured or version or SWIFT_VERSIONS in configured:
        try:
            download = await store.get(bucket, key, span=span, part=part, version=version)
        except BackendError as error:
            version = await versions.instead(call, bucket, key, version, error)
            return await get(call, bucket, key, span=span, part=part, version=version)
        if RECORD in download.stored.metadata or SETTING in configured:
            return await _overlaid(call, bucket, key, download)
        return download
    opening = asyncio.ensure_future(store.get(bucket, key, span=span, part=part))
    try:
        download, record = await gather(opening, _read(call, bucket, key, NULL))
    except BaseException:
        if opening.done() and not opening.cancelled() and opening.exception() is None:
            opening.result().close()
        raise
    if download.stored.pin:  # the bucket has had versions for some seconds
        return await _overlaid(call, bucket, key, download)
    return download._replace(stored=overlaid(download.stored, record))


async def head(call: Call, bucket: str, key: str, *, part: int = 0, version: str = "") -> Stored:
    """Describe an object, or a version of it, with the items of its record in its metadata."""
    store, configured = call.cloud.objects, await configuration(call, bucket)
    if SETTING not in configured or version or SWIFT_VERSIONS in configured:
        try:
            stored = await store.head(bucket, key, part=part, version=version)
        except BackendError as error:
            version = await versions.instead(call, bucket, key, version, error)
            return await head(call, bucket, key, part=part, version=version)
        wanted = RECORD in stored.metadata or SETTING in configured
        return await _overlay(call, bucket, key, stored) if wanted else stored
    stored, record = await gather(store.head(bucket, key, part=part), _read(call, bucket, key, NULL))
    return await _overlay(call, bucket, key, stored) if stored.pin else overlaid(stored, record)


async def exact(call: Call, bucket: str, key: str, *, version: str = "", finished: bool = True) -> Stored:
    """Describe an object as `head` does, and read its record even if this gateway knows of none in the bucket.

    Another gateway may have written the bucket's first record since the configuration was read.  With `finished`, raise
    as `checked` does.
    """
    stored = await _overlay(call, bucket, key, await versions.head(call, bucket, key, version))
    return checked(stored) if finished else stored


def overlaid(stored: Stored, record: Record) -> Stored:
    """Put a record's items into the metadata of the object that it describes; change no other object."""
    if record.object and record.object == _identity(stored):
        items = {**stored.metadata, **record.items}
        kept = {name: items[name] for name in items if name != RECORD and (items[name] or name not in record.items)}
        return stored._replace(metadata=kept)
    return stored


def checked(stored: Stored) -> Stored:
    """Raise ServiceUnavailable for an object whose write has not yet stored its record, or ended before that."""
    if RECORD in stored.metadata:
        raise AwsError("ServiceUnavailable", "The object's write is not finished. Please try again.", 503)
    return stored


def _identity(stored: Stored) -> str:
    """Return what tells an object, as Swift describes it, from all others that have or had its key.

    The id of a version is the time of its write, also for an object that Swift made a version later.
    """
    return stored.metadata.get(RECORD) or stored.pin or stored.timestamp


async def _overlay(call: Call, bucket: str, key: str, stored: Stored) -> Stored:
    return overlaid(stored, await _read(call, bucket, key, await _version(call, bucket, stored)))


async def _version(call: Call, bucket: str, stored: Stored) -> str:
    """Return the version by which an object's record is named: as S3 shows it."""
    return await versions.shown(call, bucket, stored) or NULL


async def _overlaid(call: Call, bucket: str, key: str, download: Download) -> Download:
    try:
        return download._replace(stored=await _overlay(call, bucket, key, download.stored))
    except BaseException:
        download.close()
        raise


async def _read(call: Call, bucket: str, key: str, version: str) -> Record:
    name = _name(key, version)
    download = await absent_is(None, call.cloud.objects.get(names.records(bucket), name, tell_missing=False))
    if download is None:
        return NONE
    try:
        if download.stored.size > _MOST_BYTES:  # Swift's own users may have stored any size
            raise _unreadable(bucket, key)
        if isinstance(download.body, bytes):
            return _parsed(download.body, bucket, key)
        return _parsed(b"".join([piece async for piece in download.body]), bucket, key)
    finally:
        download.close()


def _parsed(text: bytes, bucket: str, key: str) -> Record:
    try:
        told = json.loads(text)
        record = Record(told["object"], told["items"])
        if all(isinstance(one, str) for one in (record.object, *record.items.values())):
            return record
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError) as error:
        raise _unreadable(bucket, key) from error
    raise _unreadable(bucket, key)


def _unreadable(bucket: str, key: str) -> AwsError:
    """Return the error for a record that was damaged through Swift; the next change replaces it."""
    log.warning("the record of %r in bucket %r cannot be read", key, bucket)
    return AwsError("InternalError", "The object's record cannot be read.", 500)


# --- writing ---


def alone(call: Call, bucket: str, key: str) -> AbstractAsyncContextManager[None]:
    """Hold the key's lock, which conditional writes, completions and changes of the record hold."""
    return call.locks.hold(*lock_of(call, bucket, key))


async def change(call: Call, bucket: str, key: str, decide: Callable[[Stored], Items], *, version: str = "") -> Stored:
    """Set items of the record of an object, or of a version of it, and return it as it was described before.

    `decide` returns the items to set; it gets the object as described before, may raise, and runs under the key's lock:
    of two changes at the same time neither is lost.
    """
    async with alone(call, bucket, key):
        stored, configured = await gather(versions.head(call, bucket, key, version), read_configuration(call, bucket))
        name = await _version(call, bucket, stored)
        old = await _readable(call, bucket, key, name)
        mine = _identity(stored)
        here = old.items if old.object == mine else {}
        wanted = decide(overlaid(stored, old))
        if SETTING not in configured:  # before the first record, so that no reader misses one
            await configure(call, bucket, {SETTING: "yes"})
            call.configurations[bucket] = {**configured, SETTING: "yes"}  # for the rest of this request
        await _write(call, bucket, key, Record(mine, {**here, **wanted}), name)
        return stored


async def add(call: Call, bucket: str, key: str, told: Description, items: Items, *, version: str = "") -> None:
    """Store what did not fit into the metadata of an object that was just written, while the key's lock is held.

    An object that was replaced or deleted meanwhile gets no record.  What was changed since its write stays.
    """
    store, mine = call.cloud.objects, told.metadata[RECORD]
    stored, configured = await gather(
        absent_is(None, store.head(bucket, key, version=version)), read_configuration(call, bucket)
    )
    if stored is None or _identity(stored) != mine:
        return
    name = await _version(call, bucket, stored)
    old = await _readable(call, bucket, key, name)
    if SETTING not in configured:
        await configure(call, bucket, {SETTING: "yes"})
        call.configurations[bucket] = {**configured, SETTING: "yes"}
    changed = old.items if old.object == mine else {}
    await _write(call, bucket, key, Record(mine, {**items, **changed}), name)


def fitted(told: Description, limits: Limits) -> tuple[Description, Items]:
    """Return an object's description as Swift can store it, and the items that must go to its record.

    By default Swift takes 4,096 bytes of metadata and 90 entries (`max_meta_overall_size`, `max_meta_count`), S3's user
    may give 2 KB, and items of other sorts need some room.
    """
    if _SPILLING.isdisjoint(told.metadata):
        return told, {}
    metadata, moved = dict(told.metadata), dict[str, str]()
    for name in sorted(_SPILLING & metadata.keys(), key=lambda one: len(metadata[one]), reverse=True):
        if _fits(metadata, limits):
            break
        moved[name] = metadata.pop(name)
    if not moved:
        return told, {}
    return told._replace(metadata={**metadata, RECORD: secrets.token_hex(8)}), moved


def _fits(metadata: Items, limits: Limits) -> bool:
    """Return whether Swift takes this metadata: a `_` of a name as three bytes, a long value in several entries."""
    size = entries = 0
    for name, value in metadata.items():
        length = len(_raw(value))
        pieces = 1 + length // limits.value_bytes
        entries += pieces
        size += length + (len(name) + 2 * name.count("_") + 4) * pieces
    return size <= limits.metadata_bytes - _RESERVED_BYTES and entries <= limits.metadata_items - _RESERVED_ITEMS


async def _readable(call: Call, bucket: str, key: str, version: str) -> Record:
    try:
        return await _read(call, bucket, key, version)
    except AwsError:  # damaged through Swift
        return NONE


async def _write(call: Call, bucket: str, key: str, record: Record, version: str) -> None:
    text = json.dumps({"key": key, "object": record.object, "items": record.items}, separators=(",", ":")).encode()
    store, container, described = call.cloud.objects, names.records(bucket), Description("application/json")
    name = _name(key, version)
    if await absent_is(None, store.put(container, name, text, len(text), described)) is None:
        await store.create_container(container)  # without the bucket's ACLs, which may let others read
        await store.put(container, name, text, len(text), described)


# --- deleting ---


async def delete(call: Call, bucket: str, key: str, *, version: str = NULL) -> None:
    """Delete the record of a deleted object, while the key's lock is held since before the object was deleted.

    A failure is only logged: the record describes no other object, and is deleted with the bucket.
    """
    try:
        await absent_is(None, call.cloud.objects.delete(names.records(bucket), _name(key, version), tell_missing=False))
    except BackendError as error:
        log.warning("request %s: a record of %s stays behind: %s", call.request_id, bucket, error)


async def candidates(call: Call, bucket: str, keys: Sequence[str]) -> frozenset[str]:
    """Return those of many keys that may have records."""
    if not keys or SETTING not in await configuration(call, bucket):
        return frozenset()
    store, container = call.cloud.objects, names.records(bucket)
    found = {key for key in keys if _digested(key)}
    marker = min((f"{key}/" for key in keys), key=_raw)
    last = max((f"{key}{_AFTER_SLASH}" for key in keys), key=_raw)
    listed = 0
    while page := await absent_is(list[ObjectRow](), store.objects(container, Listing(marker=marker, end_marker=last))):
        found.update(row["name"].rpartition("/")[0] for row in page)
        marker, listed = page[-1]["name"], listed + len(page)
        if listed > _MOST_LISTED:
            return frozenset(keys)
    return frozenset(found.intersection(keys))


# --- names ---


def _name(key: str, version: str) -> str:
    """Return a record's name; a key that leaves no room for a version is replaced by its digest."""
    return f"{hashlib.sha256(_raw(key)).hexdigest() if _digested(key) else key}/{version}"


def _digested(key: str) -> bool:
    return 4 * len(key) > _LONGEST_KEY and len(_raw(key)) > _LONGEST_KEY


_LONGEST_KEY: Final = names.KEY_BYTES - 64


def _raw(key: str) -> bytes:
    return key.encode("utf-8", "surrogateescape")
