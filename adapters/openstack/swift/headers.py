"""Converts a `Description` to Swift's headers, and Swift's headers to a `Stored`; no other module knows their names.

Only listed headers are sent to Swift, and only listed headers are read from its answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final

from adapters.openstack import faults
from adapters.types.objects import KEPT_HEADERS, NULL_VERSION, Container, Description, Layout, Stored, Written

# "If set to true, Object Storage queries all replicas to return the most recent one" (Object Storage API).
NEWEST_COPY: Final = {"X-Newest": "true"}
SERVICE: Final = "object-store"
METADATA: Final = "x-object-meta-"  # the prefix of an object's metadata
# The number of metadata entries that a head had and HTTP cannot carry.  No header has this name.
UNREADABLE: Final = "unreadable metadata"
_CONTAINER_META: Final = "x-container-meta-"
# Keys that sign temporary URLs: their holder reads and writes every object, so they never leave this module.
_SECRETS: Final = frozenset((f"{_CONTAINER_META}temp-url-key", f"{_CONTAINER_META}temp-url-key-2"))
_KEPT: Final = frozenset(KEPT_HEADERS)
_LARGE: Final = "static-large-object"  # metadata that radosgw adds to a static large object
_VERSION: Final = "x-object-version-id"
_VERSIONS_ENABLED: Final = "x-versions-enabled"
_LOCATION: Final = "content-location"  # of a symbolic link's target; of a version its own name with its id
_SELDOM: Final = _KEPT | {
    "content-range",
    "x-parts-count",
    "x-static-large-object",
    "x-object-manifest",
    _VERSION,
    _LOCATION,
    UNREADABLE,
}
_is_metadata: Final = re.compile(METADATA).match
_MONTHS: Final = {
    name: f"{number:02}"
    for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)  # noqa: SIM905
}
_LONGEST_CHARACTER: Final = 4  # bytes
# A WSGI server does not distinguish `_` and `-` in names, so `_` is sent as %5F, and `%` as %25.  Swift's S3 middleware
# writes `_` as =5F.  %2B, a `+`, and a number follow the names of a long value's further pieces; no other name contains
# it.
_ESCAPED: Final = str.maketrans({"%": "%25", "_": "%5F"})
_MORE: Final = "%2B"
_SECOND: Final = timedelta(seconds=1)


def written_headers(description: Description, value_bytes: int) -> dict[str, str]:
    """Return the headers that store a description; `value_bytes` is Swift's `max_meta_value_length`."""
    headers = {"Content-Type": description.content_type}
    if description.headers:
        headers.update((name, value) for name, value in description.headers.items() if name in _KEPT and value)
    if description.metadata:
        headers.update(_metadata_headers(METADATA, description.metadata, value_bytes))
    if description.if_absent:
        headers["If-None-Match"] = "*"
    return headers


def _metadata_headers(start: str, metadata: Mapping[str, str], value_bytes: int) -> Iterator[tuple[str, str]]:
    for name, value in metadata.items():
        key = start + name.translate(_ESCAPED)
        if len(value) * _LONGEST_CHARACTER <= value_bytes:
            yield key, value
            continue
        for number, piece in enumerate(_pieces(value, value_bytes)):
            yield f"{key}{_MORE}{number}" if number else key, piece


def container_headers(metadata: Mapping[str, str], present: Mapping[str, str], value_bytes: int) -> dict[str, str]:
    """Return the headers that set items of a container's metadata; `present` are its present headers.

    Swift keeps headers that are not sent, so the further pieces of a longer old value are sent empty, which removes
    them.
    """
    names = frozenset(name.lower() for name in metadata)
    stale = {
        name: ""
        for name in present
        if name.startswith(_CONTAINER_META) and name not in _SECRETS and _part(_CONTAINER_META, name)[0] in names
    }
    written = {name.lower(): value for name, value in _metadata_headers(_CONTAINER_META, metadata, value_bytes)}
    return {**stale, **written}


def _part(start: str, name: str) -> tuple[str, int]:
    """Return the item that a header belongs to, and the number of its piece: 0 for the first."""
    key, _, number = name[len(start) :].partition(_MORE.lower())
    return _unescaped(key), int(number) if number.isdecimal() else 0


def stored(headers: Mapping[str, str]) -> Stored:
    """Read an object's headers, by lower-case names.  Raises UNAVAILABLE if they cannot be read.

    Swift rounds Last-Modified up, to a time that may not have come yet; X-Timestamp has the fraction.
    """
    named, timestamp = list(filter(_is_metadata, headers)), headers.get("x-timestamp", "")
    try:
        length = int(headers["content-length"])
        found = Stored(
            length,
            headers.get("etag", "").strip('"'),
            _second(timestamp.partition(".")[0]) if timestamp else http_time(headers["last-modified"]),
            headers.get("content-type", ""),
            metadata=_metadata(METADATA, named, headers) if named else {},
            length=length,
            timestamp=timestamp,
        )
        return found if _SELDOM.isdisjoint(headers) else _with_more(found, headers)
    except (KeyError, ValueError, OverflowError) as error:
        raise faults.unavailable(SERVICE, f"an object without a sound {error}") from error


