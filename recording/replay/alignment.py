"""Which items of two lists are the same thing: by their names and ids, else by their places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

_MOST: Final = 300  # items; longer lists are paired by their places
_ENDS: Final = ("Id", "Name", "Key", "Cidr", "CidrBlock", "Arn", "Number", "Value", "Protocol", "Port", "Block")


Pair = tuple[int | None, int | None]


def pairs(one: Sequence[Any], other: Sequence[Any]) -> list[Pair]:
    """Return the places of the items that belong together; None stands for what one of the lists does not have."""
    left, right = list(range(len(one))), list(range(len(other)))
    found: list[Pair] = []
    if len(one) <= _MOST and len(other) <= _MOST:
        ranked = sorted(((_likeness(one[i], other[j]), -abs(i - j), i, j) for i in left for j in right), reverse=True)
        matched: dict[int, int] = {}
        taken: set[int] = set()
        for likeness, _, i, j in ranked:
            if likeness and i not in matched and j not in taken:
                matched[i] = j
                taken.add(j)
        found = sorted(matched.items())
        left = [i for i in left if i not in matched]
        right = [j for j in right if j not in taken]
    shorter = min(len(left), len(right))
    found += zip(left[:shorter], right[:shorter], strict=True)
    return found + [(i, None) for i in left[shorter:]] + [(None, j) for j in right[shorter:]]


def _likeness(one: Any, other: Any) -> int:
    """Count what tells that two items are the same thing."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        count = 0
        for name in one.keys() & other.keys():
            a, b = one[name], other[name]
            if name == "Tags" and a == b and a:
                count += 2
            elif name.endswith(_ENDS) and a == b and isinstance(a, str | int) and not str(a).startswith("<"):
                count += 2 if name.endswith(("Id", "Name", "Key")) else 1
            elif isinstance(a, Mapping | list) and name in ("Instances", "Placement"):
                count += _likeness(a[0], b[0]) if isinstance(a, list) and a and b else 0
        return count
    return int(one == other)
