"""Judge a call by the gateway's own registry: the tables that refuse a request are the tables that are asked here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import shim.ec2
import shim.s3
import shim.sts  # noqa: F401 - importing a service's package registers its actions
from assess import documented
from assess.calls import UNKNOWN, Call, is_known
from shim.authz.principal import Principal, Proof
from shim.config import Settings
from shim.ec2.service import ec2
from shim.errors import AwsError
from shim.protocol import routing
from shim.protocol.coverage import Tree, compile_tree
from shim.protocol.operation import Operation
from shim.protocol.service import PROTOCOLS, Service
from shim.protocol.values import Values, refused, values_at
from shim.s3.refused import REFUSED as REFUSED_BY_S3
from shim.s3.service import s3
from shim.sts.service import sts

SERVICES: Final[Mapping[str, Service]] = MappingProxyType({"ec2": ec2, "s3": s3, "sts": sts})

# Why an operation is refused as a whole, where the gateway has a reason for it.
_REASONS: Final = {"s3": REFUSED_BY_S3}
# The caller of the calls that are judged.  AWS's documentation uses this account, so nobody has it.
_CALLER = Principal(Proof.SIGNATURE, "AKIDEXAMPLE", "user", "project", "111122223333")


class Outcome(Enum):
    """What happens to a call on the gateway."""

    WORKS = "works"
    DIFFERS = "works with a documented difference"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason for a verdict.  `path` is the parameter's, '' for the operation; `docs` is a line of the docs."""

    outcome: Outcome
    path: str
    sentence: str
    code: str = ""
    status: int = 0
    docs: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens to a call, and why."""

    outcome: Outcome
    findings: tuple[Finding, ...] = ()


def judge(call: Call) -> Verdict:
    """Judge a call.  It is refused if anything of it is, and unknown if something decisive of it is not known."""
    findings = tuple(dict.fromkeys(_findings(call)))
    for outcome in (Outcome.REFUSED, Outcome.UNKNOWN, Outcome.DIFFERS):
        if any(one.outcome is outcome for one in findings):
            return Verdict(outcome, findings)
    return Verdict(Outcome.WORKS)


def _findings(call: Call) -> Iterator[Finding]:
    service = SERVICES.get(call.service)
    if service is None:
        yield _refusal("", routing.unsupported_service(call.service))
        return
    if call.operation not in service.operations:
        yield Finding(Outcome.UNKNOWN, "", f"AWS's model of {call.service} has no operation {call.operation}")
        return
    if call.operation not in service.handlers:
        error = PROTOCOLS[service.protocol].unsupported_operation(call.operation)
        why = _REASONS.get(call.service, {}).get(call.operation, "")
        yield _refusal("", error, f"{error.message} ({why})" if why else error.message)
        return
    operation = service.operations[call.operation]
    yield from _parameters(service, operation, call.params)
    yield from _filters(operation, call.params)
    if call.complete and call.exact and is_known(call.params):
        yield from _read(operation, call.params)
    if not call.complete:
        yield Finding(Outcome.UNKNOWN, "", "further parameters could not be read from the source")
    yield from _differences(call, operation)


def _refusal(path: str, error: AwsError, sentence: str = "") -> Finding:
    return Finding(Outcome.REFUSED, path, sentence or error.message, error.code, error.status)


def _parameters(service: Service, operation: Operation, params: Mapping[str, Any]) -> Iterator[Finding]:
    """Find the parameters that are refused by name or by value, and those that the model does not have."""
    dialect, model = PROTOCOLS[service.protocol], service.model.operation_model(operation.name)
    shape = model.input_shape
    known, strange = _split(params, shape)
    for path in strange:
        yield Finding(Outcome.UNKNOWN, path, f"AWS's model of {operation.name} has no parameter {path}")
    for path in dict.fromkeys(_uncovered(known, _tree(service.name, operation.name))):
        yield _refusal(path, dialect.unsupported_parameter(path, model))
    for path, rules in operation.values.items():
        for rule in rules:
            yield from _value(path, rule, known, lambda value, path=path: dialect.unsupported_value(path, value, model))


def _value(path: str, rule: Values, params: Mapping[str, Any], general: Any) -> Iterator[Finding]:
    """Find values that one rule refuses.  An unknown value is in no rule's list, so it is looked at by itself."""
    if any(map(rule.depends, values_at(params, path.split("."), rule))):
        yield Finding(Outcome.UNKNOWN, path, f"it depends on the cloud: {rule.shown()}")
    if rule.when:
        if rule.named and _has_unknown(params, path.split(".")):
            yield Finding(Outcome.UNKNOWN, path, f"it depends on the value: {rule.shown()}")
        return
    found = refused(params, {path: (rule,)}, _CALLER.account_id)
    if found is None:
        hidden = _has_unknown(params, path.split("."))
        if hidden and not rule.where:
            yield Finding(Outcome.UNKNOWN, path, f"it depends on the value: {rule.shown()}")
        return
    _, value, _ = found
    if value is UNKNOWN:
        yield Finding(Outcome.UNKNOWN, path, f"it depends on the value: {rule.shown()}")
    else:
        error = rule.error(path) or general(value)
        yield _refusal(path, error, f"{error.message} ({rule.shown()})")


