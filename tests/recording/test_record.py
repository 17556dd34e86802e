"""`passerelle record` with the AWS CLI and boto3 before moto: what is written, what is not, and the status."""

import os
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from tests.recording.commands import BIN, PYTHON, Passerelle, script
from tests.support.clients import Boto
from tests.support.names import unique

SECRET = "correct horse battery staple"


def test_a_line_tells_the_call_and_its_answer(passerelle: Passerelle) -> None:
    [line] = passerelle.record("aws", "ec2", "describe-vpcs", "--filters", "Name=isDefault,Values=true")
    assert (line["service"], line["operation"]) == ("ec2", "DescribeVpcs")
    assert line["params"] == {"Filters": [{"Name": "isDefault", "Values": ["true"]}]}
    assert (line["status"], line["error"]) == (200, "")
    assert line["answer"]["Vpcs"][0]["CidrBlock"] == "172.31.0.0/16"
    assert line["recorded"].endswith("Z")
    assert 0 < line["seconds"] < 60


def test_the_status_is_the_commands_and_the_error_is_aws(passerelle: Passerelle) -> None:
    [line] = passerelle.record("aws", "ec2", "describe-vpcs", "--vpc-ids", "vpc-12345678", check=255)
    assert (line["status"], line["error"], line["answer"]) == (400, "InvalidVpcID.NotFound", {})
    assert passerelle("record", "--", "sh", "-c", "exit 7", check=None).returncode == 7
    assert passerelle("record", "--", "sh", "-c", "kill -KILL $$", check=None).returncode == 128 + 9
    assert passerelle("record", "--", "no-such-command", check=None).returncode == 127


def test_words_of_the_command_are_its_own(passerelle: Passerelle) -> None:
    done = passerelle("record", "sh", "-c", 'echo "$0 $1"', "--profile", "x")
    assert done.stdout == "--profile x\n"


def test_objects_pass_and_are_not_kept(passerelle: Passerelle) -> None:
    bucket, path = unique("bucket"), passerelle.home / "big"
    path.write_bytes(os.urandom(10 << 20))  # in two parts
    lines = passerelle.record(
        "sh",
        "-ec",
        f"aws s3 mb s3://{bucket}; aws s3 cp big 's3://{bucket}/a//b c+%'; aws s3 cp 's3://{bucket}/a//b c+%' copy; "
        f"aws s3 rb --force s3://{bucket}",
    )
    assert (passerelle.home / "copy").read_bytes() == path.read_bytes()
    made = {line["operation"] for line in lines}
    assert made >= {"CreateBucket", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "GetObject"}
    assert {line["params"]["Key"] for line in lines if "Key" in line["params"]} == {"a//b c+%"}
    sent = [line["params"]["Body"] for line in lines if line["operation"] == "UploadPart"]
    assert sorted(body["$bytes"] for body in sent) == [2 << 20, 8 << 20]
    read = [line["answer"]["Body"]["$bytes"] for line in lines if line["operation"] == "GetObject"]
    assert sum(read) == 10 << 20
    [head] = [line["answer"] for line in lines if line["operation"] == "HeadObject"]
    assert head["ContentLength"] == 10 << 20


def test_secrets_are_nowhere_and_equal_ones_are_told(passerelle: Passerelle) -> None:
    text = f"""
import base64, boto3
ec2, s3, sts = (boto3.client(name) for name in ("ec2", "s3", "sts"))
for _ in range(2):
    ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1, UserData="{SECRET}")
made = ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
ec2.modify_instance_attribute(InstanceId=made, UserData={{"Value": base64.b64encode(b"{SECRET}")}})
ec2.describe_instance_attribute(InstanceId=made, Attribute="userData")
print(ec2.create_key_pair(KeyName="secrets")["KeyMaterial"].splitlines()[1])
s3.create_bucket(Bucket="secrets")
s3.put_object(Bucket="secrets", Key="k", Body=b"{SECRET}", SSECustomerAlgorithm="AES256", SSECustomerKey="k" * 32)
print(sts.get_session_token()["Credentials"]["SecretAccessKey"])
print(sts.get_session_token()["Credentials"]["SessionToken"])
"""
    done = passerelle("record", "--", PYTHON, script(passerelle.home, "calls.py", text))
    written = (passerelle.home / "recording.jsonl").read_text()
    key = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="
    for secret in (SECRET, "Y29ycmVjdCBob3JzZ", key, "Signature", *done.stdout.split()):
        assert secret not in written
    assert stat.S_IMODE((passerelle.home / "recording.jsonl").stat().st_mode) == 0o600
    lines = passerelle.lines()
    hidden = [line["params"]["UserData"] for line in lines if "UserData" in line["params"]]
    assert len(hidden) == 3
    assert hidden[0] == hidden[1]
    assert not [line for line in lines if line.get("unread")]


