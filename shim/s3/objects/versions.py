"""Versions of objects: their ids, which of them is S3's version `null`, and what is current.

Swift's ids are the times of the writes, and S3's are opaque, so Swift's go out as they are.  The version `null` is

- an object that stands in the container itself, as before there were versions;
- one of those that Swift made a version when it was replaced: its id is the time of its write, its own time that of the
  replacement;
- what the gateway wrote while versioning was suspended: its content type says so; Swift's delete markers have no room
  for such a mark, so the time of the suspension tells.

The current version is the newest one.  Swift has a link to it under the object's name; after the deletion of the
current version there is none, and `settle` makes the newest version current.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Final, NoReturn, TypeVar

from adapters.errors import BackendError, Fault, absent_is
from adapters.types.objects import DELETE_MARKER, NULL_VERSION, Listing, ObjectRow, Stored, Written
from shim.context import Call
from shim.errors import AwsError
from shim.s3.config import configuration, versioning
from shim.s3.config.versioning import State
from shim.s3.errors import invalid_argument, no_such_key, no_such_version
from shim.s3.objects import segments
from shim.s3.objects.headers import is_marked_null
from shim.s3.paging import MOST_KEYS

log = logging.getLogger(__name__)
T = TypeVar("T")

_is_id: Final = re.compile(r"[0-9]{10}\.[0-9]{5}").fullmatch
_MARKER: Final = "x-amz-delete-marker"
_VERSION: Final = "x-amz-version-id"
_SETTLES: Final = 4


def asked(req: Mapping[str, Any]) -> str:
    """Return the version that a request names, '' for the current one; raise InvalidArgument for what cannot be one."""
    version = req.get("VersionId")
    return "" if version is None else checked(version, "versionId")


def checked(version: str, argument: str) -> str:
    """Return a version id; raise InvalidArgument for a text that cannot be one."""
    if version == NULL_VERSION or _is_id(version):
        return version
    message = "Invalid version id specified" if version else "Version id cannot be the empty string"
    raise invalid_argument(message, argument, version)


async def state_of(call: Call, bucket: str) -> State:
    """Return the state of a bucket's versioning, which may be some seconds old."""
    return versioning.state(await configuration.configuration(call, bucket))


# --- reading ---


async def read(call: Call, bucket: str, key: str, version: str, reader: Callable[[str], Awaitable[T]]) -> T:
    """Read a version of an object, '' for the current one, by a function that takes Swift's id."""
    while True:
        try:
            return await reader(version)
        except BackendError as error:
            version = await instead(call, bucket, key, version, error)


async def head(call: Call, bucket: str, key: str, version: str) -> Stored:
    """Describe a version of an object, '' for the current one."""
    return await read(call, bucket, key, version, lambda swift: call.cloud.objects.head(bucket, key, version=swift))


async def instead(call: Call, bucket: str, key: str, version: str, error: BackendError) -> str:
    """Return the version to read after reading failed, or raise S3's error for a version that cannot be read.

    The answer is an id of Swift's.  There is none instead of such an id, so a second failure ends the reading.
    """
    if error.fault is not Fault.NOT_FOUND or error.resource not in ("object", "version"):
        raise error
    if error.resource == "version":
        if version == NULL_VERSION:
            for row in nulls(await of_key(call, bucket, key), await state_of(call, bucket)):
                if row["version_id"] != NULL_VERSION:  # otherwise the row is stale: reading this failed
                    return row["version_id"]
        elif error.version:
            await _refuse_marker(call, bucket, version)
        raise no_such_version(key, version) from error
    if version or not error.version:  # without an id in the error, the bucket never had versions
        raise error
    newest = await _newest(call, bucket, key)
    if newest is None:
        raise error
    state = await state_of(call, bucket)
    if is_marker(newest):
        raise no_such_key(key, {_MARKER: "true", _VERSION: id_of(newest, state)}) from error
    if not state.kept or newest["version_id"] == NULL_VERSION:
        raise error
    return newest["version_id"]  # the current version was deleted and the gateway died before it linked this one


async def is_there(call: Call, bucket: str, key: str, version: str) -> bool:
    """Return whether there is a version, or a delete marker, with this id of Swift's."""
    try:
        await call.cloud.objects.head(bucket, key, version=version)
    except BackendError as error:
        if error.fault is not Fault.NOT_FOUND or error.resource != "version":
            raise
        return bool(error.version)
    return True


async def _refuse_marker(call: Call, bucket: str, version: str) -> NoReturn:
    """Refuse to read a delete marker by its id, as S3 does."""
    state = await state_of(call, bucket)
    verb = next((verb for verb in ("HEAD", "PUT", "DELETE") if call.operation.upper().startswith(verb)), "GET")
    raise AwsError(
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
        405,
        extra={"Method": verb, "ResourceType": "DeleteMarker"},
        headers={
            "Allow": "DELETE",
            "Last-Modified": format_datetime(datetime.fromtimestamp(int(float(version)), UTC), usegmt=True),
            _MARKER: "true",
            _VERSION: NULL_VERSION if state.is_null_marker(version) else version,
        },
    )


# --- ids ---


