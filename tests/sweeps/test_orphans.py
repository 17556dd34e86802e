"""`passerelle sweep --segments` on the real Swift: what no object uses goes, and nothing else."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from openstack.connection import Connection

from tests.s3.multipart.test_multipart import complete, upload
from tests.support.clients import Boto
from tests.support.gateway import gateway as started
from tests.support.target import Target
from tests.sweeps.conftest import DAY_SECONDS, Sweep

ELSEWHERE = "0123456789abcdef" * 3


@pytest.fixture(scope="module")
def mapped(cloud: Target) -> Iterator[Any]:
    """A client of a gateway that maps a class to the policy `cold`."""
    with started(cloud, "orphans", settings={"s3_storage_classes": '{"GLACIER_IR": "cold"}'}) as one:
        aws = Boto(one.url, dict(cloud.keys))
        yield aws("s3")
        aws.close()


def segments(connection: Connection, bucket: str) -> set[str]:
    """Return the keys that have segments, by what Swift lists."""
    listing = connection.object_store.objects
    containers = [f"{bucket}+segments", f"{bucket}+segments+cold"]
    return {one.name.split("/")[0] for container in containers for one in listing(container)}


def put(s3: Any, bucket: str, key: str) -> str:
    """Store an object by an upload and return the upload's id."""
    upload_id, parts, _ = upload(s3, bucket, key, (3,))
    complete(s3, bucket, key, upload_id, parts)
    return upload_id


def test_what_no_object_uses_goes(
    mapped: Any, bucket: str, openstack_main: Connection, sweep: Sweep, hasty: Sweep
) -> None:
    store, project = openstack_main.object_store, openstack_main.current_project_id
    lost = put(mapped, bucket, "lost")
    for key in ("kept", "moved", "again", "linked"):
        put(mapped, bucket, key)
    mapped.put_object(Bucket=bucket, Key="cold", Body=b"1", StorageClass="GLACIER_IR")
    mapped.put_object(Bucket=bucket, Key="lost-cold", Body=b"1", StorageClass="GLACIER_IR")
    opened, parts, _ = upload(mapped, bucket, "open", (3,))
    store.put(f"/{bucket}+segments/native/{ELSEWHERE}/1", data=b"x")
    # Swift's own tools move a manifest, and replace objects and keep their segments.
    moving = {"X-Copy-From": f"/{bucket}/moved", "X-Fresh-Metadata": "true"}
    store.put(f"/{bucket}/elsewhere?multipart-manifest=get", headers=moving).raise_for_status()
    [linked] = [one.name for one in store.objects(f"{bucket}+segments", prefix="linked/")]
    store.put(f"/{bucket}/link", headers={"X-Symlink-Target": f"{bucket}+segments/{linked}"}).raise_for_status()
    for key in ("lost", "lost-cold", "moved", "again", "linked"):
        store.delete(f"/{bucket}/{key}").raise_for_status()
    put(mapped, bucket, "again")
    target = f"{project}/{bucket}"
    time.sleep(DAY_SECONDS + 1)
    every = {"lost", "lost-cold", "kept", "moved", "again", "cold", "open", "native", "linked"}
    assert segments(openstack_main, bucket) == every
    assert sweep(bucket, "--segments", target) == []  # nothing is a day old, whatever a day of rules is
    found = hasty(bucket, target, "--dry-run")
    assert {(one["key"], one["outcome"], one["segments"]) for one in found} == {
        ("lost", "found", 1),
        ("lost-cold", "found", 1),
        ("again", "found", 1),
    }
    assert segments(openstack_main, bucket) == every
    gone = hasty(bucket, target)
    assert sorted((one["message"], one["key"], one["outcome"]) for one in gone) == [
        ("remove-segments", key, "done") for key in ("again", "lost", "lost-cold")
    ]
    assert next(one["upload"] for one in gone if one["key"] == "lost") == lost
    assert segments(openstack_main, bucket) == every - {"lost", "lost-cold"}
    for key in ("kept", "cold", "elsewhere", "again", "link"):
        assert mapped.get_object(Bucket=bucket, Key=key)["Body"].read()
    complete(mapped, bucket, "open", opened, parts)


def test_versions_keep_their_segments_and_dynamic_objects_all(
    mapped: Any, bucket: str, openstack_main: Connection, hasty: Sweep
) -> None:
    put(mapped, bucket, "k")
    mapped.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put(mapped, bucket, "k")
    mapped.put_object(Bucket=bucket, Key="k", Body=b"3", StorageClass="GLACIER_IR")
    mapped.delete_object(Bucket=bucket, Key="k")
    gone = put(mapped, bucket, "gone")
    [version] = [one["VersionId"] for one in mapped.list_object_versions(Bucket=bucket, Prefix="gone")["Versions"]]
    store, target = openstack_main.object_store, f"{openstack_main.current_project_id}/{bucket}"
    store.delete(f"/{bucket}/gone?version-id={version}").raise_for_status()
    store.put(f"/{bucket}/dynamic", headers={"X-Object-Manifest": f"{bucket}+segments/gone"}).raise_for_status()
    time.sleep(DAY_SECONDS + 1)
    assert hasty(bucket, target, "--versions-too") == []  # a dynamic object names its segments by a prefix alone
    assert store.get(f"/{bucket}/dynamic").content == b"\x01" * 3
    [dynamic] = mapped.list_object_versions(Bucket=bucket, Prefix="dynamic")["Versions"]
    mapped.delete_object(Bucket=bucket, Key="dynamic", VersionId=dynamic["VersionId"])
    done = hasty(bucket, target, "--versions-too")
    assert [(one["upload"], one["outcome"]) for one in done] == [(gone, "done")]
    kept = mapped.list_object_versions(Bucket=bucket)["Versions"]
    bodies = [mapped.get_object(Bucket=bucket, Key="k", VersionId=one["VersionId"])["Body"].read() for one in kept]
    assert bodies == [b"3", b"\x01" * 3, b"\x01" * 3]
