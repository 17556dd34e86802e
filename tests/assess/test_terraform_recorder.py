"""What the recorder of Terraform's calls makes of what it saw: where parameters came from, what an attribute adds."""

import json
from typing import Any

import pytest

from tests.terraform.recorder import derive
from tests.terraform.recorder.matching import template


def made(operation: str, params: dict[str, Any], name: str = "base", action: str = "create") -> dict[str, Any]:
    return {
        "address": f"aws_x.{name}",
        "action": action,
        "service": "ec2",
        "operation": operation,
        "params": params,
    }


def row(config: dict[str, Any], calls: list[dict[str, Any]], **schema: bool) -> dict[str, Any]:
    seen = {
        "config": {f"aws_x.{name}": values for name, values in config.items()},
        "values": {f"aws_x.{name}": {**values, "id": f"id-{name}"} for name, values in config.items()},
        "calls": calls,
        "schema": {"aws_x": schema},
    }
    found: dict[str, Any] = json.loads(derive.data([seen]))["resources"]["aws_x"]
    return found


@pytest.mark.parametrize(
    ("operation", "params", "values", "path", "source"),
    [
        ("CreateVpc", {"CidrBlock": "10.0.0.0/16"}, {"cidr_block": "10.0.0.0/16"}, "CidrBlock", {"from": "cidr_block"}),
        ("DeleteVpc", {"VpcId": "vpc-1"}, {"id": "vpc-1"}, "VpcId", {"from": "id"}),
        ("CreateVolume", {"Encrypted": True}, {"encrypted": True, "x": True}, "Encrypted", {"from": "encrypted"}),
        ("CreateVolume", {"Encrypted": False}, {"x": False}, "Encrypted", {"is": False}),
        ("CreateVolume", {"ClientToken": "x1"}, {"size": 1}, "ClientToken", {}),
        ("CreateVpc", {"InstanceTenancy": "default"}, {}, "InstanceTenancy", {"is": "default"}),
        (
            "CreateTags",
            {"Tags": [{"Key": "a", "Value": "b"}]},
            {"tags": {"a": "b"}},
            "Tags.*.Value",
            {"from": "tags.*.@value"},
        ),
        (
            "DescribeVpcs",
            {"Filters": [{"Name": "vpc-id", "Values": ["vpc-1"]}]},
            {"id": "vpc-1"},
            "Filters.0.Values.0",
            {"from": "id"},
        ),
        ("RunInstances", {"UserData": "IyEvYmluL3No"}, {"user_data": "#!/bin/sh"}, "UserData", {"from": "user_data"}),
    ],
)
def test_a_parameter_has_the_attribute_with_its_value(
    operation: str, params: Any, values: Any, path: str, source: Any
) -> None:
    call = {"service": "ec2", "operation": operation, "params": params}
    _, pairs = template(call, values, {name: one for name, one in values.items() if name != "id"})
    assert dict(pairs)[path] == source


def test_what_only_the_resource_with_an_attribute_does_is_the_attributes() -> None:
    config = {
        "base": {"cidr_block": "10.1.0.0/16"},
        "with_0": {"cidr_block": "10.2.0.0/16", "tags": {"a": "b"}},
        "with_1": {"cidr_block": "10.3.0.0/16", "enable_dns_hostnames": True},
    }
    tags = [{"ResourceType": "vpc", "Tags": [{"Key": "a", "Value": "b"}]}]
    calls = [
        made("CreateVpc", {"CidrBlock": "10.1.0.0/16"}),
        made("CreateVpc", {"CidrBlock": "10.2.0.0/16", "TagSpecifications": tags}, "with_0"),
        made("CreateVpc", {"CidrBlock": "10.3.0.0/16"}, "with_1"),
        made("ModifyVpcAttribute", {"VpcId": "id-with_1", "EnableDnsHostnames": {"Value": True}}, "with_1"),
        made("CreateTags", {"Resources": ["id-with_0"], "Tags": [{"Key": "a", "Value": "b"}]}, "with_0", "update"),
    ]
    found = row(config, calls, cidr_block=True, tags=False, enable_dns_hostnames=False)
    assert [one["call"] for one in found["create"]] == ["ec2 CreateVpc", "ec2 ModifyVpcAttribute"]
    assert found["create"][0]["params"] == {"CidrBlock": {"from": "cidr_block"}}
    assert found["create"][0]["with"] == {
        "tags": {
            "TagSpecifications.0.ResourceType": {"is": "vpc"},
            "TagSpecifications.0.Tags.*.Key": {"from": "tags.*.@key"},
            "TagSpecifications.0.Tags.*.Value": {"from": "tags.*.@value"},
        }
    }
    assert found["create"][1]["when"] == ["enable_dns_hostnames"]
    assert [one["call"] for one in found["update"]["tags"]] == ["ec2 CreateTags"]
    assert found["settable"] == ["enable_dns_hostnames", "tags"]
    assert found["computed"] == ["cidr_block"]
