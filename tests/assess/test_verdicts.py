"""Verdicts come from the registry: operations, parameters, values, filters, and what the documentation says."""

import pytest

from assess.calls import UNKNOWN, Call
from assess.verdicts import SERVICES, Outcome, judge
from shim.operator.coverage import actions
from tests.house.source import REPOSITORY


def outcomes(call: Call) -> dict[str, Outcome]:
    return {one.path: one.outcome for one in judge(call).findings}


def test_what_the_coverage_says_is_what_is_judged() -> None:
    for row in actions(SERVICES.values()):
        for path in row.refuses:
            verdict = judge(Call(row.service, row.operation, {path: UNKNOWN}))
            assert verdict.outcome is Outcome.REFUSED, (row.operation, path)
            assert path in {one.path for one in verdict.findings}
        found = outcomes(
            Call(row.service, row.operation, dict.fromkeys(set(row.supports) - row.values.keys(), UNKNOWN))
        )
        refused = {path for path, outcome in found.items() if outcome is Outcome.REFUSED}
        assert not refused, (row.operation, refused)


@pytest.mark.parametrize(
    ("call", "path", "code"),
    [
        (Call("ec2", "CreateTransitGateway"), "", "UnsupportedOperation"),
        (Call("s3", "RenameObject"), "", "NotImplemented"),
        (Call("iam", "ListRoles"), "", "InvalidAction"),
        (Call("ec2", "CreateVpc", {"Ipv6Pool": UNKNOWN}), "Ipv6Pool", "UnsupportedOperation"),
        (Call("ec2", "CopyImage", {"Encrypted": True}), "Encrypted", "UnsupportedOperation"),
        (
            Call("ec2", "CreateVpcPeeringConnection", {"VpcId": UNKNOWN, "PeerOwnerId": "444455556666"}),
            "PeerOwnerId",
            "UnsupportedOperation",
        ),
        (
            Call("ec2", "ModifySnapshotAttribute", {"CreateVolumePermission": {"Add": [{"Group": "all"}]}}),
            "CreateVolumePermission.Add.Group",
            "UnsupportedOperation",
        ),
        (
            Call(
                "s3",
                "PutBucketNotificationConfiguration",
                {"NotificationConfiguration": {"EventBridgeConfiguration": {}}},
            ),
            "NotificationConfiguration.EventBridgeConfiguration",
            "NotImplemented",
        ),
        (
            Call("ec2", "CreateImage", {"BlockDeviceMappings": [{"Ebs": {"Encrypted": True}}]}),
            "BlockDeviceMappings.Ebs.Encrypted",
            "UnsupportedOperation",
        ),
        (
            Call("ec2", "DescribeInstances", {"Filters": [{"Name": "no-such", "Values": UNKNOWN}]}),
            "Filters.no-such",
            "InvalidParameterValue",
        ),
    ],
)
def test_a_refusal_names_the_parameter_and_aws_error(call: Call, path: str, code: str) -> None:
    verdict = judge(call)
    assert verdict.outcome is Outcome.REFUSED
    assert (path, code) in {(one.path, one.code) for one in verdict.findings}


@pytest.mark.parametrize(
    ("call", "path"),
    [
        (Call("ec2", "CopyImage", {"Encrypted": UNKNOWN}), "Encrypted"),
        (Call("ec2", "CreateVolume", {"Encrypted": UNKNOWN}), "Encrypted"),
        (Call("ec2", "CreateVolume", {"Encrypted": True}), "Encrypted"),
        (
            Call("ec2", "CreateVolume", {"AvailabilityZone": "a", "Size": 1, "Encrypted": True}, exact=True),
            "Encrypted",
        ),
        (
            Call("ec2", "RunInstances", {"BlockDeviceMappings": [{"Ebs": {"Encrypted": True}}]}),
            "BlockDeviceMappings.Ebs.Encrypted",
        ),
        # What the operator offers, or the region of a request, is not known to the one who assesses.
        (Call("ec2", "RunInstances", {"IamInstanceProfile": {"Name": UNKNOWN}}), "IamInstanceProfile"),
        (Call("ec2", "RunInstances", {"IamInstanceProfile": {"Name": "a"}}, exact=True), "IamInstanceProfile"),
        (
            Call("ec2", "CreateVpc", {"CidrBlock": "10.0.0.0/16", "AmazonProvidedIpv6CidrBlock": True}),
            "AmazonProvidedIpv6CidrBlock",
        ),
        (Call("ec2", "CreateVpcPeeringConnection", {"PeerRegion": "eu-west-1"}), "PeerRegion"),
        (Call("s3", "PutObject", {"Body": UNKNOWN, "ServerSideEncryption": "AES256"}), "ServerSideEncryption"),
        (Call("s3", "CopyObject", {"ServerSideEncryption": "aws:kms"}), "ServerSideEncryption"),
        (Call("s3", "PutObject", {"Body": UNKNOWN, "StorageClass": "GLACIER"}), "StorageClass"),
        (
            Call(
                "s3", "PutBucketNotificationConfiguration", {"NotificationConfiguration": {"TopicConfigurations": [{}]}}
            ),
            "NotificationConfiguration.TopicConfigurations",
        ),
        (Call("ec2", "DescribeInstances", {"Filters": [{"Name": UNKNOWN}]}), "Filters"),
        (Call("ec2", "DescribeInstances", {"NoSuch": 1}), "NoSuch"),
        (Call("ec2", "NoSuchOperation"), ""),
        (Call("ec2", "DescribeInstances", complete=False), ""),
    ],
)
def test_what_decides_and_is_not_known_is_unknown(call: Call, path: str) -> None:
    verdict = judge(call)
    assert verdict.outcome is Outcome.UNKNOWN
    assert path in {one.path for one in verdict.findings}


def test_every_reason_is_told() -> None:
    found = outcomes(Call("ec2", "CreateVpc", {"Ipv6Pool": "x", "InstanceTenancy": "dedicated"}))
    assert {"Ipv6Pool", "InstanceTenancy"} <= {p for p, o in found.items() if o is Outcome.REFUSED}


def test_known_filters_and_tags_work() -> None:
    asked = [{"Name": "vpc-id", "Values": UNKNOWN}, {"Name": "tag:Name", "Values": ["x"]}]
    assert judge(Call("ec2", "DescribeInstances", {"Filters": asked})).outcome is Outcome.WORKS


def test_a_parameter_without_effect_is_a_difference() -> None:
    verdict = judge(Call("ec2", "RunInstances", {"ImageId": UNKNOWN, "Monitoring": {"Enabled": UNKNOWN}}))
    assert verdict.outcome is Outcome.DIFFERS
    assert ("Monitoring", "docs/coverage.md") in {(one.path, one.docs) for one in verdict.findings}


def test_a_difference_quotes_the_line_of_the_documentation() -> None:
    calls = [Call(name, operation) for name, service in SERVICES.items() for operation in service.handlers]
    quoted = [one for call in calls for one in judge(call).findings if ".md:" in one.docs]
    assert len(quoted) > 20
    for one in quoted:
        page, _, line = one.docs.partition(":")
        text = (REPOSITORY / page).read_text(encoding="utf-8").splitlines()[int(line) - 1]
        assert one.sentence.split()[0].strip("`") in text


def test_what_an_action_reads_is_asked_of_it() -> None:
    asked = {"ImageId": "ami-00000000", "InstanceType": "m1", "MinCount": 2, "MaxCount": 1}
    assert judge(Call("ec2", "RunInstances", asked, exact=True)).outcome is Outcome.REFUSED
    assert judge(Call("ec2", "RunInstances", asked)).outcome is not Outcome.REFUSED
