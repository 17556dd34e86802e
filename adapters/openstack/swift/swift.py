"""Swift behind the ObjectStore port: containers, objects, large objects, copies and deletions, with a tenant's token.

Swift is eventually consistent, and so is this adapter: listings and counts may lag behind writes, and a read right
after an overwrite may give the older object if a replica was down at the write.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, unquote

from adapters.concurrency import gather_all, map_in_turns
from adapters.errors import BackendError, Fault, absent_is
from adapters.openstack import faults
from adapters.openstack.swift import headers as codec
from adapters.openstack.swift.cache import SwiftCache
from adapters.openstack.swift.headers import SERVICE
from adapters.openstack.swift.http import Pool, SwiftHttp, chunked, error_from, error_of, parsed, path_of
from adapters.openstack.swift.wire import Answer
from adapters.ports.identity import TokenSource
from adapters.types.identity import Token
from adapters.types.objects import (
    Container,
    Description,
    Download,
    Limits,
    Listing,
    ObjectRow,
    Refused,
    Segment,
    Stored,
    Written,
)

# A body this small is read at once, so that its connection is free again.
SMALL_BODY: Final = 1 << 16
# Seconds that Swift may send nothing while it copies up to 5 GiB.
_COPY_EXTRA_SECONDS: Final = 600.0
# Seconds for each segment of a manifest, which Swift checks before it answers.
_SEGMENT_EXTRA_SECONDS: Final = 0.1
# Swift's bulk deletion stops at a line of twice its longest path.
_LONGEST_LINE: Final = 2048
_DELETES_AT_ONCE: Final = 16
_BULK_DELETE: Final = 1000  # names in one request, whose body is then written and read in a millisecond
_ENCODED_AT_ONCE: Final = 100  # segments, in some tenths of a millisecond
# How often a write is sent if an object with a newer timestamp is there; the writer with a clock far ahead always wins.
_WRITES: Final = 4
_STAND_IN_SECONDS: Final = 3600
_POLICY_AND_ACLS: Final = ("x-storage-policy", "x-container-read", "x-container-write")


class Swift:
    """One project's Swift account.  `endpoint` is its URL in the catalog; `token`, if given, is used first."""

    __slots__ = ("_cache", "_http")

    def __init__(
        self,
        pool: Pool,
        endpoint: str,
        tokens: TokenSource,
        request_id: str,
        cache: SwiftCache | None = None,
        token: Token | None = None,
    ) -> None:
        self._http = SwiftHttp(pool, endpoint, tokens, request_id, token)
        self._cache = cache or SwiftCache()

    # --- the account ---

    async def limits(self) -> Limits:
        """Return this Swift's limits (`GET /info`), with safe values for those it does not state."""
        root = self._http.endpoint.partition("/v1/")[0]
        known = self._cache.limits(root)
        if known is None:
            status, body = await self._http.public(root, "/info")
            known = _limits(parsed(body, dict)) if status == 200 else Limits()
            self._cache.keep_limits(root, known)
        return known

    async def containers(self, *, prefix: str = "", marker: str = "", limit: int = 0) -> list[Container]:
        """List the account; it is empty where Swift has not made it yet."""
        query = _query("", format="json", prefix=prefix, marker=marker, limit=limit or "")
        return codec.container_rows(await absent_is([], self._http.rows(query)))

    # --- containers ---

    async def create_container(self, name: str, *, like: str = "") -> bool:
        """Make a container, with the storage policy and ACLs of `like` if given; return False if it existed."""
        headers: dict[str, str] = {}
        if like:
            model = await self._container_headers(like)
            headers.update({key: model[key] for key in _POLICY_AND_ACLS if key in model})
        answer = await self._expect("PUT", path_of(name), headers)
        self._cache.keep_container(self._url(name), True)
        return answer.status == 201

    async def container(self, name: str) -> Container:
        """Describe a container, with its metadata."""
        return codec.container(name, await self._container_headers(name))

    async def set_container_metadata(self, name: str, metadata: Mapping[str, str]) -> None:
        """Set items of a container's metadata; an empty value removes an item, and all other items stay."""
        headers = codec.container_headers(metadata, await self._container_headers(name))
        await self._expect("POST", path_of(name), headers)

    async def has_container(self, name: str) -> bool:
        """Return whether a container exists, from a cache of some seconds."""
        url = self._url(name)
        present = self._cache.container(url)
        if present is None:
            present = await absent_is(None, self._container_headers(name)) is not None
            self._cache.keep_container(url, present)
        return present

    async def delete_container(self, name: str) -> None:
        """Delete a container.  Raises CONFLICT while it holds objects."""
        await self._expect("DELETE", path_of(name))
        self._cache.keep_container(self._url(name), False)

    async def objects(self, container: str, want: Listing) -> list[ObjectRow]:
        """List one page of a container."""
        return await self._http.rows(
            _query(
                path_of(container),
                format="json",
                prefix=want.prefix,
                delimiter=want.delimiter,
                marker=want.marker,
                end_marker=want.end_marker,
                limit=want.limit or "",
            )
        )

    # --- reading ---

    async def get(
        self, container: str, name: str, *, span: str = "", part: int = 0, tell_missing: bool = True
    ) -> Download:
        """Open an object to read all of it, a range (`span`), or a part of a static large object."""
        path = path_of(container, name)
        if part:
            path += f"?part-number={part}"
        answer = await self._http.send("GET", path, {"Range": span} if span else None)
        if answer.status not in (200, 206):
            raise await self._missing(await error_of(answer, path), container if tell_missing else "")
        found = codec.stored(answer.headers)
        if found.length <= SMALL_BODY:
            return Download(found, await answer.read(), answer.close)
        return Download(found, answer.pieces(), answer.close)

    async def head(self, container: str, name: str, *, part: int = 0, link: bool = False) -> Stored:
        """Describe an object, one part of it, or, with `link`, the symbolic link of that name."""
        path = path_of(container, name)
        if part:
            path += f"?part-number={part}"
        elif link:
            path += "?symlink=get"
        answer = await self._http.send("HEAD", path)
        if answer.status not in (200, 206):
            raise await self._missing(await error_of(answer, path), container)
        return codec.stored(answer.headers)

    async def segments(self, container: str, name: str) -> list[Segment]:
        """Return a static large object's segments in order, one level deep; none for any other object."""
        path = path_of(container, name)
        answer = await self._http.send("GET", path + "?multipart-manifest=get")
        if answer.status != 200:
            raise await self._missing(await error_of(answer, path), container)
        if codec.stored(answer.headers).layout != "static":
            answer.close()
            return []
        return [_segment(row) for row in parsed(await answer.read(), list) if "name" in row]

    # --- writing ---

    async def put(
        self,
        container: str,
        name: str,
        body: bytes | AsyncIterable[bytes],
        length: int | None,
        description: Description,
    ) -> Written:
        """Store an object of exactly `length` bytes, or of all that `body` yields; nothing if it raises."""
        path, headers = path_of(container, name), codec.written_headers(description)
        if length is None and not isinstance(body, bytes):
            headers["Transfer-Encoding"], body = "chunked", chunked(body)
        for _ in range(_WRITES if isinstance(body, bytes) else 1):
            answer = await self._expect("PUT", path, headers, body=body, length=length)
            if answer.status != 202:
                return codec.written(answer.headers)
        # Swift stores nothing if an object with a newer timestamp is there.
        raise faults.unavailable(SERVICE, "a newer object was stored in the meantime", resource="object", id=name)

    async def copy(
        self,
        source: tuple[str, str],
        target: tuple[str, str],
        description: Description,
        *,
        seen: Stored,
        span: str = "",
    ) -> Written:
        """Copy an object or a range of it inside Swift; the copy of a large object is a plain one."""
        # A plain copy of a static large object inherits its system metadata, and Swift then compares If-Match with the
        # large object's ETag in there.  It compares the copy's own when a manifest is asked for; a plain object, which
        # has none, is copied all the same.
        query = "?multipart-manifest=get" if seen.layout == "plain" else ""
        headers = codec.written_headers(description)
        headers["X-Copy-From"] = path_of(*source)
        headers["X-Fresh-Metadata"] = "true"
        headers["If-Match"] = seen.etag  # Swift checks a copy's conditions on the source
        if span:
            headers["Range"] = span
        path = path_of(*target) + query
        return codec.written((await self._expect("PUT", path, headers, extra_seconds=_COPY_EXTRA_SECONDS)).headers)

    async def put_manifest(
        self, container: str, name: str, segments: Sequence[Segment], description: Description
    ) -> Written:
        """Make a static large object of segments, each checked by Swift for its ETag and its size."""
        headers = codec.written_headers(description) | {"Accept": "application/json"}
        path = path_of(container, name)
        # Swift checks every segment first and sends a heartbeat so that no proxy times out; the result is in the body.
        answer = await self._expect(
            "PUT",
            path + "?multipart-manifest=put&heartbeat=on",
            headers,
            body=await _manifest(segments),
            extra_seconds=len(segments) * _SEGMENT_EXTRA_SECONDS,
        )
        if answer.status != 202:
            return codec.written(answer.headers)
        verdict = parsed(await answer.read(), dict)
        status = int(str(verdict.get("Response Status", "500")).split()[0])
        if status != 201:
            detail = "; ".join(": ".join(map(str, pair)) for pair in verdict.get("Errors") or ())
            raise error_from(status, (detail or str(verdict.get("Response Body", ""))).encode(), answer.headers, path)
        return codec.written({"etag": verdict["Etag"], "last-modified": verdict["Last Modified"]})

    async def replace_description(self, container: str, name: str, description: Description) -> None:
        """Replace an object's content type, metadata and kept headers; its bytes stay."""
        await self._expect("POST", path_of(container, name), codec.written_headers(description))

    async def delete(self, container: str, name: str, *, tell_missing: bool = True) -> None:
        """Delete an object; of a large object the manifest alone."""
        path = path_of(container, name)
        answer = await self._http.send("DELETE", path)
        if answer.status not in (200, 204):
            raise await self._missing(await error_of(answer, path), container if tell_missing else "")

    async def drop_stale_row(self, container: str, name: str) -> bool:
        """Remove an object that is gone from the listing; return False, and do nothing, if an object has that name.

        A deletion would update the listing, but must not delete an object that is stored at the same time.  Swift's
        only conditional deletion is the one for expiry (`X-If-Delete-At`).  So an empty object with an expiry time is
        stored if the name is free, and then deleted on condition of that time; if the deletion fails, it expires.
        """
        path, at = path_of(container, name), str(int(time.time()) + _STAND_IN_SECONDS)
        try:
            await self._expect("PUT", path, {"If-None-Match": "*", "X-Delete-At": at})
            await self._expect("DELETE", path, {"X-If-Delete-At": at})
        except BackendError as error:
            if error.fault not in (Fault.PRECONDITION, Fault.CONFLICT, Fault.NOT_FOUND):
                raise
            return False
        return True

    async def delete_many(self, container: str, names: Sequence[str]) -> list[Refused]:
        """Delete objects with few requests, as far as this Swift allows; absent names count as deleted."""
        at_once = min((await self.limits()).bulk_delete, _BULK_DELETE) if len(names) > 1 else 0
        root, left = path_of(container), list[Refused]()
        alone = [] if at_once else list(names)
        for start in range(0, len(names) if at_once else 0, at_once or 1):
            few = names[start : start + at_once]
            quoted = await map_in_turns(lambda name: f"{root}/{quote(name, safe='', errors='surrogateescape')}", few)
            lines = {name: line for name, line in zip(few, quoted, strict=True) if len(line) <= _LONGEST_LINE}
            refused = await self._bulk_delete(container, lines) if lines else []
            alone += [name for name in few if refused is None or name not in lines]
            left += refused or ()
        rest = await gather_all((self._delete_one(container, name) for name in alone), most=_DELETES_AT_ONCE)
        return [*left, *itertools.chain(*rest)]

    async def _bulk_delete(self, container: str, lines: Mapping[str, str]) -> list[Refused] | None:
        """Delete by one request, a quoted line for each name; return None if Swift's counts do not cover every name.

        Swift answers 200 in any case, and stops at an invalid line without naming it in `Errors`.
        """
        headers = {"Accept": "application/json", "Content-Type": "text/plain"}
        body = "\n".join(lines.values()).encode()
        verdict = parsed(await self._http.read("POST", "?bulk-delete", headers, body), dict)
        errors = verdict.get("Errors") or ()
        if int(verdict.get("Number Deleted", 0)) + int(verdict.get("Number Not Found", 0)) + len(errors) != len(lines):
            return None
        by_path = {f"/{container}/{name}": name for name in lines}
        return [
            Refused(by_path.get(_unquoted(path), _unquoted(path)), int(str(status).split()[0]))
            for path, status in errors
        ]

    async def _delete_one(self, container: str, name: str) -> list[Refused]:
        try:
            await absent_is(None, self.delete(container, name), resource="object")
        except BackendError as error:
            return [Refused(name, error.status or 503)]
        return []

    # --- below ---

    async def _expect(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        body: bytes | AsyncIterable[bytes] = b"",
        length: int | None = 0,
        extra_seconds: float = 0.0,
    ) -> Answer:
        """Send a request whose success is any 2xx; a 202 with a body is left for the caller to read."""
        answer = await self._http.send(method, path, headers, body=body, length=length, extra_seconds=extra_seconds)
        if not 200 <= answer.status < 300:
            error = await error_of(answer, path)
            if error.fault is Fault.NOT_FOUND and error.resource == "object" and method == "PUT":
                error.resource = "container"  # a PUT creates the object, so only the container can be missing
            raise error
        if not answer.complete and "heartbeat=on" not in path:
            await answer.read()
        return answer

    async def _missing(self, error: BackendError, container: str) -> BackendError:
        """Find out whether the container is missing, where Swift's 404 does not tell; for no container do nothing."""
        if error.fault is Fault.NOT_FOUND and container:
            try:
                await self._container_headers(container)
            except BackendError as other:
                if other.fault is Fault.NOT_FOUND:
                    return other
        return error

    async def _container_headers(self, name: str) -> Mapping[str, str]:
        return (await self._expect("HEAD", path_of(name))).headers

    def _url(self, container: str) -> str:
        return f"{self._http.endpoint}/{container}"  # used only as a cache key


