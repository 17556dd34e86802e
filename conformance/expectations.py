"""Compare an answer with what a step expects."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import jmespath
from jmespath.exceptions import JMESPathError

_SHOWN: Final = 160  # characters of a value in a report


def differences(expected: Mapping[str, Any], answer: Mapping[str, Any]) -> Iterator[str]:
    """Return a sentence for each path whose value is another than expected."""
    for path, wanted in expected.items():
        try:
            found = jmespath.search(path, answer)
        except JMESPathError as error:  # a function on what is not there, for instance
            yield f"{path}: {error}"
            continue
        if not _holds(wanted, found):
            yield f"{path} is {shown(found)}, expected {_told(wanted)}"


def shown(value: Any) -> str:
    """Return a value as a report shows it."""
    text = "absent" if value is None else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _holds(wanted: Any, found: Any) -> bool:
    if _is_matcher(wanted):
        return all(MATCHERS[word](value, found) for word, value in wanted.items())
    return bool(wanted == found)


def _told(wanted: Any) -> str:
    if _is_matcher(wanted):
        return " and ".join(f"{word[1:]} {shown(value)}" for word, value in wanted.items())
    return shown(wanted)


def _is_matcher(wanted: Any) -> bool:
    return isinstance(wanted, Mapping) and bool(wanted) and all(word in MATCHERS for word in wanted)


def _sorted(values: Any) -> list[str]:
    return sorted(map(repr, values or ()))


MATCHERS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "$matches": lambda wanted, found: re.search(wanted, str(found)) is not None if found is not None else False,
    "$not": lambda wanted, found: wanted != found,
    "$has": lambda wanted, found: wanted in (found or ()),
    "$lacks": lambda wanted, found: wanted not in (found or ()),
    "$in-any-order": lambda wanted, found: _sorted(wanted) == _sorted(found),
    "$one-of": lambda wanted, found: found in wanted,
    "$present": lambda wanted, found: wanted is (found is not None),
}
