"""Pace: a bound on how often something is begun."""

from __future__ import annotations

import asyncio


class Pace:
    """Gives turns at most `per_second` times a second, evenly spaced."""

    def __init__(self, per_second: float) -> None:
        self._apart = 1 / per_second
        self._next = 0.0

    async def turn(self) -> None:
        """Wait for the next turn."""
        now = asyncio.get_running_loop().time()
        at = max(self._next, now)
        self._next = at + self._apart
        if at > now:
            await asyncio.sleep(at - now)
