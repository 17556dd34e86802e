"""Object Lock of a bucket: GetObjectLockConfiguration and PutObjectLockConfiguration.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
The document is `{}` for a bucket with Object Lock and no default retention.  Object Lock can never be turned off.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from shim.context import Call
from shim.errors import AwsError
from shim.protocol.restparse import malformed_xml
from shim.s3 import names
from shim.s3.config import configuration, documents, versioning
from shim.s3.errors import invalid_argument, invalid_request, no_such_configuration
from shim.s3.service import action

SETTING: Final = "lock"  # the item of a bucket's configuration with the document
_DAYS_OF_A_YEAR: Final = 365
_LONGEST: Final = {"Days": 36_500, "Years": 100}  # "The maximum retention period is 100 years"
_NONE: Final = "Object Lock configuration does not exist for this bucket"


class Retention(NamedTuple):
    """A retention: its mode, GOVERNANCE or COMPLIANCE, and its end."""

    mode: str
    until: datetime


def is_on(configured: Mapping[str, str]) -> bool:
    """Return whether a bucket with this configuration has Object Lock."""
    return SETTING in configured


async def check_on(call: Call, bucket: str) -> None:
    """Refuse a request that needs Object Lock in a bucket that has none."""
    if not is_on(await configuration.configuration(call, bucket)) and not is_on(await configuration.read(call, bucket)):
        raise invalid_request("Bucket is missing Object Lock Configuration")


def default(configured: Mapping[str, str], at: datetime) -> Retention | None:
    """Return the retention of an object that is written at a time without one of its own."""
    try:
        rule = json.loads(configured.get(SETTING, "{}"))
        days = int(rule["Days"]) if "Days" in rule else _DAYS_OF_A_YEAR * int(rule["Years"])
        return Retention(rule["Mode"], at + timedelta(days=days))
    except (KeyError, ValueError, TypeError, OverflowError):  # without a rule, or damaged by Swift's own users
        return None


def check_kept(configured: Mapping[str, str]) -> None:
    """Refuse to replace or delete in a bucket with Object Lock whose versions were turned off by Swift's own API."""
    if SETTING in configured and configured.get(configuration.SWIFT_VERSIONS) != "on":
        raise AwsError(
            "InvalidBucketState",
            "The bucket has Object Lock, and its versions were turned off by the object store's own API.",
            409,
        )


@action(supports="Bucket ExpectedBucketOwner")
async def get_object_lock_configuration(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return whether a bucket has Object Lock, and its default retention."""
    kept = await documents.current(call, names.bucket(call, req), SETTING)
    if kept is None:
        raise no_such_configuration(req, "ObjectLockConfigurationNotFoundError", _NONE)
    rule = {"Rule": {"DefaultRetention": kept}} if kept else {}
    return {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled", **rule}}


@action(supports="Bucket ObjectLockConfiguration ChecksumAlgorithm ExpectedBucketOwner")
async def put_object_lock_configuration(call: Call, req: Mapping[str, Any]) -> None:
    """Turn Object Lock on, which needs versions, and set or remove the default retention."""
    bucket, wanted = names.bucket(call, req), req.get("ObjectLockConfiguration") or {}
    if wanted.get("ObjectLockEnabled") != "Enabled":
        raise malformed_xml()
    rule = _checked(wanted["Rule"].get("DefaultRetention") or {}) if "Rule" in wanted else {}
    state = versioning.state(await configuration.read(call, bucket))
    if state.status != versioning.ENABLED:
        raise AwsError(
            "InvalidBucketState",
            "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
            409,
            extra={"BucketName": bucket},
        )
    await documents.write(call, bucket, SETTING, rule)


def _checked(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return the default retention of a request: a mode, and days or years."""
    periods = [name for name in _LONGEST if rule.get(name) is not None]
    if not rule.get("Mode") or len(periods) != 1:
        raise malformed_xml()
    [unit] = periods
    if rule[unit] <= 0:
        raise invalid_argument("Default retention period must be a positive integer value.", unit, rule[unit])
    if rule[unit] > _LONGEST[unit]:
        raise invalid_argument(f"Default retention period too large; at most {_LONGEST[unit]}.", unit, rule[unit])
    return {"Mode": rule["Mode"], unit: rule[unit]}


def now() -> datetime:
    """Return the time by which retentions end, in milliseconds as S3 writes them."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
