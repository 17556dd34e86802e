"""Manifests of static large objects as Swift reads and writes them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from adapters.openstack.swift.http import error_from, parsed
from adapters.types.objects import Segment

_ENCODED_AT_ONCE: Final = 100  # segments, in some tenths of a millisecond


async def encoded(segments: Sequence[Segment]) -> bytes:
    """Encode a manifest in slices, and let other requests go on between them: 10,000 segments take 30 milliseconds."""
    slices = []
    for start in range(0, len(segments), _ENCODED_AT_ONCE):
        if start:
            await asyncio.sleep(0)
        rows = [
            {"path": f"/{segment.container}/{segment.name}", "etag": segment.etag, "size_bytes": segment.bytes}
            for segment in segments[start : start + _ENCODED_AT_ONCE]
        ]
        # json and not orjson, which refuses names that are not UTF-8.
        slices.append(json.dumps(rows)[1:-1])
    return f"[{', '.join(slices)}]".encode()


def segment(row: Mapping[str, Any]) -> Segment:
    """Read one row of a manifest."""
    container, _, name = row["name"].lstrip("/").partition("/")
    return Segment(container, name, int(row["bytes"]), row["hash"], bool(row.get("sub_slo")))


def verdict(body: bytes, headers: Mapping[str, str], path: str) -> dict[str, Any]:
    """Read the result of a write with a heartbeat, which was answered 202 before Swift knew it; raise what failed."""
    told: dict[str, Any] = parsed(body, dict)
    status = int(str(told.get("Response Status", "500")).split()[0])
    if status != 201:
        raise error_from(status, body, headers, path)
    return told
