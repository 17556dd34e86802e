"""Create a resource: read its tags and ClientToken, find what an earlier request made, and undo a failed creation.

    @action(..., read=creates(VOLUME))
    async def create_volume(call: Call, asked: CreateRequest[None]): ...

    new = creating(call, asked)
    ... further checks and reads ...
    async with new.once(find):
        if not new.earlier:
            volume = await call.cloud.block.create_volume(...)  # with new.items as its metadata
            new.undo(call.cloud.block.delete_volume, volume.id)
            ...

If a gateway is killed between the steps of a creation, nothing undoes them.  So an unfinished resource has the
half-done mark until the last step, and `find` returns the resources that have it.  `once` waits until their number no
longer grows, because OpenStack continues what a killed gateway asked for.  Then it passes them to the block as
`half_done`, and the block finishes or deletes them.

The mark depends on what the store can change.  A security group has a marked name (`half_done_name`) until it has its
rules and tags.  A launch needs no mark: the order in which its servers are made shows whether all of them were made.
A resource that OpenStack creates in one call (a volume, a key pair) is never half done.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from shim.config import Settings
from shim.context import Call
from shim.ec2.engine import client_tokens, ids
from shim.ec2.engine.resource_types import ResourceType
from shim.ec2.tags import codec as tag_codec
from shim.ec2.tags import rules as tag_rules
from shim.protocol.operation import Read
from shim.undo import undoing

T = TypeVar("T")
R = TypeVar("R")
Found = Iterable[tuple[T, Mapping[str, str]]]  # resources, each with its metadata, which has HALF_DONE if it is marked
Find = Callable[[Mapping[str, str]], Awaitable[Found[T]]]

HALF_DONE = "ec2:half-done"
QUIET_SECONDS = 2.0
MOST_LOOKS = 8  # keeps the wait and the creation within the 60 s that SDKs wait

_MOST_ITEMS = 128 - 28  # Cinder, Glance and Nova keep 128 items by default; 28 are for the gateway's facts


@dataclass(frozen=True, slots=True)
class CreateRequest(Generic[R]):
    """A request that creates resources of a type, read once.

    `params` are its parameters, `tags` its tags by the name of their resource type, `token` is its ClientToken as
    metadata, and `read` is what the action's own function has read of the parameters.
    """

    params: Mapping[str, Any]
    resource_type: ResourceType
    tags: Mapping[str, Mapping[str, str]]
    token: Mapping[str, str]
    read: R


class Creation(Generic[T]):
    """One request that creates resources of a type.

    `tags` are the request's tags for them, `token` is its ClientToken as metadata.  Inside `once`, `earlier` are the
    resources that the same ClientToken made before, and `half_done` those that an earlier request left unfinished.
    """

    def __init__(self, call: Call, asked: CreateRequest[Any]) -> None:
        self._call = call
        self._resource_type = asked.resource_type
        self._tags = asked.tags
        self.token = asked.token
        self.earlier: list[T] = []
        self.half_done: list[T] = []
        self.undo: Callable[..., None] = _outside

    @property
    def tags(self) -> Mapping[str, str]:
        """The request's tags for the created resources."""
        return self._tags[self._resource_type.name]

    def tags_of(self, resource_type: ResourceType) -> Mapping[str, str]:
        """Return the request's tags for another resource type that it also creates."""
        return self._tags[resource_type.name]

    @property
    def items(self) -> dict[str, str]:
        """Tags and token as metadata, for Nova, Cinder and Glance."""
        items = tag_codec.to_metadata(self.tags)
        if len(items) > _MOST_ITEMS:
            raise tag_rules.limit_exceeded()
        return {**items, **self.token}

    def strings(self, *facts: str) -> list[str]:
        """Return tags and further facts as Neutron's tags."""
        strings = [*tag_codec.to_neutron(self.tags), *facts]
        if len(strings) > tag_codec.NEUTRON_TAGS:
            raise tag_rules.limit_exceeded()
        return strings

    def arn(self, id: str) -> str:
        """Return the ARN of the new resource."""
        return ids.arn(self._resource_type, id, self._call.region, self._call.caller.account_id)

    @asynccontextmanager
    async def once(
        self, find: Find[T] | None = None, *, name: str = "", quiet: float = QUIET_SECONDS
    ) -> AsyncIterator[Creation[T]]:
        """Run a block that creates the resource, and undo its steps if it fails.

        Requests with the same ClientToken, or with the same `name` (a name that must be unique), run one after another.
        `find` is called with the token's metadata; it returns the resources that have it and those that are half done,
        and is called again every `quiet` seconds while their number grows.  Raises IdempotentParameterMismatch if a
        request with other parameters made what was found.
        """
        looks, before = 0, -1
        while True:
            looks += 1
            async with self.alone(name):
                await self._look(find if name or self.token else None)
                count = len(self.half_done)
                if not count or count == before or looks == MOST_LOOKS:
                    async with undoing() as self.undo:
                        yield self
                    return
            before = count
            await asyncio.sleep(quiet)

    @asynccontextmanager
    async def alone(self, name: str = "") -> AsyncIterator[None]:
        """Run a block under the locks of the ClientToken and of `name`."""
        async with AsyncExitStack() as stack:
            for sort, what in (("name", name), ("token", self.token.get(client_tokens.TOKEN, ""))):
                if what:
                    lock = f"{self._resource_type.name} {sort}", self._call.caller.project_id, what
                    await stack.enter_async_context(self._call.locks.hold(*lock))
            yield

    async def _look(self, find: Find[T] | None) -> None:
        token = {name: value for name, value in self.token.items() if name == client_tokens.TOKEN}
        found = list(await find(token)) if find else []
        if self.token:
            for _, metadata in found:
                client_tokens.same(self.token, metadata)
        self.half_done = [one for one, metadata in found if HALF_DONE in metadata]
        self.earlier = [one for one, metadata in found if HALF_DONE not in metadata]


def creating(call: Call, asked: CreateRequest[Any]) -> Creation[Any]:
    """Return the creation that a request asks for; calls no OpenStack API."""
    return Creation(call, asked)


def creates(
    resource_type: ResourceType, *beside: ResourceType, read: Callable[[Settings, Mapping[str, Any]], Any] | None = None
) -> Read:
    """Return the function that reads the CreateRequest of an action: its tags, its ClientToken, and then `read`.

    `beside` are further types that TagSpecifications may name.
    """
    names = [resource_type.name, *(one.name for one in beside)]

    def reading(settings: Settings, principal: Any, operation: str, req: Mapping[str, Any]) -> CreateRequest[Any]:
        tags = {name: tag_rules.specified(req, name, *names) for name in names}
        token = client_tokens.marks(req)
        return CreateRequest(req, resource_type, tags, token, read(settings, req) if read else None)

    return reading


def half_done_name(*words: str) -> str:
    """Return the name of an unfinished resource; the same words give the same name on every replica."""
    return f"{HALF_DONE} {hashlib.sha256(chr(0).join(words).encode()).hexdigest()[:40]}"


def is_half_done(name: str) -> bool:
    """Tell whether a resource's name is the half-done mark."""
    return name.startswith(f"{HALF_DONE} ")


def _outside(*_: object) -> None:
    raise RuntimeError("nothing undoes what is created outside of `once`")
