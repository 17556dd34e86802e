"""Which values of a supported parameter an action takes: declared once with the action, checked on every request.

    values={"Encrypted": only(False), "KeyFormat": but("ppk")}

The table is what the coverage shows and what refuses a request, so neither can promise what the other does not keep.
It holds values that AWS takes and this cloud cannot honour.  What AWS itself refuses belongs to the action's `check`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from shim.errors import AwsError


@dataclass(frozen=True, slots=True)
class Values:
    """The values of one parameter that are taken, or (`but`) those that are not.

    An empty text is never refused, because clients send one for a parameter that is not set.  `code`, `message` and
    `status` are AWS's answer where it has one of its own; else the wire protocol has words for it.  The rule holds only
    where other members of the same structure have the values of `where`; None means that a member is not given.
    """

    named: tuple[Any, ...]
    named_are_taken: bool = True
    code: str = ""
    message: str = ""
    status: int = 400
    where: Mapping[str, Any] = field(default_factory=dict)
    examples: tuple[Any, ...] = ()  # values that are refused

    def takes(self, value: Any) -> bool:
        """Tell whether a value is taken."""
        return value == "" or (value in self.named) is self.named_are_taken

    def shown(self) -> str:
        """Write the rule for people."""
        named = ", ".join(_spelled(value) for value in self.named)
        where = " and ".join(
            f"`{name}` is {'not given' if value is None else _spelled(value)}" for name, value in self.where.items()
        )
        return f"{'only' if self.named_are_taken else 'not'} {named}{f' where {where}' if where else ''}"

    def holds(self, members: Mapping[str, Any]) -> bool:
        """Tell whether the rule is for a parameter beside these members."""
        return all(_given(members, name) == value for name, value in self.where.items())

    def error(self, path: str) -> AwsError | None:
        """Return AWS's own answer to a value that is not taken; None where the protocol's general one is to be used."""
        return AwsError(self.code, self.message, self.status, refused=path) if self.code else None


def only(
    *taken: Any, code: str = "", message: str = "", status: int = 400, where: Mapping[str, Any] = MappingProxyType({})
) -> Values:
    """Take these values and refuse all others."""
    return Values(taken, True, code, message, status, where)


def but(*refused: Any, code: str = "", message: str = "", status: int = 400) -> Values:
    """Refuse these values and take all others."""
    return Values(refused, False, code, message, status)


def with_examples(values: Values, shape: Any) -> Values:
    """Add values that are refused, from the model of the parameter; LookupError for a value that AWS does not have."""
    known: tuple[Any, ...] = tuple(shape.enum) if shape.type_name == "string" and shape.enum else ()
    if unknown := [value for value in values.named if known and value not in known]:
        raise LookupError(f"{shape.name} has no value {unknown[0]}")
    if not values.named_are_taken:
        return replace(values, examples=values.named)
    match shape.type_name:
        case "boolean":
            known = (True, False)
        case "integer" | "long":
            known = (max(values.named) + 1,)
        case "string":
            known = known or ("another-value",)
    return replace(values, examples=tuple(value for value in known if not values.takes(value)))


def beside(path: str, name: str) -> str:
    """Return the path of another member of the structure that has the parameter at a path."""
    parent = path.rpartition(".")[0]
    return f"{parent}.{name}" if parent else name


def refused(params: Mapping[str, Any], values: Mapping[str, Values]) -> tuple[str, Any] | None:
    """Return path and value of the first parameter whose value is not taken; None where all are."""
    for path, one in values.items():
        for value in _at(params, path.split("."), one):
            if not one.takes(value):
                return path, value
    return None


def _at(value: Any, steps: list[str], rule: Values) -> Iterator[Any]:
    """Yield what a path leads to, in each item of the lists on its way for which the rule holds."""
    if isinstance(value, list):
        for item in value:
            yield from _at(item, steps, rule)
    elif not steps:
        yield value
    elif isinstance(value, Mapping) and steps[0] in value:
        if len(steps) == 1 and rule.where and not rule.holds(value):
            return
        yield from _at(value[steps[0]], steps[1:], rule)


def _given(members: Mapping[str, Any], name: str) -> Any:
    """Return the value of a member; None where it is not given, or as an empty text."""
    value = members.get(name)
    return None if value == "" else value


def _spelled(value: Any) -> str:
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
