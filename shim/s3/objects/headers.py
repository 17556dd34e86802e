"""Translates an object's description from a request's members to Swift's headers, and back to an answer's members.

What S3 stores with an object and Swift has no header for is metadata under a reserved name, or part of the content type
if listings must show it without a HEAD for each key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final

from adapters.types.objects import Description, ObjectRow, Stored
from shim.errors import AwsError
from shim.protocol.scalars import Iso8601
from shim.protocol.xml.rows import Times
from shim.s3 import tags
from shim.s3.config.object_lock import Retention
from shim.s3.encryption import envelope
from shim.s3.encryption.envelope import MARK
from shim.s3.errors import invalid_argument
from shim.s3.placement import storage_classes

DEFAULT_TYPE: Final = "binary/octet-stream"  # what S3 gives an object without a Content-Type
METADATA_BYTES: Final = 2048  # "user-defined metadata is limited to 2 KB in size" (User Guide, object metadata)
RESERVED: Final = "passerelle-"
CHECKSUM: Final = "passerelle-checksum"  # <algorithm>:<FULL_OBJECT or COMPOSITE>:<base64>
ACL: Final = "passerelle-acl"  # the text of an ACL (shim.authz.acl); none: full control of the bucket's owner
UPLOAD: Final = "passerelle-upload"  # the id of the upload that made the object
TAGGING: Final = "passerelle-tagging"  # the object's tags, as JSON
RECORD: Final = "passerelle-record"  # the object's identity in its side record, if that was written with the object
IN_STEP: Final = "passerelle-parts-in-step"  # set if the parts were numbered 1, 2, 3 ... without a gap
RETENTION: Final = "passerelle-retention"  # Object Lock: <mode> <end>
HOLD: Final = "passerelle-hold"  # Object Lock: ON or OFF
REDIRECT: Final = "passerelle-redirect"  # x-amz-website-redirect-location

_ETAG: Final = re.compile(r';\s*s3_etag="?([0-9a-f]{32}(?:-[0-9]{1,5})?)"?')
_NULL: Final = re.compile(r";\s*s3_null=[^;]*")  # marks S3's version `null` among Swift's versions
_OURS: Final = "s3_"  # all parameters of content types that the gateway writes begin so
_is_ours: Final = re.compile(rf"[^0-9A-Za-z]*{_OURS}").match  # whatever a parser may skip before the name
# The storage class, which listings show.  An object of the class STANDARD has no such parameter.
_CLASS: Final = re.compile(r';\s*s3_class="?([A-Z_]{1,32})"?')
_LONGEST_REDIRECT: Final = 2048  # "The length of the value is limited to 2 KB" (PutObject)
_KEPT: Final = (
    ("CacheControl", "cache-control"),
    ("ContentDisposition", "content-disposition"),
    ("ContentEncoding", "content-encoding"),
    ("ContentLanguage", "content-language"),
    ("Expires", "expires"),
)
_KEPT_MEMBERS: Final = frozenset(member for member, _ in _KEPT)
PLACING: Final = {"StorageClass": (storage_classes.ELSEWHERE, storage_classes.MAPPED)}  # the classes that are refused

LOCKING: Final = "ObjectLockMode ObjectLockRetainUntilDate ObjectLockLegalHoldStatus"
# Members of a request that describe the object.
DESCRIBING: Final = (
    "ACL GrantFullControl GrantRead GrantReadACP GrantWriteACP "
    "StorageClass CacheControl ContentDisposition ContentEncoding ContentLanguage ContentType Expires Metadata "
    f"Tagging WebsiteRedirectLocation {LOCKING}"
)
# What an open upload keeps under reserved names for its object.
_OF_UPLOADS: Final = (ACL, TAGGING, REDIRECT, RETENTION, HOLD, RECORD)


def description(req: Mapping[str, Any], *, internal: Mapping[str, str] | None = None) -> Description:
    """Return a new object's description from its request."""
    metadata = _metadata(req["Metadata"]) if req.get("Metadata") else {}
    kept = {} if _KEPT_MEMBERS.isdisjoint(req) else _kept(req)
    if req.get("Tagging"):
        metadata[TAGGING] = tags.stored(tags.of_header(req["Tagging"]))
    if req.get("WebsiteRedirectLocation"):
        metadata |= redirect(req)
    if internal:
        metadata.update(internal)
    content_type = typed(req.get("ContentType") or DEFAULT_TYPE, storage=req.get("StorageClass"))
    return Description(content_type, metadata, kept)


def redirect(req: Mapping[str, Any]) -> dict[str, str]:
    """Return the metadata for the place to which the object redirects visitors of a website."""
    place = req.get("WebsiteRedirectLocation")
    if not place:
        return {}
    if not place.startswith(("/", "http://", "https://")):
        message = "The website redirect location must have a prefix of 'http://' or 'https://' or '/'."
    elif len(place.encode("utf-8", "surrogateescape")) > _LONGEST_REDIRECT:
        message = "The length of website redirect location cannot exceed 2,048 characters."
    else:
        return {REDIRECT: place}
    raise AwsError("InvalidRedirectLocation", message, 400)


