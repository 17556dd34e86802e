"""The public access block of a bucket: four switches that keep policies and ACLs from letting everybody in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from shim.config import Settings
from shim.context import Call
from shim.s3.config import documents

NAME: Final = "public-access"  # the item of the bucket's configuration
SWITCHES: Final = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def default(settings: Settings) -> dict[str, bool]:
    """Return the switches of a bucket that never had a document."""
    return dict.fromkeys(SWITCHES, settings.block_public_access)


def checked(value: Mapping[str, Any]) -> dict[str, bool]:
    """Return the document to store."""
    return {name: bool(value.get(name)) for name in SWITCHES}


async def current(call: Call, bucket: str) -> Mapping[str, bool]:
    """Return the bucket's switches from Swift, for the operations that they refuse."""
    return _switches(call, await documents.current(call, bucket, NAME))


async def recent(call: Call, bucket: str) -> Mapping[str, bool]:
    """Return the bucket's switches, which may be some seconds old."""
    return _switches(call, (await documents.recent(call, bucket, NAME))[1])


def _switches(call: Call, kept: Any) -> Mapping[str, bool]:
    if kept is None:
        return default(call.settings)
    # A deleted block is kept as an empty document; one that cannot be read blocks everything.
    return checked(kept) if isinstance(kept, Mapping) else dict.fromkeys(SWITCHES, True)
