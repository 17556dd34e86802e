"""Launch templates: create, change, delete and describe them (`documents` keeps them)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from adapters.errors import BackendError, Fault
from shim.context import Call
from shim.ec2.engine import client_tokens, ids
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import LAUNCH_TEMPLATE
from shim.ec2.service import Forbidden, action
from shim.ec2.tags import rules as tag_rules
from shim.ec2.tags.creating import CreateRequest, creates
from shim.ec2.tags.stores import Held, Lists, Store, Work, register
from shim.ec2.templates import documents
from shim.ec2.templates.documents import Template, Version
from shim.errors import AwsError

# LaunchTemplateName: "Length Constraints: Minimum length of 3. Maximum length of 128. Pattern: [a-zA-Z0-9\(\)\.\-/_]+".
_NAME = re.compile(r"[a-zA-Z0-9().\-/_]{3,128}")
_ONE_NAME = Forbidden(
    "LaunchTemplateId",
    "LaunchTemplateName",
    "Either LaunchTemplateId or LaunchTemplateName must be specified, but not both.",
)
_RECENT = 5  # versions among which a repeated ClientToken is looked for

TEMPLATES = Table(
    items="LaunchTemplates",
    id="LaunchTemplateId",
    ids="LaunchTemplateIds",
    resource_type=LAUNCH_TEMPLATE,
    least=1,
    most=200,
    filters={"create-time": "CreateTime", "launch-template-name": "LaunchTemplateName", "tag": "Tags"},
)


@action(
    supports="LaunchTemplateName VersionDescription LaunchTemplateData TagSpecifications ClientToken",
    read=creates(LAUNCH_TEMPLATE),
)
async def create_launch_template(call: Call, asked: CreateRequest[None]) -> Mapping[str, Any]:
    """Create a template with its first version; its data are checked when an instance is launched from it."""
    name, token = asked.params["LaunchTemplateName"], asked.token
    if not _NAME.fullmatch(name):
        raise AwsError(
            "InvalidLaunchTemplateName.MalformedException",
            "A launch template name must be between 3 and 128 characters, and may contain letters, numbers, and the "
            "following characters: - ( ) . / _.",
            refused="LaunchTemplateName",
        )
    now = datetime.now(UTC).isoformat(timespec="seconds")
    made = Template(
        id=documents.template_id(call.caller.project_id, name),
        name=name,
        created=now,
        by=call.caller.arn,
        default=1,
        next=2,
        versions=(1,),
        tags=asked.tags[LAUNCH_TEMPLATE.name],
        token=token,
    )
    async with documents.changing(call) as heads:
        if there := heads.get(made.id):
            if not token or there.token.get(client_tokens.TOKEN) != token[client_tokens.TOKEN]:
                raise AwsError(LAUNCH_TEMPLATE.duplicate, LAUNCH_TEMPLATE.duplicate_says.format(id=name), refused=name)
            client_tokens.same(token, there.token)
            return {"LaunchTemplate": head_row(there)}
        first = Version(1, now, made.by, asked.params.get("VersionDescription", ""), asked.params["LaunchTemplateData"])
        await documents.write_version(call, made, first)
        heads[made.id] = made
    return {"LaunchTemplate": head_row(made)}


@action(
    supports="LaunchTemplateId LaunchTemplateName SourceVersion VersionDescription LaunchTemplateData ClientToken",
    forbids=(_ONE_NAME,),
    ignores={"ResolveAlias": "it concerns images that are named by a parameter of Systems Manager"},
)
async def create_launch_template_version(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Add a version; it takes from its source version what it does not have itself."""
    token = client_tokens.marks(req)
    async with documents.changing(call) as heads:
        template = documents.named(heads, req)
        if token and (again := await _made_before(call, template, token)):
            return {"LaunchTemplateVersion": version_row(template, again)}
        data = dict(req["LaunchTemplateData"])
        if source := req.get("SourceVersion"):
            source_version = await documents.version(call, template, documents.number_of(template, source))
            data = {**source_version.data, **data}
        made = Version(
            template.next,
            datetime.now(UTC).isoformat(timespec="seconds"),
            call.caller.arn,
            req.get("VersionDescription", ""),
            data,
            token,
        )
        await documents.write_version(call, template, made)
        template = replace(template, next=made.number + 1, versions=(*template.versions, made.number))
        heads[template.id] = template
    return {"LaunchTemplateVersion": version_row(template, made)}