async def shown(call: Call, bucket: str, stored: Stored) -> str:
    """Return the version id that S3 shows for an object, '' in a bucket that never had versions."""
    if stored.version in ("", NULL_VERSION):
        return stored.version
    null = is_marked_null(stored.content_type) or (
        stored.relocated and (await state_of(call, bucket)).is_from_before(stored.version)
    )
    return NULL_VERSION if null else stored.version


async def members(call: Call, bucket: str, stored: Stored) -> dict[str, str]:
    """Return the answer's member that names an object's version, none in a bucket that never had versions."""
    return {"VersionId": await shown(call, bucket, stored)} if stored.version else {}


def is_marker(row: ObjectRow) -> bool:
    """Return whether a row of a listing of versions is a delete marker."""
    return row["content_type"] == DELETE_MARKER


def id_of(row: ObjectRow, state: State) -> str:
    """Return the version id that S3 shows for a row of a listing of versions."""
    version = row["version_id"]
    if version == NULL_VERSION:
        return version
    if is_marker(row):
        null = state.is_null_marker(version)
    else:
        null = is_marked_null(row["content_type"]) or (state.is_from_before(version) and _is_relocated(row))
    return NULL_VERSION if null else version


def _is_relocated(row: ObjectRow) -> bool:
    seconds, _, fraction = row["version_id"].partition(".")
    written = datetime.fromtimestamp(int(seconds), UTC).replace(microsecond=10 * int(fraction), tzinfo=None)
    return datetime.fromisoformat(row["last_modified"]) != written


def nulls(rows: Sequence[ObjectRow], state: State) -> list[ObjectRow]:
    """Return the rows that are S3's version `null`, the newest first; older ones are left-overs."""
    return [row for row in rows if id_of(row, state) == NULL_VERSION]


async def of_key(call: Call, bucket: str, key: str) -> list[ObjectRow]:
    """List all versions of one object, the newest first."""
    found: list[ObjectRow] = []
    want = Listing(prefix=key, limit=MOST_KEYS)
    while True:
        rows = await call.cloud.objects.versions(bucket, want)
        mine = [row for row in rows if row["name"] == key]  # names that begin with the key follow it
        found += mine
        if len(mine) < MOST_KEYS:
            return found
        want = replace(want, marker=key, version_marker=mine[-1]["version_id"])


async def _newest(call: Call, bucket: str, key: str) -> ObjectRow | None:
    rows = await call.cloud.objects.versions(bucket, Listing(prefix=key, limit=1))
    return rows[0] if rows and rows[0]["name"] == key else None


# --- writing ---


async def is_suspended(call: Call, bucket: str) -> bool:
    """Return whether an object that is written now gets the version `null`."""
    return versioning.is_suspended(await configuration.configuration(call, bucket))


async def written(
    call: Call, target: tuple[str, str], made: Written, old: Sequence[str], *, null: bool
) -> dict[str, str]:
    """Finish the write of an object, and return the answer's members.

    The segments `old` of the object that was there are removed if Swift's answer to the write shows that it is gone.
    """
    if not made.version:
        await segments.remove(call, target[0], old)
        return {}
    if not null:
        return {"VersionId": made.version}
    await drop_nulls(call, *target, made.version)
    return {}


async def drop_nulls(call: Call, bucket: str, key: str, newer: str, rows: Sequence[ObjectRow] | None = None) -> bool:
    """Remove the version `null` that a newer one replaces, if versioning is still suspended; return whether it was.

    The new one is already written, so a failure is only logged: the old one stays as a version.  `rows` are the
    versions if they were listed after that.
    """
    removed = False
    try:
        now = versioning.state(await configuration.read(call, bucket))
        if now.status != versioning.SUSPENDED:
            return False
        if rows is None:
            rows = await of_key(call, bucket, key)
        for row in nulls(rows, now):
            # An object in the container itself is gone: the new version's link stands there.
            if row["version_id"] != NULL_VERSION and row["version_id"] < newer:
                await remove(call, bucket, key, row["version_id"], rows)
                removed = True
    except BackendError as error:
        log.warning("request %s: a null version in %s stays behind: %s", call.request_id, bucket, error)
    return removed


async def remove(call: Call, bucket: str, key: str, version: str, rows: Sequence[ObjectRow]) -> None:
    """Delete one version for good, with its segments unless another of the object's versions `rows` has the same."""
    store = call.cloud.objects
    mine = next((row for row in rows if row["version_id"] == version), None)
    gone: list[str] = []
    # Swift copies a manifest when it makes an object a version, and the hash is that of the manifest.
    if (
        mine is not None
        and "slo_etag" in mine
        and not any(row["hash"] == mine["hash"] for row in rows if row is not mine)
    ):
        gone = await absent_is([], segments.of_manifest(store, bucket, key, version))
    if not await store.delete_version(bucket, key, version):
        await settle(call, bucket, key)
    await segments.remove(call, bucket, gone)


async def settle(call: Call, bucket: str, key: str) -> None:
    """Make the newest version of an object the current one, unless it is a delete marker."""
    for _ in range(_SETTLES):
        newest = await _newest(call, bucket, key)
        if newest is None or newest["is_latest"] or is_marker(newest):
            return
        if not (await state_of(call, bucket)).kept:
            return
        # A version that is deleted meanwhile, or a newer one that is written, is found by the next look.
        await absent_is(None, call.cloud.objects.make_current(bucket, key, newest["version_id"]))
