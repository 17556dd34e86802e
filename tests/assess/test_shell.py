"""Shell scripts: which calls are found, with which parameters, and what is listed because it was not followed."""

import sys
from pathlib import Path
from subprocess import run
from typing import Any

import pytest
from click.testing import CliRunner

from assess import inputs
from assess.calls import UNKNOWN, Found
from shim.cli.assess import assess

BUCKET = {"Bucket": "b"}
KEY = {**BUCKET, "Key": "k"}
PARTS = ["CompleteMultipartUpload", "CreateMultipartUpload"]


def read(folder: Path, script: str) -> Found:
    (folder / "it.sh").write_text(script, encoding="utf-8")
    return inputs.read([folder], lambda size: None)


@pytest.mark.parametrize(
    ("script", "operation", "params"),
    [
        ("aws ec2 describe-vpcs --vpc-ids vpc-1 vpc-2", "DescribeVpcs", {"VpcIds": ["vpc-1", "vpc-2"]}),
        ("aws --region x --output text ec2 describe-vpcs --query Vpcs", "DescribeVpcs", {}),
        ("aws ec2 describe-vpcs \\\n  --vpc-ids \\\n  'vpc-1' # all\n", "DescribeVpcs", {"VpcIds": ["vpc-1"]}),
        ('aws ec2 describe-vpcs --vpc-ids "$VPC"', "DescribeVpcs", {"VpcIds": [UNKNOWN]}),
        ('ID=vpc-1\naws ec2 describe-vpcs --vpc-ids "${ID}"', "DescribeVpcs", {"VpcIds": ["vpc-1"]}),
        ("for ID in a b; do aws ec2 describe-vpcs --vpc-ids $ID; done", "DescribeVpcs", {"VpcIds": [UNKNOWN]}),
        ("AWS='aws --region x'\n$AWS ec2 describe-vpcs", "DescribeVpcs", {}),
        ("sudo -E aws ec2 describe-vpcs | jq . > out", "DescribeVpcs", {}),
        ('X="$(aws ec2 describe-vpcs --output text | tr a b)"', "DescribeVpcs", {}),
        ("if ! aws ec2 describe-vpcs; then f() { true; }; fi", "DescribeVpcs", {}),
        ("cat <<END\n$(aws ec2 describe-vpcs)\nEND\n", "DescribeVpcs", {}),
        (
            "aws ec2 describe-instances --filters Name=vpc-id,Values=$VPC 'Name=tag:x,Values=y'",
            "DescribeInstances",
            {"Filters": [{"Name": "vpc-id", "Values": [UNKNOWN]}, {"Name": "tag:x", "Values": ["y"]}]},
        ),
        (
            """aws ec2 create-tags --resources i --tags '[{"Key": "a", "Value": "b"}]'""",
            "CreateTags",
            {"Resources": ["i"], "Tags": [{"Key": "a", "Value": "b"}]},
        ),
        (
            "aws ec2 run-instances --image-id ami-1 --count 2:3 --no-dry-run --user-data file://secret",
            "RunInstances",
            {"ImageId": "ami-1", "MinCount": 2, "MaxCount": 3, "DryRun": False, "UserData": UNKNOWN},
        ),
        ("aws ec2 create-volume --size $N --encrypted", "CreateVolume", {"Size": UNKNOWN, "Encrypted": True}),
        ("""aws ec2 describe-vpcs --cli-input-json '{"VpcIds": ["v"]}'""", "DescribeVpcs", {"VpcIds": ["v"]}),
        ("aws ec2 describe-vpcs --page-size 7 --max-items 9", "DescribeVpcs", {"MaxResults": 7}),
        ("aws ec2 wait volume-available --volume-ids $V", "DescribeVolumes", {"VolumeIds": [UNKNOWN]}),
        ("aws s3api put-object --bucket b --key k --body file", "PutObject", {**KEY, "Body": UNKNOWN}),
        ("aws s3api get-object --bucket b --key k file", "GetObject", KEY),
        ("aws sts get-caller-identity", "GetCallerIdentity", {}),
        ("aws iam list-roles --no-cli-pager", "ListRoles", {}),
    ],
)
def test_a_command_is_a_call(tmp_path: Path, script: str, operation: str, params: Any) -> None:
    found = read(tmp_path, script)
    assert [(call.operation, call.params, call.complete) for call in found.calls] == [(operation, params, True)]
    assert not found.unfollowed


@pytest.mark.parametrize(
    ("script", "operations"),
    [
        ("aws s3 ls", ["ListBuckets"]),
        ("aws s3 ls s3://b/k --recursive", ["ListObjectsV2"]),
        ("aws s3 cp ./file s3://b/k", [*PARTS, "PutObject", "UploadPart"]),
        ("aws s3 cp - s3://b/k", [*PARTS, "PutObject", "UploadPart"]),
        ("aws s3 cp s3://b/k .", ["GetObject", "HeadObject"]),
        ("aws s3 cp s3://b/k . --recursive", ["GetObject", "ListObjectsV2"]),
        (
            "aws s3 mv s3://b/k s3://c/d",
            [PARTS[0], "CopyObject", PARTS[1], "DeleteObject", "HeadObject", "UploadPartCopy"],
        ),
        ("aws s3 sync . s3://b/k --delete", [*PARTS, "DeleteObject", "ListObjectsV2", "PutObject", "UploadPart"]),
        ("aws s3 sync s3://b .", ["GetObject", "ListObjectsV2"]),
        ("aws s3 rm s3://b/k", ["DeleteObject"]),
        ("aws s3 rm s3://b/ --recursive", ["DeleteObject", "ListObjectsV2"]),
        ("aws s3 mb s3://b", ["CreateBucket"]),
        ("aws s3 rb s3://b --force", ["DeleteBucket", "DeleteObject", "ListObjectsV2"]),
        ("aws s3 presign s3://b/k", ["GetObject"]),
        ("aws s3 website s3://b --index-document i", ["PutBucketWebsite"]),
    ],
)
def test_a_command_of_s3s_own_makes_its_calls(tmp_path: Path, script: str, operations: list[str]) -> None:
    found = read(tmp_path, script)
    assert [call.operation for call in found.calls] == operations
    assert not found.unfollowed


