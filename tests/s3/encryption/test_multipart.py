"""Multipart objects under a customer's key: parts, ranges over their borders, part numbers, copies."""

import os
from typing import Any

import pytest

from tests.s3.client_errors import refused
from tests.s3.encryption.keys import ONE, OTHER, given, source
from tests.support.clients import AwsCli

PART = (5 << 20) + 1
BODIES = [os.urandom(PART), os.urandom(5 << 20), os.urandom(100_000)]
WHOLE = b"".join(BODIES)


def upload(s3: Any, bucket: str, key: str, **more: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Begin an upload with the three parts."""
    made = s3.create_multipart_upload(Bucket=bucket, Key=key, Metadata={"a": "b"}, **given(ONE), **more)
    assert made["SSECustomerAlgorithm"] == "AES256"
    where = {"Bucket": bucket, "Key": key, "UploadId": made["UploadId"]}
    parts = []
    for number, body in enumerate(BODIES, 1):
        part = s3.upload_part(**where, PartNumber=number, Body=body, **given(ONE))
        assert part["SSECustomerKeyMD5"] == given(ONE)["SSECustomerKeyMD5"]
        told = {name: value for name, value in part.items() if name.startswith("Checksum")}
        parts.append({"PartNumber": number, "ETag": part["ETag"], **told})
    return where, parts


@pytest.fixture(scope="module")
def key(s3: Any, shared: str) -> str:
    where, parts = upload(s3, shared, "whole")
    listed = s3.list_parts(**where)["Parts"]
    assert [(part["Size"], part["ETag"]) for part in listed] == [
        (len(body), part["ETag"]) for body, part in zip(BODIES, parts, strict=True)
    ]
    with refused("InvalidRequest", 400):
        s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    with refused("InvalidRequest", 400):
        s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts}, **given(OTHER))
    size = len(WHOLE)
    done = s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts}, MpuObjectSize=size, **given(ONE))
    assert done["ETag"].endswith('-3"')
    return "whole"


def test_it_is_read_whole(s3: Any, shared: str, key: str) -> None:
    got = s3.get_object(Bucket=shared, Key=key, **given(ONE))
    assert got["Body"].read() == WHOLE
    assert (got["ContentLength"], got["Metadata"]) == (len(WHOLE), {"a": "b"})
    head = s3.head_object(Bucket=shared, Key=key, **given(ONE))
    assert (head["ContentLength"], head["ETag"]) == (len(WHOLE), got["ETag"])
    (row,) = s3.list_objects_v2(Bucket=shared, Prefix=key)["Contents"]
    assert (row["Size"], row["ETag"]) == (len(WHOLE), got["ETag"])


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, 1), (PART - 1, PART + 1), (PART - 70_000, PART + 70_000), (len(WHOLE) - 100_001, len(WHOLE)), (5, len(WHOLE))],
)
def test_a_range_over_the_borders_of_parts(s3: Any, shared: str, key: str, start: int, end: int) -> None:
    got = s3.get_object(Bucket=shared, Key=key, Range=f"bytes={start}-{end - 1}", **given(ONE))
    assert got["Body"].read() == WHOLE[start:end]
    assert got["ContentRange"] == f"bytes {start}-{end - 1}/{len(WHOLE)}"


def test_the_parts_by_number(s3: Any, shared: str, key: str) -> None:
    for number, body in enumerate(BODIES, 1):
        got = s3.get_object(Bucket=shared, Key=key, PartNumber=number, **given(ONE))
        head = s3.head_object(Bucket=shared, Key=key, PartNumber=number, **given(ONE))
        assert got["Body"].read() == body
        for answer in (got, head):
            assert (answer["ContentLength"], answer["PartsCount"]) == (len(body), 3)
    with refused("InvalidPartNumber", 416):
        s3.get_object(Bucket=shared, Key=key, PartNumber=4, **given(ONE))


def test_its_attributes(s3: Any, shared: str, key: str) -> None:
    asked = {"Bucket": shared, "Key": key, "ObjectAttributes": ["ETag", "ObjectSize", "ObjectParts", "Checksum"]}
    with refused("InvalidRequest", 400):
        s3.get_object_attributes(**asked)
    told = s3.get_object_attributes(**asked, **given(ONE))
    assert told["ObjectSize"] == len(WHOLE)
    assert told["ObjectParts"]["TotalPartsCount"] == 3
    assert [part["Size"] for part in told["ObjectParts"]["Parts"]] == list(map(len, BODIES))


def test_another_key_or_none_reads_nothing(s3: Any, shared: str, key: str) -> None:
    with refused("InvalidRequest", 400):
        s3.get_object(Bucket=shared, Key=key)
    with refused("AccessDenied", 403):
        s3.get_object(Bucket=shared, Key=key, Range="bytes=0-1", **given(OTHER))


def test_parts_need_the_key_of_their_upload(s3: Any, shared: str) -> None:
    made = s3.create_multipart_upload(Bucket=shared, Key="keys", **given(ONE))
    where = {"Bucket": shared, "Key": "keys", "UploadId": made["UploadId"], "PartNumber": 1}
    for size in (10, 2 << 20, 20 << 20):
        with refused("InvalidRequest", 400) as error:
            s3.upload_part(**where, Body=bytes(size))
        assert "must include the appropriate encryption parameters" in error["Message"]
        with refused("InvalidRequest", 400) as error:
            s3.upload_part(**where, Body=bytes(size), **given(OTHER))
        assert error["Message"] == "The provided encryption parameters did not match the ones used originally."
    plain = s3.create_multipart_upload(Bucket=shared, Key="keys")
    with refused("InvalidRequest", 400):
        s3.upload_part(**where | {"UploadId": plain["UploadId"]}, Body=b"x", **given(ONE))
    assert "Parts" not in s3.list_parts(Bucket=shared, Key="keys", UploadId=made["UploadId"])
    for upload_id in (made["UploadId"], plain["UploadId"]):
        s3.abort_multipart_upload(Bucket=shared, Key="keys", UploadId=upload_id)


def test_a_part_that_is_uploaded_again(s3: Any, shared: str) -> None:
    where, parts = upload(s3, shared, "again")
    new = os.urandom(PART)
    part = s3.upload_part(**where, PartNumber=1, Body=new, **given(ONE))
    told = {name: value for name, value in part.items() if name.startswith("Checksum")}
    parts[0] = {"PartNumber": 1, "ETag": part["ETag"], **told}
    s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts[::2]}, **given(ONE))
    got = s3.get_object(Bucket=shared, Key="again", **given(ONE))
    assert got["Body"].read() == new + BODIES[2]


def test_an_upload_of_one_empty_part(s3: Any, shared: str) -> None:
    made = s3.create_multipart_upload(Bucket=shared, Key="empty", **given(ONE))
    where = {"Bucket": shared, "Key": "empty", "UploadId": made["UploadId"]}
    part = s3.upload_part(**where, PartNumber=1, Body=b"", **given(ONE))
    told = {name: value for name, value in part.items() if name.startswith("Checksum")}
    parts = [{"PartNumber": 1, "ETag": part["ETag"], **told}]
    s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts}, **given(ONE))
    assert s3.get_object(Bucket=shared, Key="empty", **given(ONE))["Body"].read() == b""
    assert s3.list_objects_v2(Bucket=shared, Prefix="empty")["Contents"][0]["Size"] == 0


@pytest.mark.parametrize("span", ["", "bytes=100-5300000"])
def test_parts_that_are_copied(s3: Any, shared: str, key: str, span: str) -> None:
    wanted = WHOLE[100:5_300_001] if span else WHOLE
    some = {"CopySourceRange": span} if span else {}
    s3.put_object(Bucket=shared, Key="plain", Body=WHOLE)
    for target, of in (({}, source(ONE)), (given(OTHER), source(ONE)), (given(OTHER), {})):
        made = s3.create_multipart_upload(Bucket=shared, Key="copied", **target)
        where = {"Bucket": shared, "Key": "copied", "UploadId": made["UploadId"]}
        from_ = {"CopySource": f"{shared}/{key if of else 'plain'}", **some, **of}
        part = s3.upload_part_copy(**where, PartNumber=1, **from_, **target)["CopyPartResult"]
        told = {name: value for name, value in part.items() if name.startswith("Checksum")}
        parts = [{"PartNumber": 1, "ETag": part["ETag"], **told}]
        s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts}, **target)
        assert s3.get_object(Bucket=shared, Key="copied", **target)["Body"].read() == wanted


def test_copies(s3: Any, shared: str, key: str) -> None:
    s3.put_object(Bucket=shared, Key="small", Body=b"small", Metadata={"m": "1"}, **given(ONE))
    s3.put_object(Bucket=shared, Key="open", Body=b"small", Metadata={"m": "1"})
    for name, body in (("small", b"small"), (key, WHOLE)):
        for target in ({}, given(OTHER), given(ONE)):
            done = s3.copy_object(Bucket=shared, Key="copy", CopySource=f"{shared}/{name}", **source(ONE), **target)
            got = s3.get_object(Bucket=shared, Key="copy", **target)
            assert got["Body"].read() == body
            assert got["ETag"] == done["CopyObjectResult"]["ETag"]
            assert got["Metadata"] == ({"m": "1"} if name == "small" else {"a": "b"})
            assert done.get("SSECustomerKeyMD5") == target.get("SSECustomerKeyMD5")
    done = s3.copy_object(
        Bucket=shared, Key="copy", CopySource=f"{shared}/open", ChecksumAlgorithm="SHA1", **given(ONE)
    )
    assert done["CopyObjectResult"]["ChecksumSHA1"]
    assert s3.get_object(Bucket=shared, Key="copy", **given(ONE))["Body"].read() == b"small"


def test_an_object_is_encrypted_where_it_is(s3: Any, shared: str) -> None:
    s3.put_object(Bucket=shared, Key="here", Body=b"here")
    s3.copy_object(Bucket=shared, Key="here", CopySource=f"{shared}/here", **given(ONE))
    assert s3.get_object(Bucket=shared, Key="here", **given(ONE))["Body"].read() == b"here"
    s3.copy_object(Bucket=shared, Key="here", CopySource=f"{shared}/here", **source(ONE), **given(OTHER))
    assert s3.get_object(Bucket=shared, Key="here", **given(OTHER))["Body"].read() == b"here"


def test_a_copy_needs_the_key_of_its_source(s3: Any, shared: str, key: str) -> None:
    with refused("InvalidRequest", 400):
        s3.copy_object(Bucket=shared, Key="never", CopySource=f"{shared}/{key}")
    with refused("AccessDenied", 403):
        s3.copy_object(Bucket=shared, Key="never", CopySource=f"{shared}/{key}", **source(OTHER))
    s3.put_object(Bucket=shared, Key="open", Body=b"x")
    with refused("InvalidRequest", 400):
        s3.copy_object(Bucket=shared, Key="never", CopySource=f"{shared}/open", **source(ONE))
    assert s3.list_objects_v2(Bucket=shared, Prefix="never")["KeyCount"] == 0


@pytest.mark.tool
def test_the_aws_cli_copies_a_large_file(aws_cli: AwsCli, shared: str, tmp_path: Any) -> None:
    there, back, secret = tmp_path / "there", tmp_path / "back", tmp_path / "key"
    there.write_bytes(os.urandom(20_000_000))
    secret.write_bytes(ONE)
    encryption = ("--sse-c", "AES256", "--sse-c-key", f"fileb://{secret}", "--no-progress")
    aws_cli("s3", "cp", str(there), f"s3://{shared}/cli", *encryption)
    aws_cli("s3", "cp", f"s3://{shared}/cli", str(back), *encryption)
    assert back.read_bytes() == there.read_bytes()
