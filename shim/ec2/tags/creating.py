"""What every action that makes something does alike: tags, the ClientToken, a lock, and taking back what failed.

    new = creating(call, req, VOLUME)
    ... further checks, and whatever else has to be read first ...
    async with new.once(made_with):
        if new.earlier is None:
            volume = await call.cloud.block.create_volume(...)  # with new.items as its metadata
            new.undo(call.cloud.block.delete_volume, volume.id)
            ...

The last step of a creation writes the token, together with the tags.  So a token finds only what was made whole, and a
repetition whose predecessor was killed in the middle makes the thing anew.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Generic, TypeVar

from shim.context import Call
from shim.ec2.engine import client_tokens, ids
from shim.ec2.engine.resource_types import ResourceType
from shim.ec2.tags import codec as tag_codec
from shim.ec2.tags import rules as tag_rules
from shim.undo import undoing

T = TypeVar("T")
Found = Iterable[tuple[T, Mapping[str, str]]]  # things, each with the metadata that it bears

_MOST_ITEMS = 128 - 28  # Cinder, Glance and Nova keep 128 items by default; the others are the gateway's own facts


class Creation(Generic[T]):
    """One thing that is to be made.  `tags` are those of the request; `earlier` is what its ClientToken made before."""

    def __init__(self, call: Call, req: Mapping[str, Any], resource_type: ResourceType, beside: Iterable[str]) -> None:
        self._call = call
        self._resource_type = resource_type
        self._token = client_tokens.marks(req)
        self.tags = tag_rules.specified(req, resource_type.name, *beside)
        self.earlier: T | None = None
        self.undo: Callable[..., None] = _outside

    @property
    def items(self) -> dict[str, str]:
        """Tags and token as metadata, for what Nova, Cinder or Glance keeps."""
        items = tag_codec.to_metadata(self.tags)
        if len(items) > _MOST_ITEMS:
            raise tag_rules.limit_exceeded()
        return items | self._token

    def strings(self, *facts: str) -> list[str]:
        """Return tags and further facts as Neutron's tags."""
        strings = [*tag_codec.to_neutron(self.tags), *facts]
        if len(strings) > tag_codec.NEUTRON_TAGS:
            raise tag_rules.limit_exceeded()
        return strings

    def arn(self, id: str) -> str:
        """Return the ARN of what was made."""
        return ids.arn(self._resource_type, id, self._call.region, self._call.caller.account_id)

    @asynccontextmanager
    async def once(
        self, made_with: Callable[[Mapping[str, str]], Awaitable[Found[T]]] | None = None, *, name: str = ""
    ) -> AsyncIterator[Creation[T]]:
        """Run a block that makes the thing, and take back what it did where it fails.

        With a ClientToken the block runs while no other request with that token does, and `made_with` finds what
        bears its metadata: that is `earlier`, where it was made by the same request, and IdempotentParameterMismatch
        where it was not.  `name` is a name that must be unique: the block runs alone among those that make it.
        """
        token = self._token.get(client_tokens.TOKEN, "") if made_with else ""
        async with AsyncExitStack() as stack:
            for sort, what in (("name", name), ("token", token)):
                if what:
                    lock = f"{self._resource_type.name} {sort}", self._call.caller.project_id, what
                    await stack.enter_async_context(self._call.locks.hold(*lock))
            if made_with and token:
                for thing, metadata in await made_with({client_tokens.TOKEN: token}):
                    client_tokens.same(self._token, metadata)
                    self.earlier = thing
            self.undo = await stack.enter_async_context(undoing())
            yield self


def creating(
    call: Call, req: Mapping[str, Any], resource_type: ResourceType, beside: Iterable[str] = ()
) -> Creation[Any]:
    """Check the tags and the ClientToken of a request that makes one resource of a type; ask OpenStack nothing.

    `beside` are further resource types that TagSpecifications may name.
    """
    return Creation(call, req, resource_type, beside)


def _outside(*_: object) -> None:
    raise RuntimeError("what is made outside of `once` would not be taken back")
