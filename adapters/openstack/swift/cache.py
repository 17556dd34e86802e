"""Cache what writes need to know of each Swift: its limits, and which containers exist.

Both change rarely.  Without this cache the gateway makes more requests and gives the same answers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from adapters.types.objects import Limits

PRESENT_SECONDS: Final = 30.0
# A gateway that wrongly believes that a bucket has no segments container leaves the segments of an object that it
# replaces.  So absence is cached for less time than another gateway needs to make the container, fill it with parts and
# complete an upload.
ABSENT_SECONDS: Final = 2.0
LIMITS_SECONDS: Final = 3600.0
MOST_CONTAINERS: Final = 10_000


class SwiftCache:
    """Limits by Swift and presence by container URL, with expiry; the oldest containers are dropped first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._limits: dict[str, tuple[float, Limits]] = {}
        self._containers: dict[str, tuple[float, bool]] = {}
        # The shortest `max_meta_value_length` of all Swifts that were asked: a write does not look up its own one.
        self.value_bytes = Limits().value_bytes

    def limits(self, url: str) -> Limits | None:
        """Return the limits of the Swift at `url`, if they are known and fresh."""
        until, found = self._limits.get(url, (0.0, None))
        return found if self._clock() < until else None

    def last_limits(self, url: str) -> Limits:
        """Return the limits of the Swift at `url` as they were when it was last asked; the usual ones before that."""
        return self._limits.get(url, (0.0, Limits()))[1]

    def keep_limits(self, url: str, limits: Limits) -> None:
        """Keep a Swift's limits."""
        self.value_bytes = min(self.value_bytes, limits.value_bytes)
        self._limits[url] = (self._clock() + LIMITS_SECONDS, limits)

    def container(self, url: str) -> bool | None:
        """Return whether a container exists, or None where that is not known."""
        until, found = self._containers.get(url, (0.0, False))
        return found if self._clock() < until else None

    def keep_container(self, url: str, present: bool) -> None:
        """Keep whether a container exists."""
        self._containers.pop(url, None)
        self._containers[url] = (self._clock() + (PRESENT_SECONDS if present else ABSENT_SECONDS), present)
        while len(self._containers) > MOST_CONTAINERS:
            del self._containers[next(iter(self._containers))]
