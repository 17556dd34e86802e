"""ObjectStore: the operations on Swift, with the caller's token."""

from __future__ import annotations

from collections.abc import AsyncIterable, Mapping, Sequence
from typing import Protocol

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


class ObjectWriter(Protocol):
    """What stores objects: an ObjectStore, or what lays them out in another way."""

    async def put(
        self,
        container: str,
        name: str,
        body: bytes | AsyncIterable[bytes],
        length: int | None,
        description: Description,
    ) -> Written:
        """Store an object of exactly `length` bytes, or, where that is None, of all that `body` yields.

        If `body` raises, nothing is stored and its exception is raised.  Raises PRECONDITION (`if_absent`), QUOTA,
        TOO_LARGE, INVALID.
        """
        ...

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
        """Copy an object or a range of it inside Swift; the copy of a large object is a plain one.

        The source's description is not copied.  `version` is the version of the source to copy.  Raises PRECONDITION
        where the source is no longer as it was `seen`, TOO_LARGE beyond what one plain object may hold.
        """
        ...


class ObjectStore(ObjectWriter, Protocol):
    """Swift for one project.

    Every method raises BackendError.  NOT_FOUND has in `resource` what is missing, the `container` or the `object`;
    FORBIDDEN, THROTTLED and UNAVAILABLE can come from any.  Names are text, exact to the byte in UTF-8.
    """

    async def limits(self) -> Limits:
        """Return this Swift's limits and abilities.  Raises UNAVAILABLE where it does not answer."""
        ...

    @property
    def last_limits(self) -> Limits:
        """The limits that were last read, the usual ones before that; for code that cannot wait."""
        ...

    async def containers(self, *, prefix: str = "", marker: str = "", limit: int = 0) -> list[Container]:
        """List the project's containers after `marker`, in byte order of their names."""
        ...

    async def create_container(self, name: str, *, like: str = "", policy: str = "") -> bool:
        """Make a container, with the ACLs and the storage policy of `like` if given; return False if it existed.

        With `policy` it has that storage policy.
        """
        ...

    async def container(self, name: str) -> Container:
        """Describe a container, with its metadata; its counts lag behind writes."""
        ...

    async def set_container_metadata(self, name: str, metadata: Mapping[str, str]) -> None:
        """Set items of a container's metadata; an empty value removes an item, and all other items stay."""
        ...

    async def keep_versions(self, name: str) -> None:
        """Keep the versions of a container's objects from now on.

        Raises UNSUPPORTED if this Swift has no versions, and INVALID for a container that cannot have them.
        """
        ...

    async def has_container(self, name: str) -> bool:
        """Return whether a container exists, from a cache of some seconds."""
        ...

    async def delete_container(self, name: str) -> None:
        """Delete a container.  Raises CONFLICT while it holds objects."""
        ...

    async def objects(self, container: str, want: Listing) -> list[ObjectRow]:
        """List one page of a container.  The listing lags behind writes where a container server was busy or down."""
        ...

    async def versions(self, container: str, want: Listing) -> list[ObjectRow]:
        """List one page of the versions of a container's objects by name, the newest version of a name first.

        Delete markers have the content type DELETE_MARKER.  Objects of a container without versions are listed as the
        version NULL_VERSION.
        """
        ...

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
        """Open an object to read all of it, a `span` (the value of a Range header), or a part (segment) by its number.

        With `version`, that version is read; NOT_FOUND then names the resource `version`, and has the version's id in
        `version` for a delete marker.

        `part` is honoured for static large objects only; otherwise, and by a Swift that is too old, the whole object is
        returned, with `parts` 0.  Raises RANGE.  Whether it is the container that is missing costs a further request,
        which is saved without `tell_missing`.
        """
        ...

    async def head(
        self, container: str, name: str, *, part: int = 0, link: bool = False, version: str = "", newest: bool = False
    ) -> Stored:
        """Describe an object, or one part of it, as `get` would; with `link`, the symbolic link of that name.

        Reading follows a symbolic link, which writing and deleting do not.  The current version of an object is read
        through a link as well.  With `link` a missing container counts as a missing object, since to tell one from the
        other takes a request.

        Swift answers with the copy that it finds first, which is an older one, or none, on a server that was down at
        the write.  With `newest` it asks all servers that have one.
        """
        ...

    async def put_manifest(
        self, container: str, name: str, segments: Sequence[Segment], description: Description
    ) -> Written:
        """Make a static large object of segments, each checked by Swift for its ETag and its size.

        Raises INVALID, which names the segments that do not match, PRECONDITION (`if_absent`).
        """
        ...

    async def segments(self, container: str, name: str, *, version: str = "", newest: bool = False) -> list[Segment]:
        """Return a static large object's segments in order, one level deep; none for any other object.

        `newest` is that of `head`.
        """
        ...

    async def replace_description(self, container: str, name: str, description: Description) -> None:
        """Replace an object's content type, metadata and kept headers; its bytes stay."""
        ...

    async def delete(self, container: str, name: str, *, tell_missing: bool = True) -> str:
        """Delete an object; of a large object the manifest alone.  Raises NOT_FOUND, as `get` does.

        Where Swift keeps versions, it adds a delete marker, whose id is returned, also if there was no object; else the
        object is gone, and the answer is ''.
        """
        ...

    async def delete_version(self, container: str, name: str, version: str) -> bool:
        """Delete one version of an object for good; an absent version counts as deleted.

        Returns whether the object still has a current version that Swift knows to be one; after False the newest one
        may have to be made current.  NULL_VERSION deletes what stands at the name: only for an object that is no
        version.
        """
        ...

    async def make_current(self, container: str, name: str, version: str) -> None:
        """Make a version the current one.  Raises NOT_FOUND if it does not exist."""
        ...

    async def drop_stale_row(self, container: str, name: str) -> bool:
        """Remove an object that is gone from the listing; return False, and do nothing, if an object has that name."""
        ...

    async def delete_many(self, container: str, names: Sequence[str]) -> list[Refused]:
        """Delete objects as `delete` does; absent names count as deleted."""
        ...
