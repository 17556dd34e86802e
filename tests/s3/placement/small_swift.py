"""A Swift of a few objects that stores under the policy `cold`, for what the real one does not show at will."""

import hashlib
from collections.abc import AsyncIterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.errors import BackendError, Fault
from adapters.types.objects import Description, Limits, Listing, ObjectRow, Segment, Stored, Written
from shim.auth.body import Body, Plan
from shim.config import Settings
from shim.context import Call
from shim.keystore import DataKey
from tests.s3.small_store import WHEN, SmallStore, call_of

COLD = "bbb+segments+cold"
KNOWN = {"policy-cold": "yes"}
TOLD = Description("text/plain")


class SmallSwift(SmallStore):
    """A bucket `bbb` with its containers of segments; `version` is what the next write makes.

    `says` is the fault of a PUT of a manifest, which is stored all the same where `stores` is true.
    `overtaking` is what another client writes behind each manifest.
    """

    def __init__(self) -> None:
        super().__init__({"bbb": {}, "bbb+segments": {}, COLD: {}})
        self.says: Fault | None = None
        self.detail = ""
        self.stores = True
        self.version = ""
        self.overtaking: Stored | None = None

    async def limits(self) -> Limits:
        return Limits(policies=frozenset({"cold"}))

    async def create_container(self, name: str, *, like: str = "", policy: str = "") -> bool:
        return await super().create_container(name, like=like)

    async def set_container_metadata(self, name: str, metadata: Mapping[str, str]) -> None:
        self._note("set_container_metadata", name)
        self.metadata |= metadata

    async def put(
        self,
        container: str,
        name: str,
        body: bytes | AsyncIterable[bytes],
        length: int | None,
        told: Description,
    ) -> Written:
        self._note("put", container, name)
        data = body if isinstance(body, bytes) else b"".join([piece async for piece in body])
        etag = hashlib.md5(data).hexdigest()  # noqa: S324 - what an ETag is
        self._objects(container)[name] = Stored(len(data), etag, WHEN, told.content_type, version=self.version)
        return Written(etag, WHEN, self.version if container == "bbb" else "")

    async def put_manifest(self, container: str, name: str, laid: Sequence[Segment], told: Description) -> Written:
        self._note("put_manifest", container, name)
        etag = hashlib.md5("".join(one.etag for one in laid).encode()).hexdigest()  # noqa: S324 - as Swift does
        if self.stores:
            size = sum(one.bytes for one in laid)
            stored = Stored(size, etag, WHEN, told.content_type, "static", told.metadata, version=self.version)
            self._objects(container)[name] = stored
            self.manifests[name] = list(laid)
        if self.overtaking:
            self._objects(container)[name] = self.overtaking
        if self.says:
            raise BackendError(self.says, service="object-store", resource="object", detail=self.detail)
        return Written(etag, WHEN, self.version)

    async def segments(self, container: str, name: str, *, version: str = "") -> list[Segment]:
        stored = await self.head(container, name, version=version)
        return self.manifests[name] if stored.layout == "static" else []

    async def versions(self, container: str, want: Listing) -> list[ObjectRow]:
        rows = await self.objects(container, want)
        return [{**row, "version_id": self.version, "is_latest": True} for row in rows]

    async def delete_version(self, container: str, name: str, version: str) -> bool:
        if self._objects(container)[name].version == version:
            del self._objects(container)[name]
        return await super().delete_version(container, name, version)

    @property
    def cold(self) -> list[str]:
        """The segments under the policy `cold`."""
        return list(self.held[COLD])


def mapped(store: SmallStore, operation: str = "PutObject", **more: Any) -> Call:
    """Return a call of a gateway that maps STANDARD_IA to the policy `cold`, which lies in the bucket already."""
    call = call_of(store, operation, KNOWN)
    call.settings = Settings.model_validate({"s3_storage_classes": {"STANDARD_IA": "cold"}})
    for name, value in more.items():
        setattr(call, name, value)
    return call


@dataclass(frozen=True)
class OneKey:
    """A key store that wraps nothing."""

    async def new(self) -> DataKey:
        return DataKey("id", b"w" * 40, b"r" * 32)

    async def unwrapped(self, id: str, wrapped: bytes) -> bytes:
        return b"r" * 32


def body_of(data: bytes, md5: str | None = None) -> Body:
    """Return the body of a request, in two events; `md5` is what the request says of it."""
    half = len(data) // 2
    events = [
        {"type": "http.request", "body": data[:half], "more_body": True},
        {"type": "http.request", "body": data[half:], "more_body": False},
    ]

    async def receive() -> dict[str, Any]:
        return events.pop(0)

    return Body(receive, Plan(len(data), md5=md5))