@action(supports="LaunchTemplateId LaunchTemplateName DefaultVersion ClientToken", forbids=(_ONE_NAME,))
async def modify_launch_template(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Choose the default version; the same request repeated chooses the same one."""
    client_tokens.marks(req)
    async with documents.changing(call) as heads:
        template = documents.named(heads, req)
        if word := req.get("DefaultVersion"):
            template = replace(template, default=documents.number_of(template, word))
        heads[template.id] = template
    return {"LaunchTemplate": head_row(template)}


@action(supports="LaunchTemplateId LaunchTemplateName", forbids=(_ONE_NAME,))
async def delete_launch_template(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Delete a template with all its versions."""
    async with documents.changing(call) as heads:
        template = documents.named(heads, req)
        del heads[template.id]
    await documents.erase(call, template, template.versions)
    return {"LaunchTemplate": head_row(template)}


@action(supports="LaunchTemplateId LaunchTemplateName Versions", forbids=(_ONE_NAME,))
async def delete_launch_template_versions(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Delete versions, except the default one; the answer tells for each whether it was deleted."""
    async with documents.changing(call) as heads:
        template = documents.named(heads, req)
        gone, kept = [], []
        for word in dict.fromkeys(req["Versions"]):
            if refused := _undeletable(template, word):
                kept.append({**_named(template, word), "ResponseError": refused})
            else:
                gone.append(int(word))
        if gone:
            template = replace(template, versions=tuple(one for one in template.versions if one not in gone))
            heads[template.id] = template
    await documents.erase(call, template, gone)
    return {
        "SuccessfullyDeletedLaunchTemplateVersions": [_named(template, str(one)) for one in gone],
        "UnsuccessfullyDeletedLaunchTemplateVersions": kept,
    }


@describes(
    TEMPLATES,
    supports="LaunchTemplateIds LaunchTemplateNames Filters MaxResults NextToken",
    ignores={"IncludeManagedResources": "no service of this cloud manages templates of its own for an account"},
)
async def describe_launch_templates(call: Call, asked: Question) -> list[Row]:
    """List templates."""
    heads = await documents.templates(call)
    names = asked.req.get("LaunchTemplateNames") or ()
    for name in names:
        documents.named(heads, {"LaunchTemplateName": name})
    return [head_row(one) for one in heads.values() if not names or one.name in names]


def head_row(template: Template) -> dict[str, Any]:
    """Write a template as EC2 describes it."""
    return {
        "LaunchTemplateId": ids.aws(LAUNCH_TEMPLATE.prefix, template.id),
        "LaunchTemplateName": template.name,
        "CreateTime": datetime.fromisoformat(template.created),
        "CreatedBy": template.by,
        "DefaultVersionNumber": template.default,
        "LatestVersionNumber": template.latest,
        "Tags": tag_rules.shown(template.tags),
    }


def version_row(template: Template, version: Version) -> dict[str, Any]:
    """Write a version as EC2 describes it."""
    return {
        "LaunchTemplateId": ids.aws(LAUNCH_TEMPLATE.prefix, template.id),
        "LaunchTemplateName": template.name,
        "VersionNumber": version.number,
        "VersionDescription": version.description or None,
        "CreateTime": datetime.fromisoformat(version.created),
        "CreatedBy": version.by,
        "DefaultVersion": version.number == template.default,
        "LaunchTemplateData": version.data,
    }


async def _made_before(call: Call, template: Template, token: Mapping[str, str]) -> Version | None:
    """Find the version that the same ClientToken made; a retry comes soon, so the newest ones are read."""
    for one in await documents.versions(call, template, template.versions[-_RECENT:]):
        if one.token.get(client_tokens.TOKEN) == token[client_tokens.TOKEN]:
            client_tokens.same(token, one.token)
            return one
    return None


def _undeletable(template: Template, word: str) -> Mapping[str, str] | None:
    """Return why a version cannot be deleted, as the answer's ResponseError."""
    if not (word.isascii() and word.isdigit() and len(word) <= 9 and int(word) in template.versions):
        return {
            "Code": "launchTemplateVersionDoesNotExist",
            "Message": f"The launch template version {word} does not exist.",
        }
    if int(word) == template.default:
        # "You can't delete the default version of a launch template".
        return {
            "Code": "unexpectedError",
            "Message": "The default version of a launch template cannot be deleted; choose another default first.",
        }
    return None


def _named(template: Template, word: str) -> dict[str, Any]:
    number = int(word) if word.isascii() and word.isdigit() and len(word) <= 9 else 0
    return {
        "LaunchTemplateId": ids.aws(LAUNCH_TEMPLATE.prefix, template.id),
        "LaunchTemplateName": template.name,
        "VersionNumber": number,
    }


async def _held(lists: Lists, wanted: Sequence[str]) -> list[Held]:
    try:
        heads = await documents.templates(lists.call)
    except BackendError as error:
        if error.fault is Fault.FORBIDDEN and not wanted:  # who has no role in Swift still lists all other tags
            return []
        raise
    return [Held(one.id, one.tags, {}) for one in heads.values()]


def _change(call: Call, held: Held, tags: Mapping[str, str], gone: Sequence[str]) -> Work:
    async def work() -> None:
        async with documents.changing(call) as heads:
            template = documents.named(heads, {"LaunchTemplateId": ids.aws(LAUNCH_TEMPLATE.prefix, held.id)})
            left = {key: value for key, value in template.tags.items() if key not in gone}
            heads[template.id] = documents.with_tags(template, {**left, **tags})

    return work


register(Store(LAUNCH_TEMPLATE, _held, _change))
