"""Launch templates through boto3: versions, the default one, launches from them, and the documents in Swift."""

import base64
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from openstack.connection import Connection

from shim.ec2.service import ec2 as service
from shim.ec2.templates.documents import CONTAINER
from tests.ec2.client_errors import code
from tests.ec2.conftest import WAIT, end
from tests.ec2.instances.test_instances import instances
from tests.support.names import unique


@pytest.fixture
def name(ec2: Any) -> Iterator[str]:
    """A name of a template, which is deleted afterwards."""
    made = unique("template")
    yield made
    found = ec2.describe_launch_templates(Filters=[{"Name": "launch-template-name", "Values": [made]}])
    for one in found["LaunchTemplates"]:
        ec2.delete_launch_template(LaunchTemplateId=one["LaunchTemplateId"])


def test_the_life_of_a_template(ec2: Any, name: str, openstack_main: Connection, instance_type: str) -> None:
    tags = [{"Key": "team", "Value": "blue"}]
    request = {
        "LaunchTemplateName": name,
        "VersionDescription": "first",
        "LaunchTemplateData": {"InstanceType": instance_type, "EbsOptimized": True},
        "TagSpecifications": [{"ResourceType": "launch-template", "Tags": tags}],
        "ClientToken": name,
    }
    made = ec2.create_launch_template(**request)["LaunchTemplate"]
    assert ec2.create_launch_template(**request)["LaunchTemplate"] == made
    assert (made["DefaultVersionNumber"], made["LatestVersionNumber"], made["Tags"]) == (1, 1, tags)
    assert code(ec2.create_launch_template, **{**request, "ClientToken": "another"}).endswith("AlreadyExistsException")
    assert code(ec2.create_launch_template, **{**request, "VersionDescription": "x"}) == "IdempotentParameterMismatch"
    template = made["LaunchTemplateId"]
    native = openstack_main.object_store.download_object(f"{UUID(template.removeprefix('lt-'))}/1", container=CONTAINER)
    assert json.loads(native)["data"] == {"InstanceType": instance_type, "EbsOptimized": True}

    second = ec2.create_launch_template_version(
        LaunchTemplateId=template, SourceVersion="1", LaunchTemplateData={"KeyName": "k"}
    )["LaunchTemplateVersion"]
    assert second["VersionNumber"] == 2
    assert second["LaunchTemplateData"] == {"InstanceType": instance_type, "EbsOptimized": True, "KeyName": "k"}
    ec2.create_launch_template_version(LaunchTemplateName=name, LaunchTemplateData={"KeyName": "l"})
    changed = ec2.modify_launch_template(LaunchTemplateId=template, DefaultVersion="2")["LaunchTemplate"]
    assert (changed["DefaultVersionNumber"], changed["LatestVersionNumber"]) == (2, 3)

    found = ec2.describe_launch_template_versions(LaunchTemplateId=template)["LaunchTemplateVersions"]
    assert [(one["VersionNumber"], one["DefaultVersion"]) for one in found] == [(3, False), (2, True), (1, False)]
    both = ec2.describe_launch_template_versions(LaunchTemplateName=name, Versions=["$Latest", "$Default"])
    assert [one["VersionNumber"] for one in both["LaunchTemplateVersions"]] == [3, 2]
    of_all = ec2.describe_launch_template_versions(Versions=["$Latest"])["LaunchTemplateVersions"]
    assert 3 in [one["VersionNumber"] for one in of_all if one["LaunchTemplateId"] == template]

    check_deletions(ec2, template, name)
    left = openstack_main.object_store.containers()
    assert not [
        one.name
        for container in left
        if container.name == CONTAINER
        for one in openstack_main.object_store.objects(container)
        if str(UUID(template.removeprefix("lt-"))) in one.name
    ]


def check_deletions(ec2: Any, template: str, name: str) -> None:
    gone = ec2.delete_launch_template_versions(LaunchTemplateId=template, Versions=["1", "2", "9"])
    assert [one["VersionNumber"] for one in gone["SuccessfullyDeletedLaunchTemplateVersions"]] == [1]
    assert [one["ResponseError"]["Code"] for one in gone["UnsuccessfullyDeletedLaunchTemplateVersions"]] == [
        "unexpectedError",
        "launchTemplateVersionDoesNotExist",
    ]
    ec2.create_tags(Resources=[template], Tags=[{"Key": "cost", "Value": "1"}])
    ec2.delete_tags(Resources=[template], Tags=[{"Key": "team"}])
    listed = ec2.describe_launch_templates(Filters=[{"Name": "tag:cost", "Values": ["1"]}])["LaunchTemplates"]
    assert [(one["LaunchTemplateId"], one["Tags"]) for one in listed] == [(template, [{"Key": "cost", "Value": "1"}])]
    ec2.delete_launch_template(LaunchTemplateName=name)
    assert code(ec2.describe_launch_templates, LaunchTemplateIds=[template]) == "InvalidLaunchTemplateId.NotFound"


