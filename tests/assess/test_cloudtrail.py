"""CloudTrail's logs: the spelling, the forms of files, what is counted and what never reaches the report."""

import gzip
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assess.calls import UNKNOWN, Call
from assess.cloudtrail import records
from assess.cloudtrail.counting import Counter
from assess.cloudtrail.signature import params, structure
from assess.verdicts import SERVICES
from tests.assess.logs import event, spelled

EC2 = SERVICES["ec2"]
OPERATIONS = ["CreateNetworkInterface", "CreateTags", "CreateVolume", "DescribeInstances", "DescribeSecurityGroups"]


def some(shape: Any, depth: int = 0) -> st.SearchStrategy[Any]:
    """Draw parameters of a shape; structures and lists are not empty."""
    match shape.type_name:
        case "structure":
            members = {name: some(below, depth + 1) for name, below in shape.members.items() if depth < 4}
            return st.fixed_dictionaries({}, optional=members).filter(bool)
        case "list":
            return st.lists(some(shape.member, depth + 1), min_size=1, max_size=2)
        case "boolean":
            return st.booleans()
        case "string":
            return st.sampled_from(shape.enum or ["a", "b"])
    return st.integers(0, 9)


def paths(value: Any, path: str = "") -> set[str]:
    if isinstance(value, list):
        return set().union(*(paths(item, path) for item in value))
    if isinstance(value, dict):
        return set().union(*({f"{path}.{name}"} | paths(below, f"{path}.{name}") for name, below in value.items()))
    return set()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_ec2s_spelling_is_read_back(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(OPERATIONS))
    shape = EC2.model.operation_model(name).input_shape
    asked = data.draw(some(shape))
    reader = structure("ec2", name)
    assert reader is not None
    assert paths(params(reader.read(spelled(shape, asked)))) == paths(asked)


def read(events: list[dict[str, Any]]) -> list[Call]:
    counter = Counter()
    for found in records.records(io.BytesIO(json.dumps({"Records": events}, separators=(",", ":")).encode())):
        counter.add(found)
    assert not counter.broken
    return list(counter.calls())


@pytest.mark.parametrize(
    ("service", "name", "logged", "operation", "asked"),
    [
        (
            "ec2",
            "RunInstances",
            {
                "instancesSet": {"items": [{"imageId": "ami-1", "minCount": 1}]},
                "groupSet": {"items": [{"groupId": "s"}]},
            },
            "RunInstances",
            {"ImageId": UNKNOWN, "MinCount": UNKNOWN, "SecurityGroupIds": [UNKNOWN]},
        ),
        (
            "ec2",
            "RunInstances",
            {"groupSet": {"items": [{"groupName": "web"}]}},
            "RunInstances",
            {"SecurityGroups": [UNKNOWN]},
        ),
        (
            "ec2",
            "DescribeInstances",
            {"instancesSet": {"items": [{"instanceId": "i-1"}]}, "filterSet": {"items": [{"name": "tag:secret"}]}},
            "DescribeInstances",
            {"InstanceIds": [UNKNOWN], "Filters": [{"Name": "tag:*"}]},
        ),
        (
            "ec2",
            "DescribeVpcEndpoints",
            {
                "DescribeVpcEndpointsRequest": {
                    "Filter": {"Name": "vpc-id", "Value": {"content": "v", "tag": 1}, "tag": 1}
                }
            },
            "DescribeVpcEndpoints",
            {"Filters": [{"Name": "vpc-id", "Values": [UNKNOWN]}]},
        ),
        (
            "s3",
            "ListObjects",
            {"bucketName": "b", "Host": "h", "list-type": "2", "max-keys": "5"},
            "ListObjectsV2",
            {"Bucket": UNKNOWN, "MaxKeys": UNKNOWN},
        ),
        (
            "s3",
            "PutBucketPublicAccessBlock",
            {"bucketName": "b", "publicAccessBlock": "", "PublicAccessBlockConfiguration": {"BlockPublicAcls": True}},
            "PutPublicAccessBlock",
            {"Bucket": UNKNOWN, "PublicAccessBlockConfiguration": {"BlockPublicAcls": UNKNOWN}},
        ),
        ("s3", "GetBucketAcl", {"bucketName": "b", "acl": ""}, "GetBucketAcl", {"Bucket": UNKNOWN}),
        (
            "s3",
            "PutBucketLifecycle",
            {"bucketName": "b", "lifecycle": "", "LifecycleConfiguration": {"Rule": {"ID": "x"}, "xmlns": "u"}},
            "PutBucketLifecycleConfiguration",
            {"Bucket": UNKNOWN, "LifecycleConfiguration": {"Rules": [{"ID": UNKNOWN}]}},
        ),
        ("s3", "PutObject", {"bucketName": "b", "key": "k", "x-amz-acl": "private"}, "PutObject", None),
    ],
)
def test_an_event_is_a_call(service: str, name: str, logged: Any, operation: str, asked: Any) -> None:
    [call] = read([event(service, name, logged)])
    assert call.operation == operation
    assert call.params == asked or (asked is None and call.params.keys() == {"Bucket", "Key", "ACL"})


