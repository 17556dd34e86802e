"""An in-process cache with the part of memcached's interface that keystonemiddleware and Swift use."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

LIMIT = 20000  # entries; far more than a small cloud has tokens and containers


class Cache:
    """Values with an expiry. A full cache is emptied, because its content can be computed again."""

    def __init__(self, clock: Callable[[], float] = time.time, limit: int = LIMIT) -> None:
        self._clock, self._limit = clock, limit
        self._entries: dict[str, tuple[float, Any]] = {}
        self._lock = threading.Lock()

    def get(self, key: str, raise_on_error: bool = False) -> Any:
        """Return a value, or None."""
        expires, value = self._entries.get(key, (0.0, None))
        return value if expires > self._clock() else None

    def set(self, key: str, value: Any, serialize: bool = True, time: float = 0, **_ignored: object) -> None:
        """Store a value for `time` seconds (memcached's name), or without expiry."""
        with self._lock:
            if len(self._entries) >= self._limit:
                self._entries.clear()
            self._entries[key] = (self._clock() + time if time else float("inf"), value)

    def delete(self, key: str, server_key: str | None = None) -> None:
        """Delete a value."""
        self._entries.pop(key, None)

    def incr(self, key: str, delta: int = 1, time: float = 0) -> int:
        """Add to a counter, which is never below zero."""
        with self._lock:
            total = max(0, int(self.get(key) or 0) + delta)
            self._entries[key] = (self._clock() + time if time else float("inf"), total)
        return total

    def decr(self, key: str, delta: int = 1, time: float = 0) -> int:
        """Subtract from a counter."""
        return self.incr(key, -delta, time)

    def set_multi(
        self, mapping: Mapping[str, Any], server_key: str | None = None, time: float = 0, **_ignored: object
    ) -> None:
        """Store several values."""
        for key, value in mapping.items():
            self.set(key, value, time=time)

    def get_multi(self, keys: Iterable[str], server_key: str | None = None) -> list[Any]:
        """Return several values, with None for each missing one."""
        return [self.get(key) for key in keys]