def _metadata(told: Mapping[str, str]) -> dict[str, str]:
    metadata: dict[str, str] = {}
    size = 0
    for name, value in told.items():
        key = name.lower()
        if key.startswith(RESERVED):
            raise invalid_argument(
                f"Metadata names that begin with {RESERVED} are reserved", "x-amz-meta-" + key, value
            )
        size += len(key) + len(value.encode("utf-8", "surrogateescape"))
        metadata[key] = value
    if size > METADATA_BYTES:
        raise AwsError(
            "MetadataTooLarge",
            "Your metadata headers exceed the maximum allowed metadata size",
            400,
            extra={"Size": str(size), "MaxSizeAllowed": str(METADATA_BYTES)},
        )
    return metadata


def _kept(req: Mapping[str, Any]) -> dict[str, str]:
    kept: dict[str, str] = {}
    for member, header in _KEPT:
        value = req.get(member)
        if value:
            text = format_datetime(value, usegmt=True) if isinstance(value, datetime) else value
            kept[header] = _encoding(text) if header == "content-encoding" else text
    return kept


def _encoding(value: str) -> str:
    # "aws-chunked" is the coding of a signed upload's transfer, not of the object (SigV4 streaming).
    return ", ".join(piece for piece in map(str.strip, value.split(",")) if piece and piece.lower() != "aws-chunked")


def typed(content_type: str, etag: str = "", storage: str | None = None) -> str:
    """Return a content type with a multipart ETag and a storage class, or with none.

    All parameters that the gateway may have written, or a client may have forged, are removed: whole ones in one pass,
    so that what is removed never joins two texts to a new parameter.
    """
    if _OURS in content_type:
        first, *parameters = content_type.split(";")
        content_type = ";".join([first, *(one for one in parameters if not _is_ours(one))])
    if storage and storage != storage_classes.STANDARD:
        content_type += f"; s3_class={storage}"
    return f"{content_type}; s3_etag={etag}" if etag else content_type


def storage_class(content_type: str) -> str:
    """Return the storage class of an object with this content type."""
    found = _CLASS.search(content_type) if "s3_class" in content_type else None
    return found[1] if found else storage_classes.STANDARD


def kept_etag(content_type: str) -> str:
    """Return the ETag in a content type, or ''."""
    found = _ETAG.search(content_type) if "s3_etag" in content_type else None
    return found[1] if found else ""


def marked_null(content_type: str) -> str:
    """Return the content type of an object that is S3's version `null` and not the one of its Swift version id."""
    return f"{content_type}; s3_null=yes"


def is_marked_null(content_type: str) -> bool:
    """Return whether a content type has that mark."""
    return _OURS in content_type and _NULL.search(content_type) is not None


def etag_of(stored: Stored) -> str:
    """Return an object's S3 ETag, without quotes.

    Large objects made by Swift's own clients have no S3 ETag.  For them this is Swift's ETag with `-N` appended, as in
    Swift's own S3 API, so that clients do not take it for an MD5.
    """
    if "s3_etag" in stored.content_type:
        found = _ETAG.search(stored.content_type)
        if found:
            return found[1]
    return (
        stored.etag if stored.layout == "plain" and not envelope.has_no_md5(stored.content_type) else f"{stored.etag}-N"
    )


def with_plain_size(stored: Stored) -> Stored:
    """Return a description with the size that S3 shows, which of an encrypted object is that of its plain bytes."""
    if MARK not in stored.content_type:
        return stored
    size = envelope.size_of(stored.content_type, stored.size)
    return stored._replace(size=size, length=size)


def unknown_etag(stored: Stored) -> bool:
    """Return whether an object is large and has no S3 ETag."""
    return stored.layout == "static" and "s3_etag" not in stored.content_type


def object_members(stored: Stored) -> dict[str, Any]:
    """Return the members that the answers of GetObject and HeadObject share."""
    etag, content_type = stored.etag, stored.content_type
    special = stored.layout != "plain" or _OURS in content_type
    if special:
        etag, content_type = etag_of(stored), typed(content_type)
    members: dict[str, Any] = {
        "AcceptRanges": "bytes",
        "LastModified": stored.modified,
        "ContentLength": stored.size,
        "ETag": f'"{etag}"',
        "ContentType": content_type,
    }
    if stored.metadata:
        members["Metadata"] = user_metadata(stored)
        if tagged := stored.metadata.get(TAGGING):
            members["TagCount"] = len(tags.of_stored(tagged))
        if place := stored.metadata.get(REDIRECT):
            members["WebsiteRedirectLocation"] = place
        members.update(_lock_members(stored))
    # "Amazon S3 returns this header for all objects except for S3 Standard storage class objects" (HeadObject).
    if special and (storage := storage_class(stored.content_type)) != storage_classes.STANDARD:
        members["StorageClass"] = storage
    if stored.headers:
        members.update((member, stored.headers[header]) for member, header in _KEPT if header in stored.headers)
    if stored.unreadable:
        members["MissingMeta"] = stored.unreadable
    return members


