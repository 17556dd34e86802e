"""DeleteObject and DeleteObjects, which also delete the segments of multipart objects."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from adapters.errors import BackendError, Fault, absent_is
from adapters.types.objects import NULL_VERSION, ObjectRow, Refused, Stored
from shim.concurrency import gather_all
from shim.context import Call
from shim.errors import AwsError
from shim.protocol.restparse import malformed_xml
from shim.s3 import names
from shim.s3.config.configuration import SWIFT_VERSIONS, configuration, read
from shim.s3.config.object_lock import check_kept
from shim.s3.errors import no_such_version, translate
from shim.s3.notifications.events import DELETE, EXPIRED, EXPIRED_MARKER, MARKER
from shim.s3.notifications.noting import NAME, note
from shim.s3.notifications.record import Event
from shim.s3.objects import conditions, object_lock, records, segments, versions
from shim.s3.service import NO_MFA, action

MOST_KEYS: Final = 1000  # "The request can contain a list of up to 1,000 keys" (DeleteObjects)
_AT_ONCE: Final = 16
_ERRORS: Final = {403: Fault.FORBIDDEN, 409: Fault.CONFLICT, 413: Fault.TOO_LARGE, 498: Fault.THROTTLED}


@action(
    supports="Bucket Key VersionId ExpectedBucketOwner IfMatch IfMatchLastModifiedTime IfMatchSize "
    "BypassGovernanceRetention",
    ignores=NO_MFA,
)
async def delete_object(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Delete an object, or one of its versions for good; deleting an absent one succeeds."""
    bucket, bypass = names.bucket(call, req), bool(req.get("BypassGovernanceRetention"))
    key, version = req["Key"], versions.asked(req)
    members = await _delete(call, bucket, key, version, conditions.WriteCondition(req), bypass=bypass)
    await note(call, bucket, _removal(key, version, members))
    return members


async def expire_object(
    call: Call, bucket: str, key: str, modified: datetime, still_due: conditions.LastCheck | None = None
) -> None:
    """Delete a current object if it still is the one of that time; `still_due` may refuse it under the key's lock."""
    condition = conditions.WriteCondition({"IfMatchLastModifiedTime": modified})
    members = await _delete(call, bucket, key, "", condition, still_due, absent_too=False)
    await note(call, bucket, _removal(key, "", members, EXPIRED, EXPIRED_MARKER))


async def expire_version(
    call: Call, bucket: str, key: str, version: str, still_due: conditions.LastCheck | None
) -> None:
    """Delete a version, or a delete marker, for good by Swift's id; `still_due` may refuse it under the key's lock."""
    nothing = conditions.WriteCondition({})
    members = await _delete_version(call, bucket, key, version, nothing, bypass=False, last=still_due)
    await note(call, bucket, _removal(key, version, members, EXPIRED))


def _removal(key: str, version: str, members: Mapping[str, Any], gone: str = DELETE, marked: str = MARKER) -> Event:
    """Return the event of a deletion from its answer's members: something is gone, or a delete marker was made.

    It is noted for an absent key too: what a client repeats may have been done by a gateway that died before it noted.
    """
    is_marked = bool(members.get("DeleteMarker")) and not version
    return Event(marked if is_marked else gone, key, version=str(members.get("VersionId", "")))


async def _delete(
    call: Call,
    bucket: str,
    key: str,
    version: str,
    condition: conditions.WriteCondition,
    last: conditions.LastCheck | None = None,
    *,
    bypass: bool = False,
    absent_too: bool = True,
) -> dict[str, Any]:
    """Delete an object or a version of it, and return the answer's members.

    An absent object counts as deleted, and gets a delete marker in a bucket with versions; not without `absent_too`.
    """
    if version:
        return await _delete_version(call, bucket, key, version, condition, bypass=bypass)
    check_kept(await configuration(call, bucket))
    old = await segments.behind(call, bucket, key)
    recorded = records.SETTING in await configuration(call, bucket)
    async with conditions.holding(
        call, bucket, key, condition, deleting=absent_too, always=recorded, last=last
    ) as seen:
        marker = await absent_is("", call.cloud.objects.delete(bucket, key), resource="object")
        null = bool(marker) and await versions.is_suspended(call, bucket)
        rows = await _check_not_overtaken(call, bucket, key, seen, marker) if null and seen is not None else None
        # What is known of the suspension or of the versions may be old, and then the version `null` stays.
        gone = await versions.drop_nulls(call, bucket, key, marker, rows) if null else not marker
        if recorded and gone:
            await records.delete(call, bucket, key)
    if not marker:  # the object is gone; otherwise it is a version now, and its segments stay
        await segments.remove(call, bucket, old)
        return {}
    return {"VersionId": NULL_VERSION if null else marker, "DeleteMarker": True}