def _query(path: str, **params: str | int) -> str:
    told = [
        f"{key}={quote(str(value), safe='', errors='surrogateescape')}" for key, value in params.items() if value != ""
    ]
    return f"{path}?{'&'.join(told)}"


async def _manifest(segments: Sequence[Segment]) -> bytes:
    """Encode a manifest in slices, and let other requests go on between them: 10,000 segments take 30 milliseconds."""
    slices = []
    for start in range(0, len(segments), _ENCODED_AT_ONCE):
        if start:
            await asyncio.sleep(0)
        rows = [
            {"path": f"/{segment.container}/{segment.name}", "etag": segment.etag, "size_bytes": segment.bytes}
            for segment in segments[start : start + _ENCODED_AT_ONCE]
        ]
        # json and not orjson, which refuses names that are not UTF-8.
        slices.append(json.dumps(rows)[1:-1])
    return f"[{', '.join(slices)}]".encode()


def _unquoted(path: str) -> str:
    return unquote(path, errors="surrogateescape")


def _segment(row: dict[str, Any]) -> Segment:
    container, _, name = row["name"].lstrip("/").partition("/")
    return Segment(container, name, int(row["bytes"]), row["hash"], bool(row.get("sub_slo")))


def _limits(info: dict[str, Any]) -> Limits:
    careful = Limits()
    return Limits(
        segments=int(info.get("slo", {}).get("max_manifest_segments", careful.segments)),
        bulk_delete=int(info.get("bulk_delete", {}).get("max_deletes_per_request", 0)),
    )
