"""Multipart uploads as stored in Swift, in the layout of Swift's own S3 API.

<bucket>+segments   <key>/<upload id>        the open upload: empty, with the future object's description
                    <key>/<upload id>/<n>    its parts, later the object's segments
<bucket>            <key>                    once complete: a manifest of the parts
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import quote, unquote

from adapters.errors import absent_is
from adapters.types.objects import NULL_VERSION, Description, ObjectRow, Stored
from shim.cache import weight
from shim.concurrency import gather_all
from shim.context import Call
from shim.s3 import names, paging
from shim.s3.encryption.customer import MEMBERS, customer_key
from shim.s3.encryption.sealing import Sealing, continued
from shim.s3.errors import invalid_argument, no_such_upload
from shim.s3.multipart.storing import etag_of_part, size_of_part
from shim.s3.objects import checksums, conditions, records, segments, versions
from shim.s3.objects.headers import DEFAULT_TYPE, RECORD, UPLOAD, kept_by_upload

T = TypeVar("T")

ALGORITHM: Final = "passerelle-checksum-algorithm"
KIND: Final = "passerelle-checksum-type"
# Swift's own S3 API stores uploads under this content type, and the object's type where only Swift can read it.
_NO_TYPE: Final = "application/directory"
# The number of parts of an upload that can be committed at the same time, by all gateways together.
_LANES: Final = 8
_AT_ONCE: Final = 8  # requests to Swift for one request
_LATELY_SECONDS: Final = 60  # a client's parts follow each other
_MANY: Final = 500  # parsing so many parts takes a millisecond or more
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,4}")
_INITIATOR: Final = re.compile(r";\s*s3_(owner|initiator)=([\w.-]{1,64})(?:\s*;\s*s3_name=([^\s;]*))?$")


class Initiator(NamedTuple):
    """The project that began an upload in another project's bucket: its id and name; `owns` if the object is to be its.

    Only its own requests know its name, so the upload keeps it.
    """

    project: str
    owns: bool
    name: str = ""

    def noted(self, content_type: str) -> str:
        """Return the content type of the upload's own object: a listing shows it, so the initiator needs no HEAD."""
        named = f"; s3_name={quote(self.name, safe='')}" if self.name else ""
        return f"{content_type}; {'s3_owner' if self.owns else 's3_initiator'}={self.project}{named}"


def initiator(content_type: str) -> Initiator | None:
    """Return who began an upload, by the content type of its own object; None for the bucket's project."""
    found = _INITIATOR.search(content_type) if "s3_" in content_type else None
    return Initiator(found[2], found[1] == "owner", unquote(found[3] or "")) if found else None


@dataclass(frozen=True, slots=True)
class Upload:
    """An open upload."""

    bucket: str
    key: str
    id: str
    stored: Stored
    initiator: Initiator | None = None

    @property
    def container(self) -> str:
        """The container of its parts."""
        return names.parts(self.bucket, self.id)

    @property
    def marker(self) -> tuple[str, str]:
        """The container and the name of its own object."""
        return names.segments(self.bucket), names.marker(self.key, self.id)

    @property
    def algorithm(self) -> str:
        """The checksum algorithm given at creation, or ''."""
        return self.stored.metadata.get(ALGORITHM, "")

    @property
    def kind(self) -> str:
        """The type of the future object's checksum."""
        return self.stored.metadata.get(KIND) or checksums.kind_of(self.algorithm, None)

    async def sealing(self, call: Call, req: Mapping[str, Any]) -> Sealing | None:
        """Return how its parts are encrypted; raise for a request with another key than the upload's."""
        key = None if MEMBERS.isdisjoint(req) else customer_key(call, req)
        return await continued(call, self.stored.content_type, key)

    def description(self, internal: Mapping[str, str]) -> Description:
        """Return the description of the future object."""
        stored = self.stored
        content_type = stored.content_type if stored.content_type not in ("", _NO_TYPE) else DEFAULT_TYPE
        return Description(content_type, {**kept_by_upload(stored), **internal}, dict(stored.headers))


