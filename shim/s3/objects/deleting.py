"""DeleteObject and DeleteObjects, which also delete the segments of multipart objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from adapters.errors import BackendError, Fault, absent_is
from adapters.types.objects import Refused
from shim.concurrency import gather_all
from shim.context import Call
from shim.errors import AwsError
from shim.protocol.restparse import malformed_xml
from shim.s3 import names
from shim.s3.config.configuration import configuration, read
from shim.s3.errors import translate
from shim.s3.objects import conditions, records, segments
from shim.s3.objects.objects import check_version
from shim.s3.service import NO_RETENTION, action

MOST_KEYS: Final = 1000  # "The request can contain a list of up to 1,000 keys" (DeleteObjects)
_AT_ONCE: Final = 16
_ERRORS: Final = {403: Fault.FORBIDDEN, 409: Fault.CONFLICT, 413: Fault.TOO_LARGE, 498: Fault.THROTTLED}


@action(
    supports="Bucket Key VersionId ExpectedBucketOwner IfMatch IfMatchLastModifiedTime IfMatchSize",
    ignores=NO_RETENTION,
)
async def delete_object(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Delete an object; deleting an absent object succeeds."""
    bucket = names.bucket(call, req)
    check_version(req)
    await _delete(call, bucket, req["Key"], conditions.WriteCondition(req))
    return {}


async def _delete(call: Call, bucket: str, key: str, condition: conditions.WriteCondition) -> None:
    old = await segments.behind(call, bucket, key)
    recorded = records.SETTING in await configuration(call, bucket)
    async with conditions.holding(call, bucket, key, condition, deleting=True, always=recorded):
        await absent_is(None, call.cloud.objects.delete(bucket, key), resource="object")
        if recorded:
            await records.delete(call, bucket, key)
    await segments.remove(call, bucket, old)


@action(
    supports="Bucket Delete ChecksumAlgorithm ExpectedBucketOwner",
    ignores=NO_RETENTION,
    # A busy Swift may need longer for a thousand keys than the SDKs' timeout of 60 seconds.
    keeps_connection_alive=True,
)
async def delete_objects(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Delete many objects: plain ones in one bulk request to Swift, all others one by one.

    The others have conditions, segments or side records.

    Failures after the start are reported for each key, because the answer's 200 may already be sent.
    """
    bucket, wanted = names.bucket(call, req), req["Delete"]["Objects"]
    if not 1 <= len(wanted) <= MOST_KEYS:
        raise malformed_xml()
    await read(call, bucket)  # raises for a missing bucket, and tells whether it has records
    denied = await call.refusals(wanted) if call.refusals else {}
    single, plain = _sorted([one for place, one in enumerate(wanted) if place not in denied])
    many = await segments.candidates(call, bucket, plain) | await records.candidates(call, bucket, plain)
    single += [{"Key": key} for key in plain if key in many]
    plain = [key for key in plain if key not in many]
    errors = await _one_by_one(call, bucket, single)
    errors |= await _together(call, bucket, plain)
    errors |= {_which(wanted[place]): error for place, error in denied.items()}
    quiet = bool(req["Delete"].get("Quiet"))
    return {
        "Deleted": [] if quiet else [_echo(one) for one in wanted if _which(one) not in errors],
        "Errors": [
            {**_echo(one), "Code": errors[_which(one)].code, "Message": errors[_which(one)].message}
            for one in wanted
            if _which(one) in errors
        ],
    }


def _which(one: Mapping[str, Any]) -> tuple[str, str]:
    """Return key and version, which identify an entry: several entries may have the same key."""
    version = one.get("VersionId") or ""
    return one["Key"], "" if version == "null" else version


def _sorted(wanted: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """Separate entries that need a look-up (conditions, versions) from keys that can be deleted at once."""
    single, plain = [], []
    for one in wanted:
        if one.get("VersionId") in (None, "null") and not conditions.WriteCondition(one):
            plain.append(one["Key"])
        else:
            single.append(dict(one))
    return single, list(dict.fromkeys(plain))


async def _one_by_one(call: Call, bucket: str, wanted: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], AwsError]:
    errors: dict[tuple[str, str], AwsError] = {}

    async def delete(one: Mapping[str, Any]) -> None:
        try:
            check_version(one)
            await _delete(call, bucket, one["Key"], conditions.WriteCondition(one))
        except AwsError as error:
            errors[_which(one)] = error
        except BackendError as error:
            errors[_which(one)] = translate(error, "DeleteObjects", {"Bucket": bucket, **one})

    await gather_all((delete(one) for one in wanted), most=_AT_ONCE)
    return errors


async def _together(call: Call, bucket: str, keys: Sequence[str]) -> dict[tuple[str, str], AwsError]:
    if not keys:
        return {}
    try:
        return {(one.name, ""): _refused(one) for one in await call.cloud.objects.delete_many(bucket, keys)}
    except BackendError as error:
        return dict.fromkeys(((key, "") for key in keys), translate(error, "DeleteObjects", {"Bucket": bucket}))


def _refused(one: Refused) -> AwsError:
    fault = _ERRORS.get(one.status, Fault.INVALID if one.status < 500 else Fault.UNAVAILABLE)
    return translate(BackendError(fault, service="object-store", resource="object", id=one.name, status=one.status))


def _echo(one: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one[name] for name in ("Key", "VersionId") if one.get(name)}
