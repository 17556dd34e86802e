"""Object Lock: who may delete what until when, given with the write, set later, or by the bucket's default."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from openstack.connection import Connection

from tests.conftest import empty_bucket
from tests.s3.client_errors import refused
from tests.s3.multipart.test_multipart import complete, upload
from tests.support.names import unique

LATER = datetime(2099, 1, 2, 3, 4, 5, tzinfo=UTC)
LATEST = LATER + timedelta(days=1)
EARLIER = LATER - timedelta(days=1)


@pytest.fixture
def locked(s3: Any, openstack_main: Connection) -> Iterator[str]:
    """A bucket with Object Lock; afterwards its protected objects are removed by Swift's own API."""
    name = unique("locked")
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    yield name
    store = openstack_main.object_store
    for row in store.get(f"/{name}?format=json&versions").json():
        store.delete(f"/{name}/{row['name']}?version-id={row['version_id']}")
    empty_bucket(s3, name)
    s3.delete_bucket(Bucket=name)


def put(s3: Any, bucket: str, key: str = "k", **words: Any) -> str:
    """Store an object and return its version."""
    return str(s3.put_object(Bucket=bucket, Key=key, Body=b"x", **words)["VersionId"])


def given(mode: str, until: datetime = LATER) -> dict[str, Any]:
    return {"ObjectLockMode": mode, "ObjectLockRetainUntilDate": until}


def retain(s3: Any, bucket: str, mode: str, until: datetime, version: str = "", **words: Any) -> None:
    which = {"VersionId": version} if version else {}
    retention = {"Mode": mode, "RetainUntilDate": until}
    s3.put_object_retention(Bucket=bucket, Key="k", Retention=retention, **which, **words)


def told(s3: Any, bucket: str, version: str) -> tuple[Any, ...]:
    """Return mode, end and legal hold, on which GET and HEAD must agree."""
    names = ("ObjectLockMode", "ObjectLockRetainUntilDate", "ObjectLockLegalHoldStatus")
    head, got = (ask(Bucket=bucket, Key="k", VersionId=version) for ask in (s3.head_object, s3.get_object))
    assert [head.get(name) for name in names] == [got.get(name) for name in names]
    return tuple(head.get(name) for name in names)


def deletions(s3: Any, bucket: str, version: str) -> dict[str, Callable[..., Any]]:
    """Return the ways to delete a version."""

    def many(**words: Any) -> None:
        wanted = {"Objects": [{"Key": "k", "VersionId": version}]}
        for error in s3.delete_objects(Bucket=bucket, Delete=wanted, **words).get("Errors", ()):
            assert error["VersionId"] == version
            raise PermissionError(error["Code"], error["Message"])

    def one(**words: Any) -> None:
        try:
            s3.delete_object(Bucket=bucket, Key="k", VersionId=version, **words)
        except s3.exceptions.ClientError as error:
            raise PermissionError(error.response["Error"]["Code"], error.response["Error"]["Message"]) from error

    return {"one": one, "many": many}


def is_protected(s3: Any, bucket: str, version: str, **words: Any) -> None:
    """See that neither way deletes a version."""
    for delete in deletions(s3, bucket, version).values():
        with pytest.raises(PermissionError) as caught:
            delete(**words)
        assert caught.value.args == ("AccessDenied", "Access Denied because object protected by object lock.")
    s3.head_object(Bucket=bucket, Key="k", VersionId=version)


@pytest.mark.parametrize("later", [False, True], ids=["with the write", "later"])
@pytest.mark.parametrize("way", ["one", "many"])
def test_governance(s3: Any, locked: str, way: str, later: bool) -> None:
    version = put(s3, locked, **({} if later else given("GOVERNANCE")))
    if later:
        retain(s3, locked, "GOVERNANCE", LATER)
    assert told(s3, locked, version) == ("GOVERNANCE", LATER, None)
    is_protected(s3, locked, version)
    retain(s3, locked, "GOVERNANCE", LATEST)  # longer
    for mode, until in (("GOVERNANCE", EARLIER), ("COMPLIANCE", LATEST)):
        with refused("AccessDenied", 403):
            retain(s3, locked, mode, until)
    with refused("AccessDenied", 403):
        s3.put_object_retention(Bucket=locked, Key="k", Retention={})
    assert told(s3, locked, version) == ("GOVERNANCE", LATEST, None)
    retain(s3, locked, "GOVERNANCE", EARLIER, BypassGovernanceRetention=True)
    assert told(s3, locked, version) == ("GOVERNANCE", EARLIER, None)
    deletions(s3, locked, version)[way](BypassGovernanceRetention=True)
    with refused("404"):
        s3.head_object(Bucket=locked, Key="k", VersionId=version)


