"""Manifests of static large objects as Swift reads and writes them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from adapters.openstack.swift.http import error_from, parsed, unavailable
from adapters.types.objects import Segment

_AT_ONCE: Final = 100  # segments, in some tenths of a millisecond
_DECODER: Final = json.JSONDecoder()
_SPACE: Final = re.compile(r"[ \t\r\n]*")


async def encoded(segments: Sequence[Segment]) -> bytes:
    """Encode a manifest in slices, and let other requests go on between them: 10,000 segments take 30 milliseconds."""
    slices = []
    for start in range(0, len(segments), _AT_ONCE):
        if start:
            await asyncio.sleep(0)
        rows = [
            {"path": f"/{segment.container}/{segment.name}", "etag": segment.etag, "size_bytes": segment.bytes}
            for segment in segments[start : start + _AT_ONCE]
        ]
        # json and not orjson, which refuses names that are not UTF-8.
        slices.append(json.dumps(rows)[1:-1])
    return f"[{', '.join(slices)}]".encode()


async def decoded(body: bytes) -> list[Segment]:
    """Decode a manifest row by row, and let other requests go on in between: 10,000 segments take 50 milliseconds.

    Rows without a name are data in the manifest itself.  What is no manifest raises UNAVAILABLE.
    """
    found: list[Segment] = []
    try:
        # json and not orjson, which reads a whole document at once, and refuses names that are not UTF-8.
        text = body.decode()
        at = _skipped(text, 0, "[")
        more = text[at] != "]"
        while more:
            row, at = _DECODER.raw_decode(text, at)
            if "name" in row:
                found.append(_segment(row))
            if not len(found) % _AT_ONCE:
                await asyncio.sleep(0)
            if more := text[_skipped(text, at)] == ",":
                at = _skipped(text, at, ",")
        if text[_skipped(text, at, "]") :]:
            raise ValueError("text behind the manifest")
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise unavailable("answer is no manifest") from error
    return found


def _skipped(text: str, at: int, mark: str = "") -> int:
    """Return the place behind white space, a mark that must follow there, and white space."""
    space: Any = _SPACE.match(text, at)
    if not text.startswith(mark, space.end()):
        raise ValueError(f"no {mark} in a manifest")
    behind: Any = _SPACE.match(text, space.end() + len(mark))
    return int(behind.end())


def _segment(row: Mapping[str, Any]) -> Segment:
    """Read one row of a manifest."""
    container, _, name = row["name"].lstrip("/").partition("/")
    return Segment(container, name, int(row["bytes"]), row["hash"], bool(row.get("sub_slo")))


def verdict(body: bytes, headers: Mapping[str, str], path: str) -> dict[str, Any]:
    """Read the result of a write with a heartbeat, which was answered 202 before Swift knew it; raise what failed."""
    told: dict[str, Any] = parsed(body, dict)
    status = int(str(told.get("Response Status", "500")).split()[0])
    if status != 201:
        error = error_from(status, body, headers, path)
        if status == 404:
            error.resource = "container"  # a PUT creates the object, so only the container can be missing
        raise error
    return told
