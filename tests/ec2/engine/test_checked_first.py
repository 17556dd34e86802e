"""Every Describe action refuses invalid parameters before it calls the cloud."""

import asyncio
import re
from typing import Any

import pytest

from shim.ec2.service import FORBIDDEN, ec2
from shim.errors import AwsError
from tests.ec2.acting import act
from tests.ec2.engine.test_describe import call
from tests.ec2.engine.test_filter_names import TABLES

X = [{"Name": "bogus", "Values": ["1"]}]
LONG = "x" * 256
# What AWS demands of a Describe action beside what its model does.
DEMANDED: dict[str, dict[str, Any]] = {"DescribeLaunchTemplateVersions": {"LaunchTemplateId": f"lt-{'0' * 32}"}}


class NoCloud:
    """A cloud that fails on any call."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the cloud was asked for {name}")


def bad(operation: str) -> dict[str, tuple[dict[str, Any], str]]:
    """Return refused requests with their error codes, by the kind of fault."""
    table, shape = TABLES[operation], ec2.model.operation_model(operation).input_shape
    assert shape is not None
    name = next(iter(table.filters), "bogus")  # AWS names no filter of DescribeExportTasks
    demanded = DEMANDED.get(operation, {})
    found: dict[str, tuple[dict[str, Any], str]] = {
        "unknown filter": ({"Filters": X}, "InvalidParameterValue"),
        "no value": ({"Filters": [{"Name": name, "Values": []}]}, "InvalidParameterValue"),
        "long value": ({"Filters": [{"Name": name, "Values": [LONG]}]}, "FilterLimitExceeded"),
        "many values": ({"Filters": [{"Name": name, "Values": ["1"] * 201}]}, "FilterLimitExceeded"),
        "many filters": ({"Filters": [{"Name": name, "Values": ["1"]}] * 51}, "FilterLimitExceeded"),
    }
    if "NextToken" in ec2.operations[operation].supports:
        found["token"] = {"NextToken": "bogus"}, "InvalidParameterValue"
    if "MaxResults" in ec2.operations[operation].supports:
        found["small page"] = {"MaxResults": table.least - 1}, "InvalidParameterValue"
        if not table.cut:
            found["large page"] = {"MaxResults": table.most + 1}, "InvalidParameterValue"
        if table.ids and not table.paged_ids:
            one = f"{table.resource_type.prefix}-{'0' * 32}"
            found["ids and page"] = {table.ids: [one], "MaxResults": 5}, "InvalidParameterCombination"
    if table.ids and table.resource_type.prefix:
        found["id"] = {table.ids: ["bogus"]}, table.resource_type.malformed
    return {kind: ({**demanded, **req}, code) for kind, (req, code) in found.items()}


CASES = [
    pytest.param(operation, *case, id=f"{operation}: {what}")
    for operation in TABLES
    for what, case in bad(operation).items()
] + [
    pytest.param("AuthorizeSecurityGroupIngress", {"IpPermissions": [{"IpProtocol": "x"}]}, "InvalidParameterValue"),
    pytest.param("AuthorizeSecurityGroupEgress", {"IpPermissions": [{"IpProtocol": "-1"}]}, "MissingParameter"),
    pytest.param("RevokeSecurityGroupIngress", {"IpPermissions": [{"IpProtocol": "x"}]}, "InvalidParameterValue"),
    pytest.param("DescribeImages", {"Owners": ["nobody"]}, "InvalidUserID.Malformed"),
    pytest.param("DescribeImages", {"ExecutableUsers": ["nobody"]}, "InvalidUserID.Malformed"),
    pytest.param("DescribeKeyPairs", {"KeyPairIds": ["bogus"]}, "InvalidParameterValue"),
    pytest.param(
        "DescribeInstanceAttribute", {"InstanceId": "i-" + "0" * 32, "Attribute": "x"}, "InvalidParameterValue"
    ),
    pytest.param("DescribeVolumeAttribute", {"VolumeId": "vol-" + "0" * 32, "Attribute": "x"}, "InvalidParameterValue"),
    pytest.param("DescribeVpcAttribute", {"VpcId": "vpc-" + "0" * 32, "Attribute": "x"}, "InvalidParameterValue"),
    pytest.param("DescribeAccountAttributes", {"AttributeNames": ["x"]}, "InvalidParameterValue"),
    *(
        pytest.param("ModifyInstanceAttribute", {"InstanceId": "i-" + "0" * 32, **req}, code)
        for req, code in (
            ({"Attribute": "disableApiTermination"}, "MissingParameter"),
            ({"Groups": ["vpc-12345678"]}, "InvalidGroupId.Malformed"),
            (
                {"Attribute": "disableApiTermination", "Value": "true", "DisableApiTermination": {"Value": False}},
                "InvalidParameterCombination",
            ),
        )
    ),
    *(
        pytest.param("ModifyImageAttribute", {"ImageId": "ami-" + "0" * 32, **req}, code)
        for req, code in (
            ({}, "InvalidParameterCombination"),
            ({"Attribute": "launchPermission"}, "InvalidParameterCombination"),
            ({"Attribute": "unheardOf", "Description": {"Value": "x"}}, "InvalidParameterCombination"),
            ({"Attribute": "blockDeviceMapping"}, "InvalidParameter"),
            ({"Attribute": "description"}, "MissingParameter"),
            ({"Description": {"Value": "x" * 256}}, "InvalidParameterValue"),
        )
    ),
]


def refusal(operation: str, req: dict[str, Any]) -> AwsError:
    here = call(operation)
    here.cloud = NoCloud()
    with pytest.raises(AwsError) as refused:
        asyncio.run(act(ec2.handlers[operation], here, req))
    return refused.value


@pytest.mark.parametrize(("operation", "req", "code"), CASES)
def test_refused_before_the_cloud_is_asked(operation: str, req: dict[str, Any], code: str) -> None:
    error = refusal(operation, req)
    assert (error.code, error.status) == (code, 400)
    assert LONG not in error.message
    assert error.refused, "the log line and the operator's list name what was refused"


def checked(operation: str, req: dict[str, Any]) -> AwsError:
    """Return the error of the function that reads an action's parameters, before a dry run and any OpenStack call."""
    read = ec2.operations[operation].read
    assert read is not None
    here = call(operation)
    with pytest.raises(AwsError) as refused:
        read(here.settings, here.caller, operation, req)
    return refused.value


