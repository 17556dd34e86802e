"""Take back half-made things: multi-step work either ends whole or leaves nothing behind."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio

log = logging.getLogger(__name__)

Step = Callable[..., Awaitable[Any]]


@asynccontextmanager
async def undoing() -> AsyncIterator[Callable[..., None]]:
    """Collect steps that take back what was done; run them, newest first, only when the block fails.

    `undo(cloud.block.delete_volume, volume.id)` right after each creation.  A step that fails is logged and the next
    ones still run; the block's own error is what the caller sees.  Cancellation undoes too: a client that hangs up in
    the middle leaves nothing.
    """
    steps: list[tuple[Step, tuple[Any, ...]]] = []

    def undo(step: Step, *args: Any) -> None:
        steps.append((step, args))

    try:
        yield undo
    except BaseException:
        with anyio.CancelScope(shield=True):
            for step, args in reversed(steps):
                try:
                    await step(*args)
                except Exception:
                    log.exception("could not take back %s%r", getattr(step, "__name__", step), args)
        raise