def _has_unknown(value: Any, steps: list[str]) -> bool:
    if value is UNKNOWN:
        return True
    if isinstance(value, list):
        return any(_has_unknown(item, steps) for item in value)
    if not steps or not isinstance(value, Mapping) or steps[0] not in value:
        return False
    return _has_unknown(value[steps[0]], steps[1:])


def _split(value: Mapping[str, Any], shape: Any, path: str = "") -> tuple[dict[str, Any], list[str]]:
    """Separate what the model has from the paths that it does not have."""
    known: dict[str, Any] = {}
    strange: list[str] = []
    members = shape.members if shape is not None else {}
    for name, below in value.items():
        if name not in members:
            strange.append(f"{path}{name}")
            continue
        known[name], lost = _split_below(below, members[name], f"{path}{name}.")
        strange += lost
    return known, strange


def _split_below(value: Any, shape: Any, path: str) -> tuple[Any, list[str]]:
    if shape.type_name == "structure" and isinstance(value, Mapping):
        return _split(value, shape, path)
    if shape.type_name == "list" and isinstance(value, list):
        items = [_split_below(item, shape.member, path) for item in value]
        return [item for item, _ in items], list(dict.fromkeys(name for _, lost in items for name in lost))
    return value, []


@cache
def _tree(service: str, operation: str) -> Tree:
    """Return the tree of the parameters that an operation takes, as its registration makes it."""
    one = SERVICES[service]
    model, registered = one.model.operation_model(operation), one.operations[operation]
    always = PROTOCOLS[one.protocol].always(model)
    return compile_tree(model.input_shape, {*registered.supports, *registered.ignores, *always})


def _uncovered(params: Any, tree: Tree, path: str = "") -> Iterator[str]:
    """Yield the path of each parameter that the tree does not cover: `protocol.coverage.uncovered` names the first."""
    if not isinstance(params, Mapping):
        return
    for name, value in params.items():
        below = tree.get(name)
        if below is None:
            yield f"{path}{name}"
        elif below:  # an empty tree covers all below it
            for item in value if isinstance(value, list) else (value,):
                yield from _uncovered(item, below, f"{path}{name}.")


@cache
def _settings() -> Settings:
    """Return settings that offer all that an operator may offer: what depends on it is told by the tables."""
    kinds: Any = SERVICES["ec2"].model.shape_for("VolumeType")
    return Settings.model_construct(
        ec2_throttling=False,
        instance_profiles="echoed",
        ec2_encrypted_volume_types={kind: f"{kind}-encrypted" for kind in kinds.enum},
        ec2_ipv6_pool="ipv6",
    )


def _ask(operation: Operation, params: Mapping[str, Any]) -> AwsError | None:
    """Let the action read parameters, as the gateway does before it asks OpenStack."""
    if operation.read is None:
        return None
    try:
        operation.read(_settings(), _CALLER, operation.name, params)
    except AwsError as error:
        return error
    except (LookupError, TypeError, AttributeError, ValueError):  # a required parameter is not among them
        return None
    return None


def _filters(operation: Operation, params: Mapping[str, Any]) -> Iterator[Finding]:
    """Ask the action for each filter by itself: its table says which names there are."""
    for member in ("Filters", "Filter"):
        asked = params.get(member)
        for one in asked if isinstance(asked, list) else ():
            name = one.get("Name", UNKNOWN) if isinstance(one, Mapping) else UNKNOWN
            if name is UNKNOWN:
                yield Finding(Outcome.UNKNOWN, member, "it depends on the filter's name, which is not known")
                continue
            error = _ask(operation, {member: [{"Name": str(name), "Values": ["x"]}]})
            if error is not None and error.refused == f"Filters.{name}":
                yield _refusal(f"{member}.{name}", error)


def _read(operation: Operation, params: Mapping[str, Any]) -> Iterator[Finding]:
    error = _ask(operation, params)
    if error is not None and not error.refused.startswith("Filters."):
        yield _refusal(error.refused, error)


def _differences(call: Call, operation: Operation) -> Iterator[Finding]:
    """Find the parameters that are taken without effect, and what the documentation says of the operation."""
    given = set(_paths(call.params))
    for path, why in operation.ignores.items():
        if path in given:
            yield Finding(Outcome.DIFFERS, path, f"taken without effect: {why}", docs="docs/coverage.md")
    names = _names(call.service, call.operation)
    for line in documented.lines(call.operation):
        about = {names[word] for word in line.words if word in names}
        if not about or about & call.params.keys():
            yield Finding(Outcome.DIFFERS, "", line.text, docs=line.where)


@cache
def _names(service: str, operation: str) -> Mapping[str, str]:
    """Return the names of an operation's parameters, and those of their headers, each with the parameter."""
    shape = SERVICES[service].model.operation_model(operation).input_shape
    members = shape.members if shape is not None else {}
    return {
        **{str(member.serialization.get("name", name)): name for name, member in members.items()},
        **{name: name for name in members},
    }


def _paths(params: Any, path: str = "") -> Iterable[str]:
    """Yield the path of each parameter that is given; lists are stepped over."""
    if isinstance(params, list):
        for item in params:
            yield from _paths(item, path)
    elif isinstance(params, Mapping):
        for name, value in params.items():
            here = f"{path}.{name}" if path else str(name)
            yield here
            yield from _paths(value, here)
