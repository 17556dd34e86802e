"""Those who finish one upload, or give it up, at the same moment: the object that is left is whole."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

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
