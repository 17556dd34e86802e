"""A volume that Nova attaches or detaches: Cinder refuses a snapshot and another size, where AWS has it `in-use`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from adapters.types.block import Volume
from shim.context import Call
from shim.ec2.volumes.ending import alone
from shim.ec2.volumes.reading import shown_volume
from shim.ec2.volumes.waiting import PAUSES

T = TypeVar("T")

_MOVING = frozenset({"reserved", "attaching", "detaching"})
# 5.8 s.  A volume of a shelved server stays reserved until the server is unshelved, and is not waited for any longer.
_PAUSES = (*PAUSES[:7], 0.0)


async def at_rest(call: Call, uuid: str, work: Callable[[Volume], Awaitable[T]]) -> T:
    """Work on a volume while nobody else does (`alone`), as soon as its attachment is made or undone.

    After some seconds the work begins anyway, and Cinder answers.  The lock is free during the pauses.
    """
    for pause in _PAUSES:
        async with alone(call, uuid):
            volume = await shown_volume(call, uuid)
            if volume.status not in _MOVING or not pause:
                return await work(volume)
        await asyncio.sleep(pause)
    raise AssertionError  # the last pause is none