def test_a_launch_from_a_template(ec2: Any, name: str, image: str, instance_type: str) -> None:
    data = {
        "ImageId": image,
        "InstanceType": "no.such",
        "UserData": base64.b64encode(b"#!/bin/sh").decode(),
        "MetadataOptions": {"HttpTokens": "required"},
        "TagSpecifications": [
            {"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "1"}]}
        ],
    }
    template = ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)["LaunchTemplate"][
        "LaunchTemplateId"
    ]
    asked = {"MinCount": 1, "MaxCount": 1, "LaunchTemplate": {"LaunchTemplateId": template, "Version": "$Latest"}}
    assert code(ec2.run_instances, **asked) == "InvalidParameterValue"  # the template's type
    own = [{"ResourceType": "instance", "Tags": [{"Key": "b", "Value": "2"}]}]
    made = [
        one["InstanceId"]
        for one in ec2.run_instances(**asked, InstanceType=instance_type, TagSpecifications=own)["Instances"]
    ]
    try:
        ec2.get_waiter("instance_running").wait(InstanceIds=made, WaiterConfig=WAIT)
        (one,) = instances(ec2, InstanceIds=made)
        assert {tag["Key"]: tag["Value"] for tag in one["Tags"]} == {
            "a": "1",
            "b": "2",
            "aws:ec2launchtemplate:id": template,
            "aws:ec2launchtemplate:version": "1",
        }
        assert (one["InstanceType"], one["ImageId"]) == (instance_type, image)
        assert one["MetadataOptions"]["HttpTokens"] == "required"
        found = ec2.describe_tags(
            Filters=[{"Name": "resource-id", "Values": made}, {"Name": "key", "Values": ["aws:ec2launchtemplate:*"]}]
        )
        assert len(found["Tags"]) == 2
        again = ec2.get_launch_template_data(InstanceId=made[0])["LaunchTemplateData"]
        assert (again["ImageId"], again["InstanceType"]) == (image, instance_type)
        assert again["MetadataOptions"]["HttpTokens"] == "required"
    finally:
        end(ec2, made)


def test_what_a_launch_cannot_honour_is_refused_at_the_launch(ec2: Any, name: str, image: str) -> None:
    data = {"ImageId": image, "InstanceMarketOptions": {"MarketType": "spot"}}
    ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
    launch = {"MinCount": 1, "MaxCount": 1, "LaunchTemplate": {"LaunchTemplateName": name}, "InstanceType": "x"}
    assert code(ec2.run_instances, **launch) == "UnsupportedOperation"


def test_templates_and_versions_that_are_not_there(ec2: Any, name: str) -> None:
    nothing = "lt-" + "0" * 32
    assert code(ec2.describe_launch_templates, LaunchTemplateIds=[nothing]) == "InvalidLaunchTemplateId.NotFound"
    assert code(ec2.describe_launch_templates, LaunchTemplateIds=["x"]) == "InvalidLaunchTemplateId.Malformed"
    assert (
        code(ec2.describe_launch_templates, LaunchTemplateNames=[name]) == "InvalidLaunchTemplateName.NotFoundException"
    )
    assert code(ec2.delete_launch_template, LaunchTemplateId=nothing) == "InvalidLaunchTemplateId.NotFound"
    assert code(ec2.delete_launch_template) == "MissingParameter"
    assert code(ec2.modify_launch_template, LaunchTemplateId=nothing) == "InvalidLaunchTemplateId.NotFound"
    assert code(ec2.describe_launch_template_versions, Versions=["1"]) == "MissingParameter"
    assert code(ec2.create_launch_template, LaunchTemplateName="a b", LaunchTemplateData={"KeyName": "k"}).endswith(
        "MalformedException"
    )
    assert code(ec2.get_launch_template_data, InstanceId="i-" + "0" * 32) == "InvalidInstanceID.NotFound"
    ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData={"KeyName": "k"})
    for word in ("7", "$Newest"):
        asked = {"LaunchTemplateName": name, "Versions": [word]}
        assert code(ec2.describe_launch_template_versions, **asked) in (
            "InvalidLaunchTemplateId.VersionNotFound",
            "InvalidParameterValue",
        )
    for action, params in (
        (ec2.create_launch_template, {"LaunchTemplateName": name, "LaunchTemplateData": {"KeyName": "k"}}),
        (ec2.create_launch_template_version, {"LaunchTemplateName": name, "LaunchTemplateData": {"KeyName": "k"}}),
        (ec2.delete_launch_template_versions, {"LaunchTemplateName": name, "Versions": ["1"]}),
    ):
        assert code(action, **params, DryRun=True) == "DryRunOperation"


def test_every_parameter_of_a_template_is_shown() -> None:
    model: Any = service.model
    asked, shown = model.shape_for("RequestLaunchTemplateData"), model.shape_for("ResponseLaunchTemplateData")
    assert set(asked.members) <= set(shown.members)
    for name, shape in asked.members.items():
        there = shown.members[name]
        if shape.type_name == "list":
            shape, there = shape.member, there.member
        if shape.type_name == "structure":
            assert set(shape.members) <= set(there.members), name