def retention_of(stored: Stored) -> Retention | None:
    """Return an object's retention; one that Swift's own users damaged never ends."""
    text = stored.metadata.get(RETENTION)
    if not text:
        return None
    mode, _, until = text.partition(" ")
    try:
        return Retention(mode, datetime.fromisoformat(until))
    except ValueError:
        return Retention("COMPLIANCE", datetime.max.replace(tzinfo=UTC))


def _lock_members(stored: Stored) -> dict[str, Any]:
    retention, hold = retention_of(stored), stored.metadata.get(HOLD)
    members: dict[str, Any] = {"ObjectLockLegalHoldStatus": hold} if hold else {}
    if retention:
        members |= {"ObjectLockMode": retention.mode, "ObjectLockRetainUntilDate": retention.until}
    return members


def user_metadata(stored: Stored) -> dict[str, str]:
    """Return the user-defined metadata."""
    return {name: value for name, value in stored.metadata.items() if not name.startswith(RESERVED)}


def kept_by_upload(stored: Stored) -> dict[str, str]:
    """Return the metadata that an open upload keeps for its object."""
    return user_metadata(stored) | {name: stored.metadata[name] for name in _OF_UPLOADS if name in stored.metadata}


def copied(stored: Stored, internal: Mapping[str, str], storage: str | None) -> Description:
    """Return the description of a copy that keeps the source's metadata, but has a storage class of its own."""
    content_type = typed(stored.content_type, storage=storage)
    return Description(content_type, {**user_metadata(stored), **internal}, dict(stored.headers))


def listed_times(texts: Sequence[str]) -> Sequence[Iso8601 | datetime] | Times:
    """Return the times of a listing's rows as `listed_time` does, as a column."""
    try:
        if all(map(_is_minute, {text[:16] for text in texts})):
            return Times([text[:16] + _SECONDS[text[16:20]] for text in texts])
    except KeyError:
        pass
    return list(map(listed_time, texts))


def listed_time(text: str) -> Iso8601 | datetime:
    """Return the time of a listing's row as answers show it, without the fraction, as in Last-Modified.

    Parsing each row into a datetime would cost a millisecond for a page of a thousand rows, so Swift's usual text is
    edited and only other forms are parsed.  Raises ValueError if the text is not a time.
    """
    minute, second = text[:16], _SECONDS.get(text[16:20])
    if second and _is_minute(minute):
        return Iso8601(minute + second)
    return datetime.fromisoformat(f"{text[:19]}+00:00")


_SECONDS: Final = {f":{second:02}.": f":{second:02}.000Z" for second in range(60)}


@lru_cache(maxsize=4096)
def _is_minute(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).isoformat(timespec="minutes") == text
    except ValueError:
        return False


def listed_etag(row: Mapping[str, Any]) -> str:
    """Return the ETag of a listing's row as S3 shows it, quoted."""
    content_type: str = row["content_type"]
    if "s3_etag" in content_type:
        found = _ETAG.search(content_type)
        if found:
            return f'"{found[1]}"'
    if "slo_etag" in row:
        told: str = row.get("s3_etag") or f'"{row["slo_etag"].strip(chr(34))}-N"'
        return told
    if MARK in content_type and envelope.has_no_md5(content_type):
        return f'"{row["hash"]}-N"'
    return f'"{row["hash"]}"'


def listed_sizes(rows: Sequence[ObjectRow]) -> list[int]:
    """Return the sizes of a listing's rows as S3 shows them: of encrypted objects the plain ones."""
    sizes = list(map(_bytes, rows))
    if any(MARK in one for one in set(map(_type, rows))):
        return [
            envelope.size_of(row["content_type"], size) if MARK in row["content_type"] else size
            for row, size in zip(rows, sizes, strict=True)
        ]
    return sizes


def listed_etags(rows: Sequence[ObjectRow]) -> list[str]:
    """Return the ETags of a listing's rows as `listed_etag` does, faster if no object is large."""
    if set(map(len, rows)) == {_PLAIN_ROW} and not any(_OURS in one for one in set(map(_type, rows))):
        return list(map('"%s"'.__mod__, map(_hash, rows)))
    return list(map(listed_etag, rows))


def listed_classes(rows: Sequence[ObjectRow]) -> list[str]:
    """Return the storage classes of a listing's rows; an empty list if all are STANDARD."""
    if any("s3_class" in one for one in set(map(_type, rows))):
        return [storage_class(row["content_type"]) for row in rows]
    return []


_PLAIN_ROW: Final = len(("name", "hash", "bytes", "content_type", "last_modified"))
_type: Final = itemgetter("content_type")
_hash: Final = itemgetter("hash")
_bytes: Final = itemgetter("bytes")
