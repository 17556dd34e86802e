"""Swift in memory, as far as sweeps need it, for tests that break it between any two of its calls."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from adapters.errors import BackendError, Fault
from adapters.types.objects import (
    Container,
    Description,
    Download,
    Limits,
    Listing,
    ObjectRow,
    Refused,
    Stored,
    Written,
)
from shim.s3.objects.headers import TAGGING

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
OLD = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Kept:
    body: bytes
    modified: datetime
    description: Description


@dataclass
class Memory:
    """One project's account.  `before` is called with the name of a method and its arguments, and may raise."""

    containers_: dict[str, dict[str, Kept]] = field(default_factory=dict)
    metadata: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    before: Callable[[str, tuple[Any, ...]], None] = lambda _, __: None
    listed: list[str] = field(default_factory=list)

    def add(self, container: str, name: str, modified: datetime = OLD, body: bytes = b"x") -> None:
        """Store an object as of a time."""
        self.containers_.setdefault(container, {})[name] = Kept(body, modified, Description("text/plain"))

    def tag(self, container: str, name: str, **tags: str) -> None:
        """Set the tags that were given with an object's write."""
        self._object(container, name).description = Description("text/plain", {TAGGING: json.dumps(tags)})

    def names(self, container: str) -> list[str]:
        return sorted(self.containers_.get(container, {}))

    def _objects(self, container: str) -> dict[str, Kept]:
        if container not in self.containers_:
            raise BackendError(Fault.NOT_FOUND, service="object-store", resource="container", id=container)
        return self.containers_[container]

    def _object(self, container: str, name: str) -> Kept:
        found = self._objects(container).get(name)
        if found is None:
            raise BackendError(Fault.NOT_FOUND, service="object-store", resource="object", id=name)
        return found

    async def limits(self) -> Limits:
        return Limits()

    @property
    def last_limits(self) -> Limits:
        return Limits()

    async def container(self, name: str) -> Container:
        self.before("container", (name,))
        return Container(name, OLD, len(self._objects(name)), 0, dict(self.metadata[name]))

    async def containers(self, *, prefix: str = "", marker: str = "", limit: int = 0) -> list[Container]:
        names = [one for one in sorted(self.containers_) if one.startswith(prefix) and one > marker]
        return [Container(one, OLD, len(self.containers_[one]), 0, {}) for one in names[: limit or None]]

    async def has_container(self, name: str) -> bool:
        return name in self.containers_

    async def create_container(self, name: str, **_: Any) -> bool:
        self.containers_.setdefault(name, {})
        return True

    async def set_container_metadata(self, name: str, metadata: Mapping[str, str]) -> None:
        self.metadata[name] = {key: value for key, value in {**self.metadata[name], **metadata}.items() if value}

    async def objects(self, container: str, want: Listing) -> list[ObjectRow]:
        self.before("objects", (container, want))
        self.listed.append(want.marker)
        found = [
            name for name in sorted(self._objects(container)) if name.startswith(want.prefix) and name > want.marker
        ]
        return [self._row(container, name) for name in found[: want.limit or None]]

    def _row(self, container: str, name: str) -> ObjectRow:
        kept = self._object(container, name)
        time = kept.modified.replace(tzinfo=None).isoformat(timespec="microseconds")
        return {"name": name, "bytes": len(kept.body), "last_modified": time, "hash": "h", "content_type": "text/plain"}

    async def head(self, container: str, name: str, **_: Any) -> Stored:
        self.before("head", (container, name))
        kept = self._object(container, name)
        size = len(kept.body)
        return Stored(size, "h", kept.modified, "text/plain", metadata=dict(kept.description.metadata), length=size)

    async def get(self, container: str, name: str, **_: Any) -> Download:
        return Download(await self.head(container, name), self._object(container, name).body, lambda: None)

    async def put(self, container: str, name: str, body: bytes, length: int, description: Description) -> Written:
        self._objects(container)[name] = Kept(body, NOW, description)
        return Written("h", NOW)

    async def delete(self, container: str, name: str, **_: Any) -> str:
        self.before("delete", (container, name))
        self._object(container, name)
        del self._objects(container)[name]
        return ""

    async def delete_many(self, container: str, names: Sequence[str]) -> list[Refused]:
        for name in names:
            self._objects(container).pop(name, None)
        return []