async def _check_not_overtaken(call: Call, bucket: str, key: str, seen: Stored, marker: str) -> Sequence[ObjectRow]:
    """Take a delete marker back, and raise, if the object was overwritten after a condition was checked on `seen`.

    Returns the versions that there are with the marker.

    Swift has no conditional DELETE, and the marker of a suspended bucket would replace the new object for good.
    """
    rows = await versions.of_key(call, bucket, key)
    nulls = [row["version_id"] for row in versions.nulls(rows, await versions.state_of(call, bucket))]
    if any(seen.timestamp < one < marker for one in nulls if one not in (NULL_VERSION, seen.version)):
        await versions.remove(call, bucket, key, marker, rows)
        raise conditions.conflict()
    return rows


async def _delete_version(
    call: Call,
    bucket: str,
    key: str,
    version: str,
    condition: conditions.WriteCondition,
    *,
    bypass: bool,
    last: conditions.LastCheck | None = None,
) -> dict[str, Any]:
    """Delete a version for good; an absent one counts as deleted.

    The lock keeps two deletions from making a version current that the other one deletes.
    """
    store = call.cloud.objects
    async with call.locks.hold(*conditions.lock_of(call, bucket, key)):
        if last:
            await last()
        try:
            stored = await records.exact(call, bucket, key, version=version, finished=False)
        except AwsError as error:
            if error.code == "NoSuchVersion":
                await store.container(bucket)
                await versions.settle(call, bucket, key)  # a gateway may have died after it deleted this version
                return {"VersionId": version}
            if error.code != "MethodNotAllowed":
                raise
            marker = True
        else:
            marker = False
            condition.check(key, stored, deleting=True)
            object_lock.check_deletion(stored, bypass=bypass)
        await _remove_version(call, bucket, key, version, stored=None if marker else stored)
        # With a delete marker `null` goes what a suspended bucket has kept of older ones.
        if (not marker or version == NULL_VERSION) and records.SETTING in await configuration(call, bucket):
            named = NULL_VERSION if marker else await versions.shown(call, bucket, stored)
            await records.delete(call, bucket, key, version=named)
    return {"VersionId": version, **({"DeleteMarker": True} if marker else {})}


async def _remove_version(call: Call, bucket: str, key: str, version: str, stored: Stored | None) -> None:
    """Remove a version that was found, `stored`, or a delete marker."""
    if version != NULL_VERSION and (stored is None or stored.layout != "static"):
        await versions.remove(call, bucket, key, version, ())
        return
    rows = await versions.of_key(call, bucket, key)
    if version != NULL_VERSION:
        await versions.remove(call, bucket, key, version, rows)
        return
    for row in versions.nulls(rows, await versions.state_of(call, bucket)):
        # What the listing shows in the container itself may have been replaced by a version's link.
        if row["version_id"] != NULL_VERSION:
            await versions.remove(call, bucket, key, row["version_id"], rows)
    if stored is not None and stored.version == NULL_VERSION:
        await versions.remove(call, bucket, key, NULL_VERSION, rows)


