"""Make independent calls to OpenStack at the same time, so that an answer takes as long as the slowest of them."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, TypeVar, overload

from adapters.concurrency import gather_all, gather_outcomes

__all__ = ["gather", "gather_all", "gather_outcomes"]

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")


@overload
async def gather(a: Awaitable[A], b: Awaitable[B], /) -> tuple[A, B]: ...
@overload
async def gather(a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], /) -> tuple[A, B, C]: ...
@overload
async def gather(a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], d: Awaitable[D], /) -> tuple[A, B, C, D]: ...
@overload
async def gather(
    a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], d: Awaitable[D], e: Awaitable[E], /
) -> tuple[A, B, C, D, E]: ...
async def gather(*calls: Awaitable[Any]) -> tuple[Any, ...]:
    """Await calls with results of different types; raise the first failure when the others are cancelled and ended."""
    return tuple(await gather_all(calls))