@pytest.mark.parametrize("later", [False, True], ids=["with the write", "later"])
def test_compliance(s3: Any, locked: str, later: bool) -> None:
    version = put(s3, locked, **({} if later else given("COMPLIANCE")))
    if later:
        retain(s3, locked, "COMPLIANCE", LATER, version)
    bypass = {"BypassGovernanceRetention": True}
    is_protected(s3, locked, version)
    is_protected(s3, locked, version, **bypass)
    for mode, until in (("COMPLIANCE", EARLIER), ("GOVERNANCE", LATEST)):
        with refused("AccessDenied", 403):
            retain(s3, locked, mode, until, version, **bypass)
    with refused("AccessDenied", 403):
        s3.put_object_retention(Bucket=locked, Key="k", Retention={}, **bypass)
    retain(s3, locked, "COMPLIANCE", LATEST, version)
    assert told(s3, locked, version) == ("COMPLIANCE", LATEST, None)


def test_a_retention_ends(s3: Any, locked: str) -> None:
    version = put(s3, locked, **given("COMPLIANCE", datetime.now(UTC) + timedelta(seconds=8)))
    is_protected(s3, locked, version)
    while datetime.now(UTC) <= told(s3, locked, version)[1]:
        time.sleep(0.5)
    deletions(s3, locked, version)["one"]()
    assert "Versions" not in s3.list_object_versions(Bucket=locked)


@pytest.mark.parametrize("later", [False, True], ids=["with the write", "later"])
def test_a_legal_hold(s3: Any, locked: str, later: bool) -> None:
    version = put(s3, locked, **({} if later else {"ObjectLockLegalHoldStatus": "ON"}))
    if later:
        with refused("NoSuchObjectLockConfiguration", 404):
            s3.get_object_legal_hold(Bucket=locked, Key="k")
        s3.put_object_legal_hold(Bucket=locked, Key="k", LegalHold={"Status": "ON"})
    assert told(s3, locked, version) == (None, None, "ON")
    assert s3.get_object_legal_hold(Bucket=locked, Key="k")["LegalHold"] == {"Status": "ON"}
    is_protected(s3, locked, version, BypassGovernanceRetention=True)
    s3.put_object_tagging(Bucket=locked, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    assert told(s3, locked, version) == (None, None, "ON")  # in the same record
    s3.put_object_legal_hold(Bucket=locked, Key="k", VersionId=version, LegalHold={"Status": "OFF"})
    assert s3.get_object_legal_hold(Bucket=locked, Key="k")["LegalHold"] == {"Status": "OFF"}
    deletions(s3, locked, version)["many"]()


def test_a_write_or_a_deletion_makes_a_version(s3: Any, locked: str) -> None:
    version = put(s3, locked, **given("COMPLIANCE"))
    newer = put(s3, locked)
    s3.delete_object(Bucket=locked, Key="k")
    s3.copy_object(Bucket=locked, Key="k", CopySource=f"{locked}/k?versionId={newer}")
    upload_id, parts, _ = upload(s3, locked, "k", (3,))
    complete(s3, locked, "k", upload_id, parts)
    assert told(s3, locked, version) == ("COMPLIANCE", LATER, None)
    assert told(s3, locked, newer) == (None, None, None)  # each version has its own
    is_protected(s3, locked, version)
    with refused("BucketNotEmpty", 409):
        s3.delete_bucket(Bucket=locked)


def test_what_is_written_in_other_ways(s3: Any, locked: str) -> None:
    put(s3, locked, "source", **given("COMPLIANCE"))
    copied = s3.copy_object(Bucket=locked, Key="k", CopySource=f"{locked}/source", **given("GOVERNANCE"))["VersionId"]
    assert told(s3, locked, copied) == ("GOVERNANCE", LATER, None)
    plain = s3.copy_object(Bucket=locked, Key="k", CopySource=f"{locked}/source")["VersionId"]
    assert told(s3, locked, plain) == (None, None, None)
    words = {**given("GOVERNANCE"), "ObjectLockLegalHoldStatus": "ON"}
    upload_id, parts, _ = upload(s3, locked, "k", (3,), **words)
    made = complete(s3, locked, "k", upload_id, parts)["VersionId"]
    assert told(s3, locked, made) == ("GOVERNANCE", LATER, "ON")
    is_protected(s3, locked, made)


def test_a_buckets_default(s3: Any, locked: str) -> None:
    assert s3.get_bucket_versioning(Bucket=locked)["Status"] == "Enabled"
    on = {"ObjectLockEnabled": "Enabled"}
    assert s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"] == on
    for period in ({"Days": 2}, {"Years": 1}):
        wanted = {**on, "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", **period}}}
        s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=wanted)
        assert s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"] == wanted
        mode, until, _ = told(s3, locked, put(s3, locked))
        length = until - datetime.now(UTC)
        days = period.get("Days", 365)
        assert mode == "GOVERNANCE"
        assert timedelta(days=days, minutes=-10) < length <= timedelta(days=days)
        assert told(s3, locked, put(s3, locked, **given("COMPLIANCE")))[:2] == ("COMPLIANCE", LATER)
    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=on)
    assert told(s3, locked, put(s3, locked)) == (None, None, None)
    with refused("InvalidBucketState", 409):
        s3.put_bucket_versioning(Bucket=locked, VersioningConfiguration={"Status": "Suspended"})


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"Mode": "GOVERNANCE", "Days": 0}, "InvalidArgument"),
        ({"Mode": "GOVERNANCE", "Years": -1}, "InvalidArgument"),
        ({"Mode": "GOVERNANCE", "Days": 36501}, "InvalidArgument"),
        ({"Mode": "GOVERNANCE", "Days": 1, "Years": 1}, "MalformedXML"),
        ({"Mode": "GOVERNANCE"}, "MalformedXML"),
        ({"Days": 1}, "MalformedXML"),
        ({"Mode": "nonsense", "Days": 1}, "MalformedXML"),
    ],
)
def test_defaults_that_are_refused(s3: Any, locked: str, rule: dict[str, Any], code: str) -> None:
    wanted = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": rule}}
    with refused(code, 400):
        s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=wanted)
    with refused("MalformedXML", 400):
        s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration={})


