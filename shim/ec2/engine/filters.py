r"""Apply EC2's filters to the rows of the answer, so that a filter always agrees with what is shown.

`Filter.1.Name=attachment.status&Filter.1.Value.1=attached` asks for rows whose `Attachments.State` is `attached`:
several values of one filter mean OR, several filters AND.  Values are case-sensitive; `*` stands for any characters,
`?` for one, `\` takes the next character literally, nothing else is special (no `[...]`).
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html#Filtering_Resources_CLI
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shim.errors import AwsError
from shim.globs import Globs, grouped, special

Row = Mapping[str, Any]
Path = str | Callable[[Row], Iterable[Any]]

# "You can specify up to 50 filters and up to 200 values per filter in a single request.  Filter strings can be up to
# 255 characters in length."
MOST_FILTERS = 50
MOST_VALUES = 200
LONGEST = 255
# FilterLimitExceeded and its messages are seen in https://github.com/gjbae1212/gossm/issues/47 (values) and
# https://github.com/ansible-collections/amazon.aws/issues/2393 (length); the message for filters follows their form.
_WORK_A_TURN = 2_500  # moves of automata: about half a millisecond; a call that waits sees some turns of it


@dataclass(frozen=True, slots=True)
class Filter:
    """One compiled filter of a request.

    `read` returns a row's values to compare; the row passes if one of them is in `literals` or matches one of `globs`.
    """

    name: str
    read: Callable[[Row], Iterable[Any]]
    literals: frozenset[str]
    globs: tuple[Globs, ...]

    async def matches(self, value: str, turns: Turns) -> bool:
        """Tell whether one value passes."""
        await turns.spend(1)
        if value in self.literals:
            return True
        for automaton in self.globs:
            await turns.spend(automaton.cost(value))
            if automaton.matches(value):
                return True
        return False


def compiled(filters: Sequence[Mapping[str, Any]], paths: Mapping[str, Path]) -> list[Filter]:
    """Check and compile a request's filters; calls no cloud.

    `paths` maps a filter's name to a path into the row (`Attachments.Device`; every element of a list is read), or to
    a function of the row.  If it has `tag`, the three tag filters read the list at that path.
    Raises FilterLimitExceeded for too many filters or values and for a name or a value that is too long, and
    InvalidParameterValue for an unknown name and for a filter without values.
    """
    if len(filters) > MOST_FILTERS:
        raise _limit(f"The maximum number of filters specified on a single call is {MOST_FILTERS}")
    if any(len(asked.get("Values", ())) > MOST_VALUES for asked in filters):
        raise _limit(f"The maximum number of filter values specified on a single call is {MOST_VALUES}")
    if any(len(word) > LONGEST for asked in filters for word in (asked.get("Name", ""), *asked.get("Values", ()))):
        raise _limit(f"The maximum length for a filter value is {LONGEST} characters")
    return [_compiled(asked.get("Name", ""), asked.get("Values", ()), paths) for asked in filters]


async def select(rows: Iterable[Row], filters: Sequence[Filter]) -> list[Row]:
    """Return the rows that pass every filter, in their order."""
    turns = Turns()
    chosen = []
    for row in rows:
        for one in filters:
            if not await _passes(row, one, turns):
                break
        else:
            chosen.append(row)
    return chosen


class Turns:
    """Yields to other requests after a bounded number of compared characters."""

    def __init__(self) -> None:
        self._work = 0

    async def spend(self, work: int) -> None:
        """Count some work, and yield to other requests when it exceeds the bound."""
        self._work += work
        if self._work > _WORK_A_TURN:
            self._work = 0
            await asyncio.sleep(0)


async def _passes(row: Row, one: Filter, turns: Turns) -> bool:
    for value in map(text, one.read(row)):
        if await one.matches(value, turns):
            return True
    return False


def nothing(row: Row) -> Iterable[Any]:
    """Path of a filter on a member that no row here has: no row passes, as in AWS where the member is absent."""
    return ()


def never(row: Row) -> Iterable[Any]:
    """Path of a filter on a boolean that is false for every row here."""
    return (False,)


def text(value: Any) -> str:
    """Format a value of a row as EC2 compares it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
    return str(value)


def _compiled(name: str, values: Sequence[str], paths: Mapping[str, Path]) -> Filter:
    read = reader(name, paths)
    if not values:
        raise AwsError("InvalidParameterValue", f"The filter '{name}' has no value", refused="Filters")
    patterns = dict.fromkeys(filter(special, values))
    return Filter(name, read, frozenset(values).difference(patterns), grouped(patterns))


def _limit(sentence: str) -> AwsError:
    return AwsError("FilterLimitExceeded", sentence, refused="Filters")


def reader(name: str, paths: Mapping[str, Path]) -> Callable[[Row], Iterable[Any]]:
    """Return the function that reads the values that a filter compares from a row."""
    path = paths.get(name) if name != "tag" else None
    tags = paths.get("tag")
    if path is None and isinstance(tags, str):
        if name == "tag-key":
            path = f"{tags}.Key"
        elif name == "tag-value":
            path = f"{tags}.Value"
        elif name.startswith("tag:"):
            # Everything after the first colon is the key: `tag:aws:autoscaling:groupName`.
            return _tagged(tags.split("."), name.removeprefix("tag:"))
    if path is None:
        raise AwsError("InvalidParameterValue", f"The filter '{name}' is invalid", refused=f"Filters.{name}")
    if callable(path):
        return path
    steps = path.split(".")
    return lambda row: _walk(row, steps)


def _tagged(steps: Sequence[str], key: str) -> Callable[[Row], Iterable[Any]]:
    return lambda row: [tag.get("Value", "") for tag in _walk(row, steps) if tag.get("Key") == key]


def _walk(value: Any, steps: Sequence[str]) -> Iterator[Any]:
    """Yield every value at the end of a path; an absent member yields nothing."""
    if value is None:
        return
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _walk(item, steps)
    elif not steps:
        yield value
    else:
        yield from _walk(value.get(steps[0]), steps[1:])