@dataclass(frozen=True, slots=True)
class Part:
    """A part as listed."""

    number: int
    row: ObjectRow

    @property
    def checksum(self) -> checksums.Checksum | None:
        """The checksum of its upload."""
        return checksums.of_part(self.row["content_type"])

    @property
    def etag(self) -> str:
        """The ETag that its upload returned."""
        return etag_of_part(self.row["content_type"], self.row["hash"])

    @property
    def size(self) -> int:
        """The number of its plain bytes."""
        return size_of_part(self.row["content_type"], self.row["bytes"])


async def opened(call: Call, req: Mapping[str, Any]) -> Upload:
    """Return the open upload that a request names; raise NoSuchUpload or NoSuchBucket."""
    bucket, key, upload_id = names.bucket(call, req), req["Key"], req["UploadId"]
    store = call.cloud.objects
    stored = await absent_is(None, store.head(names.segments(bucket), names.marker(key, upload_id)))
    if stored is None:
        await store.container(bucket)  # raises for a missing bucket
        raise no_such_upload(upload_id)
    begun_by = initiator(stored.content_type)
    if begun_by:
        stored = stored._replace(content_type=_INITIATOR.sub("", stored.content_type).rstrip())
    return Upload(bucket, key, upload_id, stored, begun_by)


async def lately_opened(call: Call, req: Mapping[str, Any]) -> Upload:
    """Return the upload that a request names as this process saw it within the last minute; raise as `opened` does.

    Its description never changes, so this tells how its parts are encrypted; whether it is still open, only `opened`
    tells.
    """
    owner, key = call.caller.project_id, ("s3 uploads", req["Bucket"], req["Key"], req["UploadId"])
    known: Upload | None = call.cache.get(owner, key)
    if known is None:
        known = await opened(call, req)
        call.cache.put(owner, key, known, size=weight(known), seconds=_LATELY_SECONDS)
    return known


def spilled_text(items: records.Items) -> bytes:
    """Return the content of an upload's own object: what its description does not hold."""
    return json.dumps(items).encode() if items else b""


async def spilled(call: Call, upload: Upload) -> records.Items:
    """Return the items of the future object's record."""
    if RECORD not in upload.stored.metadata:
        return {}
    download = await call.cloud.objects.get(*upload.marker)
    try:
        body = download.body
        text = body if isinstance(body, bytes) else b"".join([piece async for piece in body])
    finally:
        download.close()
    items: records.Items = json.loads(text)
    return items


@asynccontextmanager
async def storing(call: Call, req: Mapping[str, Any]) -> AsyncIterator[Upload]:
    """Run the block that commits a part; raise NoSuchUpload if the upload was completed or aborted meanwhile.

    Neither can happen during the block: a part committed later would replace a segment of the completed object.
    Parts whose numbers differ modulo 8 do not wait for each other.
    """
    async with call.locks.hold(*_lane(call, req, req["PartNumber"] % _LANES)):
        yield await opened(call, req)


def alone(call: Call, req: Mapping[str, Any]) -> AbstractAsyncContextManager[None]:
    """Run a block while no other request adds a part to the upload, completes it or aborts it.

    It also excludes conditional writes of the object; never nest it with `conditions.holding`.
    """
    lanes = [_lane(call, req, number) for number in range(_LANES)]
    return call.locks.hold_all([conditions.lock_of(call, names.bucket(call, req), req["Key"]), *lanes])


def _lane(call: Call, req: Mapping[str, Any], number: int) -> tuple[str, ...]:
    return "s3 parts", call.caller.project_id, req["Bucket"], req["Key"], req["UploadId"], str(number)


async def check_number(call: Call, number: int) -> None:
    """Refuse a part beyond as many as one object can have, which is less than S3's 10,000 in some Swifts."""
    most = (await call.cloud.objects.limits()).nested_segments
    if number > most:
        raise invalid_argument(f"Part number must be an integer between 1 and {most}, inclusive", "partNumber", number)


