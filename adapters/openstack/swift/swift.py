"""Swift behind the ObjectStore port: containers, objects, large objects, copies and deletions, with a tenant's token.

Swift is eventually consistent, and so is this adapter: listings and counts may lag behind writes, and a read right
after an overwrite may give the older object if a replica was down at the write.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, Mapping, Sequence
from typing import Final
from urllib.parse import quote

from adapters.errors import BackendError, Fault, absent_is
from adapters.openstack import faults
from adapters.openstack.swift import bulk, manifests
from adapters.openstack.swift import headers as codec
from adapters.openstack.swift.cache import SwiftCache, limits_of
from adapters.openstack.swift.headers import SERVICE
from adapters.openstack.swift.http import Pool, SwiftHttp, chunked, error_of, listing_of, parsed, path_of, query_of
from adapters.openstack.swift.wire import Answer
from adapters.ports.identity import TokenSource
from adapters.types.identity import Token
from adapters.types.objects import (
    NULL_VERSION,
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
# How often a write is sent if an object with a newer timestamp is there; the writer with a clock far ahead always wins.
_WRITES: Final = 4
_STAND_IN_SECONDS: Final = 3600
# Swift checks this many segments in about a second: without a heartbeat, its answer names the new version.
_QUICK_SEGMENTS: Final = 100
_NEWEST: Final = 100  # versions among which a new one must be
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
            known = limits_of(parsed(body, dict)) if status == 200 else Limits()
            self._cache.keep_limits(root, known)
        return known

    async def containers(self, *, prefix: str = "", marker: str = "", limit: int = 0) -> list[Container]:
        """List the account; it is empty where Swift has not made it yet."""
        query = query_of("", format="json", prefix=prefix, marker=marker, limit=limit or "")
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

    async def keep_versions(self, name: str) -> None:
        """Keep the versions of a container's objects from now on."""
        if not (await self.limits()).versions:
            raise BackendError(
                Fault.UNSUPPORTED, service=SERVICE, resource="container", id=name, detail="object_versioning"
            )
        await self._expect("POST", path_of(name), {"X-Versions-Enabled": "true"})

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
        return await self._http.rows(listing_of(container, want))

    async def versions(self, container: str, want: Listing) -> list[ObjectRow]:
        """List one page of the versions of a container's objects, the newest version of a name first."""
        if not (await self.limits()).versions:
            rows = await self.objects(container, want)
            for row in rows:
                row.update({"version_id": NULL_VERSION, "is_latest": True})
            return rows
        return await self._http.rows(listing_of(container, want) + "&versions")

    # --- reading ---

    async def get(
        self,
        container: str,
        name: str,
        *,
        span: str = "",
        part: int = 0,
        version: str = "",
        tell_missing: bool = True,
    ) -> Download:
        """Open an object to read all of it, a range (`span`), or a part of a static large object."""
        path = path_of(container, name)
        if part or version:
            path = await self._selecting(path, version, part)
        answer = await self._http.send("GET", path, {"Range": span} if span else None)
        if answer.status not in (200, 206):
            raise await self._missing(answer, path, container if tell_missing else "", version)
        found = codec.stored(answer.headers)
        if found.length <= SMALL_BODY:
            return Download(found, await answer.read(), answer.close)
        return Download(found, answer.pieces(), answer.close)

    async def head(self, container: str, name: str, *, part: int = 0, link: bool = False, version: str = "") -> Stored:
        """Describe an object, one part of it, or, with `link`, the symbolic link of that name."""
        path = path_of(container, name)
        if part or version:
            path = await self._selecting(path, version, part)
        elif link:
            path += "?symlink=get"
        answer = await self._http.send("HEAD", path)
        if answer.status not in (200, 206):
            raise await self._missing(answer, path, container, version)
        return codec.stored(answer.headers)

    async def segments(self, container: str, name: str, *, version: str = "") -> list[Segment]:
        """Return a static large object's segments in order, one level deep; none for any other object."""
        path = await self._selecting(path_of(container, name), version, manifest="get")
        answer = await self._http.send("GET", path)
        if answer.status != 200:
            raise await self._missing(answer, path, container, version)
        if codec.stored(answer.headers).layout != "static":
            answer.close()
            return []
        return await manifests.decoded(await answer.read())

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
        return await self._write(path, headers, body, length)

    async def copy(
        self,
        source: tuple[str, str],
        target: tuple[str, str],
        description: Description,
        *,
        seen: Stored,
        span: str = "",
        version: str = "",
    ) -> Written:
        """Copy an object or a range of it inside Swift; the copy of a large object is a plain one."""
        # A plain copy of a static large object inherits its system metadata, and Swift then compares If-Match with the
        # large object's ETag in there.  It compares the copy's own when a manifest is asked for; a plain object, which
        # has none, is copied all the same.
        # Swift's copy middleware passes the query of the write to its read of the source.
        manifest = "get" if seen.layout == "plain" else ""
        headers = codec.written_headers(description)
        headers["X-Copy-From"] = path_of(*source)
        headers["X-Fresh-Metadata"] = "true"
        headers["If-Match"] = seen.etag  # Swift checks a copy's conditions on the source
        if span:
            headers["Range"] = span
        path = await self._selecting(path_of(*target), version, manifest=manifest)
        return codec.written((await self._expect("PUT", path, headers, extra_seconds=_COPY_EXTRA_SECONDS)).headers)

    async def put_manifest(
        self, container: str, name: str, segments: Sequence[Segment], description: Description
    ) -> Written:
        """Make a static large object of segments, each checked by Swift for its ETag and its size."""
        headers = codec.written_headers(description) | {"Accept": "application/json"}
        path = path_of(container, name)
        if len(segments) <= _QUICK_SEGMENTS:
            path += "?multipart-manifest=put"
            return await self._write(path, headers, await manifests.encoded(segments))
        # Swift checks every segment first and sends a heartbeat so that no proxy times out; the result is in the body,
        # which does not name the version.
        answer = await self._expect(
            "PUT",
            path + "?multipart-manifest=put&heartbeat=on",
            headers,
            body=await manifests.encoded(segments),
            extra_seconds=len(segments) * _SEGMENT_EXTRA_SECONDS,
        )
        if answer.status != 202:
            return codec.written(answer.headers)
        verdict = manifests.verdict(await answer.read(), answer.headers, path)
        written = codec.written({"etag": verdict["Etag"], "last-modified": verdict["Last Modified"]})
        return written._replace(version=await self._version_of(container, name, written.etag))

    async def _version_of(self, container: str, name: str, etag: str) -> str:
        """Return the newest version with the ETag of a large object that was just written; '' without versions."""
        found = await self.head(container, name)
        if found.version and found.etag != etag:
            rows = await self.versions(container, Listing(prefix=name, limit=_NEWEST))
            same = [row["version_id"] for row in rows if row["name"] == name and etag in row.get("slo_etag", "")]
            return same[0] if same else ""
        return found.version

    async def replace_description(self, container: str, name: str, description: Description) -> None:
        """Replace an object's content type, metadata and kept headers; its bytes stay."""
        await self._expect("POST", path_of(container, name), codec.written_headers(description))

    async def delete(self, container: str, name: str, *, tell_missing: bool = True) -> str:
        """Delete an object, of a large object the manifest alone; return the id of the delete marker, or ''."""
        path = path_of(container, name)
        answer = await self._http.send("DELETE", path)
        if answer.status not in (200, 204):
            if answer.status == 404 and (marker := codec.version(answer.headers)):
                return marker
            raise await self._missing(answer, path, container if tell_missing else "")
        return codec.version(answer.headers)

    async def delete_version(self, container: str, name: str, version: str) -> bool:
        """Delete one version of an object for good; return whether the object still has a current version."""
        path = await self._selecting(path_of(container, name), version)
        answer = await self._http.send("DELETE", path)
        if answer.status not in (200, 204, 404):
            raise await self._missing(answer, path, container, version)
        return codec.current_version(answer.headers) not in ("", NULL_VERSION)

    async def make_current(self, container: str, name: str, version: str) -> None:
        """Make a version the current one."""
        await self._expect("PUT", await self._selecting(path_of(container, name), version))

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
        at_once = (await self.limits()).bulk_delete if len(names) > 1 else 0
        return await bulk.delete(self._http, container, names, at_once, self.delete)

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
        return await self._succeeded(answer, method, path)

    async def _succeeded(self, answer: Answer, method: str, path: str) -> Answer:
        if not 200 <= answer.status < 300:
            error = await error_of(answer, path)
            if error.fault is Fault.NOT_FOUND and error.resource == "object" and method == "PUT":
                error.resource = "container"  # a PUT creates the object, so only the container can be missing
            raise error
        if not answer.complete and "heartbeat=on" not in path:
            await answer.read()
        return answer

    async def _write(
        self, path: str, headers: Mapping[str, str], body: bytes | AsyncIterable[bytes], length: int | None = 0
    ) -> Written:
        """Send a PUT of an object, again if its body allows that and a newer object is there, beside which Swift stores
        nothing.

        A refused condition leaves nothing behind: Swift checks `If-None-Match` after it stored the body as a version,
        which then stays in the listing of versions.
        """
        for _ in range(_WRITES if isinstance(body, bytes) else 1):
            answer = await self._http.send("PUT", path, headers, body=body, length=length)
            version = codec.version(answer.headers) if answer.status != 201 else ""
            if answer.status == 412 and version:
                await self._http.read("DELETE", f"{path.partition('?')[0]}?version-id={version}")
            await self._succeeded(answer, "PUT", path)
            if answer.status != 202 or version:  # a version stays, also beside a newer object
                return codec.written(answer.headers)
        raise faults.unavailable(SERVICE, "a newer object was stored in the meantime", resource="object")

    async def _selecting(self, path: str, version: str, part: int = 0, *, manifest: str = "") -> str:
        """Return a path with the query that selects a version, a part or the manifest.

        A Swift without versions ignores the version, and would read or delete the current object instead.
        """
        query = [f"part-number={part}"] if part else []
        if manifest:
            query.append(f"multipart-manifest={manifest}")
        if version:
            if (await self.limits()).versions:
                query.append(f"version-id={quote(version, safe='')}")
            elif version != NULL_VERSION:
                raise BackendError(Fault.NOT_FOUND, service=SERVICE, resource="version", id=version)
        return f"{path}?{'&'.join(query)}" if query else path

    async def _missing(self, answer: Answer, path: str, container: str, version: str = "") -> BackendError:
        """Return an answer's error; find out whether the container is missing, unless it is not named."""
        error = await error_of(answer, path)
        if version and error.fault is Fault.INVALID:
            error.fault = Fault.NOT_FOUND  # the container never had versions, or the id cannot be one
        if error.fault is Fault.NOT_FOUND and container:
            try:
                await self._container_headers(container)
            except BackendError as other:
                if other.fault is Fault.NOT_FOUND:
                    return other
            error.version = codec.version(answer.headers)
            if version:
                error.resource = "version"
        return error

    async def _container_headers(self, name: str) -> Mapping[str, str]:
        return (await self._expect("HEAD", path_of(name))).headers

    def _url(self, container: str) -> str:
        return f"{self._http.endpoint}/{container}"  # used only as a cache key
