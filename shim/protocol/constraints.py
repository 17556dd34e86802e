"""The constraints that a model sets on values: length, range, pattern, enumeration; compiled to one function."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

from shim.protocol.parameter_error import ParameterError, Problem

Check = Callable[[Any], None]

# Enumerations that a cloud may widen: flavors and volume types keep the names their operator gave them, and a region
# is whatever the configuration says.  Of account attributes AWS documents more than its model has.  The action decides
# what exists.
OPEN_ENUMERATIONS = frozenset({"InstanceType", "VolumeType", "BucketLocationConstraint", "AccountAttributeName"})
# Patterns that AWS itself does not hold to: a copy source may be percent-encoded with its slash.
LOOSE_PATTERNS = frozenset({"CopySource"})

# Java's Unicode classes, which Python's `re` lacks, as they stand inside a character class.
_CLASSES = {r"\p{L}": r"\w", r"\p{N}": r"\d", r"\p{Z}": r" \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"}


def pattern(text: str) -> re.Pattern[str]:
    r"""Compile a model's regular expression: Java's, where `\w` and `\d` are ASCII unless `\p` is used."""
    if r"\p{" not in text:
        return re.compile(text, re.ASCII)
    for java, python in _CLASSES.items():
        text = text.replace(java, python)
    return re.compile(text)


def check(shape: Any) -> Check | None:
    """Return a function that raises ParameterError for a value that breaks a constraint; None if the shape has none."""
    facts = shape.metadata
    checks: list[Check] = []
    kind = shape.type_name
    if kind in ("string", "list", "map", "blob"):
        unit = "length"
        measure: Callable[[Any], Any] = len
    else:
        unit = "value"
        measure = _same
    secret = bool(facts.get("sensitive"))
    if "min" in facts and (unit == "value" or facts["min"] > 0):
        checks.append(_minimum(shape.name, measure, facts["min"], unit, secret))
    if "max" in facts:
        checks.append(_maximum(shape.name, measure, facts["max"], unit, secret))
    if "pattern" in facts and shape.name not in LOOSE_PATTERNS:
        checks.append(_matches(shape.name, facts["pattern"], secret))
    if facts.get("enum") and shape.name not in OPEN_ENUMERATIONS:
        checks.append(_member(shape.name, facts["enum"], secret))
    return _all(checks)


def _same(value: Any) -> Any:
    return value


def _all(checks: list[Check]) -> Check | None:
    if len(checks) < 2:
        return checks[0] if checks else None

    def run(value: Any) -> None:
        for one in checks:
            one(value)

    return run


def _broken(name: str, detail: str, value: Any, secret: bool) -> ParameterError:
    return ParameterError(
        Problem.CONSTRAINT, detail, None if secret or isinstance(value, (list, dict)) else str(value), shape=name
    )


def _minimum(name: str, measure: Callable[[Any], Any], least: Any, unit: str, secret: bool) -> Check:
    def run(value: Any) -> None:
        if measure(value) < least:
            raise _broken(name, f"Member must have {unit} greater than or equal to {least}", value, secret)

    return run


def _maximum(name: str, measure: Callable[[Any], Any], most: Any, unit: str, secret: bool) -> Check:
    def run(value: Any) -> None:
        if measure(value) > most:
            raise _broken(name, f"Member must have {unit} less than or equal to {most}", value, secret)

    return run


def _matches(name: str, text: str, secret: bool) -> Check:
    full = pattern(text).fullmatch

    def run(value: Any) -> None:
        if not full(value):
            raise _broken(name, f"Member must satisfy regular expression pattern: {text}", value, secret)

    return run


def _member(name: str, values: Collection[str], secret: bool) -> Check:
    known = frozenset(values)
    listed = ", ".join(values) if len(values) <= 40 else ", ".join([*list(values)[:40], "..."])

    def run(value: Any) -> None:
        if value not in known:
            raise _broken(name, f"Member must satisfy enum value set: [{listed}]", value, secret)

    return run
