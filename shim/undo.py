"""Undo the steps of an operation when a later step fails, so that it leaves nothing half done."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from adapters.errors import absent_is

log = logging.getLogger(__name__)

Step = Callable[..., Awaitable[Any]]
T = TypeVar("T")


async def to_the_end(work: Awaitable[T]) -> T:
    """Await work to its end even if the caller is cancelled meanwhile; raise the cancellation afterwards.

    anyio's shielded scopes do not protect against `Task.cancel()`, with which servers end requests.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
        except Exception:  # noqa: BLE001 - `task.result` below raises it
            break
    if cancelled is not None and not task.cancelled():
        task.exception()  # retrieved, so that asyncio does not warn: the caller gets the cancellation
        raise cancelled
    return task.result()


@asynccontextmanager
async def undoing() -> AsyncIterator[Callable[..., None]]:
    """Collect undo steps, and run them, newest first, when the block fails or is cancelled.

    Call `undo(cloud.block.delete_volume, volume.id)` right after each creation, and before a change whose undo needs
    nothing of its answer (`undo(if_there, network.remove_tag, ...)`): the answer can be lost when the work is done.  A
    step that fails is logged, the next ones still run, and the caller sees the block's own error.
    """
    steps: list[tuple[Step, tuple[Any, ...]]] = []

    def undo(step: Step, *args: Any) -> None:
        steps.append((step, args))

    try:
        yield undo
    except BaseException:
        await to_the_end(_take_back(steps))
        raise


async def if_there(step: Step, *args: Any) -> None:
    """Do an undo step; it is no failure that what it takes away is not there."""
    await absent_is(None, step(*args))


async def _take_back(steps: list[tuple[Step, tuple[Any, ...]]]) -> None:
    for step, args in reversed(steps):
        try:
            await step(*args)
        except Exception:
            log.exception("could not take back %s", _written(step, args))


def _written(step: Step, args: tuple[Any, ...]) -> str:
    """Write a step with its ids, names and numbers only: other arguments, and a partial's own, may hold secrets."""
    name = getattr(step, "__name__", type(step).__name__)
    return f"{name}({', '.join(repr(one) for one in args if isinstance(one, str | int))})"
