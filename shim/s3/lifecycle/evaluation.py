"""Decides which lifecycle action is due for an object, a version, a delete marker or an upload.  It does no I/O.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-conflicts.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple

from shim.s3.lifecycle.document import predicates

DAY_SECONDS: Final = 86_400.0


class Action(StrEnum):
    """What lifecycle rules do."""

    EXPIRE = "expire"  # delete the current version, or cover it with a delete marker in a versioned bucket
    EXPIRE_VERSION = "expire-noncurrent"  # delete a noncurrent version for good
    REMOVE_MARKER = "remove-delete-marker"  # delete a delete marker under which no version is left
    ABORT = "abort-upload"


@dataclass(frozen=True, slots=True)
class Rule:
    """An enabled rule; what it does not have is None, or empty."""

    id: str
    prefix: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    larger_than: int | None = None
    smaller_than: int | None = None
    days: int | None = None
    date: datetime | None = None
    lone_markers: bool = False
    noncurrent_days: int | None = None
    newer_noncurrent: int = 0
    abort_days: int | None = None

    def expires(self, *, versioned: bool) -> bool:
        """Return whether the rule can delete objects, or versions of a bucket that has versions."""
        if self.days is not None or self.date is not None:
            return True
        return versioned and (self.lone_markers or self.noncurrent_days is not None)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object as a listing shows it; an object of an unversioned bucket is its own latest version.

    `noncurrent_since` is when its successor was made, None for the latest; `newer_noncurrent` is how many noncurrent
    versions are newer.  A delete marker (`is_marker`) is `alone` if its key has no other version.  `tags` are None
    where they are not read yet; then no rule with tags applies.
    """

    key: str
    size: int
    modified: datetime
    tags: Mapping[str, str] | None = None
    noncurrent_since: datetime | None = None
    newer_noncurrent: int = 0
    is_marker: bool = False
    alone: bool = False


class Due(NamedTuple):
    """An action, the time from which it is allowed, and the rule that says so."""

    action: Action
    at: datetime
    rule_id: str


class Days:
    """Adds days to times: AWS's days, or days of so many seconds, which tests set, without rounding."""

    __slots__ = ("_seconds",)

    def __init__(self, seconds: float = DAY_SECONDS) -> None:
        self._seconds = seconds

    def after(self, start: datetime, days: int) -> datetime:
        """Return when something is so many days old.

        "Amazon S3 calculates the time by adding the number of days specified in the rule to the object creation time
        and rounding up the resulting time to the next day at midnight UTC".  A result that is midnight already is
        rounded to the next one too, as nothing says that it is not: the object lives longer, not shorter.
        """
        try:
            if self._seconds != DAY_SECONDS:
                return start + timedelta(seconds=days * self._seconds)
            midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
            return midnight + timedelta(days=days + 1)
        except OverflowError:  # S3 takes any number of days
            return datetime.max.replace(tzinfo=start.tzinfo)


def compiled(rules: Iterable[Mapping[str, Any]]) -> list[Rule]:
    """Return the enabled ones of a document's rules, in its order."""
    return [_compiled(rule) for rule in rules if rule.get("Status") == "Enabled"]


def _compiled(rule: Mapping[str, Any]) -> Rule:
    where = predicates(rule)
    expiration = rule.get("Expiration") or {}
    noncurrent = rule.get("NoncurrentVersionExpiration") or {}
    abort = rule.get("AbortIncompleteMultipartUpload") or {}
    date = expiration.get("Date")
    return Rule(
        id=rule["ID"],
        prefix=where.get("Prefix") or "",
        tags=tuple((tag["Key"], tag.get("Value") or "") for tag in where.get("Tags") or ()),
        larger_than=where.get("ObjectSizeGreaterThan"),
        smaller_than=where.get("ObjectSizeLessThan"),
        days=expiration.get("Days"),
        date=datetime.fromisoformat(date) if date else None,
        lone_markers=bool(expiration.get("ExpiredObjectDeleteMarker")),
        noncurrent_days=noncurrent.get("NoncurrentDays"),
        newer_noncurrent=noncurrent.get("NewerNoncurrentVersions") or 0,
        abort_days=abort.get("DaysAfterInitiation"),
    )