def _with_more(found: Stored, headers: Mapping[str, str]) -> Stored:
    """Read the headers that most objects' answers lack."""
    content_range, version_id = headers.get("content-range", ""), headers.get(_VERSION, "")
    layout, metadata = _layout(headers), found.metadata
    if layout == "static" and _LARGE in metadata:
        metadata = {name: value for name, value in metadata.items() if name != _LARGE}
    return found._replace(
        size=int(content_range.rpartition("/")[2]) if content_range else found.size,
        layout=layout,
        metadata=metadata,
        headers={name: headers[name] for name in _KEPT & headers.keys()},
        content_range=content_range,
        parts=int(headers.get("x-parts-count", 0)),
        unreadable=int(headers.get(UNREADABLE, 0)),
        version=version_id,
        relocated=version_id not in ("", NULL_VERSION, headers.get("x-timestamp")),
        linked=_LOCATION in headers and "?version-id=" not in headers[_LOCATION],
    )


def _metadata(start: str, names: Iterable[str], headers: Mapping[str, str]) -> dict[str, str]:
    metadata: dict[str, str] = {}
    more: list[tuple[str, int, str]] = []
    for name in names:
        key, number = _part(start, name)
        if number:
            more.append((key, number, headers[name]))
        else:
            metadata[key] = headers[name]
    for name, _, piece in sorted(more):
        metadata[name] = metadata.get(name, "") + piece
    return metadata


def written(headers: Mapping[str, str]) -> Written:
    """Read the answer to a write, by lower-case names.

    It has no X-Timestamp, only a Last-Modified that is rounded up.  HEAD shows the second before that, except for the
    one write in 100,000 whose fraction is zero.  The id of a version is the time of its write; where a newer object was
    stored meanwhile, the answer has no Last-Modified.
    """
    try:
        made = headers.get(_VERSION, "")
        modified = _second(made.partition(".")[0]) if made else http_time(headers["last-modified"]) - _SECOND
        return Written(headers["etag"].strip('"'), modified, made)
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise faults.unavailable(SERVICE, f"a write without a sound {error}") from error


def version(headers: Mapping[str, str]) -> str:
    """Return the version that an answer names, or ''."""
    return headers.get(_VERSION, "")


def current_version(headers: Mapping[str, str]) -> str:
    """Return what the answer to a deletion of a version names as the current version, or ''."""
    return headers.get("x-object-current-version-id", "")


@lru_cache(maxsize=1024)
def _second(text: str) -> datetime:
    return datetime.fromtimestamp(int(text), UTC)


@lru_cache(maxsize=1024)  # many writes of one second have the same time
def http_time(text: str) -> datetime:
    """Read an HTTP date.  Raises ValueError.

    Python's lenient parser takes ten times as long for the format that Swift writes (`Mon, 23 Nov 2026 08:59:59 GMT`,
    RFC 9110, 5.6.7).
    """
    month = _MONTHS.get(text[8:11])
    if month and len(text) == 29 and text.endswith(" GMT"):
        return datetime.fromisoformat(f"{text[12:16]}-{month}-{text[5:7]}T{text[17:25]}+00:00")
    return parsedate_to_datetime(text)


def container(name: str, headers: Mapping[str, str]) -> Container:
    """Read a container's headers, by lower-case names."""
    named = [one for one in headers if one.startswith(_CONTAINER_META) and one not in _SECRETS]
    try:
        return Container(
            name,
            datetime.fromtimestamp(float(headers["x-timestamp"]), UTC),
            int(headers["x-container-object-count"]),
            int(headers["x-container-bytes-used"]),
            _metadata(_CONTAINER_META, named, headers),
            headers[_VERSIONS_ENABLED].lower() == "true" if _VERSIONS_ENABLED in headers else None,
        )
    except (KeyError, ValueError) as error:
        raise faults.unavailable(SERVICE, f"a container without a sound {error}") from error


def container_rows(rows: Iterable[Mapping[str, object]]) -> list[Container]:
    """Read an account's listing."""
    found = []
    for row in rows:
        made = datetime.fromisoformat(str(row["last_modified"])).replace(tzinfo=UTC)
        found.append(Container(str(row["name"]), made, int(str(row["count"])), int(str(row["bytes"]))))
    return found


def _layout(headers: Mapping[str, str]) -> Layout:
    if headers.get("x-static-large-object", "").lower() == "true":
        return "static"
    return "dynamic" if "x-object-manifest" in headers else "plain"


def _pieces(value: str, value_bytes: int) -> Iterator[str]:
    """Split a value between characters into pieces of at most so many bytes."""
    raw = value.encode("utf-8", "surrogateescape")
    if len(raw) <= value_bytes:
        yield value
        return
    start = 0
    while start < len(raw):
        end = min(start + value_bytes, len(raw))
        while end < len(raw) and end > start + 1 and raw[end] & 0xC0 == 0x80:  # inside a character
            end -= 1
        yield raw[start:end].decode("utf-8", "surrogateescape")
        start = end


def _unescaped(name: str) -> str:
    if "5f" in name:
        name = name.replace("=5f", "_").replace("%5f", "_")
    return name.replace("%25", "%") if "%" in name else name
