"""Read Terraform's plans and states: the calls that make, read, change and destroy each resource."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from assess.calls import UNKNOWN, Call, Found
from assess.terraform import recorded
from assess.terraform.plan import NoPlanError, Resource, resources

_ASKS: Final = ("Describe", "Get", "List", "Head")


def read(paths: Iterable[Path]) -> Found:
    """Return the calls of the resources of plans and states."""
    found = Found()
    for path in paths:
        try:
            some = resources(path)
        except NoPlanError as error:
            found.unfollowed.append(f"{path}: {error}")
            continue
        if any(one.sort.removeprefix("data.").startswith("aws_") for one in some):
            own = (one.split() for one in recorded.data()["configured"])
            found.calls += [Call(service, operation, where=str(path)) for service, operation in own]
        for resource in some:
            found.add(_assessed(resource, str(path)))
        if any(one.configured is None and not one.actions for one in some):
            found.notes.append(_OF_STATES)
    version = recorded.data()["version"]
    found.notes.append(f"The calls of Terraform's resources are those of the AWS provider {version}.")
    return found


_OF_STATES: Final = (
    "A state of Terraform does not tell which attributes were set: of those that the provider fills in, only what is "
    "true was assessed. A plan tells more."
)


def _assessed(resource: Resource, file: str) -> Found:
    where = f"{file}: {resource.address}"
    sort = resource.sort.removeprefix("data.")
    if not sort.startswith(("aws_", "awscc_")):
        return Found()  # of another provider
    row = recorded.data()["resources"].get(resource.sort)
    if row is None:
        return Found(unfollowed=[f"{where}: the calls of {resource.sort} were not recorded"])
    tags = resource.values.get("tags_all") or resource.values.get("tags")  # the first has the provider's own as well
    resource = replace(resource, values={**resource.values, "tags": tags, "id": resource.values.get("id", UNKNOWN)})
    names = recorded.given(resource, row)
    strange = recorded.unrecorded(resource, row, names)
    found = Found(unfollowed=[f"{where}: what {name} does was not recorded" for name in strange])
    calls: dict[tuple[str, str], Call] = {}
    for call, changes in _calls(resource, row, names, found, where):
        service, operation = call["call"].split()
        params = recorded.parameters(call, resource, names)
        complete = not strange or not changes or operation.startswith(_ASKS)
        calls.setdefault((call["call"], repr(params)), Call(service, operation, params, where, complete))
    found.calls = list(calls.values())
    return found


def _calls(
    resource: Resource, row: Mapping[str, Any], names: set[str], found: Found, where: str
) -> Iterator[tuple[Mapping[str, Any], bool]]:
    """Yield the recorded calls, and whether an attribute that nobody recorded may add parameters to them."""
    for step in ("create", "read", "delete"):
        for call in row[step]:
            if _is_made(call, resource, names):
                yield call, step == "create"
    if resource.actions != ("update",):
        return
    for name in (*row["settable"], *row["computed"]):
        if not _changes(resource, name):
            continue
        if name not in row["update"]:
            found.unfollowed.append(f"{where}: what a change of {name} does was not recorded")
        for call in row["update"].get(name, ()):
            yield call, False


def _is_made(call: Mapping[str, Any], resource: Resource, names: set[str]) -> bool:
    """Tell whether a call is made: some are for an attribute, and some for one value of it."""
    choices = call.get("if", {}).items()
    if any(resource.values.get(name, UNKNOWN) not in (value, UNKNOWN) for name, value in choices):
        return False
    return "when" not in call or bool(names & set(call["when"]))


def _changes(resource: Resource, name: str) -> bool:
    before, after = resource.before.get(name), resource.values.get(name)
    if name == "tags":
        before = resource.before.get("tags_all") or before
    if after is UNKNOWN and (resource.configured is None or name not in resource.configured):
        return False
    return before != after and (before or None) != (after or None)
