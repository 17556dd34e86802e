"""What happens at the same time, and what a gateway that was killed leaves behind."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from openstack.connection import Connection

from tests.s3.versions.history import enable, put, read, suspend, versions


def test_simultaneous_writes_are_a_version_each(s3: Any, bucket: str) -> None:
    """Where a newer version is stored meanwhile, Swift answers 202, and the write must not be repeated."""
    enable(s3, bucket)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: put(s3, bucket, "k", str(n).encode()), range(8)))
    found = versions(s3, bucket)
    assert sorted(version for _, version, _ in found) == sorted(made)
    assert [latest for _, _, latest in found] == [True] + 7 * [False]
    for number, version in enumerate(made):
        assert read(s3, bucket, "k", version) == str(number).encode()


def test_simultaneous_deletions_leave_the_newest_current(s3: Any, openstack_main: Connection, bucket: str) -> None:
    enable(s3, bucket)
    ids = [put(s3, bucket, "k", str(n).encode()) for n in range(8)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda version: s3.delete_object(Bucket=bucket, Key="k", VersionId=version), ids[2:]))
    assert versions(s3, bucket) == [("k", ids[1], True), ("k", ids[0], False)]
    assert openstack_main.object_store.get(f"/{bucket}/k").content == b"1"


def test_simultaneous_suspended_writes_leave_one_null_version(s3: Any, bucket: str) -> None:
    """Each deletes only what is older than itself, so none is lost."""
    enable(s3, bucket)
    version = put(s3, bucket, "k", b"kept")
    suspend(s3, bucket)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: put(s3, bucket, "k", str(n).encode()), range(6)))
    assert versions(s3, bucket) == [("k", "null", True), ("k", version, False)]
    assert read(s3, bucket, "k", version) == b"kept"
    assert read(s3, bucket, "k", "null") == read(s3, bucket, "k")


def test_a_deletion_that_was_killed_half_way(s3: Any, openstack_main: Connection, bucket: str) -> None:
    """Swift's own API deletes the current version as the gateway does before it makes the next one current."""
    enable(s3, bucket)
    ids = [put(s3, bucket, "k", str(n).encode()) for n in range(2)]
    native = openstack_main.object_store
    native.delete(f"/{bucket}/k?version-id={ids[1]}")
    assert native.get(f"/{bucket}/k").status_code == 404
    answer = s3.get_object(Bucket=bucket, Key="k")
    assert (answer["Body"].read(), answer["VersionId"]) == (b"0", ids[0])
    assert s3.head_object(Bucket=bucket, Key="k")["VersionId"] == ids[0]
    assert versions(s3, bucket) == [("k", ids[0], True)]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=ids[1])  # the client repeats what was not answered
    assert native.get(f"/{bucket}/k").content == b"0"
    assert [row["Key"] for row in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["k"]


def test_a_replacement_that_was_killed_before_the_null_version_went(
    s3: Any, openstack_main: Connection, bucket: str
) -> None:
    """What is left of an older null version is not shown, and goes with the next write or deletion of it."""
    suspend(s3, bucket)
    put(s3, bucket, "k", b"0")
    openstack_main.object_store.put(f"/{bucket}/k", data=b"1", headers={"Content-Type": "text/plain; s3_null=yes"})
    assert versions(s3, bucket) == [("k", "null", True)]
    assert read(s3, bucket, "k", "null") == b"1"
    put(s3, bucket, "k", b"2")
    rows = openstack_main.object_store.get(f"/{bucket}?versions&format=json").json()
    assert len(rows) == 1
