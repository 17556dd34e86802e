"""Cache: values that are kept for a time, bounded in bytes for each owner and in all.

Every replica has its own.  A value that was dropped is read from OpenStack again.
"""

from __future__ import annotations

import sys
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

Key = tuple[str, *tuple[Hashable, ...]]
# How many look-ups had which outcome, by cache and outcome.  A function in its place would be the dearest part of a
# look-up.
Lookups = defaultdict[tuple[str, ...], float]
_ENTRY_BYTES = 512  # estimate for an entry's key and bookkeeping
_OWNER_BYTES = 8 << 20  # thousands of terminated servers; an owner has as much even where that is half of the cache


@dataclass(frozen=True, slots=True)
class _Entry:
    value: Any
    size: int
    until: float


class Cache:
    """Values by owner (an account) and key; the first item of a key is the name under which `lookups` counts it.

    An owner's values share `owner_bytes`: a new value evicts the owner's least recently used ones.  By default it is an
    eighth of `total_bytes`, or 8 MiB where that is more, but at most half.  All values share `total_bytes`: beyond that
    the least recently active owner's values are evicted first.
    """

    def __init__(
        self,
        *,
        total_bytes: int = 64 << 20,
        owner_bytes: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        lookups: Lookups | None = None,
    ) -> None:
        if owner_bytes is None:
            owner_bytes = max(total_bytes // 8, min(total_bytes // 2, _OWNER_BYTES))
        self.owner_bytes = min(owner_bytes, total_bytes)
        self._total_bytes = total_bytes
        self._clock = clock
        self._lookups: Lookups = defaultdict(float) if lookups is None else lookups
        self._owners: OrderedDict[str, OrderedDict[Key, _Entry]] = OrderedDict()
        self._sizes: dict[str, int] = {}
        self.bytes = 0

    def get(self, owner: str, key: Key) -> Any:
        """Return a value, or None where there is none or it has expired."""
        entries = self._owners.get(owner)
        if entries is not None:
            entry = entries.get(key)
            if entry is not None:
                if entry.until > self._clock():
                    self._lookups[key[0], "hit"] += 1
                    self._owners.move_to_end(owner)
                    entries.move_to_end(key)
                    return entry.value
                self.drop(owner, key)
        self._lookups[key[0], "miss"] += 1
        return None

    def put(self, owner: str, key: Key, value: Any, *, size: int, seconds: float) -> None:
        """Keep a value of `size` bytes; one that is larger than an owner's share is counted and not kept."""
        self.drop(owner, key)
        size += _ENTRY_BYTES
        if size > self.owner_bytes:
            self._lookups[key[0], "too large"] += 1
            return
        self._owners.setdefault(owner, OrderedDict())[key] = _Entry(value, size, self._clock() + seconds)
        self._owners.move_to_end(owner)
        self._sizes[owner] = self._sizes.get(owner, 0) + size
        self.bytes += size
        while self._sizes[owner] > self.owner_bytes:
            self.drop(owner, next(iter(self._owners[owner])))
        while self.bytes > self._total_bytes:
            eldest = next(iter(self._owners))
            self.drop(eldest, next(iter(self._owners[eldest])))

    def drop(self, owner: str, key: Key) -> None:
        """Drop a value if it is there."""
        entries = self._owners.get(owner)
        entry = entries.pop(key, None) if entries is not None else None
        if entry is None:
            return
        self.bytes -= entry.size
        self._sizes[owner] -= entry.size
        if not entries:
            del self._owners[owner], self._sizes[owner]


def weight(value: Any) -> int:
    """Estimate the bytes that a value of plain containers takes; keys of mappings are not counted."""
    size = sys.getsizeof(value)
    if isinstance(value, Mapping):
        return size + sum(map(weight, value.values()))
    if isinstance(value, (list, tuple)):
        return size + sum(map(weight, value))
    if slots := getattr(type(value), "__dataclass_fields__", None):
        return size + sum(weight(getattr(value, name)) for name in slots)
    return size