def due(rules: Sequence[Rule], version: Version, now: datetime, days: Days) -> Due | None:
    """Return the action that is due for a version, or None.

    Of several the earliest counts: "If two expiration policies overlap, the shorter expiration policy is honored".  Of
    several at the same time it is the first rule's.
    """
    found = _earliest(_planned(rules, version, days))
    return found if found is not None and found.at <= now else None


def expiry(rules: Sequence[Rule], version: Version, days: Days) -> Due | None:
    """Return when a current version expires, or did, or None if no rule expires it."""
    return _earliest(_planned(rules, version, days))


def wants_tags(rules: Sequence[Rule], version: Version, now: datetime | None, days: Days) -> bool:
    """Return whether the version's tags, which are not read yet, decide whether it expires (by `now`, if given)."""
    tagged = [rule for rule in rules if rule.tags and _covers(rule, version)]
    return any(now is None or at <= now for rule in tagged for at in _times(rule, version, days))


def due_upload(rules: Sequence[Rule], key: str, initiated: datetime, now: datetime, days: Days) -> Due | None:
    """Return the ABORT that is due for an open upload, or None."""
    found = abort(rules, key, initiated, days)
    return found if found is not None and found.at <= now else None


def abort(rules: Sequence[Rule], key: str, initiated: datetime, days: Days) -> Due | None:
    """Return when an open upload will be aborted, or None."""
    return _earliest(
        Due(Action.ABORT, days.after(initiated, rule.abort_days), rule.id)
        for rule in rules
        if rule.abort_days is not None and key.startswith(rule.prefix)
    )


def _earliest(planned: Iterable[Due]) -> Due | None:
    return min(planned, key=lambda one: one.at, default=None)


def _planned(rules: Sequence[Rule], version: Version, days: Days) -> Iterator[Due]:
    action = _action(version)
    for rule in rules:
        if _covers(rule, version) and _has_tags(rule, version):
            for at in _times(rule, version, days):
                yield Due(action, at, rule.id)


def _action(version: Version) -> Action:
    if version.noncurrent_since is not None:
        return Action.EXPIRE_VERSION
    return Action.REMOVE_MARKER if version.is_marker else Action.EXPIRE


def _times(rule: Rule, version: Version, days: Days) -> Iterator[datetime]:
    """Yield the times at which a rule that covers the version acts on it.

    "Amazon S3 doesn't take any action if there are one or more object versions and the delete marker is the current
    version."  A marker that is alone goes at once by ExpiredObjectDeleteMarker, or when it is as old as Days or Date
    say.  Noncurrent versions go when both NoncurrentDays and NewerNoncurrentVersions are exceeded.
    """
    if version.noncurrent_since is not None:
        if rule.noncurrent_days is not None and version.newer_noncurrent >= rule.newer_noncurrent:
            yield days.after(version.noncurrent_since, rule.noncurrent_days)
        return
    if version.is_marker and not version.alone:
        return
    if version.is_marker and rule.lone_markers:
        yield version.modified
    if rule.days is not None:
        yield days.after(version.modified, rule.days)
    if rule.date is not None:
        yield rule.date


def _covers(rule: Rule, version: Version) -> bool:
    """Return whether a rule's prefix and sizes include the version; both bounds exclude the size that they name."""
    return (
        version.key.startswith(rule.prefix)
        and (rule.larger_than is None or version.size > rule.larger_than)
        and (rule.smaller_than is None or version.size < rule.smaller_than)
    )


def _has_tags(rule: Rule, version: Version) -> bool:
    """Return whether a version has all tags of a rule; delete markers have none."""
    if not rule.tags:
        return True
    return version.tags is not None and all(version.tags.get(key) == value for key, value in rule.tags)


def prefixes(rules: Iterable[Rule]) -> list[str]:
    """Return the fewest prefixes whose keys include all that the rules cover, in order.

    >>> prefixes([Rule("a", "logs/"), Rule("b", "logs/2026/"), Rule("c", "tmp/")])
    ['logs/', 'tmp/']
    """
    found: list[str] = []
    for prefix in sorted({rule.prefix for rule in rules}):
        if not found or not prefix.startswith(found[-1]):
            found.append(prefix)
    return found
