"""ACLs of buckets and objects, in buckets that have them: what they let other projects and anybody do."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore import UNSIGNED
from openstack.connection import Connection

from tests.conftest import remove_bucket
from tests.s3.client_errors import refused
from tests.support.clients import Boto
from tests.support.names import unique

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
OPEN = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), False)


@pytest.fixture
def listed(s3: Any) -> Iterator[str]:
    """A bucket with ACLs, public ones too, in which objects belong to their writers."""
    name = unique("bucket")
    s3.create_bucket(Bucket=name, ObjectOwnership="ObjectWriter")
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=OPEN)
    yield name
    remove_bucket(s3, name)


@pytest.fixture(scope="session")
def nobody(aws: Boto) -> Any:
    """S3 for a caller who does not sign."""
    return aws("s3", signature_version=UNSIGNED)


def grants(answer: Any) -> set[tuple[str, str]]:
    """Return the permissions and grantees of an ACL."""
    return {(one["Permission"], one["Grantee"].get("ID") or one["Grantee"]["URI"]) for one in answer["Grants"]}


def test_a_public_bucket_is_listed_and_its_public_objects_are_read(
    s3: Any, alt_s3: Any, nobody: Any, listed: str, openstack_main: Connection
) -> None:
    mine = str(openstack_main.current_project_id)
    s3.put_bucket_acl(Bucket=listed, ACL="public-read")
    answer = s3.get_bucket_acl(Bucket=listed)
    assert grants(answer) == {("FULL_CONTROL", mine), ("READ", ALL_USERS)}
    assert [one["Grantee"]["Type"] for one in answer["Grants"]] == ["Group", "CanonicalUser"]
    s3.put_object(Bucket=listed, Key="open", Body=b"x", ACL="public-read")
    s3.put_object(Bucket=listed, Key="shut", Body=b"x")
    for stranger in (alt_s3, nobody):
        assert [one["Key"] for one in stranger.list_objects_v2(Bucket=listed)["Contents"]] == ["open", "shut"]
        assert stranger.get_object(Bucket=listed, Key="open")["Body"].read() == b"x"
        with refused("AccessDenied", 403):
            stranger.get_object(Bucket=listed, Key="shut")
        with refused("NoSuchKey", 404):
            stranger.get_object(Bucket=listed, Key="none")
        with refused("AccessDenied", 403):
            stranger.put_object(Bucket=listed, Key="new", Body=b"x")
        with refused("AccessDenied", 403):
            stranger.get_bucket_acl(Bucket=listed)
    s3.put_public_access_block(Bucket=listed, PublicAccessBlockConfiguration={**OPEN, "IgnorePublicAcls": True})
    for stranger in (alt_s3, nobody):
        with refused("AccessDenied", 403):
            stranger.get_object(Bucket=listed, Key="open")


def test_an_acl_can_be_set_later_and_is_not_copied(s3: Any, nobody: Any, listed: str) -> None:
    s3.put_object(Bucket=listed, Key="k", Body=b"x")
    s3.put_object_acl(Bucket=listed, Key="k", ACL="public-read")
    assert nobody.get_object(Bucket=listed, Key="k")["Body"].read() == b"x"
    s3.copy_object(Bucket=listed, Key="copy", CopySource=f"{listed}/k")
    with refused("AccessDenied", 403):
        nobody.get_object(Bucket=listed, Key="copy")
    s3.copy_object(Bucket=listed, Key="copy", CopySource=f"{listed}/k", ACL="public-read")
    assert nobody.get_object(Bucket=listed, Key="copy")["Body"].read() == b"x"
    upload = s3.create_multipart_upload(Bucket=listed, Key="parts", ACL="public-read")["UploadId"]
    part = s3.upload_part(Bucket=listed, Key="parts", UploadId=upload, PartNumber=1, Body=b"x")
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    s3.complete_multipart_upload(Bucket=listed, Key="parts", UploadId=upload, MultipartUpload={"Parts": parts})
    assert nobody.get_object(Bucket=listed, Key="parts")["Body"].read() == b"x"
    s3.put_object_acl(Bucket=listed, Key="k", ACL="private")
    with refused("AccessDenied", 403):
        nobody.get_object(Bucket=listed, Key="k")


def test_grants_to_one_account(
    s3: Any, alt_s3: Any, nobody: Any, listed: str, openstack_main: Connection, openstack_alt: Connection, aws: Boto
) -> None:
    mine, theirs = str(openstack_main.current_project_id), str(openstack_alt.current_project_id)
    account = aws("sts", "alt").get_caller_identity()["Account"]
    s3.put_object(Bucket=listed, Key="k", Body=b"x", GrantRead=f'id="{theirs}"', GrantReadACP=f"id={account}")
    assert grants(s3.get_object_acl(Bucket=listed, Key="k")) == {("READ", theirs), ("READ_ACP", account)}
    assert alt_s3.get_object(Bucket=listed, Key="k")["Body"].read() == b"x"
    assert alt_s3.get_object_acl(Bucket=listed, Key="k")["Owner"]["ID"] == mine
    with refused("AccessDenied", 403):
        nobody.get_object(Bucket=listed, Key="k")
    s3.put_bucket_acl(Bucket=listed, GrantWrite=f"id={theirs}", GrantFullControl=f"id={mine}")
    alt_s3.put_object(Bucket=listed, Key="theirs", Body=b"y")
    assert grants(s3.get_object_acl(Bucket=listed, Key="theirs")) == {("FULL_CONTROL", theirs)}
    alt_s3.put_object(Bucket=listed, Key="shared", Body=b"y", ACL="bucket-owner-full-control")
    assert grants(alt_s3.get_object_acl(Bucket=listed, Key="shared")) == {
        ("FULL_CONTROL", theirs), ("FULL_CONTROL", mine)
    }  # fmt: skip
    alt_s3.delete_object(Bucket=listed, Key="theirs")


def test_an_acl_for_the_writer_alone_where_there_are_no_acls(s3: Any, alt_s3: Any, listed: str) -> None:
    controls(s3, listed, "BucketOwnerEnforced")
    where = [f"arn:aws:s3:::{listed}", f"arn:aws:s3:::{listed}/*"]
    allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": where}
    s3.put_bucket_policy(Bucket=listed, Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
    s3.put_object(Bucket=listed, Key="k", Body=b"x", ACL="private")  # the owner's full control, as the owner writes
    alt_s3.put_object(Bucket=listed, Key="theirs", Body=b"x", ACL="bucket-owner-full-control")
    for ask, how in (
        (alt_s3.put_object, {"Key": "no", "Body": b"x"}),
        (alt_s3.create_multipart_upload, {"Key": "no"}),
        (alt_s3.copy_object, {"Key": "no", "CopySource": f"{listed}/k"}),
        (alt_s3.put_object_acl, {"Key": "k"}),
        (alt_s3.put_bucket_acl, {}),
    ):
        with refused("AccessControlListNotSupported", 400):
            ask(Bucket=listed, ACL="private", **how)
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=listed)["Contents"]] == ["k", "theirs"]
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=listed)
    s3.put_bucket_acl(Bucket=listed, ACL="private")


def test_a_policy_that_wants_full_control_for_the_owner(
    s3: Any, alt_s3: Any, listed: str, openstack_main: Connection
) -> None:
    mine = f"id={openstack_main.current_project_id}"
    allow = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{listed}/*",
        "Condition": {"StringEquals": {"s3:x-amz-grant-full-control": [mine, f"{mine}, {mine[:-1]}"]}},
    }
    s3.put_bucket_policy(Bucket=listed, Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
    alt_s3.put_object(Bucket=listed, Key="k", Body=b"x", GrantFullControl=mine)
    assert grants(s3.get_object_acl(Bucket=listed, Key="k")) == {("FULL_CONTROL", mine.removeprefix("id="))}
    for given in ({}, {"GrantFullControl": f"{mine}, {mine[:-1]}"}, {"GrantFullControl": mine, "GrantRead": mine}):
        with refused("AccessDenied", 403):  # the last two need s3:PutObjectAcl
            alt_s3.put_object(Bucket=listed, Key="k", Body=b"y", **given)


def test_the_status_of_a_bucket_with_an_acl(s3: Any, listed: str) -> None:
    def public() -> bool:
        return bool(s3.get_bucket_policy_status(Bucket=listed)["PolicyStatus"]["IsPublic"])

    assert not public()
    for acl in ("public-read", "authenticated-read"):
        s3.put_bucket_acl(Bucket=listed, ACL=acl)
        assert public()
    s3.put_public_access_block(Bucket=listed, PublicAccessBlockConfiguration={**OPEN, "IgnorePublicAcls": True})
    assert not public()


def test_an_upload_of_another_project_says_whose_it_is(s3: Any, alt_s3: Any, listed: str) -> None:
    s3.put_bucket_acl(Bucket=listed, ACL="public-read-write")
    upload = alt_s3.create_multipart_upload(Bucket=listed, Key="k", ContentType="text/plain")["UploadId"]
    theirs = alt_s3.list_buckets()["Owner"]
    for reader in (s3, alt_s3):
        [shown] = reader.list_multipart_uploads(Bucket=listed)["Uploads"]
        assert (shown["Owner"], shown["Initiator"]) == (theirs, theirs)
    part = alt_s3.upload_part(Bucket=listed, Key="k", UploadId=upload, PartNumber=1, Body=b"x")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    alt_s3.complete_multipart_upload(Bucket=listed, Key="k", UploadId=upload, MultipartUpload=parts)
    assert s3.head_object(Bucket=listed, Key="k")["ContentType"] == "text/plain"


def test_object_ownership(s3: Any, alt_s3: Any, listed: str, openstack_main: Connection) -> None:
    mine = str(openstack_main.current_project_id)
    s3.put_bucket_acl(Bucket=listed, ACL="public-read-write")
    with refused("InvalidBucketAclWithObjectOwnership", 400):
        controls(s3, listed, "BucketOwnerEnforced")
    controls(s3, listed, "BucketOwnerPreferred")
    alt_s3.put_object(Bucket=listed, Key="k", Body=b"y", ACL="bucket-owner-full-control")
    assert s3.get_object_acl(Bucket=listed, Key="k")["Owner"]["ID"] == mine
    alt_s3.put_object(Bucket=listed, Key="k", Body=b"y")
    assert s3.get_object_acl(Bucket=listed, Key="k")["Owner"]["ID"] != mine
    s3.put_bucket_acl(Bucket=listed, ACL="private")
    controls(s3, listed, "BucketOwnerEnforced")
    with refused("AccessDenied", 403):
        alt_s3.put_object(Bucket=listed, Key="k", Body=b"y")
    s3.delete_bucket_ownership_controls(Bucket=listed)
    with refused("OwnershipControlsNotFoundError", 404):
        s3.get_bucket_ownership_controls(Bucket=listed)


def controls(s3: Any, bucket: str, mode: str) -> None:
    """Set the object ownership, and read it back."""
    told = {"Rules": [{"ObjectOwnership": mode}]}
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=told)
    assert s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"] == told


def test_an_upload_tells_who_began_it_and_who_is_to_own_its_object(
    s3: Any, alt_s3: Any, listed: str, openstack_main: Connection, openstack_alt: Connection
) -> None:
    mine, other = str(openstack_main.current_project_id), str(openstack_alt.current_project_id)
    s3.put_bucket_acl(Bucket=listed, ACL="public-read-write")
    for mode, owner in (("ObjectWriter", other), ("BucketOwnerPreferred", mine)):
        rules = {"Rules": [{"ObjectOwnership": mode}]}
        s3.put_bucket_ownership_controls(Bucket=listed, OwnershipControls=rules)
        for begin, begun_by, owned_by in ((s3, mine, mine), (alt_s3, other, owner)):
            named = {"Bucket": listed, "Key": f"{mode}/{begun_by}"}
            given = {**named, "ContentType": "text/plain", "ACL": "bucket-owner-full-control"}
            named["UploadId"] = begin.create_multipart_upload(**given)["UploadId"]
            [shown] = s3.list_multipart_uploads(Bucket=listed, Prefix=named["Key"])["Uploads"]
            for told in (shown, begin.list_parts(**named)):
                assert (told["Initiator"]["ID"], told["Owner"]["ID"]) == (begun_by, owned_by)
            part = begin.upload_part(**named, PartNumber=1, Body=b"x")
            parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
            begin.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
            assert s3.head_object(Bucket=listed, Key=named["Key"])["ContentType"] == "text/plain"
            native = openstack_main.object_store.get_object_metadata(named["Key"], listed).content_type
            assert re.fullmatch("text/plain; ?s3_etag=[^;]*", native)


def test_who_may_read_an_object_and_write_into_a_bucket_by_their_acls_copies_it(
    s3: Any, alt_s3: Any, listed: str
) -> None:
    s3.put_bucket_acl(Bucket=listed, ACL="public-read-write")
    s3.put_object(Bucket=listed, Key="open", Body=b"x", ACL="public-read")
    s3.put_object(Bucket=listed, Key="shut", Body=b"x")
    alt_s3.copy_object(Bucket=listed, Key="copy", CopySource=f"{listed}/open")
    assert alt_s3.get_object(Bucket=listed, Key="copy")["Body"].read() == b"x"
    with refused("AccessDenied", 403):
        alt_s3.copy_object(Bucket=listed, Key="other", CopySource=f"{listed}/shut")


def test_public_acls_can_be_blocked(s3: Any, listed: str) -> None:
    s3.put_object(Bucket=listed, Key="k", Body=b"x")
    s3.put_public_access_block(Bucket=listed, PublicAccessBlockConfiguration={**OPEN, "BlockPublicAcls": True})
    with refused("AccessDenied", 403):
        s3.put_bucket_acl(Bucket=listed, ACL="public-read")
    with refused("AccessDenied", 403):
        s3.put_object_acl(Bucket=listed, Key="k", ACL="authenticated-read")
    with refused("AccessDenied", 403):
        s3.put_object(Bucket=listed, Key="k", Body=b"y", GrantRead=f"uri={ALL_USERS}")
    s3.put_object(Bucket=listed, Key="k", Body=b"y", ACL="bucket-owner-full-control")


def test_acls_that_are_none(s3: Any, listed: str, openstack_main: Connection) -> None:
    mine = str(openstack_main.current_project_id)
    with refused("MethodNotAllowed", 405):
        s3.put_bucket_acl(Bucket=listed, GrantRead="emailAddress=ann@example.org")
    for wrong in ("id=somebody", "uri=http://example.org/", "somebody"):
        with refused("InvalidArgument", 400):
            s3.put_bucket_acl(Bucket=listed, GrantRead=wrong)
    with refused("InvalidRequest", 400):
        s3.put_bucket_acl(Bucket=listed, ACL="private", GrantRead=f"id={mine}")
    with refused("AccessDenied", 403):
        s3.put_bucket_acl(Bucket=listed, AccessControlPolicy={"Owner": {"ID": "0" * 32}, "Grants": []})
    with refused("MalformedACLError", 400):
        s3.put_bucket_acl(Bucket=listed, AccessControlPolicy={"Grants": []})


def test_a_new_bucket_with_an_acl(s3: Any) -> None:
    name = unique("bucket")
    with refused("InvalidBucketAclWithObjectOwnership", 400):
        s3.create_bucket(Bucket=name, ACL="public-read")
    with refused("InvalidBucketAclWithBlockPublicAccessError", 400):
        s3.create_bucket(Bucket=name, ACL="public-read", ObjectOwnership="ObjectWriter")
    s3.create_bucket(
        Bucket=name,
        GrantWrite="uri=http://acs.amazonaws.com/groups/s3/LogDelivery",
        ObjectOwnership="BucketOwnerPreferred",
    )
    assert [one["Permission"] for one in s3.get_bucket_acl(Bucket=name)["Grants"]] == ["WRITE"]
    s3.delete_bucket(Bucket=name)
