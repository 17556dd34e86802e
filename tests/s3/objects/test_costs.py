"""Requests for objects make one OpenStack call each, in a bucket without configuration."""

from collections.abc import Callable
from typing import Any

from shim.s3.multipart.multipart import LOOKED_AT_FIRST
from tests.s3.client_errors import refused
from tests.support.gateway import Gateway


def test_a_bucket_without_configuration_costs_no_further_call(s3: Any, gateway: Gateway, bucket: str) -> None:
    s3.head_bucket(Bucket=bucket)  # the bucket's configuration is read once every 30 seconds
    asks: dict[str, Callable[[], Any]] = {
        "PutObject": lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"x"),
        "GetObject": lambda: s3.get_object(Bucket=bucket, Key="k"),
        "HeadObject": lambda: s3.head_object(Bucket=bucket, Key="k"),
        "ListObjectsV2": lambda: s3.list_objects_v2(Bucket=bucket),
        "HeadBucket": lambda: s3.head_bucket(Bucket=bucket),
        "GetBucketVersioning": lambda: s3.get_bucket_versioning(Bucket=bucket),
    }
    calls = {action: gateway.least_calls(ask) for action, ask in asks.items()}
    # A write also looks up the object that it replaces and the container of segments, mostly in the cache.
    assert calls.pop("PutObject") <= 3
    assert set(calls.values()) == {1}, calls


def test_a_long_part_looks_its_upload_up_once(s3: Any, gateway: Gateway, bucket: str, openstack_main: Any) -> None:
    """How a part is encrypted is known from the part before it; that the upload is open is asked at each part's end."""
    part, names = bytes(LOOKED_AT_FIRST + 1), dict[str, str]()

    def begin() -> Any:
        if names:
            s3.abort_multipart_upload(**names)
        names.update({"Bucket": bucket, "Key": "long"})
        names["UploadId"] = s3.create_multipart_upload(Bucket=bucket, Key="long")["UploadId"]
        return s3.upload_part(**names, PartNumber=1, Body=part)

    first = gateway.least_calls(begin)
    assert gateway.least_calls(lambda: s3.upload_part(**names, PartNumber=2, Body=part)) == first - 1
    s3.abort_multipart_upload(**names)
    with refused("NoSuchUpload", 404):
        s3.upload_part(**names, PartNumber=3, Body=part)
    assert not list(openstack_main.object_store.objects(f"{bucket}+segments"))


def test_a_new_key_beside_segments_costs_one_look(s3: Any, gateway: Gateway, bucket: str) -> None:
    """That nothing has the key is all that a write asks; the write itself tells whether there is the bucket."""
    keys = iter("abcdef")

    def put() -> Any:
        return s3.put_object(Bucket=bucket, Key=next(keys), Body=b"x")

    def complete() -> Any:
        names = {"Bucket": bucket, "Key": next(keys)}
        names["UploadId"] = s3.create_multipart_upload(**names)["UploadId"]
        parts = [{"PartNumber": 1, "ETag": s3.upload_part(**names, PartNumber=1, Body=b"x")["ETag"]}]
        return s3.complete_multipart_upload(**names, MultipartUpload={"Parts": parts})

    assert gateway.least_calls(complete) == 5  # the upload, its parts, the key, the object, the end of the upload
    assert gateway.least_calls(put) == 2
    with refused("NoSuchBucket", 404):
        s3.put_object(Bucket=f"{bucket}-none", Key="k", Body=b"x")
