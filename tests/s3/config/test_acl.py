"""A bucket without ACLs has the owner's full control: it can be read and set again; any other is refused."""

from typing import Any

from tests.s3.client_errors import refused


def test_the_owner_has_full_control_and_nobody_else(s3: Any, openstack_main: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    project = openstack_main.current_project_id
    for answer in (s3.get_bucket_acl(Bucket=bucket), s3.get_object_acl(Bucket=bucket, Key="k")):
        assert answer["Owner"]["ID"] == project
        [grant] = answer["Grants"]
        assert grant["Permission"] == "FULL_CONTROL"
        assert grant["Grantee"] == {**answer["Owner"], "Type": "CanonicalUser"}


def test_set_to_what_it_is(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata={"a": "b"})
    s3.put_bucket_acl(Bucket=bucket, ACL="private")
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="private")
    now = s3.get_object_acl(Bucket=bucket, Key="k")
    policy = {"Owner": now["Owner"], "Grants": now["Grants"]}
    s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy=policy)
    s3.put_object_acl(Bucket=bucket, Key="k", AccessControlPolicy=policy)
    assert s3.get_object(Bucket=bucket, Key="k")["Metadata"] == {"a": "b"}


def test_a_bucket_has_no_other_by_default(s3: Any, openstack_main: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    before = dict(openstack_main.object_store.get_container_metadata(bucket))
    with refused("AccessControlListNotSupported", 400):
        s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    with refused("AccessControlListNotSupported", 400):
        s3.put_object_acl(Bucket=bucket, Key="k", ACL="public-read")
    with refused("AccessControlListNotSupported", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"y", ACL="public-read")
    with refused("AccessControlListNotSupported", 400):
        s3.put_bucket_acl(Bucket=bucket, GrantRead='uri="http://acs.amazonaws.com/groups/global/AllUsers"')
    now = s3.get_bucket_acl(Bucket=bucket)
    everyone = {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"}
    for grants in ([], [*now["Grants"], {"Grantee": everyone, "Permission": "READ"}]):
        with refused("AccessControlListNotSupported", 400):
            s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy={"Owner": now["Owner"], "Grants": grants})
    assert dict(openstack_main.object_store.get_container_metadata(bucket)) == before
    assert s3.get_bucket_acl(Bucket=bucket)["Grants"] == now["Grants"]
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_nothing_to_set(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    for call, names in ((s3.put_bucket_acl, {"Bucket": bucket}), (s3.put_object_acl, {"Bucket": bucket, "Key": "k"})):
        with refused("MissingSecurityHeader", 400) as seen:
            call(**names)
        assert seen["Message"] == "Your request was missing a required header"
        assert seen["MissingHeaderName"] == "x-amz-acl"


def test_of_what_is_not_there(s3: Any, bucket: str) -> None:
    with refused("NoSuchKey", 404):
        s3.get_object_acl(Bucket=bucket, Key="nothing")
    with refused("NoSuchBucket", 404):
        s3.get_bucket_acl(Bucket=bucket + "-not")
    with refused("NoSuchBucket", 404):
        s3.put_bucket_acl(Bucket=bucket + "-not", ACL="private")
