"""Multipart uploads: create, list, complete, abort; reads of parts; removal of leftovers."""

import hashlib
from collections.abc import Callable
from typing import Any

import openstack
import pytest

from tests.s3.client_errors import refused

MIB = 1 << 20
SIZES = (5 * MIB, 6 * MIB, 7)


def upload(s3: Any, bucket: str, key: str, sizes: tuple[int, ...] = SIZES, **told: Any) -> tuple[str, list[Any], bytes]:
    """Upload parts and return the upload's id, the parts for Complete, and the whole body."""
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key=key, **told)["UploadId"]
    parts, whole = [], b""
    for number, size in enumerate(sizes, 1):
        body = bytes([number]) * size
        put = s3.upload_part(Bucket=bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=body)
        parts.append({"PartNumber": number, "ETag": put["ETag"]})
        whole += body
    return upload_id, parts, whole


def complete(s3: Any, bucket: str, key: str, upload_id: str, parts: list[Any], **more: Any) -> Any:
    return s3.complete_multipart_upload(
        Bucket=bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts}, **more
    )


def segments(connection: openstack.connection.Connection, bucket: str) -> list[str]:
    """Return the names in the bucket's container of segments, from Swift."""
    return [one.name for one in connection.object_store.objects(f"{bucket}+segments")]


def test_an_object_of_parts(s3: Any, bucket: str, openstack_main: openstack.connection.Connection) -> None:
    told: dict[str, Any] = {"ContentType": "video/x", "CacheControl": "no-cache", "Metadata": {"a_b": "1"}}
    upload_id, parts, whole = upload(s3, bucket, "dir/k", **told)
    md5s = b"".join(bytes.fromhex(part["ETag"].strip('"')) for part in parts)
    etag = f'"{hashlib.md5(md5s).hexdigest()}-3"'  # noqa: S324 - what an ETag is
    assert complete(s3, bucket, "dir/k", upload_id, parts)["ETag"] == etag
    got = s3.get_object(Bucket=bucket, Key="dir/k")
    assert got["Body"].read() == whole
    assert {name: got[name] for name in told} == told
    assert (got["ETag"], got["ContentLength"]) == (etag, len(whole))
    row = s3.list_objects_v2(Bucket=bucket)["Contents"][0]
    assert (row["ETag"], row["Size"], row["LastModified"]) == (etag, len(whole), got["LastModified"])
    assert s3.get_object(Bucket=bucket, Key="dir/k", IfMatch=etag, Range="bytes=5242879-5242880")["Body"].read() == (
        b"\x01\x02"
    )
    native = openstack_main.object_store.download_object("dir/k", container=bucket)
    assert native == whole
    assert segments(openstack_main, bucket) == [f"dir/k/{upload_id}/{number}" for number in (1, 2, 3)]


def test_its_parts_by_number(s3: Any, bucket: str) -> None:
    upload_id, parts, whole = upload(s3, bucket, "k")
    complete(s3, bucket, "k", upload_id, parts)
    start = 0
    for number, size in enumerate(SIZES, 1):
        got = s3.get_object(Bucket=bucket, Key="k", PartNumber=number)
        head = s3.head_object(Bucket=bucket, Key="k", PartNumber=number)
        told = f"bytes {start}-{start + size - 1}/{len(whole)}"
        assert got["Body"].read() == whole[start : start + size]
        for answer in (got, head):
            assert (answer["ContentRange"], answer["ContentLength"], answer["PartsCount"]) == (told, size, 3)
        start += size
    with refused("InvalidPartNumber", 416):
        s3.get_object(Bucket=bucket, Key="k", PartNumber=4)
    about = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ETag", "ObjectParts", "ObjectSize"])
    assert (about["ObjectParts"]["TotalPartsCount"], about["ObjectSize"]) == (3, len(whole))
    assert f'"{about["ETag"]}"' == head["ETag"]


def test_parts_may_be_replaced_left_out_and_out_of_step(
    s3: Any, bucket: str, openstack_main: openstack.connection.Connection
) -> None:
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    etags = {}
    for number, size in ((7, 3), (2, 5 * MIB), (4, 5 * MIB), (2, 6 * MIB)):
        body = bytes([number]) * size
        put = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload_id, PartNumber=number, Body=body)
        etags[number] = put["ETag"]
    complete(s3, bucket, "k", upload_id, [{"PartNumber": n, "ETag": etags[n]} for n in (2, 7)])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"\x02" * 6 * MIB + b"\x07" * 3
    assert segments(openstack_main, bucket) == [f"k/{upload_id}/2", f"k/{upload_id}/7"]  # part 4 is freed


