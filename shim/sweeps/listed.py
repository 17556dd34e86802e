"""Reads listings: what is current, since when the other versions are not, and which delete markers are alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple

from adapters.types.objects import NULL_VERSION, ObjectRow
from shim.s3.config.versioning import State
from shim.s3.lifecycle.evaluation import Version
from shim.s3.objects import versions
from shim.s3.objects.headers import listed_sizes


class Found(NamedTuple):
    """A version in a listing.

    `id` is Swift's id of it, and `shown` S3's; both are empty in a bucket without versions.  `successor` is Swift's id
    of the version that made it noncurrent.  A current version is `linked` if Swift serves it under the object's name.
    """

    version: Version
    id: str = ""
    shown: str = ""
    successor: str = ""
    linked: bool = True


@dataclass(slots=True)
class Reader:
    """Reads the pages of a listing of versions in order, and remembers what the next page needs of those before."""

    _key: str | None = None
    _newer: int = 0  # versions of the key that were read
    _last: tuple[str, datetime] | None = None  # Swift's id of the version before, and when it was written
    _null: bool = False  # the version `null` of the key was read
    _older_linked: Collection[str] = ()  # keys of the page of which Swift serves an older version

    def read(self, rows: Sequence[ObjectRow], state: State) -> Iterator[Found]:
        """Yield the versions of a page.  A delete marker that is `alone` may have versions on the next page."""
        following = [row["name"] for row in rows[1:]] + [""]
        self._older_linked = {
            row["name"]
            for newer, row in pairwise(rows)
            if newer["name"] == row["name"] and row["is_latest"] and not versions.is_marker(row)
        }
        for row, size, after in zip(rows, listed_sizes(rows), following, strict=True):
            found = self._read(row, size, state, last=after != row["name"])
            if found is not None:
                yield found

    def _read(self, row: ObjectRow, size: int, state: State, *, last: bool) -> Found | None:
        first = row["name"] != self._key
        if first:
            self._key, self._newer, self._last, self._null = row["name"], 0, None, False
        shown = versions.id_of(row, state)
        if shown == NULL_VERSION:
            if self._null:  # left over from when a newer one replaced it: S3 shows no such version
                return None
            self._null = True
        older, written = self._last, written_at(row)
        newer, self._newer, self._last = self._newer, self._newer + 1, (row["version_id"], written)
        is_marker = versions.is_marker(row)
        # The page may begin within a key's versions, and then Swift takes a delete marker for the latest version.
        linked = row["is_latest"] and (first or not is_marker)
        if first and not linked and (not state.kept or row["name"] in self._older_linked):
            # Swift's own tools deleted the current object while Swift kept no versions, so nothing replaced it; or they
            # made an older version current, which the rule that covers this one may not cover.
            return None
        if not first and (linked or older is None or older[1] < written):
            return None  # Swift's own tools made it current, or the listing lags behind
        version = Version(
            row["name"],
            0 if is_marker else size,
            second(row["last_modified"]),
            tags={} if is_marker else None,
            noncurrent_since=older[1] if older else None,
            newer_noncurrent=max(newer - 1, 0),
            is_marker=is_marker,
            alone=is_marker and first and last,
        )
        return Found(version, row["version_id"], shown, older[0] if older else "", linked)


def plain(rows: Sequence[ObjectRow]) -> Iterator[Found]:
    """Yield the objects of a page of a bucket that never had versions."""
    for row, size in zip(rows, listed_sizes(rows), strict=True):
        yield Found(Version(row["name"], size, second(row["last_modified"])))


def chains(found: Iterable[Found]) -> list[list[Found]]:
    """Group versions by their keys, in order."""
    by_key: dict[str, list[Found]] = {}
    for one in found:
        by_key.setdefault(one.version.key, []).append(one)
    return list(by_key.values())


def second(text: str) -> datetime:
    """Return the second of a listed time, from which ages count, as it is what Last-Modified shows."""
    return datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)


def written_at(row: ObjectRow) -> datetime:
    """Return when a version was written: its id says it, as the own time of some is that of their replacement."""
    if row["version_id"] == NULL_VERSION:
        return second(row["last_modified"])
    return datetime.fromtimestamp(int(float(row["version_id"])), UTC)
