"""The differences between two answers to the same call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from recording.replay import alignment
from recording.replay.normal import PASSING
from recording.secrets import BYTES, HIDDEN, is_mark

NOTHING = "(nothing)"


class Kind(StrEnum):
    """In what two answers differ."""

    STATUS = "status"
    ERROR = "error"
    MEMBER = "member"
    VALUE = "value"
    ITEMS = "items"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference of a call: `path` is the member's, '' for the whole answer; `a` and `b` are what the two say."""

    operation: str
    kind: Kind
    path: str
    a: str
    b: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came back: the HTTP status (0 for no answer), AWS's error code, the members in the recording's names."""

    status: int
    error: str
    members: Mapping[str, Any]


def differences(operation: str, one: Outcome, other: Outcome, passing: bool = False) -> Iterator[Difference]:
    """Yield the differences; `passing` takes states that pass by themselves as equal to what they become."""
    if bool(one.error) != bool(other.error) or one.status // 100 != other.status // 100:
        yield Difference(operation, Kind.ERROR, "", _said(one), _said(other))
        return
    if one.status != other.status:
        yield Difference(operation, Kind.STATUS, "", str(one.status), str(other.status))
    if one.error != other.error:
        yield Difference(operation, Kind.ERROR, "", one.error, other.error)
    for kind, path, a, b in _below(one.members, other.members, ""):
        if not (passing and _passes(path, a, b)):
            yield Difference(operation, kind, path, _shown(a), _shown(b))


def _said(outcome: Outcome) -> str:
    return f"{outcome.status} {outcome.error or 'OK'}"


def _below(one: Any, other: Any, path: str) -> Iterator[tuple[Kind, str, Any, Any]]:
    if is_mark(one) and is_mark(other):
        yield from _marks(one, other, path)
    elif isinstance(one, Mapping) and isinstance(other, Mapping):
        for name in sorted(one.keys() | other.keys()):
            here = f"{path}.{name}" if path else name
            if name not in one or name not in other:
                yield Kind.MEMBER, here, one.get(name, NOTHING), other.get(name, NOTHING)
            else:
                yield from _below(one[name], other[name], here)
    elif isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            yield Kind.ITEMS, f"{path}[]", len(one), len(other)
        for i, j in alignment.pairs(one, other):
            if i is not None and j is not None:
                yield from _below(one[i], other[j], f"{path}[]")
    elif one != other and not _same_sort(one, other):
        yield Kind.VALUE, path, one, other


def _marks(one: Mapping[str, Any], other: Mapping[str, Any], path: str) -> Iterator[tuple[Kind, str, Any, Any]]:
    """Compare bodies by their lengths, and by their digests where both were made here; secrets are not compared."""
    if (HIDDEN in one) != (HIDDEN in other):
        yield Kind.VALUE, path, one, other
    for name in (BYTES, "sha256"):
        if name in one and name in other and one[name] != other[name]:
            yield Kind.VALUE, path, one, other
            return


def _same_sort(one: Any, other: Any) -> bool:
    """Tell whether one text has the sort of a thing where the other has a thing of that sort: `<vol>` and `vol-1a...`.

    That is so where one endpoint's name for it could be learned and the other's could not.
    """
    if not isinstance(one, str) or not isinstance(other, str):
        return False
    for sort, thing in ((one, other), (other, one)):
        if sort.startswith("<") and sort.endswith(">"):
            inner = sort[1:-1]
            return thing.rpartition("-")[0] == inner or not inner.islower()
    return False


def _passes(path: str, one: Any, other: Any) -> bool:
    return one in PASSING or other in PASSING or path.endswith(("State.Code", "StateReason.Code"))


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
