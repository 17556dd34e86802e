"""Merge a launch template into a RunInstances request: the request's own parameters win."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import LAUNCH_TEMPLATE
from shim.ec2.templates import documents

# AWS tags the instances of a template with these; Terraform finds an instance's template by them.
ID_TAG: Final = "aws:ec2launchtemplate:id"
VERSION_TAG: Final = "aws:ec2launchtemplate:version"

# Parameters that have another name in a template.
_RENAMED = {"RamDiskId": "RamdiskId", "ElasticGpuSpecifications": "ElasticGpuSpecification"}
# Groups are given by id or by name: either of the request replaces both of the template.
_GROUPS = ("SecurityGroupIds", "SecurityGroups")


@dataclass(frozen=True, slots=True)
class Merged:
    """A request with what its template adds, and the tags that name the template."""

    params: Mapping[str, Any]
    tags: Mapping[str, str]


async def merged(call: Call, req: Mapping[str, Any]) -> Merged:
    """Read the template version that a request names, and merge it."""
    asked = req["LaunchTemplate"]
    template = documents.named(await documents.templates(call), asked)
    version = await documents.version(call, template, documents.number_of(template, asked.get("Version") or "$Default"))
    own = {name: value for name, value in req.items() if name != "LaunchTemplate"}
    return Merged(
        with_template(own, version.data),
        {ID_TAG: ids.aws(LAUNCH_TEMPLATE.prefix, template.id), VERSION_TAG: str(version.number)},
    )


def with_template(req: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request with the parameters of a template that it does not have itself.

    Block devices are merged by their names, and tags by resource type and key; any other parameter is replaced as a
    whole.
    """
    base = {_RENAMED.get(name, name): value for name, value in data.items()}
    if any(name in req for name in _GROUPS):
        base = {name: value for name, value in base.items() if name not in _GROUPS}
    found = {**base, **req}
    if "BlockDeviceMappings" in req and "BlockDeviceMappings" in base:
        found["BlockDeviceMappings"] = _by(("DeviceName",), base["BlockDeviceMappings"], req["BlockDeviceMappings"])
    if "TagSpecifications" in req and "TagSpecifications" in base:
        found["TagSpecifications"] = _tags(base["TagSpecifications"], req["TagSpecifications"])
    return found


def _by(names: Sequence[str], base: Sequence[Mapping[str, Any]], own: Sequence[Mapping[str, Any]]) -> list[Any]:
    return list({tuple(one.get(name) for name in names): one for one in (*base, *own)}.values())


def _tags(base: Sequence[Mapping[str, Any]], own: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    tags: dict[str, list[Mapping[str, Any]]] = {}
    for one in (*base, *own):
        kind = one.get("ResourceType", "")
        tags[kind] = _by(("Key",), tags.get(kind, ()), one.get("Tags") or ())
    return [{"ResourceType": kind, "Tags": found} for kind, found in tags.items()]
