"""Swift's containers, objects and listings; only what the gateway reads and writes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypedDict

# How Swift stores an object: in one piece, or as a manifest that lists (static) or finds by prefix (dynamic) its
# segments.
Layout = Literal["plain", "static", "dynamic"]
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
# A segment's row in a manifest without its name (its container, ETag and size, and the JSON around them), and the
# longest row: JSON has six bytes for one of a name ("\u0001").
_ROW_BYTES: Final = 512
_LONGEST_ROW: Final = _ROW_BYTES + 6 * 1024


@dataclass(frozen=True, slots=True)
class Container:
    """A container; `modified` is when it was made or its own record changed, which objects do not do.

    `metadata` has the names in lower case, without `X-Container-Meta-`; a row of a listing has none.  `versions` is
    whether Swift keeps the versions of objects now, None if it never did.
    """

    name: str
    modified: datetime
    objects: int
    bytes: int
    metadata: Mapping[str, str] = field(default_factory=dict)
    versions: bool | None = None


class ObjectRow(TypedDict, total=False):
    """One row of a container's listing, straight from Swift's JSON: an object, or a `subdir` alone.

    `last_modified` is ISO 8601 in UTC with microseconds, not rounded.  `hash` of a static large object is its
    manifest's; then `slo_etag` is what a HEAD shows, and `s3_etag` what Swift's S3 middleware stored (both in double
    quotes).  Rows of a listing of versions have `version_id`; `is_latest` is what Swift takes for the current version.
    """

    name: str
    hash: str
    bytes: int
    content_type: str
    last_modified: str
    slo_etag: str
    s3_etag: str
    subdir: str
    version_id: str
    is_latest: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """What part of a container's names to list: all bounds are exclusive and in byte order; 0 is Swift's own limit.

    `version_marker`, in a listing of versions, is the version of the name `marker` behind which the page begins.
    """

    prefix: str = ""
    delimiter: str = ""
    marker: str = ""
    end_marker: str = ""
    limit: int = 0
    version_marker: str = ""


class Stored(NamedTuple):
    """An object's description.

    `size` and `etag` (without quotes) are the whole object's, also where a part is read.  `modified` is a whole second,
    rounded down.

    `metadata` has the user's names in lower case, without `X-Object-Meta-`; `headers` the kept ones of KEPT_HEADERS;
    `content_range` and `parts` are set where a range or a part was asked for and Swift knew what it means.
    `unreadable` is how many metadata entries are left out because no HTTP header can carry them.  `timestamp` is
    Swift's own time of the write, which no other object of that name has; a POST of new metadata changes it.

    `version` is '' in a container that never had versions, and else the version's id, or NULL_VERSION for an object
    that is none.  `relocated` is true for a version whose time is not its id: an object from before the container had
    versions, which Swift made a version when it was replaced, or one whose metadata a POST changed.
    `linked` is true for an object that was read through a symbolic link.
    """

    size: int
    etag: str
    modified: datetime
    content_type: str
    layout: Layout = "plain"
    metadata: Mapping[str, str] = _NOTHING
    headers: Mapping[str, str] = _NOTHING
    content_range: str = ""
    length: int = 0
    parts: int = 0
    unreadable: int = 0
    timestamp: str = ""
    version: str = ""
    relocated: bool = False
    linked: bool = False

    @property
    def pin(self) -> str:
        """The version to read for more of just this object; '' if it has no id of its own."""
        return "" if self.version == NULL_VERSION else self.version


# What Swift calls an object of a container with versions that is not one of them.
NULL_VERSION = "null"
# The content type of Swift's delete markers, which no user's object can have.
DELETE_MARKER = "application/x-deleted;swift_versions_deleted=1"

# Headers that Swift keeps with an object beside its type and metadata, by their lower-case names.
KEPT_HEADERS = ("cache-control", "content-disposition", "content-encoding", "content-language", "expires")


class Download(NamedTuple):
    """An object being read: read `body` (bytes if they are few) and then call `close`, or only call `close`."""

    stored: Stored
    body: bytes | AsyncIterator[bytes]
    close: Callable[[], None]


class Description(NamedTuple):
    """What is written with an object's bytes.

    `if_absent` makes the write fail where the name is taken.
    """

    content_type: str
    metadata: Mapping[str, str] = _NOTHING
    headers: Mapping[str, str] = _NOTHING
    if_absent: bool = False


class Written(NamedTuple):
    """The result of a write: the object's ETag without quotes, and its new time, rounded down to seconds.

    `version` is the id of the version that was made; it is '' where Swift kept no versions at that moment, so that the
    former object is gone.
    """

    etag: str
    modified: datetime
    version: str = ""


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment of a static large object; `nested` where it is a manifest itself."""

    container: str
    name: str
    bytes: int
    etag: str
    nested: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """An object that a bulk deletion did not delete, with Swift's status for it."""

    name: str
    status: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What a Swift allows and can do; the defaults are those of a Swift that does not say, without its optional parts.

    `segments` are those of one manifest, `manifest_bytes` its length as it is written, `bulk_delete` the names in one
    bulk deletion (0: none), `rows` and `containers` the rows in one page of a container's and of the account's listing.
    `name_bytes` is the length of an object's name; `metadata_bytes` and `metadata_items` are an object's metadata,
    `value_bytes` is one value of it.

    `versions` is whether it keeps versions.  `if_absent`: a write can be refused where the name is taken.  `copies`:
    it copies inside, on a condition, and also a range.  `manifests`: it returns the manifest of a large object, and
    lets segments be large objects themselves.  `policies` are the names of its storage policies in lower case, aliases
    included; none where it does not say.
    """

    segments: int = 1000
    manifest_bytes: int = 8 << 20
    bulk_delete: int = 0
    versions: bool = False
    rows: int = 10_000
    containers: int = 10_000
    name_bytes: int = 1024
    metadata_bytes: int = 4096
    metadata_items: int = 90
    value_bytes: int = 256
    if_absent: bool = True
    copies: bool = True
    manifests: bool = True
    policies: frozenset[str] = frozenset()

    @property
    def nested_segments(self) -> int:
        """Return how many segments one object can have, in manifests below its own."""
        return self.segments**2 if self.manifests else self.segments

    def in_manifests(self, laid: Sequence[Segment]) -> list[Sequence[Segment]]:
        """Split segments into groups that fit into a manifest each; 10,000 take milliseconds.

        Where manifests cannot be nested, the number of segments alone counts: more manifests could not be joined.
        """
        if len(laid) <= self.segments and (not self.manifests or len(laid) * _LONGEST_ROW <= self.manifest_bytes):
            return [laid]
        starts, length = [0], 0
        for place, segment in enumerate(laid):
            row = _ROW_BYTES + len(json.dumps(segment.name))
            too_long = self.manifests and length + row > self.manifest_bytes
            if place > starts[-1] and (too_long or place - starts[-1] == self.segments):
                starts.append(place)
                length = 0
            length += row
        return [laid[start:end] for start, end in zip(starts, [*starts[1:], len(laid)], strict=True)]
