"""CompleteMultipartUpload: what it refuses, and in which order it finds out."""

from typing import Any

import pytest

from tests.s3.refusals import refused

MIB = 1 << 20
NO_MD5 = '"no-md5"'


def opened(s3: Any, bucket: str, *sizes: int) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Open an upload of parts; return its names, and the parts as its completion wants them."""
    names = {"Bucket": bucket, "Key": "k"}
    names["UploadId"] = s3.create_multipart_upload(**names)["UploadId"]
    parts = []
    for number, size in enumerate(sizes, 1):
        put = s3.upload_part(**names, PartNumber=number, Body=bytes([number]) * size)
        parts.append({"PartNumber": number, "ETag": put["ETag"]})
    return names, parts


def completed(s3: Any, names: dict[str, str], parts: list[dict[str, Any]]) -> Any:
    return s3.complete_multipart_upload(**names, MultipartUpload={"Parts": parts})


@pytest.mark.parametrize("etag", [NO_MD5, '"d41d8cd98f00b204e9800998ecf8427e"'], ids=["no MD5", "an MD5"])
def test_whether_there_is_an_upload_is_asked_before_its_parts(s3: Any, bucket: str, etag: str) -> None:
    """Tools take NoSuchUpload for "it is done already", and any other code for a failure."""
    names, _ = opened(s3, bucket)
    wrong = [{"PartNumber": 2, "ETag": etag}, {"PartNumber": 1, "ETag": etag}, {"PartNumber": 0, "ETag": etag}]
    with refused("NoSuchUpload", 404):
        completed(s3, {**names, "UploadId": "no-such"}, wrong)
    with refused("NoSuchBucket", 404):
        completed(s3, {**names, "Bucket": f"{bucket}-not"}, wrong)
    with refused("InvalidPartOrder", 400):
        completed(s3, names, wrong)


def test_a_list_that_is_none_is_refused_before_anything_is_asked(s3: Any, bucket: str) -> None:
    names, parts = opened(s3, bucket, 1)
    gone = {**names, "UploadId": "no-such"}
    for wrong in ([], [{"PartNumber": 1}], [{"ETag": NO_MD5}]):
        with refused("MalformedXML", 400):
            completed(s3, gone, wrong)
    completed(s3, names, parts)


def test_the_order_of_parts_goes_before_the_parts_and_these_before_their_sizes(s3: Any, bucket: str) -> None:
    names, (first, second, third) = opened(s3, bucket, 5 * MIB, 100, 1)
    with refused("InvalidPartOrder", 400):
        completed(s3, names, [second, {**first, "ETag": NO_MD5}])
    with refused("InvalidPartOrder", 400):
        completed(s3, names, [first, first])
    for wrong in ({**third, "ETag": NO_MD5}, {**third, "ETag": first["ETag"]}, {**third, "PartNumber": 10_001}):
        with refused("InvalidPart", 400) as seen:
            completed(s3, names, [first, second, wrong])
        assert (seen["PartNumber"], seen["ETag"]) == (str(wrong["PartNumber"]), wrong["ETag"].strip('"'))
    with refused("InvalidArgument", 400):
        completed(s3, names, [{**first, "PartNumber": 0}, second])
    with refused("EntityTooSmall", 400):
        completed(s3, names, [first, second, third])
    completed(s3, names, [first, second])
