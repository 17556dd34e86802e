"""Object Lock of objects: retention and legal hold of a version, and what they forbid.

Given with an object's write they are items of its metadata, set later of its side record.  A protected version can
neither be deleted nor replaced: a bucket with Object Lock always has versions, so that a write makes another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from adapters.types.objects import Description, Stored
from shim.context import Call
from shim.errors import AwsError
from shim.protocol.restparse import malformed_xml
from shim.s3 import names
from shim.s3.config import object_lock
from shim.s3.config.configuration import configuration
from shim.s3.config.object_lock import Retention
from shim.s3.errors import invalid_argument
from shim.s3.objects import records, versions
from shim.s3.objects.headers import HOLD, LOCKING, RETENTION, retention_of
from shim.s3.service import action

ASKING: Final = frozenset(LOCKING.split())
_COMPLIANCE: Final = "COMPLIANCE"
_OBJECT: Final = "Bucket Key VersionId ExpectedBucketOwner"


async def items(call: Call, bucket: str, req: Mapping[str, Any]) -> dict[str, str]:
    """Return the metadata of a new object: what the request says, or the bucket's default retention."""
    asked = not ASKING.isdisjoint(req)
    if asked:
        await object_lock.check_on(call, bucket)
    configured = await configuration(call, bucket)
    if not object_lock.is_on(configured):
        return {}
    object_lock.check_kept(configured)
    at = object_lock.now()
    told = _told(req.get("ObjectLockMode"), req.get("ObjectLockRetainUntilDate"), at) if asked else None
    retention = told or object_lock.default(configured, at)
    found = {RETENTION: _text(retention)} if retention else {}
    if req.get("ObjectLockLegalHoldStatus"):
        found[HOLD] = req["ObjectLockLegalHoldStatus"]
    return found


def locked(described: Description, found: Mapping[str, str]) -> Description:
    """Return the description of a new object with these items."""
    return Description(described.content_type, {**described.metadata, **found}, described.headers, described.if_absent)


def _told(mode: str | None, until: datetime | None, at: datetime) -> Retention | None:
    if not mode and not until:
        return None
    if not mode or not until:
        raise invalid_argument(
            "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied",
            "x-amz-object-lock-mode" if mode else "x-amz-object-lock-retain-until-date",
        )
    return _checked(Retention(mode, until), at)


def _checked(retention: Retention, at: datetime) -> Retention:
    if retention.until <= at:
        raise invalid_argument("The retain until date must be in the future!", "RetainUntilDate", retention.until)
    return retention


def _text(retention: Retention) -> str:
    until = retention.until.astimezone(UTC).isoformat(timespec="milliseconds")
    return f"{retention.mode} {until}"


# --- what is forbidden ---


def check_deletion(stored: Stored, *, bypass: bool) -> None:
    """Refuse the deletion of a protected version; `bypass` passes a retention in governance mode."""
    retention = retention_of(stored)
    held = stored.metadata.get(HOLD) == "ON"
    if held or (retention and object_lock.now() < retention.until and not (bypass and _passable(retention))):
        raise _protected()


def _passable(retention: Retention) -> bool:
    return retention.mode != _COMPLIANCE


def _check_change(old: Retention | None, new: Retention | None, *, bypass: bool) -> None:
    """Refuse to weaken a retention that has not ended: another mode, an earlier end, or none."""
    if old is None or old.until <= object_lock.now():
        return
    weaker = new is None or new.mode != old.mode or new.until < old.until
    if weaker and not (bypass and _passable(old)):
        raise _protected()


def _protected() -> AwsError:
    return AwsError("AccessDenied", "Access Denied because object protected by object lock.", 403)


# --- actions ---


@action(supports=_OBJECT)
async def get_object_retention(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the retention of a version."""
    retention = retention_of(await _described(call, req))
    if retention is None:
        raise _none(req)
    return {"Retention": {"Mode": retention.mode, "RetainUntilDate": retention.until}}


@action(supports=f"{_OBJECT} Retention BypassGovernanceRetention ChecksumAlgorithm")
async def put_object_retention(call: Call, req: Mapping[str, Any]) -> None:
    """Set, extend or remove the retention of a version."""
    asked = req.get("Retention") or {}
    if bool(asked.get("Mode")) != bool(asked.get("RetainUntilDate")):
        raise malformed_xml()
    new = Retention(asked["Mode"], asked["RetainUntilDate"]) if asked.get("Mode") else None
    if new:
        _checked(new, object_lock.now())

    def decide(stored: Stored) -> records.Items:
        _check_change(retention_of(stored), new, bypass=bool(req.get("BypassGovernanceRetention")))
        return {RETENTION: _text(new) if new else ""}

    await _change(call, req, decide)


@action(supports=_OBJECT)
async def get_object_legal_hold(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the legal hold of a version."""
    status = (await _described(call, req)).metadata.get(HOLD)
    if not status:
        raise _none(req)
    return {"LegalHold": {"Status": status}}


@action(supports=f"{_OBJECT} LegalHold ChecksumAlgorithm")
async def put_object_legal_hold(call: Call, req: Mapping[str, Any]) -> None:
    """Set or lift the legal hold of a version."""
    status = (req.get("LegalHold") or {}).get("Status")
    if not status:
        raise malformed_xml()
    await _change(call, req, lambda _: {HOLD: status})


async def _described(call: Call, req: Mapping[str, Any]) -> Stored:
    bucket = names.bucket(call, req)
    await object_lock.check_on(call, bucket)
    return await records.exact(call, bucket, req["Key"], version=versions.asked(req))


async def _change(call: Call, req: Mapping[str, Any], decide: Any) -> None:
    bucket = names.bucket(call, req)
    await object_lock.check_on(call, bucket)
    await records.change(call, bucket, req["Key"], decide, version=versions.asked(req))


def _none(req: Mapping[str, Any]) -> AwsError:
    return AwsError(
        "NoSuchObjectLockConfiguration",
        "The specified object does not have a ObjectLock configuration",
        404,
        extra={"Key": req["Key"]},
    )