def test_presigned_urls_are_signed_anew(passerelle: Passerelle) -> None:
    text = """
import boto3, urllib.request
from botocore.config import Config
for version in ("s3v4", "s3"):
    s3 = boto3.client("s3", config=Config(signature_version=version))
    s3.create_bucket(Bucket="presigned")
    put = s3.generate_presigned_url("put_object", Params={"Bucket": "presigned", "Key": "k"}, ExpiresIn=60)
    urllib.request.urlopen(urllib.request.Request(put, b"body", method="PUT", headers={"Content-Type": ""})).close()
    get = s3.generate_presigned_url("get_object", Params={"Bucket": "presigned", "Key": "k"}, ExpiresIn=60)
    with urllib.request.urlopen(get) as answer:
        print(answer.read().decode())
"""
    done = passerelle("record", "--", PYTHON, script(passerelle.home, "presign.py", text))
    assert done.stdout == "body\nbody\n"
    names = [line["operation"] for line in passerelle.lines()]
    assert names == ["CreateBucket", "PutObject", "GetObject"] * 2


def test_buckets_in_the_hosts_name(passerelle: Passerelle, moto: Boto) -> None:
    """The client resolves no name: curl is told the address, as a resolver tells it of `*.localhost`."""
    moto("s3").create_bucket(Bucket="in-the-host")
    moto("s3").put_object(Bucket="in-the-host", Key="a/b", Body=b"body", ACL="public-read")
    text = (
        'port=${AWS_ENDPOINT_URL##*:}; curl -sf --resolve "*:$port:127.0.0.1" "http://in-the-host.localhost:$port/a/b"'
    )
    done = passerelle("record", "--virtual-hosts", "--", "sh", "-c", text)
    [line] = passerelle.lines()
    assert (line["operation"], line["params"]) == ("GetObject", {"Bucket": "in-the-host", "Key": "a/b"})
    assert done.stdout == "body"


def test_the_target_and_its_credentials_are_named(passerelle: Passerelle) -> None:
    (passerelle.home / ".aws").mkdir()
    (passerelle.home / ".aws" / "credentials").write_text(
        "[there]\naws_access_key_id = AKIDTHERE\naws_secret_access_key = x\n"
    )
    words = ("record", "--target", passerelle.url, "--profile", "there", "--", "aws", "sts", "get-caller-identity")
    passerelle(*words, AWS_ENDPOINT_URL="", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    assert [line["operation"] for line in passerelle.lines()] == ["GetCallerIdentity"]
    done = passerelle("record", "--", "true", check=2, AWS_ENDPOINT_URL="")
    assert "AWS_ENDPOINT_URL" in done.stderr
    assert "profile" in passerelle("record", "--profile", "nobody", "--", "true", check=2).stderr
    assert "no URL" in passerelle("record", "--target", "moto:80", "--", "true", check=2).stderr


def test_an_endpoint_of_one_service_is_a_target_of_its_own(passerelle: Passerelle) -> None:
    nobody = "http://127.0.0.1:1"
    lines = passerelle.record(
        "aws", "ec2", "describe-regions", AWS_ENDPOINT_URL=nobody, AWS_ENDPOINT_URL_EC2=passerelle.url
    )
    assert [line["status"] for line in lines] == [200]


def test_a_target_that_does_not_answer_is_told(passerelle: Passerelle) -> None:
    words = ("aws", "ec2", "describe-regions")
    lines = passerelle.record(*words, check=255, AWS_ENDPOINT_URL="http://127.0.0.1:1", AWS_MAX_ATTEMPTS="1")
    assert [(line["status"], line["unread"]) for line in lines] == [(0, "no answer of the target: ConnectError")]


def test_a_file_is_written_anew_or_added_to(passerelle: Passerelle) -> None:
    words = ("--", "aws", "sts", "get-caller-identity")
    passerelle("record", "-o", "calls", *words)
    (passerelle.home / "calls").chmod(0o644)
    passerelle("record", "-o", "calls", *words)
    assert stat.S_IMODE((passerelle.home / "calls").stat().st_mode) == 0o600
    assert len(passerelle.lines("calls")) == 1
    told = passerelle("record", "-o", "calls", "--append", *words).stderr
    assert len(passerelle.lines("calls")) == 2
    assert told == "passerelle: 1 call in calls\n"


def test_other_services_pass_and_are_named(passerelle: Passerelle) -> None:
    [line] = passerelle.record("aws", "iam", "get-user", "--user-name", SECRET, check=255)
    assert (line["service"], line["operation"], line["params"]) == ("iam", "GetUser", {})
    assert line["unread"]
    [line] = passerelle.record("aws", "dynamodb", "list-tables", check=None)
    assert (line["service"], line["operation"]) == ("dynamodb", "ListTables")


def test_signals_reach_the_command(passerelle: Passerelle) -> None:
    process = subprocess.Popen(
        [
            BIN / "passerelle",
            "record",
            "--",
            "sh",
            "-c",
            "trap 'exit 5' TERM; touch ready; while :; do sleep 0.1; done",
        ],
        env=passerelle.environment(),
        cwd=passerelle.home,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not (passerelle.home / "ready").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 5


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_user_of_the_machine_is_refused(passerelle: Passerelle) -> None:
    text = """
import encodings.idna, os, urllib.error, urllib.request
os.setuid(65534)
try:
    urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"])
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
    error.close()
"""
    done = passerelle("record", "--", PYTHON, script(passerelle.home, "other.py", text))
    # Root's connections are served, as root could read the secrets anyway; nobody's are not.
    assert done.stdout == "403 the recorder serves only the user who started it\n"
    assert Path(passerelle.home / "recording.jsonl").read_text() == ""
