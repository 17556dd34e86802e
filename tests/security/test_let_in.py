"""Callers whom the policy of another project's bucket lets in, signed or not: what AWS refuses them still."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.errors import BackendError, Fault
from adapters.types.objects import Container, Stored
from shim.app import FRONTENDS
from shim.auth.accounts import account_id
from shim.s3.objects.headers import TAGGING
from tests.security.requests import Wire, code_of, signed, wire
from tests.security.test_strangers import Cloud, SharedDoor, Store

S3 = FRONTENDS["s3"].service
ANONYMOUS = "Anonymous users cannot initiate multipart uploads.  Please authenticate."


@dataclass
class Empty(Store):
    """Swift whose containers hold no object."""

    versions: bool | None = None

    async def container(self, name: str) -> Container:
        if self.metadata is None:
            raise BackendError(Fault.NOT_FOUND, service="object-store", resource="container")
        return Container(name, datetime.now(UTC), 0, 0, self.metadata, self.versions)

    async def head(self, *args: Any, **kwargs: Any) -> Any:
        self.asked.append("head")
        raise BackendError(Fault.NOT_FOUND, service="object-store", resource="object")


@dataclass
class OpenDoor(SharedDoor):
    """A gateway where another project's buckets have a policy."""

    versions: bool | None = None

    async def service(self, project_id: str, request_id: str, *, contained: bool = False) -> Any:
        return Cloud(Empty(self.asked, self.configured, self.versions))


@dataclass
class Tagged(Empty):
    """Swift whose containers hold any object, with a tag or without."""

    tags: str = ""

    async def head(self, *args: Any, **kwargs: Any) -> Any:
        return Stored(1, "0" * 32, datetime.now(UTC), "text/plain", metadata={TAGGING: self.tags})


@dataclass
class TaggedDoor(OpenDoor):
    """A gateway where another project's objects have a tag."""

    tagged: bool = True

    async def service(self, project_id: str, request_id: str, *, contained: bool = False) -> Any:
        return Cloud(Tagged(self.asked, self.configured, None, '{"a":"b"}' if self.tagged else ""))


def door(*statements: dict[str, Any], principal: Any = None, versions: bool | None = None) -> OpenDoor:
    told = [{"Effect": "Allow", "Principal": principal, "Resource": "arn:aws:s3:::*", **one} for one in statements]
    block = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), False)
    opened = OpenDoor(versions=versions)
    if principal is None:
        account = account_id("p1", opened.settings.account_ids)
        told = [{**one, "Principal": {"AWS": account}} for one in told]
    text = json.dumps({"Version": "2012-10-17", "Statement": told})
    opened.configured = {
        "s3-config-policy": json.dumps(text),
        "s3-config-public-access": json.dumps(block),
    }
    return opened


def knock(opened: OpenDoor, request: Wire) -> tuple[int, str, bytes]:
    answer = opened.knock(request.method, request.url, request.headers, request.body)
    return answer.status, code_of(answer.body), answer.body


