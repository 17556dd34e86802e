"""The conditions of a policy's statement: AWS's operators on the request's keys.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html

A condition is met, not met, or unknown: unknown if the gateway cannot know the key's value.  Statements decide what
follows from that.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import ip_address, ip_network
from typing import Final

from shim.authz.patterns import Context, Pattern, Patterns
from shim.globs import Globs, Token

Compare = Callable[[str, str], bool]  # (the policy's value, the request's) → whether they match

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?")
_SECONDS: Final = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?")


class InvalidValueError(Exception):
    """A policy has a value that its operator cannot compare."""


@dataclass(frozen=True, slots=True)
class Operator:
    """One of AWS's operators, without `Not`, `IfExists` and set operators.

    `compare` compares two texts, or is None if the values are patterns.  `check` raises for a value that is not valid.
    """

    compare: Compare | None
    check: Callable[[str], object] = str
    wild: bool = False
    arn: bool = False
    variables: bool = False  # the policy's values may have variables


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator on one key; `values` are the policy's, of which one has to match.

    `every` is None, or whether all (ForAllValues) or any (ForAnyValue) of the request's values have to.
    """

    name: str  # the operator as the policy writes it
    key: str
    written: str  # the key as the policy writes it
    operator: Operator | None  # None for Null
    negated: bool
    if_exists: bool
    every: bool | None
    values: tuple[Pattern, ...]
    patterns: Patterns

    def met(self, context: Context) -> bool | None:
        """Tell whether a request meets the condition; None if that cannot be known."""
        found = context.get(self.key, ())
        if found is None:
            return None
        if self.operator is None:
            absent = not found
            return any((one.text.lower() == "true") is absent for one in self.values)
        if not found:
            return self.negated or self.if_exists if self.every is None else self.every or self.if_exists
        if self.patterns.unknown(context):
            return None
        if self.every is not None:
            return (all if self.every else any)(self._one(value, context) is not self.negated for value in found)
        return any(self._one(value, context) for value in found) is not self.negated

    def unresolved(self, context: Context) -> bool:
        """Tell whether a value has a variable that has no value in the request."""
        return self.patterns.unresolved(context)

    def cost(self, context: Context) -> int:
        """Estimate the cost of `met` in characters read."""
        size = sum(len(one.text) for one in self.values)
        return sum(size + self.patterns.cost(value) for value in context.get(self.key) or ())

    def _one(self, value: str, context: Context) -> bool:
        """Tell whether one of the request's values matches one of the policy's."""
        operator = self.operator
        assert operator is not None
        if operator.arn:
            return any(_same_arn(one, value, context) for one in self.values)
        if operator.compare is None:
            return self.patterns.match(value, context)
        return any(
            text is not None and operator.compare(text, value) for text in (one.value(context) for one in self.values)
        )


def _same_arn(pattern: Pattern, value: str, context: Context) -> bool:
    """Compare ARNs: "Each of the six colon-delimited components of the ARN is checked separately"."""
    tokens = pattern.tokens(context)
    told, wanted = value.split(":", 5), _components(tokens or ())
    if tokens is None or len(told) != len(wanted):
        return False
    return all(Globs([part], iter).matches(text) for part, text in zip(wanted, told, strict=True))


def _components(tokens: tuple[Token, ...]) -> list[list[Token]]:
    found: list[list[Token]] = [[]]
    for token in tokens:
        if token[1] == ":" and len(found) < 6:
            found.append([])
        else:
            found[-1].append(token)
    return found


def _number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _time(text: str) -> datetime | None:
    """Read a time in W3C's formats of ISO 8601, or in seconds since 1970."""
    try:
        if _SECONDS.fullmatch(text):
            return datetime.fromtimestamp(float(text), UTC)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _comparing(read: Callable[[str], object | None], test: Callable[[object, object], bool]) -> Compare:
    """Return a comparison of values that are read first; a text that cannot be read matches nothing."""

    def compare(wanted: str, told: str) -> bool:
        first, second = read(wanted), read(told)
        return first is not None and second is not None and test(second, first)

    return compare


