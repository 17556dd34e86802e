"""Storage classes and website redirects: kept with an object, told by reads and listings, refused where AWS refuses."""

from collections.abc import Callable
from typing import Any

import pytest
from openstack.connection import Connection

from tests.s3.client_errors import refused
from tests.s3.multipart.test_multipart import complete, upload
from tests.support.clients import Boto
from tests.support.gateway import gateway as started
from tests.support.target import Target

KEPT = ("REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR")
REFUSED = ("GLACIER", "DEEP_ARCHIVE", "OUTPOSTS", "SNOW", "EXPRESS_ONEZONE", "nonsense")


def read(s3: Any, bucket: str, key: str = "k") -> set[str | None]:
    """Return the storage class that GET and HEAD tell."""
    asks = (s3.get_object, s3.head_object)
    return {ask(Bucket=bucket, Key=key).get("StorageClass") for ask in asks}


def listed(s3: Any, bucket: str) -> dict[str, str]:
    """Return the storage classes that all listings agree on."""
    pages = [
        s3.list_objects(Bucket=bucket)["Contents"],
        s3.list_objects_v2(Bucket=bucket)["Contents"],
        s3.list_object_versions(Bucket=bucket)["Versions"],
    ]
    first, *others = [{row["Key"]: row["StorageClass"] for row in page} for page in pages]
    assert others == [first, first]
    return first


def test_classes_are_kept(s3: Any, bucket: str, openstack_main: Connection) -> None:
    for storage in KEPT:
        s3.put_object(Bucket=bucket, Key=storage, Body=b"x", StorageClass=storage, ContentType="text/x; a=b")
        assert read(s3, bucket, storage) == {storage}
        assert s3.head_object(Bucket=bucket, Key=storage)["ContentType"] == "text/x; a=b"
        about = s3.get_object_attributes(Bucket=bucket, Key=storage, ObjectAttributes=["StorageClass", "ETag"])
        assert about["StorageClass"] == storage
    s3.put_object(Bucket=bucket, Key="a", Body=b"x", StorageClass="STANDARD", ContentType="a/b; s3_class=SNOW")
    openstack_main.object_store.put(f"/{bucket}/b", data=b"x")
    assert (read(s3, bucket, "a"), read(s3, bucket, "b")) == ({None}, {None})
    assert listed(s3, bucket) == {**{storage: storage for storage in KEPT}, "a": "STANDARD", "b": "STANDARD"}


def test_a_copy_has_a_class_of_its_own(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass="STANDARD_IA", Metadata={"m": "1"})
    asked: list[tuple[dict[str, str], str]] = [
        ({}, "STANDARD"),
        ({"StorageClass": "GLACIER_IR"}, "GLACIER_IR"),
        ({"MetadataDirective": "REPLACE"}, "STANDARD"),
        ({"MetadataDirective": "REPLACE", "StorageClass": "ONEZONE_IA"}, "ONEZONE_IA"),
    ]
    for words, wanted in asked:
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k", **words)
        assert listed(s3, bucket) == {"k": "STANDARD_IA", "copy": wanted}
    s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/k", StorageClass="GLACIER_IR")  # changes it in place
    assert (read(s3, bucket), s3.head_object(Bucket=bucket, Key="k")["Metadata"]) == ({"GLACIER_IR"}, {"m": "1"})


def test_a_multipart_object_has_the_class_of_its_upload(s3: Any, bucket: str) -> None:
    upload_id, parts, _ = upload(s3, bucket, "k", (3,), StorageClass="STANDARD_IA", ContentType="text/x")
    assert s3.list_parts(Bucket=bucket, Key="k", UploadId=upload_id)["StorageClass"] == "STANDARD_IA"
    assert [one["StorageClass"] for one in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == ["STANDARD_IA"]
    etag = complete(s3, bucket, "k", upload_id, parts)["ETag"]
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["StorageClass"], head["ETag"], head["ContentType"]) == ("STANDARD_IA", etag, "text/x")
    [row] = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert (row["StorageClass"], row["ETag"]) == ("STANDARD_IA", etag)


def asks(s3: Any, bucket: str, **words: str) -> tuple[Callable[[], Any], ...]:
    """Return the requests that store an object with these parameters."""
    return (
        lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"x", **words),
        lambda: s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/source", **words),
        lambda: s3.create_multipart_upload(Bucket=bucket, Key="k", **words),
    )


@pytest.mark.parametrize("storage", REFUSED)
def test_other_classes_are_refused(s3: Any, bucket: str, storage: str) -> None:
    s3.put_object(Bucket=bucket, Key="source", Body=b"x")
    for ask in asks(s3, bucket, StorageClass=storage):
        with refused("InvalidStorageClass", 400) as seen:
            ask()
        assert seen["Message"] == "The storage class you specified is not valid"
    assert listed(s3, bucket) == {"source": "STANDARD"}


def test_an_operator_may_map_archival_classes(cloud: Target, bucket: str) -> None:
    with started(cloud, "archive", settings={"s3_archive_classes": '["GLACIER"]'}) as other:
        s3 = Boto(other.url, dict(cloud.keys))("s3")
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass="GLACIER")
        assert (read(s3, bucket), listed(s3, bucket)) == ({"GLACIER"}, {"k": "GLACIER"})
        with refused("InvalidStorageClass", 400):
            s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass="DEEP_ARCHIVE")


# --- x-amz-website-redirect-location ---


def redirects(s3: Any, bucket: str, key: str = "k") -> str | None:
    [place] = {ask(Bucket=bucket, Key=key).get("WebsiteRedirectLocation") for ask in (s3.get_object, s3.head_object)}
    return None if place is None else str(place)


@pytest.mark.parametrize("place", ["/other", "https://example.test/%C3%A4?b=c", "http://example.test/" + "a" * 2028])
def test_redirects_are_kept(s3: Any, bucket: str, place: str) -> None:
    metadata = {"m": "1" * 2000}
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", WebsiteRedirectLocation=place, Metadata=metadata, Tagging="a=b")
    assert (redirects(s3, bucket), s3.head_object(Bucket=bucket, Key="k")["Metadata"]) == (place, metadata)
    upload_id, parts, _ = upload(s3, bucket, "parts", (3,), WebsiteRedirectLocation=place, Metadata=metadata)
    complete(s3, bucket, "parts", upload_id, parts)
    assert redirects(s3, bucket, "parts") == place
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert redirects(s3, bucket) is None


def test_a_copy_has_no_redirect_of_its_source(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", WebsiteRedirectLocation="/a", Metadata={"m": "1"})
    for words in ({}, {"MetadataDirective": "REPLACE"}):
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k", **words)
        assert redirects(s3, bucket, "copy") is None
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k", WebsiteRedirectLocation="/b", **words)
        assert redirects(s3, bucket, "copy") == "/b"
    s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/k", WebsiteRedirectLocation="/c")
    assert (redirects(s3, bucket), s3.head_object(Bucket=bucket, Key="k")["Metadata"]) == ("/c", {"m": "1"})


@pytest.mark.parametrize("place", ["other", "ftp://example.test/", "/" + "a" * 2048])
def test_redirects_that_are_refused(s3: Any, bucket: str, place: str) -> None:
    s3.put_object(Bucket=bucket, Key="source", Body=b"x")
    for ask in asks(s3, bucket, WebsiteRedirectLocation=place):
        with refused("InvalidRedirectLocation", 400):
            ask()
    assert listed(s3, bucket) == {"source": "STANDARD"}
