"""Launch templates as documents in a private container of the project's Swift.

One object, the index, holds the head of every template: name, default version, number of the next version, tags.
Each version is an object of its own that never changes.  A version is written before the index names it, so a gateway
that is killed in between leaves an object that the next version overwrites.  Swift ignores `If-Match` when it writes an
object, so changes of the index are made under a lock that the replicas share (decision 27).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from adapters.errors import BackendError, Fault, absent_is
from adapters.types.objects import Description
from shim.concurrency import gather_all
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import LAUNCH_TEMPLATE
from shim.errors import AwsError

CONTAINER: Final = "launch-templates+ec2"  # no bucket can have this name
_INDEX: Final = "index"
_SORT: Final = "launch template"  # of the cached versions
_KEEP_SECONDS: Final = 600.0
_MOST: Final = 1000  # templates of a project; the index is read whole
_MOST_BYTES: Final = 2 << 20
_LARGE: Final = 64 << 10  # a larger index is parsed in the worker's thread
_SIDE_BY_SIDE: Final = 8


@dataclass(frozen=True, slots=True)
class Template:
    """The head of a launch template.  `versions` are the numbers of those that exist; numbers are never used again."""

    id: str  # a UUID
    name: str
    created: str
    by: str
    default: int
    next: int
    versions: tuple[int, ...]
    tags: Mapping[str, str] = field(default_factory=dict)
    token: Mapping[str, str] = field(default_factory=dict)

    @property
    def latest(self) -> int:
        """The number of the newest version."""
        return max(self.versions)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a launch template."""

    number: int
    created: str
    by: str
    description: str
    data: Mapping[str, Any]
    token: Mapping[str, str] = field(default_factory=dict)


def template_id(project_id: str, name: str) -> str:
    """Return the id of a project's template: it is computed from its name, which is unique."""
    return str(uuid.uuid5(ids.NAMESPACE, f"launch template {project_id} {name}"))


async def templates(call: Call) -> dict[str, Template]:
    """Read the heads of all templates, by id."""
    raw = await _read(call, _INDEX)
    if raw is None:
        return {}
    large = len(raw) > _LARGE
    found = await call.worker.run(call.caller.account_id, partial(json.loads, raw)) if large else json.loads(raw)
    return {one["id"]: Template(**{**one, "versions": tuple(one["versions"])}) for one in found["templates"]}


@asynccontextmanager
async def changing(call: Call) -> AsyncIterator[dict[str, Template]]:
    """Read the heads of all templates under the lock, and write them after the block if it has changed them."""
    async with call.locks.hold("launch templates", call.caller.project_id, _INDEX):
        heads = await templates(call)
        before = dict(heads)
        yield heads
        if heads != before:
            if len(heads) > _MOST:
                raise limit_exceeded()
            await _write(call, _INDEX, {"templates": [asdict(one) for one in heads.values()]})
        if before and not heads:
            await _erase_all(call, list(before.values()))


async def version(call: Call, template: Template, number: int) -> Version:
    """Read one version; it never changes, so it is remembered."""
    key = _SORT, template.id, template.created, number
    raw: bytes | None = call.cache.get(call.caller.project_id, key)
    if raw is None:
        raw = await _read(call, _name(template, number))
        if raw is None:
            raise missing_version(template, [str(number)])
        call.cache.put(call.caller.project_id, key, raw, size=len(raw) + 200, seconds=_KEEP_SECONDS)
    return Version(**json.loads(raw))


async def versions(call: Call, template: Template, numbers: Collection[int]) -> list[Version]:
    """Read several versions at the same time."""
    return list(await gather_all((version(call, template, one) for one in numbers), most=_SIDE_BY_SIDE))


async def write_version(call: Call, template: Template, new: Version) -> None:
    """Write a version, before the index names it."""
    await _write(call, _name(template, new.number), asdict(new))


async def erase(call: Call, template: Template, numbers: Collection[int]) -> None:
    """Delete versions, after the index no longer names them."""
    store = call.cloud.objects
    await gather_all(
        (absent_is("", store.delete(CONTAINER, _name(template, one))) for one in numbers), most=_SIDE_BY_SIDE
    )


