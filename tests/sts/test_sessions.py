"""Temporary credentials through boto3, on every service, and the Keystone credentials behind them."""

from collections.abc import Iterator
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config

from tests.ec2.client_errors import code
from tests.support.clients import REGION, Boto
from tests.support.gateway import Gateway
from tests.support.names import unique
from tests.support.target import Target


def session(credentials: dict[str, Any]) -> Any:
    """Return boto3 with temporary credentials."""
    return boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        region_name=REGION,
    )


def test_a_session_token_on_every_service(sts: Any, gateway: Gateway, s3: Any, bucket: str) -> None:
    made = sts.get_session_token(DurationSeconds=900)["Credentials"]
    assert made["AccessKeyId"].startswith("ASIA")
    own = session(made)
    again = own.client("sts", endpoint_url=gateway.url)
    assert {**again.get_caller_identity(), "ResponseMetadata": 0} == {
        **sts.get_caller_identity(),
        "ResponseMetadata": 0,
    }
    assert own.client("ec2", endpoint_url=gateway.url).describe_vpcs()["Vpcs"]
    store = own.client("s3", endpoint_url=gateway.url)
    store.put_object(Bucket=bucket, Key="k", Body=b"by a session")
    for version in ("s3", "s3v4"):  # boto3 presigns with version 2 by default
        signer = own.client("s3", endpoint_url=gateway.url, config=Config(signature_version=version))
        url = signer.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"}, ExpiresIn=60)
        answer = httpx.get(url)
        assert (answer.status_code, answer.content) == (200, b"by a session"), version
    s3.delete_object(Bucket=bucket, Key="k")
    assert code(again.get_session_token) == "AccessDenied"
    assert sts.get_access_key_info(AccessKeyId=made["AccessKeyId"])["Account"] == sts.get_caller_identity()["Account"]
    text = gateway.log.read_text()
    assert made["SessionToken"] not in text
    assert made["SecretAccessKey"] not in text


def test_a_role_in_the_own_project(sts: Any, gateway: Gateway, aws: Boto) -> None:
    me = sts.get_caller_identity()
    arn = f"arn:aws:iam::{me['Account']}:role/member"
    made = sts.assume_role(RoleArn=arn, RoleSessionName="ci", DurationSeconds=900, ExternalId="whatever")
    assert made["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{me['Account']}:assumed-role/member/ci"
    again = session(made["Credentials"]).client("sts", endpoint_url=gateway.url)
    found = again.get_caller_identity()
    assert (found["Account"], found["Arn"]) == (me["Account"], made["AssumedRoleUser"]["Arn"])
    assert found["UserId"] == made["AssumedRoleUser"]["AssumedRoleId"]
    chained = again.assume_role(RoleArn=arn, RoleSessionName="next")["AssumedRoleUser"]["Arn"]
    assert chained.endswith("/next")
    assert code(again.assume_role, RoleArn=arn, RoleSessionName="next", DurationSeconds=3601) == "ValidationError"
    other = aws("sts", "alt").get_caller_identity()["Account"]
    for refused in (f"arn:aws:iam::{me['Account']}:role/admin", f"arn:aws:iam::{other}:role/member"):
        assert code(sts.assume_role, RoleArn=refused, RoleSessionName="ci") == "AccessDenied"
    assert code(sts.assume_role, RoleArn="arn:aws:iam::1:role/member", RoleSessionName="ci") == "ValidationError"
    asked = {"RoleArn": arn, "RoleSessionName": "ci", "DurationSeconds": 43_201}
    assert code(sts.assume_role, **asked) == "ValidationError"
    policy = '{"Version": "2012-10-17", "Statement": []}'
    assert code(sts.assume_role, RoleArn=arn, RoleSessionName="ci", Policy=policy) != "AccessDenied"


@pytest.fixture
def key_in_alt(cloud: Target) -> Iterator[str]:
    """A role and an access key of main's user in alt's project."""
    try:
        admin = cloud.connect("admin")
    except Exception:
        pytest.skip("this cloud's administrator is not known")
    with admin, cloud.connect("main") as main, cloud.connect("alt") as alt:
        user, project = main.current_user_id, alt.current_project_id
        role = admin.identity.find_role("member")
        admin.identity.assign_project_role_to_user(project, user, role)
        made = admin.session.post(
            f"/users/{user}/credentials/OS-EC2",
            json={"tenant_id": project},
            endpoint_filter={"service_type": "identity", "interface": "public"},
        ).json()["credential"]
        yield str(made["access"])
        admin.identity.delete(f"/users/{user}/credentials/OS-EC2/{made['access']}")
        admin.identity.unassign_project_role_from_user(project, user, role)


@pytest.mark.usefixtures("key_in_alt")
def test_a_role_in_another_project(sts: Any, aws: Boto, gateway: Gateway, alt_s3: Any) -> None:
    account = aws("sts", "alt").get_caller_identity()["Account"]
    arn = f"arn:aws:iam::{account}:role/member"
    own = session(sts.assume_role(RoleArn=arn, RoleSessionName="visitor")["Credentials"])
    assert own.client("sts", endpoint_url=gateway.url).get_caller_identity()["Account"] == account
    name = unique("visited")
    own.client("s3", endpoint_url=gateway.url).create_bucket(Bucket=name)
    assert name in [one["Name"] for one in alt_s3.list_buckets()["Buckets"]]
    alt_s3.delete_bucket(Bucket=name)


def test_what_sts_has_and_keystone_lacks(sts: Any) -> None:
    assert code(sts.decode_authorization_message, EncodedMessage="x")
    assert code(sts.get_federation_token, Name="abc")
    assert code(sts.get_access_key_info, AccessKeyId="AKIAIOSFODNN7EXAMPLE") == "InvalidClientTokenId"
    assert code(sts.get_session_token, DurationSeconds=129_601) == "ValidationError"
    assert code(sts.get_session_token, SerialNumber="arn:aws:iam::123456789012:mfa/me", TokenCode="123456")
