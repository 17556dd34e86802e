"""Requests for objects make one OpenStack call each, in a bucket without configuration."""

from typing import Any

from tests.support.gateway import Gateway


def test_a_bucket_without_configuration_costs_no_further_call(s3: Any, gateway: Gateway, bucket: str) -> None:
    s3.head_bucket(Bucket=bucket)  # the bucket's configuration is read once every 30 seconds
    answers = [
        s3.put_object(Bucket=bucket, Key="k", Body=b"x"),
        s3.get_object(Bucket=bucket, Key="k"),
        s3.head_object(Bucket=bucket, Key="k"),
        s3.list_objects_v2(Bucket=bucket),
        s3.head_bucket(Bucket=bucket),
        s3.get_bucket_versioning(Bucket=bucket),
    ]
    calls = {gateway.call(answer)["action"]: gateway.call(answer)["upstream_calls"] for answer in answers}
    # A write also looks up the object that it replaces and the container of segments, mostly in the cache.
    assert calls.pop("PutObject") <= 3
    assert set(calls.values()) == {1}, calls