def test_completing_again_is_the_same(s3: Any, bucket: str, openstack_main: openstack.connection.Connection) -> None:
    upload_id, parts, whole = upload(s3, bucket, "k", (5 * MIB, 1))
    first = complete(s3, bucket, "k", upload_id, parts)
    again = complete(s3, bucket, "k", upload_id, parts)
    assert again["ETag"] == first["ETag"]
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == whole
    with refused("NoSuchUpload", 404):
        complete(s3, bucket, "k", upload_id, parts[:1])
    s3.put_object(Bucket=bucket, Key="k", Body=b"other")
    with refused("NoSuchUpload", 404):
        complete(s3, bucket, "k", upload_id, parts)


def test_what_cannot_be_completed(s3: Any, bucket: str) -> None:
    upload_id, parts, _ = upload(s3, bucket, "k", (5 * MIB, 100, 1))
    with refused("EntityTooSmall", 400) as error:
        complete(s3, bucket, "k", upload_id, parts)
    assert error["MinSizeAllowed"] == str(5 * MIB)
    with refused("InvalidPartOrder", 400):
        complete(s3, bucket, "k", upload_id, parts[::-1])
    with refused("InvalidPart", 400):
        complete(s3, bucket, "k", upload_id, [{"PartNumber": 9, "ETag": parts[0]["ETag"]}])
    with refused("InvalidPart", 400):
        complete(s3, bucket, "k", upload_id, [{"PartNumber": 1, "ETag": parts[1]["ETag"]}])
    with refused("MalformedXML", 400):
        complete(s3, bucket, "k", upload_id, [])
    with refused("InvalidRequest", 400):
        complete(s3, bucket, "k", upload_id, parts[:1], MpuObjectSize=1)
    with refused("NoSuchUpload", 404):
        complete(s3, bucket, "k", "no-such", parts)
    with refused("404"):
        s3.head_object(Bucket=bucket, Key="k")
    complete(s3, bucket, "k", upload_id, parts[:2])


def test_an_object_of_one_empty_part(s3: Any, bucket: str) -> None:
    upload_id, parts, _ = upload(s3, bucket, "k", (0,))
    etag = complete(s3, bucket, "k", upload_id, parts)["ETag"]
    assert etag.endswith('-1"')
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (got["Body"].read(), got["ETag"]) == (b"", etag)
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["ETag"] == etag


def test_giving_up(s3: Any, bucket: str, openstack_main: openstack.connection.Connection) -> None:
    upload_id, parts, _ = upload(s3, bucket, "k", (5 * MIB, 1))
    s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload_id)
    assert segments(openstack_main, bucket) == []
    calls: tuple[Callable[[], Any], ...] = (
        lambda: s3.upload_part(Bucket=bucket, Key="k", UploadId=upload_id, PartNumber=1, Body=b"x"),
        lambda: s3.list_parts(Bucket=bucket, Key="k", UploadId=upload_id),
        lambda: s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload_id),
        lambda: complete(s3, bucket, "k", upload_id, parts),
    )
    for call in calls:
        with refused("NoSuchUpload", 404):
            call()
    with refused("NoSuchBucket", 404):
        s3.list_parts(Bucket=f"{bucket}-not", Key="k", UploadId=upload_id)


def test_part_numbers_have_bounds(s3: Any, bucket: str) -> None:
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="k", UploadId=upload_id, PartNumber=10_000, Body=b"x")
    for number in (0, 10_001):
        with refused("InvalidArgument", 400):
            s3.upload_part(Bucket=bucket, Key="k", UploadId=upload_id, PartNumber=number, Body=b"x")


def test_listing_parts(s3: Any, bucket: str) -> None:
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    for number in (1, 2, 10, 100):
        s3.upload_part(Bucket=bucket, Key="k", UploadId=upload_id, PartNumber=number, Body=bytes(number))
    pages = list(
        s3.get_paginator("list_parts").paginate(
            Bucket=bucket, Key="k", UploadId=upload_id, PaginationConfig={"PageSize": 3}
        )
    )
    assert [[part["PartNumber"] for part in page["Parts"]] for page in pages] == [[1, 2, 10], [100]]
    assert [page["IsTruncated"] for page in pages] == [True, False]
    assert pages[1]["Parts"][0]["Size"] == 100
    none = s3.list_parts(Bucket=bucket, Key="k", UploadId=upload_id, MaxParts=0)
    assert (none["IsTruncated"], none["MaxParts"], "Parts" in none) == (False, 0, False)
    none = s3.list_multipart_uploads(Bucket=bucket, MaxUploads=0)
    assert (none["IsTruncated"], none["MaxUploads"], "Uploads" in none) == (False, 0, False)


