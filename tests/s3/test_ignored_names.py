"""Headers and query parameters that AWS ignores are ignored, unless they could change the meaning of a write."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.s3.client_errors import refused

Sent = tuple[dict[str, str], str]  # headers, and the end of the query


@pytest.fixture
def send_also(aws: Any) -> Iterator[Callable[[Sent], None]]:
    """Add headers and query parameters to every request of the test before it is signed."""
    client, sent = aws("s3"), list[Sent]()

    def add(request: Any, **_: Any) -> None:
        for headers, query in sent:
            for name, value in headers.items():
                request.headers[name] = value
            if query:
                request.url += ("&" if "?" in request.url else "?") + query

    client.meta.events.register("before-sign.s3", add)
    yield lambda one: sent.__setitem__(slice(None), [one])
    client.meta.events.unregister("before-sign.s3", add)


CLIENTS: dict[str, Sent] = {
    "the AWS SDK for C++": ({"x-amz-api-version": "2006-03-01"}, ""),
    "Apache Libcloud": ({}, "Version=2006-03-01"),
    "whoever marks lines of the access log": ({}, "x-user=joe"),
}


@pytest.mark.parametrize("client", CLIENTS)
def test_every_call_of_a_common_day_bears_it(
    s3: Any, bucket: str, client: str, send_also: Callable[[Sent], None]
) -> None:
    send_also(CLIENTS[client])
    s3.head_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"body")
    assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == 4
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"body"
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "k"})
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="parts", UploadId=upload, PartNumber=1, Body=b"part")
    done = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket=bucket, Key="parts", UploadId=upload, MultipartUpload=done)
    for listed in (s3.list_objects(Bucket=bucket), s3.list_objects_v2(Bucket=bucket)):
        assert [row["Key"] for row in listed["Contents"]] == ["copy", "k", "parts"]
    s3.delete_object(Bucket=bucket, Key="copy")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}, {"Key": "parts"}]})
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_what_may_change_the_meaning_of_a_write_is_refused_by_name(
    s3: Any, bucket: str, send_also: Callable[[Sent], None]
) -> None:
    for sent, name in ((({"x-amz-unheard-of": "1"}, ""), "x-amz-unheard-of"), (({}, "unheardOf"), "unheardOf")):
        send_also(sent)
        with refused("NotImplemented", 501) as error:
            s3.put_object(Bucket=bucket, Key="k", Body=b"")
        assert error["Message"].endswith(f": {name}")
        assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
