"""Checksums: verified on upload, stored, returned on request, joined for multipart objects."""

import hashlib
import http.client
import zlib
from base64 import b64encode
from collections.abc import Callable
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest
from awscrt import checksums as crt
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.s3.client_errors import refused

MIB = 1 << 20
EMPTY_CRC = "x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32"
COMPUTED: dict[str, Callable[[bytes], bytes]] = {
    "CRC32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
    "CRC32C": lambda body: crt.crc32c(body).to_bytes(4, "big"),
    "CRC64NVME": lambda body: crt.crc64nvme(body).to_bytes(8, "big"),
    "SHA1": lambda body: hashlib.sha1(body).digest(),  # noqa: S324 - one of AWS's algorithms
    "SHA256": lambda body: hashlib.sha256(body).digest(),
}
# These have no composite type, and the whole's checksum cannot be computed from the parts'.
NEWER: dict[str, Callable[[bytes], bytes]] = {
    "SHA512": lambda body: hashlib.sha512(body).digest(),
    "MD5": lambda body: hashlib.md5(body).digest(),  # noqa: S324 - one of AWS's algorithms
    "XXHASH64": lambda body: bytes(crt.XXHash.compute_xxhash64(body)),
    "XXHASH3": lambda body: bytes(crt.XXHash.compute_xxhash3_64(body)),
    "XXHASH128": lambda body: bytes(crt.XXHash.compute_xxhash3_128(body)),
}


def checksum(algorithm: str, body: bytes) -> str:
    return b64encode(COMPUTED[algorithm](body)).decode()


@pytest.mark.parametrize("algorithm", COMPUTED)
@pytest.mark.parametrize("size", [0, 10, 2 * MIB], ids=["empty", "small", "large"])
def test_a_checksum_is_kept(s3: Any, bucket: str, algorithm: str, size: int) -> None:
    body = b"c" * size
    told = f"Checksum{algorithm}"
    put = s3.put_object(Bucket=bucket, Key="k", Body=body, ChecksumAlgorithm=algorithm)
    assert put[told] == checksum(algorithm, body)
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (head[told], head["ChecksumType"]) == (put[told], "FULL_OBJECT")
    assert s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")["Body"].read() == body
    assert told not in s3.head_object(Bucket=bucket, Key="k")
    about = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["Checksum"])
    assert about["Checksum"][told] == put[told]
    copy = s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")["CopyObjectResult"]
    assert copy[told] == put[told]


@pytest.mark.parametrize("algorithm", NEWER)
@pytest.mark.parametrize("size", [10, 2 * MIB], ids=["small", "large"])
def test_the_newer_ones_too(s3: Any, bucket: str, algorithm: str, size: int) -> None:
    body = b"c" * size
    told = f"Checksum{algorithm}"
    value = b64encode(NEWER[algorithm](body)).decode()
    wrong = b64encode(NEWER[algorithm](b"other")).decode()
    with refused("BadDigest", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=body, **{told: wrong})
    assert s3.put_object(Bucket=bucket, Key="k", Body=body, **{told: value})[told] == value
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (head[told], head["ChecksumType"]) == (value, "FULL_OBJECT")
    about = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["Checksum"])
    assert about["Checksum"][told] == value
    copy = s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")["CopyObjectResult"]
    assert copy[told] == value
    names = {"Bucket": bucket, "Key": "k", "UploadId": s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]}
    with refused("BadDigest", 400):
        s3.upload_part(**names, PartNumber=1, Body=body, **{told: wrong})
    put = s3.upload_part(**names, PartNumber=1, Body=body, **{told: value})
    assert put[told] == s3.list_parts(**names)["Parts"][0][told] == value
    part = {"PartNumber": 1, "ETag": put["ETag"]}
    with refused("InvalidPart", 400):
        s3.complete_multipart_upload(**names, MultipartUpload={"Parts": [{**part, told: wrong}]})
    s3.complete_multipart_upload(**names, MultipartUpload={"Parts": [{**part, told: value}]})


@pytest.mark.parametrize("algorithm", NEWER)
def test_no_upload_promises_a_checksum_that_its_parts_cannot_give(s3: Any, bucket: str, algorithm: str) -> None:
    with refused("NotImplemented", 501):
        s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm=algorithm)


def test_every_algorithm_of_the_model_is_verified(s3: Any) -> None:
    assert set(s3.meta.service_model.shape_for("ChecksumAlgorithm").enum) == COMPUTED.keys() | NEWER.keys()