def _bytes(text: str) -> bytes | None:
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _in_network(wanted: str, told: str) -> bool:
    try:
        return ip_address(told) in ip_network(wanted, strict=False)
    except ValueError:
        return False


def _checked(read: Callable[[str], object | None], what: str) -> Callable[[str], object]:
    def check(text: str) -> object:
        if read(text) is None:
            raise InvalidValueError(what)
        return text

    return check


def _network(text: str) -> object | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


_TESTS: Final[Mapping[str, Callable[..., bool]]] = {
    "Equals": lambda told, wanted: told == wanted,
    "LessThan": lambda told, wanted: told < wanted,
    "LessThanEquals": lambda told, wanted: told <= wanted,
    "GreaterThan": lambda told, wanted: told > wanted,
    "GreaterThanEquals": lambda told, wanted: told >= wanted,
}
_NUMERIC: Final = _checked(_number, "Invalid numeric value in Conditions")
_DATE: Final = _checked(_time, "Invalid date value in Conditions")
_BINARY: Final = _checked(_bytes, "Invalid binary value in Conditions")
_ADDRESS: Final = Operator(_in_network, _checked(_network, "Invalid IP address in Conditions"))
_ARN: Final = Operator(None, wild=True, arn=True, variables=True)
_EQUALS: Final = Operator(None, variables=True)
_LIKE: Final = Operator(None, wild=True, variables=True)
_FOLDED: Final = Operator(lambda wanted, told: wanted.casefold() == told.casefold(), variables=True)

_OPERATORS: Final[Mapping[str, tuple[Operator, bool]]] = {
    "StringEquals": (_EQUALS, False),
    "StringNotEquals": (_EQUALS, True),
    "StringEqualsIgnoreCase": (_FOLDED, False),
    "StringNotEqualsIgnoreCase": (_FOLDED, True),
    "StringLike": (_LIKE, False),
    "StringNotLike": (_LIKE, True),
    **{f"Numeric{name}": (Operator(_comparing(_number, test), _NUMERIC), False) for name, test in _TESTS.items()},
    "NumericNotEquals": (Operator(_comparing(_number, _TESTS["Equals"]), _NUMERIC), True),
    **{f"Date{name}": (Operator(_comparing(_time, test), _DATE), False) for name, test in _TESTS.items()},
    "DateNotEquals": (Operator(_comparing(_time, _TESTS["Equals"]), _DATE), True),
    "Bool": (Operator(lambda wanted, told: wanted.lower() == told.lower()), False),
    "BinaryEquals": (Operator(_comparing(_bytes, _TESTS["Equals"]), _BINARY), False),
    "IpAddress": (_ADDRESS, False),
    "NotIpAddress": (_ADDRESS, True),
    # "ArnEquals and ArnLike behave identically", and so do their negations.
    "ArnEquals": (_ARN, False),
    "ArnLike": (_ARN, False),
    "ArnNotEquals": (_ARN, True),
    "ArnNotLike": (_ARN, True),
}
_BY_NAME: Final = {name.lower(): found for name, found in _OPERATORS.items()}
_SETS: Final = {"forallvalues": True, "foranyvalue": False}


def condition(name: str, written: str, key: str, values: tuple[str, ...], *, variables: bool) -> Condition:
    """Compile an operator on a key; raise LookupError for no operator of AWS's, InvalidValueError for a value."""
    prefix, colon, rest = name.partition(":")
    every = _SETS[prefix.lower()] if colon else None
    word = (rest if colon else prefix).lower()
    if word == "null" and not colon:
        if any(value.lower() not in ("true", "false") for value in values):
            raise InvalidValueError("Invalid Null value in Conditions")
        found = tuple(Pattern(value, wild=False, variables=False) for value in values)
        return Condition(name, key, written, None, False, False, None, found, Patterns(found))
    if_exists = word.endswith("ifexists")
    operator, negated = _BY_NAME[word.removesuffix("ifexists")]
    for value in values:
        operator.check(value)
    patterns = tuple(Pattern(value, wild=operator.wild, variables=variables and operator.variables) for value in values)
    return Condition(name, key, written, operator, negated, if_exists, every, patterns, Patterns(patterns))
