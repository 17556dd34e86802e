"""The signature of a logged call: which parameters it has, with the few values that decide, and no others.

Millions of calls have few signatures, so they are counted by signature.  Values stay out of it, except those that the
registry has a rule for and that AWS's model lists (`Encrypted=true`), and the names of filters.  So no secret of a log
comes into a report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from assess.calls import UNKNOWN
from assess.cloudtrail import spelling
from assess.verdicts import SERVICES
from shim.protocol.coverage import shape_at
from shim.protocol.operation import Operation
from shim.protocol.values import Values, beside

# A signature is a tuple of (name, what is below): None for a value that is not kept, (value,) for one that is, a
# signature for a structure, and a list's items in a frozenset.
Signature = tuple[Any, ...]
Step = tuple[str, Any, Any, Any]  # member, its shape, the reader of what is below, how its value is kept
Keep = Callable[[Any], Any]  # a value → (value,) where it is kept, else None

_MOST_NAMES: Final = 500  # of a structure; a log that has more is not CloudTrail's
_MOST_ITEMS: Final = 50  # of a list: a signature has the different ones
_LONGEST_NAME: Final = 128
_GREATEST: Final = 1_000_000  # of a number that is kept
_HOISTED: Final = "(items)"
_STRANGE: Final = "?"
_ANOTHER: Final = "another value"
_REMOVED: Final = ("HIDDEN_DUE_TO_SECURITY_REASONS", "<sensitiveDataRemoved>", "***")


class Structure:
    """Reads a structure's parameters from the log's spelling; what a name stands for is found once."""

    __slots__ = ("_keep", "_path", "_service", "_shape", "_steps", "_uri")

    def __init__(
        self, service: str, shape: Any, keep: Mapping[str, Keep], path: str = "", uri: frozenset[str] = frozenset()
    ):
        self._service, self._shape, self._keep, self._path, self._uri = service, shape, keep, path, uri
        self._steps: dict[Any, Step | None] = {}

    def read(self, params: Mapping[str, Any]) -> Signature:
        """Return the signature of parameters."""
        found: list[Any] = []
        steps = self._steps
        for name, value in params.items():
            nested = type(value) is dict or type(value) is list
            key: Any = (name, spelling.has_ids(value)) if nested and name[-3:] == "Set" else name
            try:
                step = steps[key]
            except KeyError:
                step = self._step(key, name, value)
            if step is None:
                continue
            member, shape, below, kept = step
            if member is _HOISTED:
                found.extend(self.read(spelling.items(value, None)[0]))
                continue
            if shape is None:
                found.append((member, None))
            elif nested:
                found.append((member, self._below(value, shape, below, kept)))
            else:
                found.append((member, kept(value) if kept is not None else None))
        return tuple(found)

    def _step(self, key: Any, name: str, value: Any) -> Step | None:
        step: Step | None = None
        if name in self._uri or spelling.is_context(self._service, name):
            step = None
        elif len(self._steps) > _MOST_NAMES:
            return (_STRANGE, None, None, None)
        else:
            found = spelling.member(self._service, self._shape, name, value, top=not self._path)
            if found is None and self._is_hoisted(value):
                step = (_HOISTED, None, None, None)
            elif found is None:
                step = (name[:_LONGEST_NAME], None, None, None)
            else:
                member, shape = found
                path = f"{self._path}{member}"
                inner = shape.member if shape.type_name == "list" else shape
                below = (
                    Structure(self._service, inner, self._keep, f"{path}.") if inner.type_name == "structure" else None
                )
                step = (member, shape, below, self._keep.get(path))
        self._steps[key] = step
        return step

    def _is_hoisted(self, value: Any) -> bool:
        """Tell whether the one item of a list holds members of this structure: `instancesSet` of RunInstances does."""
        inner = value.get("items") if type(value) is dict else None
        return (
            type(inner) is list
            and len(inner) == 1
            and type(inner[0]) is dict
            and any(spelling.member(self._service, self._shape, one, inner[0][one], top=False) for one in inner[0])
        )

    def _below(self, value: Any, shape: Any, below: Structure | None, kept: Keep | None) -> Any:
        """Return what stands below a member whose value is a structure or a list."""
        if shape.type_name == "list":
            inner = spelling.items(value, shape)
            if below is not None:
                return frozenset(below.read(item) for item in inner[:_MOST_ITEMS] if type(item) is dict)
            return frozenset(
                kept(one) if kept is not None else None for one in map(spelling.scalar, inner[:_MOST_ITEMS])
            )
        if below is not None and type(value) is dict:
            return below.read(value)
        one = spelling.scalar(value)
        return kept(one) if kept is not None else None


def _boolean(value: Any) -> Any:
    return (value,) if isinstance(value, bool) else None


def _number(value: Any) -> Any:
    return (value,) if isinstance(value, int) and abs(value) <= _GREATEST else None


def _filter_name(value: Any) -> Any:
    """Keep a filter's name; the key of a tag is the customer's own and decides nothing."""
    if not isinstance(value, str) or len(value) > _LONGEST_NAME or not value.isascii():
        return None
    return ("tag:*",) if value.startswith("tag:") else (value,)


def _one_of(words: frozenset[str]) -> Keep:
    return lambda value: (value,) if isinstance(value, str) and value in words else None


def _listed(rules: Iterable[Values]) -> Keep:
    """Keep a text that a rule names, and tell others from these; the id of an account is not known."""
    named = frozenset(word for rule in rules for word in rule.named if isinstance(word, str)) | {""}

    def keep(value: Any) -> Any:
        if not isinstance(value, str) or value in _REMOVED or value.isdecimal():
            return None
        return (value,) if value in named else (_ANOTHER,)

    return keep


def keeps(operation: Operation, shape: Any) -> Mapping[str, Keep]:
    """Return how values are kept at the paths that decide: those of the rules, and what a rule looks at beside them."""
    paths: dict[str, Keep] = dict.fromkeys(("Filters.Name", "Filter.Name"), _filter_name)
    for path, rules in operation.values.items():
        for one in {path, *(beside(path, name) for rule in rules for name in rule.where)}:
            paths[one] = _keep(shape_at(shape, one), rules if one == path else ())
    return paths


def _keep(shape: Any, rules: Iterable[Values]) -> Keep:
    while shape.type_name == "list":
        shape = shape.member
    match shape.type_name:
        case "boolean":
            return _boolean
        case "integer" | "long":
            return _number
        case "string" if shape.enum:
            return _one_of(frozenset(shape.enum) | {""})
        case "string" if rules:
            return _listed(rules)
    return lambda value: None


def structure(service: str, operation: str) -> Structure | None:
    """Return the reader of an operation's parameters; None where it takes none."""
    one = SERVICES[service]
    model = one.model.operation_model(operation)
    if model.input_shape is None:
        return None
    uri = frozenset(pair.partition("=")[0] for pair in model.http["requestUri"].partition("?")[2].split("&") if pair)
    return Structure(service, model.input_shape, keeps(one.operations[operation], model.input_shape), uri=uri)


def params(signature: Any) -> Any:
    """Return the parameters of a signature, with UNKNOWN for each value that it does not have."""
    if signature is None:
        return UNKNOWN
    if isinstance(signature, frozenset):
        return [params(item) for item in sorted(signature, key=repr)]
    if len(signature) == 1 and not (isinstance(signature[0], tuple) and len(signature[0]) == 2):
        return signature[0]
    return {name: params(below) for name, below in signature}
