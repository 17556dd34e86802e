"""Swift with versions in memory, as far as sweeps need it: a container in `histories` keeps versions of its objects."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from adapters.errors import BackendError, Fault
from adapters.types.objects import DELETE_MARKER, Container, Listing, ObjectRow, Stored
from tests.sweeps.memory import NOW, Memory


@dataclass
class Written:
    """A version, or a delete marker."""

    id: str
    at: datetime
    is_marker: bool = False


@dataclass
class Versioned(Memory):
    """One project's account.  The versions of a key stand newest first, and `links` has the id of the current one."""

    content_type: str = "text/plain"
    histories: dict[str, dict[str, list[Written]]] = field(default_factory=dict)
    links: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))

    def write(self, bucket: str, key: str, at: datetime, *, is_marker: bool = False) -> str:
        """Write a version, or a delete marker, as of a time, and return its id."""
        self.containers_.setdefault(bucket, {})
        one = Written(f"{at.timestamp():016.5f}", at, is_marker)
        self.histories.setdefault(bucket, {}).setdefault(key, []).insert(0, one)
        self.links[bucket].pop(key, None)
        if not is_marker:
            self.links[bucket][key] = one.id
        return one.id

    def drop(self, bucket: str, key: str, id: str) -> None:
        """Delete a version, as another client does."""
        history = self.histories[bucket]
        history[key] = [one for one in history[key] if one.id != id]
        if self.links[bucket].get(key) == id:
            del self.links[bucket][key]

    def left(self, bucket: str, key: str) -> list[str]:
        """Return the ids of a key's versions, the newest first."""
        return [one.id for one in self.histories[bucket].get(key, [])]

    async def container(self, name: str) -> Container:
        found = await super().container(name)
        return replace(found, versions=True) if name in self.histories else found

    async def versions(self, container: str, want: Listing) -> list[ObjectRow]:
        self.before("versions", (container, want))
        found: list[ObjectRow] = []
        for key, history in sorted(self.histories[container].items()):
            if not key.startswith(want.prefix) or key < want.marker:
                continue
            for one in history:
                if key == want.marker and not (want.version_marker and one.id < want.version_marker):
                    continue
                found.append(self._version_row(container, key, one))
                if len(found) == want.limit:
                    return found
        return found

    def _version_row(self, container: str, key: str, one: Written) -> ObjectRow:
        linked = self.links[container].get(key)
        return {
            "name": key,
            "bytes": 0 if one.is_marker else 1,
            "hash": "h",
            "content_type": DELETE_MARKER if one.is_marker else self.content_type,
            "last_modified": one.at.replace(tzinfo=None).isoformat(timespec="microseconds"),
            "version_id": one.id,
            "is_latest": one is self.histories[container][key][0] if one.is_marker else one.id == linked,
        }

    async def head(self, container: str, name: str, *, version: str = "", **rest: Any) -> Stored:
        if container not in self.histories:
            return await super().head(container, name, **rest)
        self.before("head", (container, name))
        asked = version or self.links[container].get(name)
        found = next((one for one in self.histories[container].get(name, ()) if one.id == asked), None)
        if found is None or found.is_marker:
            error = BackendError(Fault.NOT_FOUND, service="object-store", resource="version" if version else "object")
            error.version = found.id if found else ""
            raise error
        return Stored(1, "h", found.at, "text/plain", length=1, timestamp=found.id, version=found.id)

    async def delete(self, container: str, name: str, **rest: Any) -> str:
        if container not in self.histories:
            return await super().delete(container, name, **rest)
        self.before("delete", (container, name))
        return self.write(container, name, NOW, is_marker=True)

    async def delete_version(self, container: str, name: str, version: str) -> bool:
        self.before("delete", (container, name))
        self.drop(container, name, version)
        return name in self.links[container]

    async def make_current(self, container: str, name: str, version: str) -> None:
        self.links[container][name] = version
