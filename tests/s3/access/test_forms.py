"""Browser forms and the rules of buckets: unsigned forms, ACLs, and what conditions of a policy see of a form."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import requests
from openstack.connection import Connection

from tests.security.requests import code_of
from tests.support.gateway import Gateway

SWITCHES = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
TAGS = "<Tagging><TagSet><Tag><Key>a</Key><Value>b c</Value></Tag></TagSet></Tagging>"
Send = Callable[..., requests.Response]


def let(s3: Any, bucket: str, *actions: str, **more: Any) -> None:
    """Let everybody act on the bucket's objects."""
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": [f"s3:{action}" for action in actions],
        "Resource": f"arn:aws:s3:::{bucket}/in/*",
        **more,
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


@pytest.fixture
def inbox(s3: Any, bucket: str) -> Iterator[str]:
    """A bucket that public policies and ACLs are allowed for."""
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=dict.fromkeys(SWITCHES, False))
    yield bucket
    s3.delete_bucket_policy(Bucket=bucket)


@pytest.fixture
def send(gateway: Gateway, inbox: str) -> Send:
    """Return a function that sends a form of these fields: `send(fields, content)`."""

    def post(
        fields: Mapping[str, str], content: bytes = b"sent", headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        url = f"{gateway.url}/{inbox}"
        return requests.post(url, data=dict(fields), files={"file": content}, headers=headers, timeout=60)

    return post


def refused(answer: requests.Response, status: int = 403, code: str = "AccessDenied") -> None:
    assert (answer.status_code, code_of(answer.content)) == (status, code)


def stored(s3: Any, bucket: str) -> list[str]:
    return [row["Key"] for row in s3.list_objects_v2(Bucket=bucket).get("Contents", ())]


def test_nobodys_form_stores_what_everybody_may_store(
    s3: Any, inbox: str, send: Send, openstack_main: Connection, gateway: Gateway
) -> None:
    refused(send({"key": "in/a"}))
    let(s3, inbox, "PutObject")
    for size in (4, 3_000_000):
        fields = {"key": "in/a", "Content-Type": "text/plain", "x-amz-meta-a": "b", "success_action_status": "201"}
        answer = send(fields, b"x" * size)
        assert answer.status_code == 201
        got = s3.get_object(Bucket=inbox, Key="in/a")
        assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (b"x" * size, "text/plain", {"a": "b"})
        assert len(openstack_main.object_store.download_object("in/a", inbox)) == size
    line = gateway.call({"ResponseMetadata": {"RequestId": answer.headers["x-amz-request-id"]}})
    assert (line["action"], "access_key" in line, "account" in line) == ("PutObject", False, False)
    refused(send({"key": "out/a"}))
    refused(send({"key": "in/a", "x-amz-checksum-sha256": "x"}), 400, "InvalidRequest")
    assert stored(s3, inbox) == ["in/a"]


def test_half_a_signature_is_none_and_no_absence_of_one(s3: Any, inbox: str, send: Send) -> None:
    let(s3, inbox, "PutObject")
    for field in ("policy", "signature", "AWSAccessKeyId", "x-amz-signature", "x-amz-credential", "x-amz-algorithm"):
        assert send({"key": "in/a", field: "x"}).status_code == 400
    refused(send({"key": "in/a", "x-amz-security-token": "x"}), 400, "InvalidToken")
    refused(send({}), 400, "InvalidArgument")
    assert stored(s3, inbox) == []


def test_tags_and_acls_of_nobodys_form_need_their_own_permissions(s3: Any, inbox: str, send: Send) -> None:
    s3.put_bucket_ownership_controls(Bucket=inbox, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    tagged, open_to_all = {"key": "in/a", "tagging": TAGS}, {"key": "in/b", "acl": "public-read"}
    let(s3, inbox, "PutObject")
    refused(send(tagged))
    refused(send(open_to_all))
    let(s3, inbox, "PutObject", "PutObjectTagging", "PutObjectAcl")
    assert send(tagged).status_code == 204
    assert s3.get_object_tagging(Bucket=inbox, Key="in/a")["TagSet"] == [{"Key": "a", "Value": "b c"}]
    assert send(open_to_all).status_code == 204
    uris = [grant["Grantee"].get("URI", "") for grant in s3.get_object_acl(Bucket=inbox, Key="in/b")["Grants"]]
    assert "http://acs.amazonaws.com/groups/global/AllUsers" in uris


def test_a_bucket_acl_lets_nobodys_form_in(s3: Any, inbox: str, send: Send) -> None:
    s3.put_bucket_ownership_controls(Bucket=inbox, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    refused(send({"key": "k"}))
    s3.put_bucket_acl(Bucket=inbox, ACL="public-read-write")
    assert send({"key": "k"}).status_code == 204
    # Policies trust an object's tags, so no grant of an ACL lets others choose them.
    refused(send({"key": "tagged", "tagging": TAGS}))
    assert stored(s3, inbox) == ["k"]


@pytest.mark.parametrize(
    "field", [{"acl": "public-read"}, {"x-amz-grant-read": 'uri="http://acs.amazonaws.com/groups/global/AllUsers"'}]
)
def test_a_signed_form_gives_an_acl(s3: Any, inbox: str, send: Send, gateway: Gateway, field: dict[str, str]) -> None:
    s3.put_bucket_ownership_controls(Bucket=inbox, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    form = s3.generate_presigned_post(inbox, "in/a", dict(field), [dict(field)])
    assert send(form["fields"]).status_code == 204
    assert requests.get(f"{gateway.url}/{inbox}/in/a", timeout=60).content == b"sent"


def test_conditions_see_the_form_as_they_see_other_requests(s3: Any, inbox: str, send: Send) -> None:
    page, agent = {"Referer": "https://page.example/form"}, {"User-Agent": "a browser"}
    for condition, headers in (
        ({"StringLike": {"aws:Referer": "https://page.example/*"}}, page),
        ({"StringEquals": {"aws:UserAgent": "a browser"}}, agent),
        ({"IpAddress": {"aws:SourceIp": "127.0.0.1"}, "Bool": {"aws:SecureTransport": "false"}}, {}),
        ({"StringEquals": {"s3:RequestObjectTag/a": "b c"}}, {}),
    ):
        let(s3, inbox, "PutObject", "PutObjectTagging", Condition=condition)
        fields = {"key": "in/a", "tagging": TAGS}
        assert send(fields, headers=headers).status_code == 204
        if headers:
            refused(send(fields, headers=dict.fromkeys(headers, "other")))
            refused(send({**fields, "referer": page["Referer"], "user-agent": "a browser"}, headers={"User-Agent": ""}))
    denied = {"Effect": "Deny", "Condition": {"StringNotLike": {"aws:Referer": "https://page.example/*"}}}
    let(s3, inbox, "PutObject", **denied)
    form = s3.generate_presigned_post(inbox, "in/b")["fields"]
    refused(send(form))
    assert send(form, headers=page).status_code == 204