async def close(call: Call, upload: Upload) -> None:
    """Close an upload: afterwards it accepts no parts and is not found."""
    await absent_is(None, call.cloud.objects.delete(*upload.marker))


def page_of_parts(parts: Mapping[int, Part], marker: int, limit: int) -> tuple[list[Part], dict[str, Any]]:
    """Return a page of at most `limit` parts after the number `marker`, and the members that describe the page.

    A page with a limit of 0 is not marked as truncated.
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
    """List an upload's parts by number, ignoring other objects there.  May lag behind UploadPart."""
    prefix = names.marker(key, upload_id) + "/"
    found: dict[int, Part] = {}
    async for page in paging.pages(call.cloud.objects, names.parts(bucket, upload_id), prefix):
        found.update(await for_many(call, len(page), partial(_parts_in, page, len(prefix))))
    return found


def _parts_in(page: Sequence[ObjectRow], prefix_length: int) -> dict[int, Part]:
    """Return the parts of one page of a listing, by number."""
    found: dict[int, Part] = {}
    for row in page:
        name = row["name"][prefix_length:]
        if _NUMBER.fullmatch(name) and (number := int(name)) <= names.PARTS:
            found[number] = Part(number, row)
    return found


async def versions_made(call: Call, upload: Upload) -> list[Stored]:
    """Return the object's versions that this upload made, the newest first, from Swift itself.

    A gateway may have died after it wrote the object and before it closed the upload.
    """
    begun = upload.stored.modified.timestamp()
    rows = [
        row["version_id"]
        for row in await versions.of_key(call, upload.bucket, upload.key)
        if "slo_etag" in row and row["version_id"] != NULL_VERSION and float(row["version_id"]) >= begun
    ]
    store = call.cloud.objects
    heads = (absent_is(None, store.head(upload.bucket, upload.key, version=version)) for version in rows)
    found = await gather_all(heads, most=_AT_ONCE)
    return [stored for stored in found if stored is not None and stored.metadata.get(UPLOAD) == upload.id]


async def used_by_versions(call: Call, upload: Upload, *, but: str = "") -> frozenset[str]:
    """Return the segments of the versions that this upload made, without those of the version `but`."""
    made = [stored.version for stored in await versions_made(call, upload) if stored.version != but]
    store = call.cloud.objects
    manifests = (segments.of_manifest(store, upload.bucket, upload.key, version) for version in made)
    return frozenset(itertools.chain(*await gather_all(manifests, most=_AT_ONCE)))


async def in_use(call: Call, upload: Upload) -> frozenset[str]:
    """Return the segments of the object and of the versions that this upload made.

    A completion that was interrupted after it wrote the object leaves its upload open.  In a bucket with versions the
    object is a link, and the listing of versions lags behind, so the object is also looked up through the link.
    """
    store, bucket, key = call.cloud.objects, upload.bucket, upload.key
    found = await segments.behind(call, bucket, key)
    if not found:
        stored = await absent_is(None, store.head(bucket, key))
        if stored is not None and stored.metadata.get(UPLOAD) == upload.id and stored.layout == "static":
            found = await absent_is([], segments.of_manifest(store, bucket, key, stored.version))
    return frozenset(found) | await used_by_versions(call, upload)


async def for_many(call: Call, parts: int, work: Callable[[], T]) -> T:
    """Run a function over parts; in the worker if there are many, so that other requests do not wait."""
    return work() if parts <= _MANY else await call.worker.run(call.caller.account_id, work)


async def contents(call: Call, upload: Upload) -> list[str]:
    """List all objects below an upload, parts or not."""
    prefix = names.marker(upload.key, upload.id) + "/"
    return [row["name"] async for page in paging.pages(call.cloud.objects, upload.container, prefix) for row in page]