def test_a_marker_or_a_limit_below_zero(s3: Any, bucket: str) -> None:
    names = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**names, Body=b"one piece")
    upload_id = s3.create_multipart_upload(**names)["UploadId"]
    for told, name in (({"PartNumberMarker": -1}, "part-number-marker"), ({"MaxParts": -1}, "max-parts")):
        with refused("InvalidArgument", 400) as seen:
            s3.list_parts(**names, UploadId=upload_id, **told)
        assert (seen["ArgumentName"], seen["ArgumentValue"]) == (name, "-1")
        with refused("InvalidArgument", 400) as seen:
            s3.get_object_attributes(**names, ObjectAttributes=["ETag"], **told)
        assert seen["ArgumentName"] == f"x-amz-{name}"


def test_listing_uploads(s3: Any, bucket: str) -> None:
    keys = ["a", "a-b", "a/b", "c/1", "c/1", "c/2", "done"]
    ids = [(key, s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]) for key in keys]
    s3.upload_part(Bucket=bucket, Key="a", UploadId=ids[0][1], PartNumber=1, Body=b"x")
    done = s3.upload_part(Bucket=bucket, Key="done", UploadId=ids[-1][1], PartNumber=1, Body=b"x")
    complete(s3, bucket, "done", ids[-1][1], [{"PartNumber": 1, "ETag": done["ETag"]}])
    want = sorted(ids[:-1])
    whole = s3.list_multipart_uploads(Bucket=bucket)
    assert [(one["Key"], one["UploadId"]) for one in whole["Uploads"]] == want
    pages = list(s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2}))
    assert [(one["Key"], one["UploadId"]) for page in pages for one in page["Uploads"]] == want
    folded = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [one["Key"] for one in folded["Uploads"]] == ["a", "a-b"]
    assert [one["Prefix"] for one in folded["CommonPrefixes"]] == ["a/", "c/"]
    assert [one["Key"] for one in s3.list_multipart_uploads(Bucket=bucket, Prefix="c/")["Uploads"]] == [
        "c/1", "c/1", "c/2",
    ]  # fmt: skip
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket, KeyMarker="c/2")
    folded = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/", KeyMarker="c/1")  # `c/` stands before it
    assert ("Uploads" in folded, "CommonPrefixes" in folded) == (False, False)


def test_uploads_of_one_key_in_the_order_of_their_beginning(s3: Any, bucket: str) -> None:
    """They are also in the order of their ids, by which the next page is found."""
    begun = [s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"] for _ in range(6)]
    assert [one["UploadId"] for one in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == begun
    page = s3.list_multipart_uploads(Bucket=bucket, KeyMarker="k", UploadIdMarker=begun[2], MaxUploads=2)
    assert [one["UploadId"] for one in page["Uploads"]] == begun[3:5]
    s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=begun[4])  # a page's last may go before the next is read
    page = s3.list_multipart_uploads(Bucket=bucket, KeyMarker="k", UploadIdMarker=page["NextUploadIdMarker"])
    assert [one["UploadId"] for one in page["Uploads"]] == begun[5:]


def test_copying_into_parts(s3: Any, bucket: str) -> None:
    body = bytes(range(256)) * (6 * MIB // 256)
    s3.put_object(Bucket=bucket, Key="source", Body=body)
    source = {"Bucket": bucket, "Key": "source"}
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    parts = []
    for number, more in ((1, {}), (2, {"CopySourceRange": "bytes=1-4"})):
        answer = s3.upload_part_copy(
            Bucket=bucket, Key="k", UploadId=upload_id, PartNumber=number, CopySource=source, **more
        )
        parts.append({"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]})
    for wrong, code, status in (
        ("bytes=1-", "InvalidArgument", 400),
        ("bytes=4-1", "InvalidArgument", 400),
        ("1-2", "InvalidArgument", 400),
        ("bytes=0-99999999", "InvalidRange", 416),
    ):
        with refused(code, status):
            s3.upload_part_copy(
                Bucket=bucket, Key="k", UploadId=upload_id, PartNumber=3, CopySource=source, CopySourceRange=wrong
            )
    complete(s3, bucket, "k", upload_id, parts)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body + b"\x01\x02\x03\x04"


@pytest.mark.parametrize("way", ["put", "multipart", "copy", "delete", "delete many"])
def test_nothing_is_left_of_what_is_replaced(
    s3: Any, bucket: str, way: str, openstack_main: openstack.connection.Connection
) -> None:
    upload_id, parts, _ = upload(s3, bucket, "k", (5 * MIB, 1))
    complete(s3, bucket, "k", upload_id, parts)
    new = ""
    if way == "put":
        s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    elif way == "multipart":
        new, parts, _ = upload(s3, bucket, "k", (1,))
        complete(s3, bucket, "k", new, parts)
    elif way == "copy":
        s3.copy_object(
            Bucket=bucket, Key="k", CopySource=f"{bucket}/k", MetadataDirective="REPLACE", Metadata={"new": "1"}
        )
        assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == 5 * MIB + 1
    elif way == "delete":
        s3.delete_object(Bucket=bucket, Key="k")
    else:
        s3.put_object(Bucket=bucket, Key="other", Body=b"")
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}, {"Key": "other"}, {"Key": "no"}]})
        assert [one["Key"] for one in answer["Deleted"]] == ["k", "other", "no"]
    assert segments(openstack_main, bucket) == ([f"k/{new}/1"] if new else [])