@pytest.mark.parametrize("operation", TABLES)
def test_a_describe_is_checked_before_its_dry_run(operation: str) -> None:
    for req, code in bad(operation).values():
        assert checked(operation, req).code == code


PAIRS = [
    pytest.param(name, this, that, id=f"{name}: {this} and {that}")
    for name, pairs in FORBIDDEN.items()
    for pair in pairs
    for this in pair.these.split()
    for that in pair.those.split()
]


@pytest.mark.parametrize(("operation", "this", "that"), PAIRS)
def test_pairs_that_aws_forbids(operation: str, this: str, that: str) -> None:
    shape = ec2.model.operation_model(operation).input_shape
    assert shape is not None
    values = {name: VALUES[shape.members[name].type_name] for name in (this, that)}
    error = checked(operation, values)
    assert (error.code, error.status, error.refused) == ("InvalidParameterCombination", 400, that)
    assert {this, that} <= set(registered(operation))


VALUES = {"string": "x", "list": ["x"], "integer": 0}


def registered(operation: str) -> set[str]:
    found = ec2.operations[operation]
    return {path.partition(".")[0] for path in (*found.supports, *found.ignores)}


# AWS's sentences about excluded combinations of parameters that have no row in FORBIDDEN.
ELSEWHERE = {
    "MaxResults": "the tables of the Describe actions",
    "IpPermissions": "AWS takes both in one set, and Terraform sends them so",
    "GroupNames": "both are taken: the groups that either names",
    "PrivateIpAddress": "checked with the number of instances, when the launch is read",
    "Size": "both are taken: the snapshot's size or more",
    "SnapshotId": "as Size",
    "BlockDeviceMappings": "a snapshot and a state of encryption are refused when the mapping is read",
    "AmazonProvidedIpv6CidrBlock": "only false is taken",
    "PrivateIpAddresses": "checked with the number of addresses, when the request is read",
    "SecondaryPrivateIpAddressCount": "as PrivateIpAddresses",
    "SecurityGroupRuleDescriptions": "one of the two is demanded when the request is read",
    "Versions": "checked when the request is read",
    "DescribeLaunchTemplateVersions": "a template that is named twice is refused when it is looked for",
    "AssociateAddress": "AWS takes an interface beside an instance: Terraform's aws_eip sends the former one",
    "AllocationId": "private NAT gateways, which take no address, are refused",
}
FORBIDS = re.compile(
    r"(?:can't|cannot) specify|but not both|(?:must|can) specify either|must specify any .* as part of", re.IGNORECASE
)


def test_no_sentence_of_aws_about_pairs_is_overlooked() -> None:
    overlooked = []
    for operation in ec2.handlers:
        shape = ec2.model.operation_model(operation).input_shape
        for name in registered(operation) & set(shape.members if shape else ()):
            text = re.sub(r"<[^>]+>", "", shape.members[name].documentation) if shape else ""
            row = {word for one in FORBIDDEN[operation] for word in f"{one.these} {one.those}".split()}
            if FORBIDS.search(text) and name not in row and not {operation, name} & {*ELSEWHERE} and name != "Filters":
                overlooked.append(f"{operation}.{name}")
    assert overlooked == []
    assert len(PAIRS) > 20