@pytest.mark.parametrize("name", ["CreateMultipartUpload", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload"])
def test_nobody_uploads_parts_without_a_signature(name: str) -> None:
    opened = door({"Action": "s3:*"}, principal="*")
    request = wire(S3, name, Bucket="theirs", **({"CopySource": "theirs/k"} if "Copy" in name else {}))
    status, code, body = knock(opened, request)
    assert (status, code) == (403, "AccessDenied")
    assert ANONYMOUS.encode() in body


def test_nobody_copies_without_a_signature() -> None:
    status, code, body = knock(door({"Action": "s3:*"}, principal="*"), wire(S3, "CopyObject", CopySource="theirs/k"))
    assert (status, code) == (403, "AccessDenied")
    assert b"Anonymous users cannot copy objects.  Please authenticate." in body


@pytest.mark.parametrize("versions", [None, True])
@pytest.mark.parametrize("listing", [False, True])
@pytest.mark.parametrize("version", ["", "?versionId=null"])
def test_an_absent_source_is_told_to_those_who_may_list_its_bucket(
    version: str, *, listing: bool, versions: bool | None
) -> None:
    more = [{"Action": "s3:ListBucket", "Resource": "arn:aws:s3:::*source"}] if listing else []
    opened = door(
        {"Action": ["s3:PutObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::*theirs", "arn:aws:s3:::*theirs/*"]},
        {"Action": ["s3:GetObject", "s3:GetObjectVersion"], "Resource": "arn:aws:s3:::*source/*"},
        *more,
        versions=versions,
    )
    request = wire(S3, "CopyObject", Bucket="theirs", CopySource=f"source/none{version}")
    status, code, _ = knock(opened, signed(request))
    if listing:
        assert (status, code) in {(404, "NoSuchKey"), (404, "NoSuchVersion")}
    else:
        assert (status, code) == (403, "AccessDenied")
    assert "head" in opened.asked


def test_who_may_delete_versions_alone_may_name_them_in_one_request() -> None:
    opened = door({"Action": "s3:DeleteObjectVersion", "Resource": "arn:aws:s3:::*abc/*"})
    request = wire(S3, "DeleteObjects", Bucket="abc", Delete={"Objects": [{"Key": "k"}]})
    status, code, body = knock(opened, signed(request))
    assert status == 200, code
    assert b"<Code>AccessDenied</Code>" in body  # of the key without a version


@pytest.mark.parametrize(
    ("action", "operation", "looks"),
    [("s3:GetObject", "GetObject", 1), ("s3:PutObject", "PutObject", 0), ("s3:DeleteObject", "DeleteObject", 0)],
)
def test_an_object_is_looked_at_once_for_its_tags_and_its_acl(action: str, operation: str, looks: int) -> None:
    """AWS has s3:ExistingObjectTag for no write and no deletion, so these need no look at all."""
    condition = {"StringEquals": {"s3:ExistingObjectTag/colour": "red"}}
    opened = door({"Action": action, "Condition": condition})
    opened.configured["s3-config-ownership"] = '"ObjectWriter"'
    status, _, _ = knock(opened, signed(wire(S3, operation, Bucket="theirs", Key="k")))
    assert status == 403
    assert opened.asked.count("head") == looks


@pytest.mark.parametrize(
    ("given", "action"),
    [
        ({"Tagging": "a=b", "TaggingDirective": "REPLACE"}, "s3:PutObjectTagging"),
        ({"ACL": "public-read"}, "s3:PutObjectAcl"),
        ({"GrantRead": 'id="p1"'}, "s3:PutObjectAcl"),
        ({"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": datetime.now(UTC)}, "s3:PutObjectRetention"),
        ({"ObjectLockLegalHoldStatus": "ON"}, "s3:PutObjectLegalHold"),
    ],
)
@pytest.mark.parametrize("name", ["PutObject", "CopyObject", "CreateMultipartUpload"])
def test_what_an_upload_gives_its_object_needs_an_action_of_its_own(
    name: str, given: dict[str, Any], action: str
) -> None:
    """Required permissions for S3's API operations (S3 User Guide)."""
    copying = {"CopySource": "source/k"} if name == "CopyObject" else {}
    shape = S3.model.operation_model(name).input_shape
    assert shape is not None
    known = {one: value for one, value in given.items() if one in shape.members}
    request = signed(wire(S3, name, Bucket="theirs", Key="k", **copying, **known))
    for more in ([], [action]):
        opened = door({"Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket", *more]})
        opened.configured["s3-config-ownership"] = '"ObjectWriter"'
        status, _, _ = knock(opened, request)
        assert (status == 403) is not bool(more)
        if not more:
            assert opened.records[-1].reason.split(" on ")[0].endswith(action)


@pytest.mark.parametrize(
    ("source", "directive", "needed"),
    [
        ("source/k", None, {"s3:GetObject", "s3:GetObjectTagging"}),
        ("source/k?versionId=null", "COPY", {"s3:GetObjectVersion", "s3:GetObjectVersionTagging"}),
        ("source/k?versionId=null", "REPLACE", {"s3:GetObjectVersion"}),
    ],
)
def test_what_a_copy_needs_on_its_source(source: str, directive: str | None, needed: set[str]) -> None:
    """Reading tags is needed if the source has some, and they are copied."""
    given = {"TaggingDirective": directive} if directive else {}
    request = signed(wire(S3, "CopyObject", Bucket="theirs", Key="k", CopySource=source, **given))
    for missing in sorted(needed):
        opened = TaggedDoor()
        opened.configured = door({"Action": ["s3:PutObject", "s3:PutObjectTagging", *(needed - {missing})]}).configured
        assert knock(opened, request)[0] == 403
        assert opened.records[-1].reason.split(" on ")[0].endswith(missing)
    for tagged in (True, False):
        opened = TaggedDoor(tagged=tagged)
        opened.configured = door({"Action": ["s3:PutObject", *needed]}).configured
        copies = tagged and directive != "REPLACE"
        assert (knock(opened, request)[0] == 403) is copies
        if copies:
            assert opened.records[-1].reason.split(" on ")[0].endswith("s3:PutObjectTagging")
