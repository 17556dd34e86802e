"""A Swift of a few objects, for failures between two calls that the real one does not show at will."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from adapters.errors import BackendError, Fault
from adapters.types.objects import Container, Description, Limits, Listing, ObjectRow, Segment, Stored, Written
from shim.config import Settings
from shim.context import Call, Caller
from shim.locks import Locks

WHEN = datetime(2026, 1, 2, tzinfo=UTC)
_MOST_CALLS = 100
MARKER_ID = "1767312000.00000"  # of the delete marker that a deletion makes


def failure(fault: Fault, resource: str = "object") -> BackendError:
    return BackendError(fault, service="object-store", resource=resource)


@dataclass
class SmallStore:
    """Containers `held` by name, with their objects; `rows` are the versions that Swift lists, and `seen` the calls."""

    held: dict[str, dict[str, Stored]] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)  # of every container
    versions_kept: bool | None = None
    rows: list[ObjectRow] = field(default_factory=list)
    manifests: dict[str, list[Segment]] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)  # by the call
    seen: list[tuple[str, ...]] = field(default_factory=list)

    def _note(self, *call: str) -> None:
        self.seen.append(call)
        assert len(self.seen) < _MOST_CALLS, "the request does not end"
        if fault := self.faults.get(call[0]):
            raise failure(fault)

    def _objects(self, container: str) -> dict[str, Stored]:
        if container not in self.held:
            raise failure(Fault.NOT_FOUND, "container")
        return self.held[container]

    async def limits(self) -> Limits:
        return self.last_limits

    @property
    def last_limits(self) -> Limits:
        return Limits(segments=1000, policies=frozenset({"standard", "cold"}))

    async def container(self, name: str) -> Container:
        self._note("container", name)
        self._objects(name)
        return Container(name, WHEN, 0, 0, self.metadata, versions=self.versions_kept)

    async def containers(self, *, prefix: str = "", marker: str = "", limit: int = 0) -> list[Container]:
        self._note("containers", prefix)
        names = sorted(name for name in self.held if name.startswith(prefix) and name > marker)
        return [Container(name, WHEN, 0, 0) for name in names]

    async def has_container(self, name: str) -> bool:
        return name in self.held

    async def create_container(self, name: str, *, like: str = "") -> bool:
        self._note("create_container", name)
        return self.held.setdefault(name, {}) == {}

    async def delete_container(self, name: str) -> None:
        self._note("delete_container", name)
        self._objects(name)
        del self.held[name]

    async def head(self, container: str, name: str, *, version: str = "", link: bool = False, part: int = 0) -> Stored:
        self._note("head", container, name, version)
        stored = self._objects(container).get(name)
        if stored is None or version not in ("", stored.version):
            raise failure(Fault.NOT_FOUND, "version" if version else "object")
        return Stored(0, "", WHEN, "application/symlink") if link and stored.version else stored

    async def objects(self, container: str, want: Listing) -> list[ObjectRow]:
        self._note("objects", container)
        names = sorted(one for one in self._objects(container) if one.startswith(want.prefix) and one > want.marker)
        return [_row(name, self.held[container][name]) for name in names]

    async def versions(self, container: str, want: Listing) -> list[ObjectRow]:
        self._note("versions", container)
        return self.rows

    async def segments(self, container: str, name: str, *, version: str = "") -> list[Segment]:
        self._note("segments", container, name, version)
        return self.manifests.get(name, [])

    async def put_manifest(self, container: str, name: str, laid: Sequence[Segment], told: Description) -> Written:
        self._note("put_manifest", container, name)
        self.manifests[name] = list(laid)
        return Written("etag", WHEN)

    async def delete(self, container: str, name: str, *, tell_missing: bool = True) -> str:
        self._note("delete", container, name)
        self._objects(container).pop(name, None)
        return MARKER_ID if self.versions_kept else ""

    async def delete_version(self, container: str, name: str, version: str) -> bool:
        self._note("delete_version", container, name, version)
        return True

    async def delete_many(self, container: str, names: Sequence[str]) -> list[Any]:
        self._note("delete_many", container, *names)
        for name in names:
            self._objects(container).pop(name, None)
        return []


def _row(name: str, stored: Stored) -> ObjectRow:
    return {
        "name": name,
        "hash": stored.etag,
        "bytes": stored.size,
        "content_type": stored.content_type,
        "last_modified": "2026-01-02T00:00:00.000000",
    }


@dataclass
class _Cloud:
    objects: SmallStore


def call_of(store: SmallStore, operation: str, configured: Mapping[str, str] | None = None) -> Call:
    """Return the context of a call; `configured` is what this gateway believes of the bucket `bbb`."""
    caller = Caller("key", "u", "ann", "p", "project", "0" * 12, frozenset())
    cloud: Any = _Cloud(store)
    call = Call(cloud, caller, "r", "us-east-1", operation, Settings.model_validate({}), Locks(""))
    if configured is not None:
        call.configurations["bbb"] = configured
    return call
