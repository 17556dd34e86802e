"""What no cloud is needed to refuse is refused before any is asked, by every Describe action."""

import asyncio
from typing import Any

import pytest

from shim.ec2.service import ec2
from shim.errors import AwsError
from tests.ec2.engine.test_describe import call
from tests.ec2.engine.test_filter_names import TABLES

X = [{"Name": "bogus", "Values": ["1"]}]
LONG = "x" * 256


class NoCloud:
    """A cloud that nobody may ask for anything."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the cloud was asked for {name}")


def bad(operation: str) -> dict[str, tuple[dict[str, Any], str]]:
    """Return requests that are refused, with the code of each, by what is wrong with them."""
    table, shape = TABLES[operation], ec2.model.operation_model(operation).input_shape
    assert shape is not None
    name = next(iter(table.filters))
    found: dict[str, tuple[dict[str, Any], str]] = {
        "unknown filter": ({"Filters": X}, "InvalidParameterValue"),
        "no value": ({"Filters": [{"Name": name, "Values": []}]}, "InvalidParameterValue"),
        "long value": ({"Filters": [{"Name": name, "Values": [LONG]}]}, "InvalidParameterValue"),
        "many values": ({"Filters": [{"Name": name, "Values": ["1"] * 201}]}, "FilterLimitExceeded"),
        "many filters": ({"Filters": [{"Name": name, "Values": ["1"]}] * 51}, "FilterLimitExceeded"),
    }
    if "NextToken" in ec2.operations[operation].supports:
        found["token"] = {"NextToken": "bogus"}, "InvalidParameterValue"
    if "MaxResults" in ec2.operations[operation].supports:
        found["small page"] = {"MaxResults": 4}, "InvalidParameterValue"
        if not table.cut:
            found["large page"] = {"MaxResults": table.most + 1}, "InvalidParameterValue"
        if table.ids and not table.paged_ids:
            one = f"{table.kind.prefix}-{'0' * 32}"
            found["ids and page"] = {table.ids: [one], "MaxResults": 5}, "InvalidParameterCombination"
    if table.ids and table.kind.prefix:
        found["id"] = {table.ids: ["bogus"]}, table.kind.malformed
    return found


CASES = [
    pytest.param(operation, *case, id=f"{operation}: {what}")
    for operation in TABLES
    for what, case in bad(operation).items()
] + [
    pytest.param("DescribeImages", {"Owners": ["nobody"]}, "InvalidUserID.Malformed"),
    pytest.param("DescribeImages", {"ExecutableUsers": ["nobody"]}, "InvalidUserID.Malformed"),
    pytest.param("DescribeImages", {"ExecutableUsers": ["9" * 12]}, "UnsupportedOperation"),
    pytest.param("DescribeKeyPairs", {"KeyPairIds": ["bogus"]}, "InvalidParameterValue"),
    pytest.param(
        "DescribeInstanceAttribute", {"InstanceId": "i-" + "0" * 32, "Attribute": "x"}, "InvalidParameterValue"
    ),
    pytest.param("DescribeVolumeAttribute", {"VolumeId": "vol-" + "0" * 32, "Attribute": "x"}, "InvalidParameterValue"),
    pytest.param("DescribeVpcAttribute", {"VpcId": "vpc-" + "0" * 32, "Attribute": "x"}, "InvalidParameterValue"),
    pytest.param("DescribeAccountAttributes", {"AttributeNames": ["x"]}, "InvalidParameterValue"),
]


def refusal(operation: str, req: dict[str, Any]) -> AwsError:
    here = call(operation)
    here.cloud = NoCloud()
    with pytest.raises(AwsError) as refused:
        asyncio.run(ec2.handlers[operation](here, req))  # type: ignore[arg-type]
    return refused.value


@pytest.mark.parametrize(("operation", "req", "code"), CASES)
def test_refused_before_the_cloud_is_asked(operation: str, req: dict[str, Any], code: str) -> None:
    error = refusal(operation, req)
    assert (error.code, error.status) == (code, 400)
    assert LONG not in error.message