async def _erase_all(call: Call, last: Sequence[Template]) -> None:
    """Delete the container with the last template; it stays where it holds what a killed gateway left."""
    store = call.cloud.objects
    for one in last:
        await erase(call, one, one.versions)
    await absent_is("", store.delete(CONTAINER, _INDEX))
    try:
        await absent_is(None, store.delete_container(CONTAINER))
    except BackendError as error:
        if error.fault is not Fault.CONFLICT:
            raise


def named(heads: Mapping[str, Template], req: Mapping[str, Any]) -> Template:
    """Return the template that a request names by id or by name."""
    by_id, name = req.get("LaunchTemplateId"), req.get("LaunchTemplateName")
    if bool(by_id) == bool(name):
        raise AwsError(
            "InvalidParameterCombination" if by_id else "MissingParameter",
            "Either LaunchTemplateId or LaunchTemplateName must be specified, but not both.",
            refused="LaunchTemplateName",
        )
    if by_id:
        found = heads.get(ids.uuid(LAUNCH_TEMPLATE, by_id))
        if found is None:
            raise ids.missing(LAUNCH_TEMPLATE, [by_id])
        return found
    found = next((one for one in heads.values() if one.name == name), None)
    if found is None:
        raise AwsError(
            "InvalidLaunchTemplateName.NotFoundException",
            "At least one of the launch templates specified in the request does not exist.",
        )
    return found


def number_of(template: Template, word: str) -> int:
    """Return the number of a version that a request names by number, `$Latest` or `$Default`."""
    if word in ("$Latest", "$Default"):
        return template.latest if word == "$Latest" else template.default
    if not (word.isascii() and word.isdigit() and len(word) <= 9):
        raise _invalid(word)
    if int(word) not in template.versions:
        raise missing_version(template, [word])
    return int(word)


def bound(word: str | None) -> int | None:
    """Return a bound of version numbers; None if the request has none."""
    if not word:
        return None
    if not (word.isascii() and word.isdigit() and len(word) <= 9):
        raise _invalid(word)
    return int(word)


def missing_version(template: Template, words: Collection[str]) -> AwsError:
    """Return the error for versions that do not exist."""
    return AwsError(
        "InvalidLaunchTemplateId.VersionNotFound",
        f"Could not find launch template version {', '.join(words)} for launch template "
        f"{ids.aws(LAUNCH_TEMPLATE.prefix, template.id)}.",
    )


def _invalid(word: str) -> AwsError:
    return AwsError("InvalidParameterValue", f"Invalid version '{word}': a version is a number, $Latest or $Default.")


def with_tags(template: Template, tags: Mapping[str, str]) -> Template:
    """Return a template with other tags."""
    return replace(template, tags=dict(sorted(tags.items())))


def limit_exceeded() -> AwsError:
    """Return the error for more templates, or larger ones, than are kept."""
    return AwsError("LaunchTemplateLimitExceeded", "The limit of launch templates of the account was reached.")


def _name(template: Template, number: int) -> str:
    return f"{template.id}/{number}"


async def _read(call: Call, name: str) -> bytes | None:
    try:
        download = await absent_is(None, call.cloud.objects.get(CONTAINER, name, tell_missing=False))
    except BackendError as error:
        if error.fault is Fault.UNSUPPORTED:  # a cloud without Swift has no templates
            return None
        raise
    if download is None:
        return None
    try:
        if download.stored.size > _MOST_BYTES:  # Swift's own users may have stored any size
            raise limit_exceeded()
        if isinstance(download.body, bytes):
            return download.body
        return b"".join([piece async for piece in download.body])
    finally:
        download.close()


async def _write(call: Call, name: str, document: Mapping[str, Any]) -> None:
    raw = json.dumps(document, separators=(",", ":"), default=_plain).encode()
    if len(raw) > _MOST_BYTES:
        raise limit_exceeded()
    store, about = call.cloud.objects, Description(content_type="application/json")
    try:
        if await absent_is(None, store.put(CONTAINER, name, raw, len(raw), about)) is None:
            await store.create_container(CONTAINER)
            await store.put(CONTAINER, name, raw, len(raw), about)
    except BackendError as error:
        raise _told(error) from error


def _told(error: BackendError) -> Exception:
    if error.fault is Fault.UNSUPPORTED:
        return AwsError(
            "UnsupportedOperation", "Launch templates are kept in the object store, which this cloud lacks."
        )
    return error


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)