def test_a_deleted_bucket_takes_its_uploads_along(s3: Any, openstack_main: openstack.connection.Connection) -> None:
    from tests.support.names import unique

    name = unique("open")
    s3.create_bucket(Bucket=name)
    upload(s3, name, "k", (10, 10))
    s3.delete_bucket(Bucket=name)
    assert f"{name}+segments" not in {one.name for one in openstack_main.object_store.containers()}
    assert f"{name}+segments" not in {one["Name"] for one in s3.list_buckets()["Buckets"]}


def test_an_upload_that_its_completion_left_open_takes_no_object_along(
    s3: Any, bucket: str, openstack_main: openstack.connection.Connection
) -> None:
    """A gateway killed after it wrote the object leaves the upload open, and tools abort open uploads."""
    upload_id, parts, whole = upload(s3, bucket, "k", (5 * MIB, 1))
    s3.upload_part(Bucket=bucket, Key="k", UploadId=upload_id, PartNumber=9, Body=b"not taken")
    complete(s3, bucket, "k", upload_id, parts)
    for name in (f"k/{upload_id}", f"k/{upload_id}/9"):
        openstack_main.object_store.put(f"/{bucket}+segments/{name}", data=b"")
    assert [one["UploadId"] for one in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [upload_id]
    s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload_id)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == whole
    assert segments(openstack_main, bucket) == [f"k/{upload_id}/{number}" for number in (1, 2)]


def test_a_key_that_leaves_no_room_for_its_parts(s3: Any, bucket: str, openstack_main: Any) -> None:
    """Swift limits names to 1,024 bytes, and the names of parts and manifests are longer than the key."""
    longest = "é" * 484
    upload_id, parts, whole = upload(s3, bucket, longest, (5 * MIB, 1))
    complete(s3, bucket, longest, upload_id, parts)
    assert s3.get_object(Bucket=bucket, Key=longest)["Body"].read() == whole
    before = segments(openstack_main, bucket)
    with refused("KeyTooLongError", 400) as seen:
        s3.create_multipart_upload(Bucket=bucket, Key=longest + "k")
    assert (seen["Size"], seen["MaxSizeAllowed"]) == ("969", "968")
    assert segments(openstack_main, bucket) == before


@pytest.mark.parametrize("told", [{}, {"ChecksumAlgorithm": "CRC32"}], ids=["plain", "checksums"])
def test_metadata_that_swift_has_no_room_for_is_refused_before_the_parts_are_sent(
    s3: Any, bucket: str, told: dict[str, str]
) -> None:
    """A completion adds metadata; if that would exceed the limit, CreateMultipartUpload must refuse."""
    outcomes = []
    for entries in range(84, 92):
        metadata = {f"m{number}": "x" for number in range(entries)}
        try:
            upload_id, parts, _ = upload(s3, bucket, "k", (7,), Metadata=metadata, **told)
        except s3.exceptions.ClientError as error:
            outcomes.append(error.response["Error"]["Code"])
            continue
        complete(s3, bucket, "k", upload_id, parts)
        assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == metadata
        outcomes.append("made")
    assert outcomes[0] == "made"
    assert set(outcomes) == {"made", "MetadataTooLarge"}
