"""Independent calls to OpenStack, side by side: an answer takes as long as its slowest part."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, TypeVar, overload

from adapters.concurrency import each, outcomes

__all__ = ["each", "outcomes", "together"]

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")


@overload
async def together(a: Awaitable[A], b: Awaitable[B], /) -> tuple[A, B]: ...
@overload
async def together(a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], /) -> tuple[A, B, C]: ...
@overload
async def together(a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], d: Awaitable[D], /) -> tuple[A, B, C, D]: ...
@overload
async def together(
    a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], d: Awaitable[D], e: Awaitable[E], /
) -> tuple[A, B, C, D, E]: ...
async def together(*calls: Awaitable[Any]) -> tuple[Any, ...]:
    """Await calls of different sorts; the first failure is raised after the others were cancelled and have ended."""
    return tuple(await each(calls))
