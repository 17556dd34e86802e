"""DescribeLaunchTemplateVersions, and GetLaunchTemplateData: the template that would launch an instance again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shim.concurrency import gather_all
from shim.context import Call
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import ResourceType
from shim.ec2.instances import facts as instance_facts
from shim.ec2.instances.instances import existing
from shim.ec2.instances.rows import context_of, instance
from shim.ec2.service import action
from shim.ec2.templates import documents
from shim.ec2.templates.documents import Template
from shim.ec2.templates.templates import version_row
from shim.errors import AwsError

_VERSION = ResourceType("", "launch-template-version", "InvalidLaunchTemplateId.VersionNotFound", "{id}", "{id}", "")
_FILTERED = {
    "ebs-optimized": "EbsOptimized",
    "http-endpoint": "MetadataOptions.HttpEndpoint",
    "http-tokens": "MetadataOptions.HttpTokens",
    "host-resource-group-arn": "Placement.HostResourceGroupArn",
    "iam-instance-profile": "IamInstanceProfile.Arn",
    "image-id": "ImageId",
    "instance-type": "InstanceType",
    "kernel-id": "KernelId",
    "license-configuration-arn": "LicenseSpecifications.LicenseConfigurationArn",
    "network-card-index": "NetworkInterfaces.NetworkCardIndex",
    "ram-disk-id": "RamDiskId",
}


def _check(req: Mapping[str, Any]) -> None:
    """Refuse combinations of the parameters that choose versions."""
    words = req.get("Versions") or []
    if words and (req.get("MinVersion") or req.get("MaxVersion")):
        raise AwsError(
            "InvalidParameterCombination",
            "Versions cannot be specified together with MinVersion or MaxVersion.",
            refused="MinVersion",
        )
    named = req.get("LaunchTemplateId") or req.get("LaunchTemplateName")
    if not named and (not words or not {*words} <= {"$Latest", "$Default"}):
        # "To describe one or more versions, you must specify the launch template ID or name.  To describe all launch
        # templates' latest or default version, specify $Latest, $Default, or both."
        raise AwsError(
            "MissingParameter",
            "The request must contain the parameter LaunchTemplateId or LaunchTemplateName",
            refused="LaunchTemplateId",
        )


# "Place" is the template and the number, for the order of pages: AWS lists the newest version first.
VERSIONS = Table(
    items="LaunchTemplateVersions",
    id="Place",
    resource_type=_VERSION,
    least=1,
    most=200,
    filters={
        "create-time": "CreateTime",
        "is-default-version": "DefaultVersion",
        **{name: f"LaunchTemplateData.{path}" for name, path in _FILTERED.items()},
    },
    check=_check,
    shown=lambda rows: [{name: value for name, value in row.items() if name != "Place"} for row in rows],
)


@describes(
    VERSIONS,
    supports="LaunchTemplateId LaunchTemplateName Versions MinVersion MaxVersion Filters MaxResults NextToken",
    ignores={
        "ResolveAlias": "it concerns images that are named by a parameter of Systems Manager",
        "IncludeManagedResources": "no service of this cloud manages templates of its own for an account",
    },
)
async def describe_launch_template_versions(call: Call, asked: Question) -> list[Row]:
    """List versions of one template, or the latest or default ones of all."""
    req, heads = asked.req, await documents.templates(call)
    named = req.get("LaunchTemplateId") or req.get("LaunchTemplateName")
    found = [documents.named(heads, req)] if named else list(heads.values())
    listed = await gather_all(_rows(call, one, req) for one in found)
    return [row for rows in listed for row in rows]


async def _rows(call: Call, template: Template, req: Mapping[str, Any]) -> list[Row]:
    if words := req.get("Versions"):
        numbers = [documents.number_of(template, word) for word in words]
    else:
        least, most = (documents.bound(req.get(name)) for name in ("MinVersion", "MaxVersion"))
        numbers = [one for one in template.versions if (least or 0) <= one <= (most or one)]
    return [
        {**version_row(template, one), "Place": f"{template.id} {10**9 - one.number:010d}"}
        for one in await documents.versions(call, template, list(dict.fromkeys(numbers)))
    ]


# Members of an instance that are launch parameters of the same name and shape.
_SAME = ("ImageId", "InstanceType", "KeyName", "EbsOptimized")


@action(supports="InstanceId")
async def get_launch_template_data(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the parameters that would launch an instance like this one."""
    (server,) = await existing(call, [req["InstanceId"]])
    row = instance(server, await context_of(call, server))
    data: dict[str, Any] = {name: row[name] for name in _SAME if row[name] is not None}
    data |= {
        "Monitoring": {"Enabled": row["Monitoring"]["State"] == "enabled"},
        "Placement": {
            "AvailabilityZone": row["Placement"]["AvailabilityZone"],
            "GroupName": row["Placement"]["GroupName"],
            "Tenancy": "default",
        },
        "DisableApiTermination": instance_facts.flag(server.metadata, instance_facts.NO_TERMINATE),
        "DisableApiStop": instance_facts.flag(server.metadata, instance_facts.NO_STOP),
        "InstanceInitiatedShutdownBehavior": "stop",
        "MetadataOptions": instance_facts.read_options(server.metadata),
        "HibernationOptions": {"Configured": False},
        "EnclaveOptions": {"Enabled": False},
        "BlockDeviceMappings": [
            {
                "DeviceName": one["DeviceName"],
                "Ebs": {"DeleteOnTermination": one["Ebs"]["DeleteOnTermination"]},
            }
            for one in row["BlockDeviceMappings"]
        ],
        "NetworkInterfaces": [
            {
                "DeviceIndex": one["Attachment"]["DeviceIndex"],
                "DeleteOnTermination": one["Attachment"]["DeleteOnTermination"],
                "SubnetId": one["SubnetId"],
                "Groups": [group["GroupId"] for group in one["Groups"]],
                "Description": one["Description"],
            }
            for one in row["NetworkInterfaces"]
        ],
    }
    if tags := [tag for tag in row["Tags"] if not tag["Key"].startswith("aws:")]:
        data["TagSpecifications"] = [{"ResourceType": "instance", "Tags": tags}]
    if server.user_data:
        data["UserData"] = server.user_data
    return {"LaunchTemplateData": data}