def test_a_transfer_has_the_parameters_of_its_options(tmp_path: Path) -> None:
    found = read(
        tmp_path, 'aws s3 cp f "s3://b/$K" --acl private --storage-class GLACIER --sse-c-key hunter2 --sse-c AES256'
    )
    params = {call.operation: call.params for call in found.calls}
    assert params["PutObject"] == {
        "Bucket": "b",
        "Key": UNKNOWN,
        "ACL": "private",
        "StorageClass": "GLACIER",
        "SSECustomerAlgorithm": "AES256",
        "SSECustomerKey": UNKNOWN,
    }
    assert "ACL" not in params["UploadPart"]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ('aws "$@"', "the command is known only when it runs"),
        ("aws ec2 $WHAT --vpc-ids x", "the command is known only when it runs"),
        ("aws ec2 describe-vpcs --no-such x", "has no option --no-such"),
        ("aws ec2 run-instances --count many", "does not take the value of --count"),
        ("aws ec2 no-such-command", "has no command of this name whose calls are known"),
        ("aws nothing at-all", "has no command of this name"),
        ("aws cloudformation deploy --template-file x --stack-name y", "whose calls are known"),
        ('aws s3 cp "$FROM" s3://b/k', "known only when it runs"),
        ("bash -c 'aws s3 ls'", "a text with an `aws` command is given to bash"),
    ],
)
def test_what_is_not_followed_is_listed_with_its_line(tmp_path: Path, script: str, words: str) -> None:
    found = read(tmp_path, f"#!/bin/sh\n\n{script}\n")
    assert not found.calls
    [lost] = found.unfollowed
    assert lost.startswith(f"{tmp_path / 'it.sh'}:3: ")
    assert words in lost


@pytest.mark.parametrize("script", ["echo aws s3 ls", "# aws s3 ls", "aws configure list", "aws ec2 help", "which aws"])
def test_what_calls_nothing_is_no_call(tmp_path: Path, script: str) -> None:
    found = read(tmp_path, script)
    assert not found.calls
    assert not found.unfollowed


@pytest.mark.parametrize(
    "script", ["aws ec2 describe-vpcs $MORE", 'aws ec2 describe-vpcs "${MORE[@]}"', "ls | xargs aws ec2 describe-vpcs"]
)
def test_a_variable_that_may_hold_options_makes_a_call_unknown(tmp_path: Path, script: str) -> None:
    [call] = read(tmp_path, script).calls
    assert call.operation == "DescribeVpcs"
    assert not call.complete


@pytest.mark.parametrize("form", ["table", "json", "html", "junit", "markdown"])
def test_no_secret_of_a_script_is_in_the_report(tmp_path: Path, form: str) -> None:
    secret = "hunter2-hunter2"
    script = f"""
        PASSWORD={secret}
        aws ec2 run-instances --image-id {secret} --count 1 --user-data $PASSWORD
        aws ec2 describe-vpcs --vpc-ids $PASSWORD
        aws s3 cp f s3://{secret}/{secret} --sse-c AES256 --sse-c-key $PASSWORD
        aws iam create-login-profile --user-name x --password "$PASSWORD"
        aws ec2 describe-vpcs --no-such-{secret[:3]} {secret}
        aws ec2 run-instances --count {secret}
        bash -c "aws s3 ls {secret}"
    """
    (tmp_path / "it.sh").write_text(script, encoding="utf-8")
    found = CliRunner().invoke(assess, [str(tmp_path), "--format", form])
    assert found.exit_code == 1
    assert secret not in "".join(found.output.split())


def test_files_and_addresses_that_a_script_names_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("vpc-from-a-file", encoding="utf-8")
    for place in (f"file://{tmp_path / 'data'}", "http://127.0.0.1:1/x"):
        [call] = read(tmp_path, f"aws ec2 describe-vpcs --vpc-ids {place}").calls
        assert call.params == {"VpcIds": [UNKNOWN]}


def test_the_gateways_own_models_are_used_beside_the_clis() -> None:
    """The AWS CLI has a copy of botocore in it, and puts it in the place of botocore's own if it is imported first."""
    program = "import assess.shell.reader, botocore, s3transfer; print(botocore.__file__, s3transfer.__file__)"
    found = run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "awscli" not in found


def test_a_script_is_found_by_its_first_line(tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("#!/usr/bin/env bash\naws ec2 create-volume --encrypted\n", encoding="utf-8")
    assert CliRunner().invoke(assess, [str(tmp_path)]).exit_code == 1