@action(
    supports="Bucket Delete ChecksumAlgorithm ExpectedBucketOwner BypassGovernanceRetention",
    ignores=NO_MFA,
    # A busy Swift may need longer for a thousand keys than the SDKs' timeout of 60 seconds.
    keeps_connection_alive=True,
)
async def delete_objects(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Delete many objects: plain ones in one bulk request to Swift, those with conditions or segments one by one.

    Failures after the start are reported for each key, because the answer's 200 may already be sent.
    """
    bucket, wanted = names.bucket(call, req), req["Delete"]["Objects"]
    if not 1 <= len(wanted) <= MOST_KEYS:
        raise malformed_xml()
    configured = await read(call, bucket)  # raises for a missing bucket
    denied = await call.refusals(wanted) if call.refusals else {}
    allowed = [one for place, one in enumerate(wanted) if place not in denied]
    # Swift's bulk deletion does not tell the ids of the delete markers that it makes.
    single, plain = _sorted(allowed, versioned=SWIFT_VERSIONS in configured)
    many = await segments.candidates(call, bucket, plain) | await records.candidates(call, bucket, plain)
    single += [{"Key": key} for key in plain if key in many]
    plain = [key for key in plain if key not in many]
    done, errors = await _one_by_one(call, bucket, single, bypass=bool(req.get("BypassGovernanceRetention")))
    errors |= await _together(call, bucket, plain)
    if SWIFT_VERSIONS not in configured:  # the version `null` is the object
        errors |= {(key, NULL_VERSION): error for (key, version), error in errors.items() if version is None}
    errors |= {_which(wanted[place]): error for place, error in denied.items()}
    if NAME in configured:
        await note(call, bucket, *_removals(wanted, done, errors))
    quiet = bool(req["Delete"].get("Quiet"))
    return {
        "Deleted": []
        if quiet
        else [{**_echo(one), **done.get(_which(one), {})} for one in wanted if _which(one) not in errors],
        "Errors": [
            {**_echo(one), "Code": errors[_which(one)].code, "Message": errors[_which(one)].message}
            for one in wanted
            if _which(one) in errors
        ],
    }


def _removals(
    wanted: Sequence[Mapping[str, Any]], done: Mapping[Any, Mapping[str, Any]], errors: Container[Any]
) -> list[Event]:
    """Return the events of the entries that succeeded, one for those that name the same."""
    found = dict.fromkeys(which for one in wanted if (which := _which(one)) not in errors)
    markers = {which: one["DeleteMarkerVersionId"] for which, one in done.items() if which[1] is None}
    return [
        Event(MARKER if which in markers else DELETE, which[0], version=markers.get(which) or which[1] or "")
        for which in found
    ]


def _which(one: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return key and version, which identify an entry: several entries may have the same key."""
    return one["Key"], one.get("VersionId")


def _sorted(wanted: Sequence[Mapping[str, Any]], *, versioned: bool) -> tuple[list[dict[str, Any]], list[str]]:
    """Separate entries that are deleted one by one (conditions, versions) from keys that can be deleted at once."""
    single: dict[tuple[str, str | None], dict[str, Any]] = {}
    plain = []
    for one in wanted:
        if not versioned and one.get("VersionId") in (None, NULL_VERSION) and not conditions.WriteCondition(one):
            plain.append(one["Key"])
        else:
            single.setdefault(_which(one), dict(one))
    return list(single.values()), list(dict.fromkeys(plain))


async def _one_by_one(
    call: Call, bucket: str, wanted: Sequence[Mapping[str, Any]], *, bypass: bool
) -> tuple[dict[tuple[str, str | None], dict[str, Any]], dict[tuple[str, str | None], AwsError]]:
    """Delete entries, and return the members of the answer for those that succeeded, and the others' errors."""
    done: dict[tuple[str, str | None], dict[str, Any]] = {}
    errors: dict[tuple[str, str | None], AwsError] = {}

    async def delete(one: Mapping[str, Any]) -> None:
        try:
            condition = conditions.WriteCondition(one)
            members = await _delete(call, bucket, one["Key"], _version(one), condition, bypass=bypass)
        except AwsError as error:
            errors[_which(one)] = error
        except BackendError as error:
            errors[_which(one)] = translate(error, "DeleteObjects", {"Bucket": bucket, **one})
        else:
            if members.get("DeleteMarker"):
                done[_which(one)] = {"DeleteMarker": True, "DeleteMarkerVersionId": members["VersionId"]}

    await gather_all((delete(one) for one in wanted), most=_AT_ONCE)
    return done, errors


def _version(one: Mapping[str, Any]) -> str:
    """Return the version of an entry; the error for one that cannot be an id is that for an unknown one here."""
    try:
        return versions.asked(one)
    except AwsError as error:
        raise no_such_version(one["Key"], str(one["VersionId"])) from error


async def _together(call: Call, bucket: str, keys: Sequence[str]) -> dict[tuple[str, str | None], AwsError]:
    if not keys:
        return {}
    try:
        failed = {one.name: _refused(one) for one in await call.cloud.objects.delete_many(bucket, keys)}
    except BackendError as error:
        failed = dict.fromkeys(keys, translate(error, "DeleteObjects", {"Bucket": bucket}))
    return {(key, None): error for key, error in failed.items()}


def _refused(one: Refused) -> AwsError:
    fault = _ERRORS.get(one.status, Fault.INVALID if one.status < 500 else Fault.UNAVAILABLE)
    return translate(BackendError(fault, service="object-store", resource="object", id=one.name, status=one.status))


def _echo(one: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one[name] for name in ("Key", "VersionId") if one.get(name)}