def test_parameters_that_are_refused(s3: Any, locked: str) -> None:
    put(s3, locked)
    past = datetime.now(UTC) - timedelta(minutes=1)
    for words in (given("GOVERNANCE", past), {"ObjectLockMode": "GOVERNANCE"}, {"ObjectLockRetainUntilDate": LATER}):
        with refused("InvalidArgument", 400):
            put(s3, locked, **words)
        with refused("InvalidArgument", 400):
            s3.create_multipart_upload(Bucket=locked, Key="k", **words)
    with refused("InvalidArgument", 400):
        retain(s3, locked, "GOVERNANCE", past)
    for retention in ({"Mode": "GOVERNANCE"}, {"RetainUntilDate": LATER}, {"Mode": "x", "RetainUntilDate": LATER}):
        with refused("MalformedXML", 400):
            s3.put_object_retention(Bucket=locked, Key="k", Retention=retention)
    with refused("MalformedXML", 400):
        s3.put_object_legal_hold(Bucket=locked, Key="k", LegalHold={"Status": "x"})
    with refused("NoSuchObjectLockConfiguration", 404):
        s3.get_object_retention(Bucket=locked, Key="k")


def test_a_bucket_without_object_lock(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    with refused("ObjectLockConfigurationNotFoundError", 404):
        s3.get_object_lock_configuration(Bucket=bucket)
    asks: list[Callable[[], Any]] = [
        lambda: s3.get_object_retention(Bucket=bucket, Key="k"),
        lambda: s3.get_object_legal_hold(Bucket=bucket, Key="k"),
        lambda: s3.put_object_legal_hold(Bucket=bucket, Key="k", LegalHold={"Status": "ON"}),
        lambda: retain(s3, bucket, "GOVERNANCE", LATER),
        lambda: put(s3, bucket, **given("GOVERNANCE")),
        lambda: put(s3, bucket, ObjectLockLegalHoldStatus="ON"),
    ]
    for ask in asks:
        with refused("InvalidRequest", 400) as seen:
            ask()
        assert seen["Message"] == "Bucket is missing Object Lock Configuration"
    on = {"ObjectLockEnabled": "Enabled"}
    with refused("InvalidBucketState", 409):
        s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=on)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=on)
    retain(s3, bucket, "GOVERNANCE", LATER)  # of the version `null`, too
    is_protected(s3, bucket, "null")
    deletions(s3, bucket, "null")["one"](BypassGovernanceRetention=True)


def test_versions_that_swifts_own_api_turned_off(s3: Any, locked: str, openstack_main: Connection) -> None:
    """What a write would destroy is kept: such a bucket takes no writes until its versions are on again."""
    version = put(s3, locked, **given("COMPLIANCE"))
    store = openstack_main.object_store
    store.post(f"/{locked}", headers={"X-Versions-Enabled": "false"})
    s3.put_bucket_tagging(Bucket=locked, Tagging={"TagSet": []})  # the gateway reads the bucket's state anew
    for ask in (lambda: put(s3, locked), lambda: s3.delete_object(Bucket=locked, Key="k")):
        with refused("InvalidBucketState", 409):
            ask()
    is_protected(s3, locked, version)
    store.post(f"/{locked}", headers={"X-Versions-Enabled": "true"})
