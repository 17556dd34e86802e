"""Concurrent completions, parts and aborts of one upload: the resulting object is complete."""

import http.client
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

import openstack
import pytest
from botocore.exceptions import ClientError

MIB = 1 << 20
ROUNDS = 6


def outcome(step: Callable[[], Any]) -> str:
    """Return the code of a refusal, or ''."""
    try:
        step()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def opened(s3: Any, bucket: str, key: str) -> tuple[dict[str, str], list[dict[str, Any]]]:
    names = {"Bucket": bucket, "Key": key}
    names["UploadId"] = s3.create_multipart_upload(**names)["UploadId"]
    parts = []
    for number, size in enumerate((5 * MIB, 3), 1):
        put = s3.upload_part(**names, PartNumber=number, Body=bytes([number]) * size)
        parts.append({"PartNumber": number, "ETag": put["ETag"]})
    return names, parts


def side_by_side(*steps: Callable[[], Any]) -> list[str]:
    with ThreadPoolExecutor(len(steps)) as pool:
        return list(pool.map(outcome, steps))


def test_two_completions_of_one_upload(s3: Any, bucket: str) -> None:
    for turn in range(ROUNDS):
        names, parts = opened(s3, bucket, f"two-{turn}")
        codes = side_by_side(
            lambda: s3.complete_multipart_upload(**names, MultipartUpload={"Parts": parts}),  # noqa: B023
            lambda: s3.complete_multipart_upload(**names, MultipartUpload={"Parts": parts[:1]}),  # noqa: B023
        )
        assert sorted(codes) == ["", "NoSuchUpload"]
        body = s3.get_object(Bucket=bucket, Key=f"two-{turn}")["Body"].read()
        assert len(body) == (5 * MIB + 3 if codes[0] == "" else 5 * MIB)


def test_a_completion_and_an_abort(s3: Any, bucket: str) -> None:
    for turn in range(ROUNDS):
        names, parts = opened(s3, bucket, f"or-{turn}")
        codes = side_by_side(
            lambda: s3.complete_multipart_upload(**names, MultipartUpload={"Parts": parts}),  # noqa: B023
            lambda: s3.abort_multipart_upload(**names),  # noqa: B023
        )
        assert sorted(codes) == ["", "NoSuchUpload"]
        if codes[0] == "":
            assert len(s3.get_object(Bucket=bucket, Key=f"or-{turn}")["Body"].read()) == 5 * MIB + 3
        else:
            assert outcome(lambda: s3.head_object(Bucket=bucket, Key=f"or-{turn}")) == "404"  # noqa: B023


@contextmanager
def under_way(s3: Any, names: dict[str, str], number: int, size: int) -> Iterator[Callable[[], tuple[int, bytes]]]:
    """Send half of a part; yield a function that sends the rest and returns status and body of the answer."""
    url = urlsplit(s3.generate_presigned_url("upload_part", {**names, "PartNumber": number}))
    with closing(http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)) as connection:
        connection.putrequest("PUT", f"{url.path}?{url.query}")
        connection.putheader("Content-Length", str(size))
        connection.endheaders(b"?" * (size // 2))
        time.sleep(0.5)  # so that the upload has reached Swift

        def finish() -> tuple[int, bytes]:
            connection.send(b"?" * (size - size // 2))
            answer = connection.getresponse()
            return answer.status, answer.read()

        yield finish


@pytest.mark.parametrize("size", [1000, 5 * MIB, 20 * MIB])
def test_a_part_that_ends_after_its_upload_leaves_the_object_as_it_is(
    s3: Any, bucket: str, size: int, openstack_main: openstack.connection.Connection
) -> None:
    names, parts = opened(s3, bucket, "late")
    with under_way(s3, names, 1, size) as finish:
        s3.complete_multipart_upload(**names, MultipartUpload={"Parts": parts})
        status, body = finish()
    assert (status, b"<Code>NoSuchUpload</Code>" in body) == (404, True)
    assert s3.get_object(Bucket=bucket, Key="late")["Body"].read() == b"\1" * 5 * MIB + b"\2" * 3
    laid = [one.name for one in openstack_main.object_store.objects(f"{bucket}+segments")]
    assert laid == [f"late/{names['UploadId']}/{number}" for number in (1, 2)]


@pytest.mark.parametrize("size", [1000, 5 * MIB])
def test_a_part_that_ends_after_its_upload_was_given_up_leaves_nothing(
    s3: Any, bucket: str, size: int, openstack_main: openstack.connection.Connection
) -> None:
    names, _ = opened(s3, bucket, "gone")
    with under_way(s3, names, 3, size) as finish:
        s3.abort_multipart_upload(**names)
        assert finish()[0] == 404
    assert not list(openstack_main.object_store.objects(f"{bucket}+segments"))


@pytest.mark.parametrize("size", [1000, 5 * MIB])
def test_parts_and_their_completion_side_by_side(s3: Any, bucket: str, size: int) -> None:
    for turn in range(ROUNDS):
        names, parts = opened(s3, bucket, f"parts-{turn}")
        codes = side_by_side(
            lambda: s3.complete_multipart_upload(**names, MultipartUpload={"Parts": parts}),  # noqa: B023
            lambda: s3.upload_part(**names, PartNumber=1, Body=b"?" * size),  # noqa: B023
            lambda: s3.upload_part(**names, PartNumber=2, Body=b"!" * size),  # noqa: B023
        )
        if codes[0] == "":
            assert codes[1:] == ["NoSuchUpload"] * 2
            assert len(s3.get_object(Bucket=bucket, Key=f"parts-{turn}")["Body"].read()) == 5 * MIB + 3
        else:  # another part replaced the named one first
            assert codes[0] == "InvalidPart"
            s3.abort_multipart_upload(**names)


def test_copied_parts_and_the_completion_side_by_side(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="source", Body=b"?" * 6 * MIB)
    for turn in range(ROUNDS):
        names, parts = opened(s3, bucket, f"copies-{turn}")
        codes = side_by_side(
            lambda: s3.complete_multipart_upload(**names, MultipartUpload={"Parts": parts}),  # noqa: B023
            lambda: s3.upload_part_copy(**names, PartNumber=2, CopySource=f"{bucket}/source"),  # noqa: B023
        )
        if codes[0] == "":
            assert codes[1] == "NoSuchUpload"
            assert len(s3.get_object(Bucket=bucket, Key=f"copies-{turn}")["Body"].read()) == 5 * MIB + 3
        else:
            assert codes == ["InvalidPart", ""]
            s3.abort_multipart_upload(**names)
