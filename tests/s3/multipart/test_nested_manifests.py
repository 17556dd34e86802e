"""Uploads with more parts than a Swift manifest may have: nested manifests, here with a limit of two.

The completion runs in this process, with the small limit in its cache; everything else is as usual.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest
from openstack.connection import Connection

from adapters.openstack.swift.cache import SwiftCache
from adapters.openstack.swift.swift import Swift
from adapters.types.objects import Limits
from shim.s3.multipart.complete import complete_multipart_upload
from tests.s3.client_errors import refused
from tests.s3.in_process import calling
from tests.s3.multipart.test_multipart import MIB, segments, upload

SIZES = (5 * MIB, 5 * MIB + 1, 5 * MIB, 5 * MIB + 2, 3)


async def completed(connection: Connection, params: Mapping[str, Any], **limits: int) -> Any:
    """Complete an upload as the gateway does, on a Swift with these limits of manifests."""
    cache = SwiftCache()
    cache.keep_limits(str(connection.object_store.get_endpoint()).partition("/v1/")[0], Limits(**limits))  # type: ignore[arg-type]
    async with calling(connection, "CompleteMultipartUpload", partial(Swift, cache=cache)) as call:
        return await complete_multipart_upload(call, params)


def test_an_object_of_manifests(s3: Any, bucket: str, openstack_main: Connection) -> None:
    upload_id, parts, whole = upload(s3, bucket, "k", SIZES)
    params = {"Bucket": bucket, "Key": "k", "UploadId": upload_id, "MultipartUpload": {"Parts": parts}}
    etag = asyncio.run(completed(openstack_main, params, segments=2))["ETag"]
    assert etag.endswith('-5"')
    assert len(segments(openstack_main, bucket)) == len(SIZES) + 3
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == whole
    assert (got["ETag"], s3.list_objects_v2(Bucket=bucket)["Contents"][0]["ETag"]) == (etag, etag)
    start = 0
    for number, size in enumerate(SIZES, 1):
        part = s3.get_object(Bucket=bucket, Key="k", PartNumber=number)
        assert part["Body"].read() == whole[start : start + size]
        assert (part["PartsCount"], part["ContentRange"]) == (5, f"bytes {start}-{start + size - 1}/{len(whole)}")
        assert s3.head_object(Bucket=bucket, Key="k", PartNumber=number)["ContentLength"] == size
        start += size
    with refused("InvalidPartNumber", 416):
        s3.get_object(Bucket=bucket, Key="k", PartNumber=6)
    s3.delete_object(Bucket=bucket, Key="k")
    assert segments(openstack_main, bucket) == []


def test_an_object_of_manifests_of_few_bytes(s3: Any, bucket: str, openstack_main: Connection) -> None:
    key = "\N{LATIN SMALL LETTER E WITH ACUTE}" * 100  # six bytes each in a manifest
    upload_id, parts, whole = upload(s3, bucket, key, (5 * MIB, 5 * MIB, 1))
    params = {"Bucket": bucket, "Key": key, "UploadId": upload_id, "MultipartUpload": {"Parts": parts}}
    asyncio.run(completed(openstack_main, params, manifest_bytes=2500))
    assert len(segments(openstack_main, bucket)) == 3 + 2
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == whole
    s3.delete_object(Bucket=bucket, Key=key)
    assert segments(openstack_main, bucket) == []


@pytest.mark.parametrize("way", ["put", "delete many"])
def test_nothing_is_left_of_it(s3: Any, bucket: str, openstack_main: Connection, way: str) -> None:
    upload_id, parts, _ = upload(s3, bucket, "k", (5 * MIB, 5 * MIB, 1))
    params = {"Bucket": bucket, "Key": "k", "UploadId": upload_id, "MultipartUpload": {"Parts": parts}}
    asyncio.run(completed(openstack_main, params, segments=2))
    if way == "put":
        s3.put_object(Bucket=bucket, Key="k", Body=b"")
    else:
        s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}]})
    assert segments(openstack_main, bucket) == []


@pytest.mark.parametrize("way", ["put", "delete"])
def test_one_that_lost_a_manifest_can_still_be_got_rid_of(
    s3: Any, bucket: str, openstack_main: Connection, way: str
) -> None:
    upload_id, parts, _ = upload(s3, bucket, "k", (5 * MIB, 5 * MIB, 1))
    params = {"Bucket": bucket, "Key": "k", "UploadId": upload_id, "MultipartUpload": {"Parts": parts}}
    asyncio.run(completed(openstack_main, params, segments=2))
    store = openstack_main.object_store
    store.delete(f"/{bucket}+segments/k/{upload_id}/100000")
    if way == "put":
        s3.put_object(Bucket=bucket, Key="k", Body=b"new")
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"new"
    else:
        s3.delete_object(Bucket=bucket, Key="k")
        with refused("NoSuchKey", 404):
            s3.get_object(Bucket=bucket, Key="k")
    # Segments that only the lost manifest names cannot be found; the others are deleted.
    assert segments(openstack_main, bucket) == [f"k/{upload_id}/{number}" for number in (1, 2)]
    for number in (1, 2):
        store.delete(f"/{bucket}+segments/k/{upload_id}/{number}")
