r"""EC2's filters, applied to the rows of the answer, so that a filter cannot disagree with what is shown.

`Filter.1.Name=attachment.status&Filter.1.Value.1=attached` asks for rows whose `Attachments.State` is `attached`:
several values of one filter mean OR, several filters AND.  Values are case-sensitive; `*` stands for any characters,
`?` for one, `\` takes the next character literally, nothing else is special (no `[...]`).
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html#Filtering_Resources_CLI
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from shim.errors import AwsError

Row = Mapping[str, Any]
Path = str | Callable[[Row], Iterable[Any]]

MAX_VALUES = 200  # "The maximum number of filter values specified on a single call is 200"


def select(rows: Iterable[Row], filters: Sequence[Mapping[str, Any]], paths: Mapping[str, Path]) -> list[Row]:
    """Return the rows that pass every filter, in the order they came.

    `paths` maps a filter's name to a path into the row, with lists looked through (`Attachments.Device`), or to a
    function of the row.  Where it holds `tag`, the three tag filters work on the list that path leads to.
    Raises InvalidParameterValue for an unknown name, FilterLimitExceeded above 200 values.
    """
    chosen = list(rows)
    if sum(len(asked.get("Values", ())) for asked in filters) > MAX_VALUES:
        raise AwsError(
            "FilterLimitExceeded", f"The maximum number of filter values specified on a single call is {MAX_VALUES}"
        )
    for asked in filters:
        name = asked.get("Name", "")
        values_of = _reader(name, paths)
        tests = [_test(value) for value in asked.get("Values", ())]
        if not tests:
            raise AwsError("InvalidParameterValue", f"The filter '{name}' has no value")
        chosen = [row for row in chosen if _passes(values_of(row), tests)]
    return chosen


def nothing(row: Row) -> Iterable[Any]:
    """Be the path of a filter on what no row here has: no value passes it, as in AWS where the member is absent."""
    return ()


def never(row: Row) -> Iterable[Any]:
    """Be the path of a filter on a yes or no that is no for every row here."""
    return (False,)


def text(value: Any) -> str:
    """Write a value of a row as EC2 would compare it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
    return str(value)


def _passes(found: Iterable[Any], tests: Sequence[Callable[[str], bool]]) -> bool:
    return any(test(word) for word in map(text, found) for test in tests)


def _reader(name: str, paths: Mapping[str, Path]) -> Callable[[Row], Iterable[Any]]:
    """Find the function that reads what a filter compares from a row."""
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
        raise AwsError("InvalidParameterValue", f"The filter '{name}' is invalid")
    if callable(path):
        return path
    steps = path.split(".")
    return lambda row: _walk(row, steps)


def _tagged(steps: Sequence[str], key: str) -> Callable[[Row], Iterable[Any]]:
    return lambda row: [tag.get("Value", "") for tag in _walk(row, steps) if tag.get("Key") == key]


def _walk(value: Any, steps: Sequence[str]) -> Iterator[Any]:
    """Yield what lies at the end of a path, every branch of it; what is absent yields nothing."""
    if value is None:
        return
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _walk(item, steps)
    elif not steps:
        yield value
    else:
        yield from _walk(value.get(steps[0]), steps[1:])


@lru_cache(maxsize=1024)
def _test(pattern: str) -> Callable[[str], bool]:
    """Compile one filter value into a test."""
    if not any(special in pattern for special in "*?\\"):
        return pattern.__eq__
    out, characters = [], iter(pattern)
    for character in characters:
        if character == "*":
            out.append(".*")
        elif character == "?":
            out.append(".")
        elif character == "\\":
            out.append(re.escape(next(characters, "\\")))  # a last lone backslash is itself
        else:
            out.append(re.escape(character))
    compiled = re.compile("".join(out), re.DOTALL)
    return lambda word: compiled.fullmatch(word) is not None
