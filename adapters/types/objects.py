"""Swift's containers, objects and listings; only what the gateway reads and writes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple, TypedDict

# How Swift stores an object: in one piece, or as a manifest that lists (static) or finds by prefix (dynamic) its
# segments.
Layout = Literal["plain", "static", "dynamic"]


@dataclass(frozen=True, slots=True)
class Container:
    """A container; `modified` is when it was made or its own record changed, which objects do not do.

    `metadata` has the names in lower case, without `X-Container-Meta-`; a row of a listing has none.
    """

    name: str
    modified: datetime
    objects: int
    bytes: int
    metadata: Mapping[str, str] = field(default_factory=dict)


class ObjectRow(TypedDict, total=False):
    """One row of a container's listing, straight from Swift's JSON: an object, or a `subdir` alone.

    `last_modified` is ISO 8601 in UTC with microseconds, not rounded.  `hash` of a static large object is its
    manifest's; then `slo_etag` is what a HEAD shows, and `s3_etag` what Swift's S3 middleware stored (both in double
    quotes).
    """

    name: str
    hash: str
    bytes: int
    content_type: str
    last_modified: str
    slo_etag: str
    s3_etag: str
    subdir: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What part of a container's names to list: all bounds are exclusive and in byte order; 0 is Swift's own limit."""

    prefix: str = ""
    delimiter: str = ""
    marker: str = ""
    end_marker: str = ""
    limit: int = 0


@dataclass(slots=True)
class Stored:
    """An object's description.

    `size` and `etag` (without quotes) are the whole object's, also where a part is read.  `modified` is a whole second,
    rounded down.

    `metadata` has the user's names in lower case, without `X-Object-Meta-`; `headers` the kept ones of KEPT_HEADERS;
    `content_range` and `parts` are set where a range or a part was asked for and Swift knew what it means.
    `unreadable` is how many metadata entries are left out because no HTTP header can carry them.  `timestamp` is
    Swift's own time of the write, which no other object of that name has; a POST of new metadata changes it.
    """

    size: int
    etag: str
    modified: datetime
    content_type: str
    layout: Layout = "plain"
    metadata: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content_range: str = ""
    length: int = 0
    parts: int = 0
    unreadable: int = 0
    timestamp: str = ""


# Headers that Swift keeps with an object beside its type and metadata, by their lower-case names.
KEPT_HEADERS = ("cache-control", "content-disposition", "content-encoding", "content-language", "expires")


class Download(NamedTuple):
    """An object being read: read `body` (bytes if they are few) and then call `close`, or only call `close`."""

    stored: Stored
    body: bytes | AsyncIterator[bytes]
    close: Callable[[], None]


@dataclass(slots=True)
class Description:
    """What is written with an object's bytes.

    `if_absent` makes the write fail where the name is taken.
    """

    content_type: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    if_absent: bool = False


class Written(NamedTuple):
    """The result of a write: the object's ETag without quotes, and its new time, rounded down to seconds."""

    etag: str
    modified: datetime


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
    """A Swift's limits: segments in one manifest, names in one bulk deletion (0: none)."""

    segments: int = 1000
    bulk_delete: int = 0