def test_values_that_decide_are_kept_and_no_others() -> None:
    secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQ="
    headers = {"x-amz-server-side-encryption-customer-key": secret, "x-amz-security-token": secret}
    calls = read(
        [
            event("ec2", "CreateVolume", {"encrypted": True, "size": 7, "snapshotId": secret}),
            event("ec2", "RunInstances", {"userData": secret, "keyName": secret, secret: secret}),
            event("s3", "PutObject", {"bucketName": secret, "key": secret, **headers}),
            event("sts", "AssumeRole", {"roleArn": secret, "tokenCode": secret}),
        ]
    )
    assert {"Encrypted": True, "Size": UNKNOWN, "SnapshotId": UNKNOWN} in [call.params for call in calls]
    assert secret not in str([value for call in calls for value in call.params.values()])


def test_calls_are_counted_by_what_they_ask() -> None:
    one = event("ec2", "CreateVolume", {"encrypted": True})
    calls = read([one, {**one, "errorCode": "Client.X"}, event("ec2", "CreateVolume", {"encrypted": False})])
    assert [(call.count, call.failed, call.params["Encrypted"]) for call in calls] == [(2, 1, True), (1, 0, False)]


def test_what_the_customer_did_not_call_is_left_out_and_told() -> None:
    counter = Counter()
    by_aws = event(
        "ec2", "RunInstances", {}, userIdentity={"type": "AssumedRole", "invokedBy": "autoscaling.amazonaws.com"}
    )
    signed_in = event("signin", "ConsoleLogin", eventType="AwsConsoleSignIn")
    for found in records.records(io.BytesIO(json.dumps({"Records": [by_aws, signed_in]}).encode())):
        counter.add(found)
    assert not list(counter.calls())
    assert any("1 events that are no calls, and 1 calls" in note for note in counter.notes())


EVENTS = [event("ec2", "DescribeInstances", {"note": f'}},{{"eventVersion":é {n}', "x": [{}, {}]}) for n in range(5000)]
FORMS: dict[str, Callable[[list[Any]], str]] = {
    "delivered": lambda events: json.dumps({"Records": events}, separators=(",", ":"), ensure_ascii=False),
    "indented": lambda events: json.dumps({"Records": events}, indent=1),
    "in another order": lambda events: json.dumps({"Records": [dict(reversed(one.items())) for one in events]}),
    "lines": lambda events: "\n".join(map(json.dumps, events)),
    "looked up": lambda events: json.dumps(
        {"Events": [{"CloudTrailEvent": json.dumps(one)} for one in events]}, indent=1
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_file_is_read_in_pieces(form: str) -> None:
    data = FORMS[form](EVENTS).encode()
    assert records.is_log(data[:4096])
    lists = list(records.records(io.BytesIO(data)))
    assert sum(map(len, lists)) == len(EVENTS)
    assert max(map(len, lists)) < len(EVENTS), "memory would grow with the file"
    assert {one.event_name for found in lists for one in found} == {"DescribeInstances"}


def test_a_packed_file_is_read_by_its_content(tmp_path: Any) -> None:
    path = tmp_path / "log"
    path.write_bytes(gzip.compress(FORMS["delivered"](EVENTS).encode()))
    with records.opened(path) as (file, _):
        assert sum(map(len, records.records(file))) == len(EVENTS)
