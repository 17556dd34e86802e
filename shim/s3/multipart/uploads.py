"""Multipart uploads as they lie in Swift, in the layout of Swift's own S3 API.

<bucket>+segments   <key>/<upload id>        the open upload: empty, with the description of the object to be
                    <key>/<upload id>/<n>    its parts, later the object's segments
<bucket>            <key>                    once complete: a manifest of the parts
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

from adapters.errors import absent_is
from adapters.types.objects import Description, Listing, ObjectRow, Stored
from shim.context import Call
from shim.s3 import names
from shim.s3.errors import no_such_upload
from shim.s3.objects import checksums, conditions
from shim.s3.objects.headers import DEFAULT_TYPE, user_metadata

T = TypeVar("T")

ALGORITHM: Final = "passerelle-checksum-algorithm"
KIND: Final = "passerelle-checksum-type"
# Swift's own S3 API stores its uploads under this type and keeps the object's where only it can read.
_NO_TYPE: Final = "application/directory"
# As many parts of an upload can be committed at the same moment, by all gateways together.
_LANES: Final = 8
_MANY: Final = 500  # parts that take a millisecond and more to read
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,4}")


@dataclass(frozen=True, slots=True)
class Upload:
    """An open upload."""

    bucket: str
    key: str
    id: str
    stored: Stored

    @property
    def container(self) -> str:
        """Where its parts lie."""
        return names.segments(self.bucket)

    @property
    def algorithm(self) -> str:
        """The checksum algorithm that it was created with, or ''."""
        return self.stored.metadata.get(ALGORITHM, "")

    @property
    def kind(self) -> str:
        """The type of the checksum that the object shall have."""
        return self.stored.metadata.get(KIND) or checksums.kind_of(self.algorithm, None)

    def description(self, internal: Mapping[str, str]) -> Description:
        """Describe the object to be."""
        stored = self.stored
        content_type = stored.content_type if stored.content_type not in ("", _NO_TYPE) else DEFAULT_TYPE
        return Description(content_type, {**user_metadata(stored), **internal}, dict(stored.headers))


@dataclass(frozen=True, slots=True)
class Part:
    """A part as the listing shows it."""

    number: int
    row: ObjectRow

    @property
    def checksum(self) -> checksums.Checksum | None:
        """The checksum that it was uploaded with."""
        return checksums.of_part(self.row["content_type"])


async def opened(call: Call, req: Mapping[str, Any]) -> Upload:
    """Return the open upload that a request names, or raise NoSuchUpload, or NoSuchBucket."""
    bucket, key, upload_id = names.bucket(call, req), req["Key"], req["UploadId"]
    store = call.cloud.objects
    stored = await absent_is(None, store.head(names.segments(bucket), names.marker(key, upload_id)))
    if stored is None:
        await store.container(bucket)  # tells of a missing bucket by itself
        raise no_such_upload(upload_id)
    return Upload(bucket, key, upload_id, stored)


@asynccontextmanager
async def storing(call: Call, req: Mapping[str, Any]) -> AsyncIterator[Upload]:
    """Run the block that lets a part of the upload appear; NoSuchUpload where it is complete or given up by now.

    Neither can happen within the block: a part that appeared later would replace a segment of the finished object.
    Parts whose numbers are not equal modulo 8 do not wait for each other.
    """
    async with call.locks.hold(*_lane(call, req, req["PartNumber"] % _LANES)):
        yield await opened(call, req)


def alone(call: Call, req: Mapping[str, Any]) -> AbstractAsyncContextManager[None]:
    """Run a block while nobody else adds a part to an upload, completes it or aborts it.

    Neither writes the object on condition meanwhile; never within `conditions.holding`, nor the other way round.
    """
    lanes = [_lane(call, req, number) for number in range(_LANES)]
    return call.locks.hold_all([conditions.lock_of(call, names.bucket(call, req), req["Key"]), *lanes])


def _lane(call: Call, req: Mapping[str, Any], number: int) -> tuple[str, ...]:
    return "s3 parts", call.caller.project_id, req["Bucket"], req["Key"], req["UploadId"], str(number)


async def close(call: Call, upload: Upload) -> None:
    """End an upload: from here on it takes no part, and is not found."""
    await absent_is(None, call.cloud.objects.delete(upload.container, names.marker(upload.key, upload.id)))


def page_of_parts(parts: Mapping[int, Part], marker: int, limit: int) -> tuple[list[Part], dict[str, Any]]:
    """Cut a page of at most `limit` parts behind the number `marker`; return it and the members that tell its place.

    Who asks for no part gets all of it: that page is not truncated.
    """
    rest = [part for number, part in sorted(parts.items()) if number > marker]
    page = rest[:limit]
    return page, {
        "PartNumberMarker": marker,
        "NextPartNumberMarker": page[-1].number if page else marker,
        "MaxParts": limit,
        "IsTruncated": bool(page) and len(rest) > len(page),
    }


async def parts_of(call: Call, bucket: str, key: str, upload_id: str) -> dict[int, Part]:
    """List an upload's parts by number; what else lies there is no part.  May lag behind UploadPart."""
    prefix = names.marker(key, upload_id) + "/"
    found: dict[int, Part] = {}
    marker = ""
    while page := await call.cloud.objects.objects(names.segments(bucket), Listing(prefix=prefix, marker=marker)):
        found.update(await for_many(call, len(page), partial(_parts_in, page, len(prefix))))
        marker = page[-1]["name"]
    return found


def _parts_in(page: Sequence[ObjectRow], prefix_length: int) -> dict[int, Part]:
    """Return the parts in one page of a listing, by number."""
    found: dict[int, Part] = {}
    for row in page:
        name = row["name"][prefix_length:]
        if _NUMBER.fullmatch(name) and (number := int(name)) <= names.PARTS:
            found[number] = Part(number, row)
    return found


async def for_many(call: Call, parts: int, work: Callable[[], T]) -> T:
    """Run a function of so many parts; in the worker if they are many, so that other requests do not wait."""
    return work() if parts <= _MANY else await call.worker.run(call.caller.account_id, work)


async def contents(call: Call, upload: Upload) -> list[str]:
    """List all that lies below an upload, parts or not."""
    prefix = names.marker(upload.key, upload.id) + "/"
    found: list[str] = []
    while page := await call.cloud.objects.objects(
        upload.container, Listing(prefix=prefix, marker=found[-1] if found else "")
    ):
        found += [row["name"] for row in page]
    return found
