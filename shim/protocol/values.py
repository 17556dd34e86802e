"""Which values of a supported parameter an action takes: declared once with the action, checked on every request.

    values={"Encrypted": only(False), "KeyFormat": but("ppk"), "Users": but(OTHER_ACCOUNT)}

The table is what the coverage shows and what refuses a request, so neither can promise what the other does not keep.
It holds values that AWS takes and this cloud cannot honour.  What AWS itself refuses belongs to the action's `read`.
Values that are honoured under a condition that only the action can see are named too (`depends`), for those who read
the table; the action refuses them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from shim.errors import AwsError

# Among the named values it stands for the id of any account except the caller's.
OTHER_ACCOUNT: Any = object()

_ACCOUNT = re.compile("[0-9]{12}")
_EXAMPLE_ACCOUNT = "123456789012"  # AWS's documentation uses it, so nobody has it


@dataclass(frozen=True, slots=True)
class Values:
    """The values of one parameter that are taken, or (`but`) those that are not.

    An empty text is never refused, because clients send one for a parameter that is not set.  `code`, `message` and
    `status` are AWS's answer where it has one of its own; else the wire protocol has words for it.  The rule holds only
    where other members of the same structure have the values of `where`; None means that a member is not given.
    `when` is the condition under which the named values (all, if none is named) are honoured, which the action sees.
    """

    named: tuple[Any, ...]
    named_are_taken: bool = True
    code: str = ""
    message: str = ""
    status: int = 400
    where: Mapping[str, Any] = field(default_factory=dict)
    examples: tuple[Any, ...] = ()  # values that are refused
    when: str = ""

    def takes(self, value: Any, account: str = "") -> bool:
        """Tell whether a value is taken from a caller of this account."""
        return bool(self.when) or value == "" or self._names(value, account) is self.named_are_taken

    def depends(self, value: Any) -> bool:
        """Tell whether it depends on more than the request whether a value is taken."""
        return bool(self.when) and (not self.named or value in self.named)

    def _names(self, value: Any, account: str) -> bool:
        if OTHER_ACCOUNT in self.named and value != account and _ACCOUNT.fullmatch(str(value)):
            return True
        return value in self.named

    def shown(self) -> str:
        """Write the rule for people."""
        named = ", ".join(_spelled(value) for value in self.named)
        if self.when:
            return f"{named or 'all'} where {self.when}"
        listed = f"{'only' if self.named_are_taken else 'not'} {named}" if named else "none"
        where = " and ".join(
            f"`{name}` is {'not given' if value is None else _spelled(value)}" for name, value in self.where.items()
        )
        return f"{listed}{f' where {where}' if where else ''}"

    def holds(self, members: Mapping[str, Any]) -> bool:
        """Tell whether the rule is for a parameter beside these members."""
        return all(_given(members, name) == value for name, value in self.where.items())

    def error(self, path: str) -> AwsError | None:
        """Return AWS's own answer to a value that is not taken; None where the protocol's general one is to be used."""
        return AwsError(self.code, self.message, self.status, refused=path) if self.code else None


def only(
    *taken: Any, code: str = "", message: str = "", status: int = 400, where: Mapping[str, Any] = MappingProxyType({})
) -> Values:
    """Take these values and refuse all others; without a value, refuse all."""
    return Values(taken, True, code, message, status, where)


def but(*refused: Any, code: str = "", message: str = "", status: int = 400) -> Values:
    """Refuse these values and take all others."""
    return Values(refused, False, code, message, status)


def depends(*named: Any, when: str) -> Values:
    """Take these values, or all, only under a condition that the action sees."""
    return Values(named, when=when)


def with_examples(values: Values, shape: Any) -> Values:
    """Add values that are refused, from the model of the parameter; LookupError for a value that AWS does not have."""
    known: tuple[Any, ...] = tuple(shape.enum) if shape.type_name == "string" and shape.enum else ()
    if unknown := [value for value in values.named if known and value not in known]:
        raise LookupError(f"{shape.name} has no value {unknown[0]}")
    if values.when:
        return values
    if not values.named_are_taken:
        return replace(values, examples=tuple(_EXAMPLE_ACCOUNT if v is OTHER_ACCOUNT else v for v in values.named))
    match shape.type_name:
        case "boolean":
            known = (True, False)
        case "structure":
            known = ({},)
        case "integer" | "long":
            known = (max(values.named, default=0) + 1,)
        case "string":
            known = known or ("another-value",)
    return replace(values, examples=tuple(value for value in known if not values.takes(value)))


def beside(path: str, name: str) -> str:
    """Return the path of another member of the structure that has the parameter at a path."""
    parent = path.rpartition(".")[0]
    return f"{parent}.{name}" if parent else name


def refused(
    params: Mapping[str, Any], values: Mapping[str, Iterable[Values]], account: str = ""
) -> tuple[str, Any, Values] | None:
    """Return the first parameter whose value is not taken: its path, the value and the rule; None where all are."""
    for path, rules in values.items():
        steps = path.split(".")
        for rule in rules:
            for value in values_at(params, steps, rule):
                if not rule.takes(value, account):
                    return path, value, rule
    return None


def values_at(value: Any, steps: list[str], rule: Values) -> Iterator[Any]:
    """Yield what a path leads to, in each item of the lists on its way for which the rule holds."""
    if isinstance(value, list):
        for item in value:
            yield from values_at(item, steps, rule)
    elif not steps:
        yield value
    elif isinstance(value, Mapping) and steps[0] in value:
        if len(steps) == 1 and rule.where and not rule.holds(value):
            return
        yield from values_at(value[steps[0]], steps[1:], rule)


def _given(members: Mapping[str, Any], name: str) -> Any:
    """Return the value of a member; None where it is not given, or as an empty text."""
    value = members.get(name)
    return None if value == "" else value


def _spelled(value: Any) -> str:
    if value is OTHER_ACCOUNT:
        return "the ids of other accounts"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