def test_a_copy_may_have_another_checksum(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"body", ChecksumAlgorithm="CRC32")
    answer = s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k", ChecksumAlgorithm="SHA256")
    assert answer["CopyObjectResult"]["ChecksumSHA256"] == checksum("SHA256", b"body")
    head = s3.head_object(Bucket=bucket, Key="copy", ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"] == checksum("SHA256", b"body")
    assert "ChecksumCRC32" not in head


@pytest.mark.parametrize("size", [10, 2 * MIB], ids=["small", "large"])
def test_a_wrong_checksum_stores_nothing(s3: Any, bucket: str, size: int) -> None:
    body = b"c" * size
    with refused("BadDigest", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=body, ChecksumCRC32=checksum("CRC32", b"other"))
    with refused("BadDigest", 400):
        s3.put_object(
            Bucket=bucket,
            Key="k",
            Body=body,
            ContentMD5=b64encode(hashlib.md5(b"other").digest()).decode(),  # noqa: S324
        )
    with refused("404"):
        s3.head_object(Bucket=bucket, Key="k")


def parts_of(s3: Any, bucket: str, algorithm: str, **how: str) -> tuple[str, list[Any], list[bytes]]:
    bodies = [b"1" * 5 * MIB, b"2" * 5 * MIB, b"3"]
    created = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm=algorithm, **how)
    told, parts = f"Checksum{algorithm}", []
    for number, body in enumerate(bodies, 1):
        put = s3.upload_part(
            Bucket=bucket,
            Key="k",
            UploadId=created["UploadId"],
            PartNumber=number,
            Body=body,
            ChecksumAlgorithm=algorithm,
        )
        assert put[told] == checksum(algorithm, body)
        parts.append({"PartNumber": number, "ETag": put["ETag"], told: put[told]})
    return created["UploadId"], parts, bodies


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "SHA1", "SHA256"])
def test_a_checksum_of_checksums(s3: Any, bucket: str, algorithm: str) -> None:
    upload, parts, bodies = parts_of(s3, bucket, algorithm)
    told = f"Checksum{algorithm}"
    listed = s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)
    assert [part[told] for part in listed["Parts"]] == [part[told] for part in parts]
    done = s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts})
    want = checksum(algorithm, b"".join(COMPUTED[algorithm](body) for body in bodies)) + "-3"
    assert (done[told], done["ChecksumType"]) == (want, "COMPOSITE")
    again = s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts})
    assert again[told] == want
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (head[told], head["ChecksumType"]) == (want, "COMPOSITE")
    for number, body in enumerate(bodies, 1):
        part = s3.get_object(Bucket=bucket, Key="k", PartNumber=number, ChecksumMode="ENABLED")
        assert (part["Body"].read(), part[told]) == (body, checksum(algorithm, body))
    about = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ObjectParts"], MaxParts=2)[
        "ObjectParts"
    ]
    assert [(part["PartNumber"], part["Size"], part[told]) for part in about["Parts"]] == [
        (number, len(body), checksum(algorithm, body)) for number, body in enumerate(bodies[:2], 1)
    ]
    assert (about["TotalPartsCount"], about["IsTruncated"], about["NextPartNumberMarker"]) == (3, True, 2)


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME"])
def test_a_checksum_of_the_whole(s3: Any, bucket: str, algorithm: str) -> None:
    upload, parts, bodies = parts_of(s3, bucket, algorithm, ChecksumType="FULL_OBJECT")
    want = checksum(algorithm, b"".join(bodies))
    told = f"Checksum{algorithm}"
    with refused("BadDigest", 400):
        s3.complete_multipart_upload(
            Bucket=bucket,
            Key="k",
            UploadId=upload,
            MultipartUpload={"Parts": parts},
            ChecksumType="FULL_OBJECT",
            **{told: checksum(algorithm, b"other")},
        )
    done = s3.complete_multipart_upload(
        Bucket=bucket,
        Key="k",
        UploadId=upload,
        MultipartUpload={"Parts": parts},
        ChecksumType="FULL_OBJECT",
        **{told: want},
    )
    assert (done[told], done["ChecksumType"]) == (want, "FULL_OBJECT")
    assert s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")["Body"].read() == b"".join(bodies)


def test_parts_must_bear_the_uploads_algorithm(s3: Any, bucket: str) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="SHA256")["UploadId"]
    with refused("InvalidRequest", 400):
        s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"x", ChecksumAlgorithm="CRC32")
    with refused("InvalidRequest", 400):
        s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="SHA256", ChecksumType="FULL_OBJECT")


def test_a_copied_part_gets_the_uploads_checksum(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="source", Body=b"0123456789", ChecksumAlgorithm="CRC32")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="SHA256")["UploadId"]
    answer = s3.upload_part_copy(
        Bucket=bucket,
        Key="k",
        UploadId=upload,
        PartNumber=1,
        CopySource=f"{bucket}/source",
        CopySourceRange="bytes=2-4",
    )["CopyPartResult"]
    assert answer["ChecksumSHA256"] == checksum("SHA256", b"234")
    done = s3.complete_multipart_upload(
        Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": answer["ETag"]}]}
    )
    assert done["ChecksumSHA256"] == checksum("SHA256", hashlib.sha256(b"234").digest()) + "-1"


def test_a_checksum_in_a_presigned_url_is_none_of_the_bodys(s3: Any, bucket: str, gateway: Any, cloud: Any) -> None:
    """Some SDKs presign uploads with the checksum of an empty body in the query; S3 then accepts any body."""
    request = AWSRequest("PUT", f"{gateway.url}/{bucket}/k?{EMPTY_CRC}")
    keys = cloud.keys["main"]
    S3SigV4QueryAuth(Credentials(keys.access, keys.secret), "s3", "us-east-1").add_auth(request)
    where = urlsplit(str(request.url))
    with closing(http.client.HTTPConnection(where.netloc, timeout=60)) as connection:
        connection.request("PUT", f"{where.path}?{where.query}", body=b"not empty")
        assert connection.getresponse().status == 200
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == b"not empty"
    assert "ChecksumCRC32" not in got
