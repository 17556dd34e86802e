"""Terraform's plans and states: which calls are found for a resource, with which parameters, and what is unknown."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from assess import inputs
from assess.calls import UNKNOWN, Call, Found
from assess.sites import without_secrets
from assess.terraform import recorded
from assess.terraform.plan import NoPlanError, resources
from assess.verdicts import SERVICES
from shim.cli.assess import assess
from tests.support.target import REPOSITORY

AWS = "registry.terraform.io/hashicorp/aws"


def resource(address: str, values: dict[str, Any], **more: Any) -> dict[str, Any]:
    sort, name = address.rpartition("]")[0].split(".")[-2:] if address.endswith("]") else address.split(".")[-2:]
    return {
        "address": address,
        "mode": "data" if address.startswith("data.") else "managed",
        "type": sort,
        "name": name.partition("[")[0],
        "provider_name": AWS,
        "values": values,
        **more,
    }


def plan(*resources: dict[str, Any], unknown: Any = None, **more: Any) -> dict[str, Any]:
    changes = [
        {"address": one["address"], "change": {"actions": ["create"], "before": None, "after_unknown": unknown or {}}}
        for one in resources
    ]
    return {
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "planned_values": {"root_module": {"resources": list(resources)}},
        "resource_changes": changes,
        **more,
    }


def read(folder: Path, whole: Any) -> Found:
    (folder / "plan.json").write_text(json.dumps(whole), encoding="utf-8")
    return inputs.read([folder / "plan.json"], lambda size: None)


def only(found: Found, operation: str) -> Call:
    [call] = [one for one in found.calls if one.operation == operation]
    return call


MADE = {"CidrBlock": "10.0.0.0/16", "InstanceTenancy": "default", "AmazonProvidedIpv6CidrBlock": False}
VPC = resource("aws_vpc.main", {"cidr_block": "10.0.0.0/16", "enable_dns_support": True, "instance_tenancy": "default"})


def test_a_resource_is_made_read_and_destroyed(tmp_path: Path) -> None:
    found = read(tmp_path, plan(VPC))
    assert {"CreateVpc", "DescribeVpcs", "DeleteVpc"} <= {one.operation for one in found.calls}
    assert "ModifyVpcAttribute" not in {one.operation for one in found.calls}
    call = only(found, "CreateVpc")
    assert call.params == MADE
    assert call.complete
    assert call.where == f"{tmp_path / 'plan.json'}: aws_vpc.main"
    assert only(found, "DeleteVpc").params == {"VpcId": UNKNOWN}
    assert not found.unfollowed


def test_a_further_attribute_adds_its_parameters_and_calls(tmp_path: Path) -> None:
    values = {"cidr_block": "10.0.0.0/16", "enable_dns_hostnames": True, "tags": {"a": "b", "c": "d"}}
    found = read(tmp_path, plan(resource("aws_vpc.main", values)))
    [tags] = only(found, "CreateVpc").params["TagSpecifications"]
    assert tags == {"ResourceType": "vpc", "Tags": [{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d"}]}
    assert only(found, "ModifyVpcAttribute").params["EnableDnsHostnames"] == {"Value": True}


def test_tags_of_the_provider_are_tags(tmp_path: Path) -> None:
    values = {"cidr_block": "10.0.0.0/16", "tags": None, "tags_all": {"a": "b"}}
    found = read(tmp_path, plan(resource("aws_vpc.main", values)))
    [tags] = only(found, "CreateVpc").params["TagSpecifications"]
    assert tags["Tags"] == [{"Key": "a", "Value": "b"}]


def test_what_is_known_after_the_apply_is_unknown(tmp_path: Path) -> None:
    found = read(tmp_path, plan(resource("aws_subnet.a", {"cidr_block": "10.0.0.0/24"}), unknown={"vpc_id": True}))
    assert only(found, "CreateSubnet").params == {"CidrBlock": "10.0.0.0/24", "VpcId": UNKNOWN}


def test_a_value_that_is_refused_is_found(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(
        json.dumps(plan(resource("aws_vpc.own", {"cidr_block": "10.0.0.0/16", "instance_tenancy": "dedicated"}))),
        encoding="utf-8",
    )
    done = CliRunner().invoke(assess, [str(tmp_path), "--format", "json"])
    assert done.exit_code == 1
    report = json.loads(done.stdout)
    assert [one["path"] for one in report["changes"]] == ["InstanceTenancy"]
    [row] = [one for one in report["calls"] if one["operation"] == "CreateVpc"]
    assert row["places"] == [f"{tmp_path / 'plan.json'}: aws_vpc.own"]


def test_an_attribute_that_was_not_recorded_is_listed(tmp_path: Path) -> None:
    values = {"cidr_block": "10.0.0.0/16", "ipv4_ipam_pool_id": "ipam-pool-1"}
    found = read(tmp_path, plan(resource("aws_vpc.main", values)))
    assert found.unfollowed == [f"{tmp_path / 'plan.json'}: aws_vpc.main: what ipv4_ipam_pool_id does was not recorded"]
    assert not only(found, "CreateVpc").complete
    assert only(found, "DeleteVpc").complete


def test_a_sort_that_was_not_recorded_is_listed_and_another_provider_is_not(tmp_path: Path) -> None:
    some = [resource("aws_iam_role.r", {}), resource("random_id.x", {}), resource("data.aws_iam_role.d", {})]
    found = read(tmp_path, plan(*some))
    file = tmp_path / "plan.json"
    assert [one.operation for one in found.calls] == ["GetCallerIdentity"]
    assert found.unfollowed == [
        f"{file}: aws_iam_role.r: the calls of aws_iam_role were not recorded",
        f"{file}: data.aws_iam_role.d: the calls of data.aws_iam_role were not recorded",
    ]


def test_modules_counts_and_keys_are_walked(tmp_path: Path) -> None:
    inner = {
        "address": 'module.net["a.b"].module.deep[0]',
        "resources": [
            resource(f'module.net["a.b"].module.deep[0].aws_vpc.main[{index}]', {"cidr_block": f"10.{index}.0.0/16"})
            for index in (0, 1)
        ],
    }
    for one in inner["resources"]:
        one.update(type="aws_vpc", name="main")  # type: ignore[attr-defined]
    whole = {
        "format_version": "1.2",
        "planned_values": {
            "root_module": {"child_modules": [{"address": 'module.net["a.b"]', "child_modules": [inner]}]}
        },
    }
    found = read(tmp_path, whole)
    made = [one.params["CidrBlock"] for one in found.calls if one.operation == "CreateVpc"]
    assert made == ["10.0.0.0/16", "10.1.0.0/16"]


def test_a_data_source_is_read(tmp_path: Path) -> None:
    data = resource("data.aws_vpc.default", {"default": True})
    whole = plan(prior_state={"values": {"root_module": {"resources": [data]}}})
    call = only(read(tmp_path, whole), "DescribeVpcs")
    assert call.params["Filters"][0]["Name"] == "isDefault"


def test_a_state_is_read_and_says_what_it_does_not_tell(tmp_path: Path) -> None:
    whole = {"format_version": "1.0", "values": {"root_module": {"resources": [VPC]}}}
    found = read(tmp_path, whole)
    assert only(found, "CreateVpc").params == MADE
    assert only(found, "GetCallerIdentity").where == str(tmp_path / "plan.json")
    assert any("A state of Terraform" in note for note in found.notes)


def test_a_change_in_place_counts_with_its_calls(tmp_path: Path) -> None:
    after = {"cidr_block": "10.0.0.0/16", "tags": {"a": "new"}}
    whole = plan(resource("aws_vpc.main", after))
    whole["resource_changes"][0]["change"].update(actions=["update"], before={**after, "tags": {"a": "old"}})
    assert "CreateTags" in {one.operation for one in read(tmp_path, whole).calls}


def test_secrets_are_not_read(tmp_path: Path) -> None:
    values = {"cidr_block": "10.0.0.0/16", "tags": {"a": "hunter2"}, "instance_tenancy": "hunter3"}
    marks = {"tags": {"a": True}, "instance_tenancy": True}
    params = only(read(tmp_path, plan(resource("aws_vpc.main", values, sensitive_values=marks))), "CreateVpc").params
    assert params["TagSpecifications"][0]["Tags"] == [{"Key": "a", "Value": UNKNOWN}]
    assert params["InstanceTenancy"] is UNKNOWN
    done = CliRunner().invoke(assess, [str(tmp_path), "--format", "json"])
    assert "hunter" not in done.stdout


@pytest.mark.parametrize(
    "text",
    [
        '{"format_version": "1.2", "planned_values": ',
        '{"format_version": "1.2", "planned_values": {"root_module": {"resources": [1]}}}',
        '{"format_version": "1.2", "planned_values": [1]}',
        '{"format_version": ' + "[" * 100_000,
    ],
)
def test_what_is_broken_is_listed(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.json").write_text(text, encoding="utf-8")
    [line] = inputs.read([tmp_path], lambda size: None).unfollowed
    assert "not what `terraform show -json` prints" in line


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    text = json.dumps(plan(VPC))
    (tmp_path / "plan.json.gz").write_bytes(gzip.compress(text.encode()))
    assert resources(tmp_path / "plan.json.gz", len(text))
    with pytest.raises(NoPlanError, match="larger than"):
        resources(tmp_path / "plan.json.gz", len(text) - 1)


def test_what_was_recorded_is_in_aws_models() -> None:
    for sort, row in recorded.data()["resources"].items():
        calls = [
            *row["create"],
            *row["read"],
            *row["delete"],
            *(one for some in row["update"].values() for one in some),
        ]
        assert row["read"] or not calls, sort
        for call in calls:
            service, operation = call["call"].split()
            shape = SERVICES[service].model.operation_model(operation).input_shape
            assert without_secrets({}, shape) == {}
            names = {path.partition(".")[0] for path in call["params"]}
            assert names <= set(shape.members if shape else ()), (sort, call)


def test_what_the_documentation_lists_was_recorded() -> None:
    works = (REPOSITORY / "docs" / "terraform.md").read_text().split("\n## What works\n")[1].split("\n## ")[0]
    table, sources = works.split("\nData sources: ")
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `aws_")]
    named = {name for row in rows for name in re.findall(r"`(aws_\w+)`", row)}
    named |= {f"data.{name}" for name in re.findall(r"`(aws_\w+)`", sources.split("\n\n")[0])}
    assert len(named) > 60
    assert named - recorded.data()["resources"].keys() == set()
