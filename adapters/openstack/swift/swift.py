"""Swift behind the ObjectStore port: containers, objects, large objects, copies and deletions, with a tenant's token.

Swift is eventually consistent, and so is this adapter: listings and counts may lag behind writes, and a read right
after an overwrite may give the older object if a replica was down at the write.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Mapping, Sequence
from functools import partial
from typing import Final
from urllib.parse import quote

from adapters.errors import BackendError, Fault, absent_is
from adapters.openstack import faults
from adapters.openstack.swift import bulk, info, instead, listings, manifests
from adapters.openstack.swift import headers as codec
from adapters.openstack.swift.cache import SwiftCache
from adapters.openstack.swift.headers import SERVICE
from adapters.openstack.swift.http import Pool, SwiftHttp, chunked, error_of, path_of
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
# Swift checks this many segments in about a second: without a heartbeat, its answer names the new version.
_QUICK_SEGMENTS: Final = 100
_NEWEST: Final = 100  # versions among which a new one must be


class Swift:
    """One project's Swift account.  `endpoint` is its URL in the catalog; `token`, if given, is used first."""

    __slots__ = ("_cache", "_http", "_token")

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
        self._token = token
        self._cache = SwiftCache() if cache is None else cache

    # --- the account ---

    async def limits(self) -> Limits:
        """Return this Swift's limits and abilities (`GET /info`)."""
        return await info.limits(self._http, self._cache)

    @property
    def last_limits(self) -> Limits:
        """Return the limits that were last read; the usual ones before that."""
        return self._cache.last_limits(info.root_of(self._http.endpoint))

    async def containers(self, *, prefix: str = "", marker: str = "", limit: int = 0) -> list[Container]:
        """List the account; it is empty where Swift has not made it yet."""
        most = (await self.limits()).containers if limit else 0
        query = {"prefix": prefix, "marker": marker}
        return await listings.containers(self._http, query, limit, most, self._container_headers)

    # --- containers ---

    async def create_container(self, name: str, *, like: str = "", policy: str = "") -> bool:
        """Make a container like `like`, or with a storage policy of its own; return False if it existed."""
        model = await self._container_headers(like) if like else {}
        answer = await instead.create_container(partial(self._expect, "PUT", path_of(name)), model, policy)
        self._cache.keep_container(self._url(name), True)
        return answer.status == 201

    async def container(self, name: str) -> Container:
        """Describe a container, with its metadata."""
        return codec.container(name, await self._container_headers(name))

    async def set_container_metadata(self, name: str, metadata: Mapping[str, str]) -> None:
        """Set items of a container's metadata; an empty value removes an item, and all other items stay."""
        present = await self._container_headers(name)
        headers = codec.container_headers(metadata, present, self._cache.value_bytes)
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
        return await listings.objects(self._http, container, want, await self.limits(), partial(self.head, container))

    async def versions(self, container: str, want: Listing) -> list[ObjectRow]:
        """List one page of the versions of a container's objects, the newest version of a name first."""
        limits = await self.limits()
        if not limits.versions:
            rows = await self.objects(container, want)
            for row in rows:
                row.update({"version_id": NULL_VERSION, "is_latest": True})
            return rows
        return await listings.versions(self._http, container, want, limits)

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

    async def head(
        self, container: str, name: str, *, part: int = 0, link: bool = False, version: str = "", newest: bool = False
    ) -> Stored:
        """Describe an object, one part of it, or, with `link`, the symbolic link of that name."""
        path = path_of(container, name)
        if part or version:
            path = await self._selecting(path, version, part)
        elif link:
            path += "?symlink=get"
        answer = await self._http.send("HEAD", path, codec.NEWEST_COPY if newest else None)
        if answer.status not in (200, 206):
            raise await self._missing(answer, path, "" if link else container, version)
        return codec.stored(answer.headers)

    async def segments(self, container: str, name: str, *, version: str = "", newest: bool = False) -> list[Segment]:
        """Return a static large object's segments in order, one level deep; none for any other object."""
        if not (await self.limits()).manifests:
            raise BackendError(Fault.UNSUPPORTED, service=SERVICE, resource="manifest", detail="manifests to read")
        path = await self._selecting(path_of(container, name), version, manifest="get")
        answer = await self._http.send("GET", path, codec.NEWEST_COPY if newest else None)
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
        path, headers = path_of(container, name), codec.written_headers(description, self._cache.value_bytes)
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
        """Copy an object or a range of it, inside Swift where it can; the copy of a large object is a plain one."""
        if not (await self.limits()).copies:
            read = await self.get(*source, span=span)
            return await instead.copy(read, seen, lambda: self.put(*target, read.body, read.stored.length, description))
        # A plain copy of a static large object inherits its system metadata, and Swift then compares If-Match with the
        # large object's ETag in there.  It compares the copy's own when a manifest is asked for; a plain object, which
        # has none, is copied all the same.
        # Swift's copy middleware passes the query of the write to its read of the source.
        manifest = "get" if seen.layout == "plain" else ""
        headers = self._described(description)
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
        headers = self._described(description) | {"Accept": "application/json"}
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
        await self._expect("POST", path_of(container, name), self._described(description))

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

        A server that ignores the conditions would replace that object by an empty one, so it is not asked.
        """
        if not (await self.limits()).if_absent:
            return False
        return await instead.drop_stale_row(path_of(container, name), self._expect)

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
            if answer.status == 201:
                return codec.written((await self._succeeded(answer, "PUT", path)).headers)
            version = codec.version(answer.headers)
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

    def _described(self, description: Description) -> dict[str, str]:
        return codec.written_headers(description, self._cache.value_bytes)

    def _url(self, container: str) -> str:
        """Return the key of a container in the cache."""
        # The URL alone may not name the account: radosgw's then is the same for all projects.
        token = self._token
        return f"{token.project_id}/{container}" if token else f"{self._http.endpoint}/{container}"
