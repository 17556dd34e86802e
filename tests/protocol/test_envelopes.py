"""Answers and errors as they leave: envelopes, headers, statuses, names; and bugs of ours that must not leave."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.errors import AwsError
from shim.protocol.message import Reply, Request
from shim.protocol.service import Service
from tests.protocol.requests import form, s3

EC2, S3, STS = Service("ec2"), Service("s3"), Service("sts")
ID = "0e4a1f9c-7a55-4b4c-9f5f-0c3b2c1d4e5f"


def text(reply: Reply) -> str:
    assert isinstance(reply.body, bytes)
    return reply.body.decode()


def reply(service: Service, name: str, result: dict[str, Any] | None, request: Request) -> Reply:
    return service.reply(service.operations[name], result, request_id=ID, request=request)


DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
ERROR = AwsError("Some.Code", 'a <b> & "c"', 403, headers={"Retry-After": "3"}, extra={"BucketName": "<x>"})


def test_ec2_error() -> None:
    found = EC2.failure(ERROR, request_id=ID, request=form("X"))
    assert (found.status, dict(found.headers)["x-amzn-RequestId"]) == (403, ID)
    assert dict(found.headers)["Content-Type"] == "text/xml;charset=UTF-8"
    assert dict(found.headers)["Retry-After"] == "3"
    assert text(found) == (
        f"{DECLARATION}<Response><Errors><Error><Code>Some.Code</Code>"
        "<Message>a &lt;b&gt; &amp; &quot;c&quot;</Message></Error></Errors>"
        f"<RequestID>{ID}</RequestID></Response>"
    )


@pytest.mark.parametrize(("status", "whose"), [(400, "Sender"), (503, "Receiver")])
def test_sts_error(status: int, whose: str) -> None:
    found = STS.failure(AwsError("Code", "words", status), request_id=ID, request=form("X"))
    assert found.status == status
    assert text(found) == (
        f'{DECLARATION}<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>{whose}</Type>'
        f"<Code>Code</Code><Message>words</Message></Error><RequestId>{ID}</RequestId></ErrorResponse>"
    )


def test_s3_error() -> None:
    found = S3.failure(ERROR, request_id=ID, request=s3("GET", "/b/k"))
    headers = dict(found.headers)
    assert headers["x-amz-request-id"] == ID
    assert headers["Content-Type"] == "application/xml"
    assert text(found) == (
        f"{DECLARATION}<Error><Code>Some.Code</Code><Message>a &lt;b&gt; &amp; &quot;c&quot;</Message>"
        f"<BucketName>&lt;x&gt;</BucketName><RequestId>{ID}</RequestId><HostId>{headers['x-amz-id-2']}</HostId></Error>"
    )


@pytest.mark.parametrize(("method", "status"), [("HEAD", 404), ("GET", 304)])
def test_s3_errors_without_a_body(method: str, status: int) -> None:
    found = S3.failure(AwsError("X", "words", status), request_id=ID, request=s3(method, "/b/k"))
    assert (found.status, found.body) == (status, b"")


def test_headers_of_errors_can_always_be_sent() -> None:
    """A 304 repeats the object's Cache-Control, which OpenStack's tools may have set to anything."""
    odd = AwsError("NotModified", "", 304, headers={"Cache-Control": "\u2192\r\nx: y"})
    found = S3.failure(odd, request_id=ID, request=s3("GET", "/b/k"))
    assert all(value.encode("latin-1").isascii() and "\n" not in value for _, value in found.headers)


def test_errors_can_always_be_sent() -> None:
    odd = AwsError("X", "half \ud800 and \x00 control", 400)
    for service in (EC2, STS, S3):
        ElementTree.fromstring(text(service.failure(odd, request_id=ID, request=s3("GET", "/b"))))  # noqa: S314 - ours


@pytest.mark.parametrize(
    ("version", "namespace"),
    [
        ("2014-10-01", "http://ec2.amazonaws.com/doc/2014-10-01/"),
        ("", "http://ec2.amazonaws.com/doc/2016-11-15/"),
        ('"><x', "http://ec2.amazonaws.com/doc/2016-11-15/"),
    ],
)
def test_ec2_answers_in_the_version_asked_for(version: str, namespace: str) -> None:
    found = reply(EC2, "DescribeKeyPairs", {"KeyPairs": []}, form("DescribeKeyPairs", Version=version))
    assert text(found) == (
        f'{DECLARATION}<DescribeKeyPairsResponse xmlns="{namespace}"><requestId>{ID}</requestId><keySet/>'
        "</DescribeKeyPairsResponse>"
    )


def test_ec2_says_that_it_worked() -> None:
    for name in ("DeleteVolume", "DeleteKeyPair"):
        assert "<return>true</return>" in text(reply(EC2, name, None, form(name)))
    assert "<return>false</return>" in text(reply(EC2, "DeleteKeyPair", {"Return": False}, form("DeleteKeyPair")))
    assert "<return>" not in text(reply(EC2, "DescribeVolumes", {}, form("DescribeVolumes")))


def test_sts_answer() -> None:
    found = reply(STS, "GetCallerIdentity", {"Account": "1", "Arn": None}, form("GetCallerIdentity"))
    assert text(found) == (
        f'{DECLARATION}<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
        "<GetCallerIdentityResult><Account>1</Account></GetCallerIdentityResult>"
        f"<ResponseMetadata><RequestId>{ID}</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
    )


def test_a_control_character_costs_one_character() -> None:
    found = text(reply(EC2, "DescribeKeyPairs", {"KeyPairs": [{"KeyName": "a\x01b\r\n"}]}, form("DescribeKeyPairs")))
    assert "<keyName>a\ufffdb&#13;\n</keyName>" in found
    keys = text(reply(S3, "ListObjects", {"Contents": [{"Key": 'a\x01"b'}]}, s3("GET", "/b")))
    assert "<Key>a&#x1;&quot;b</Key>" in keys


S3_NS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


@pytest.mark.parametrize(
    ("name", "result", "body"),
    [
        ("ListBuckets", {"Buckets": []}, f"<ListAllMyBucketsResult {S3_NS}><Buckets/></ListAllMyBucketsResult>"),
        ("ListObjectsV2", {"Name": "b"}, f"<ListBucketResult {S3_NS}><Name>b</Name></ListBucketResult>"),
        ("GetBucketLocation", {"LocationConstraint": "x"}, f"<LocationConstraint {S3_NS}>x</LocationConstraint>"),
        ("GetBucketLocation", {}, f"<LocationConstraint {S3_NS}/>"),
        ("GetBucketVersioning", None, f"<VersioningConfiguration {S3_NS}></VersioningConfiguration>"),
        (
            "CreateMultipartUpload",
            {"UploadId": "u", "ServerSideEncryption": "AES256"},
            f"<InitiateMultipartUploadResult {S3_NS}><UploadId>u</UploadId></InitiateMultipartUploadResult>",
        ),
        (
            "CopyObject",
            {"CopyObjectResult": {"ETag": '"e"'}},
            f"<CopyObjectResult {S3_NS}><ETag>&quot;e&quot;</ETag></CopyObjectResult>",
        ),
        ("UploadPartCopy", {"CopyPartResult": {}}, f"<CopyPartResult {S3_NS}></CopyPartResult>"),
        (
            "DeleteObjects",
            {"Deleted": [{"Key": "k"}]},
            f"<DeleteResult {S3_NS}><Deleted><Key>k</Key></Deleted></DeleteResult>",
        ),
    ],
)
def test_s3_documents(name: str, result: dict[str, Any] | None, body: str) -> None:
    found = reply(S3, name, result, s3("GET", "/b"))
    assert text(found) == DECLARATION + body
    assert ("Content-Type", "application/xml") in found.headers


def test_s3_grantees_bear_their_type() -> None:
    result = {"Grants": [{"Grantee": {"Type": "CanonicalUser", "ID": "1"}, "Permission": "READ"}]}
    assert (
        '<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>1</ID></Grantee>'
    ) in text(reply(S3, "GetObjectAcl", result, s3("GET", "/b/k?acl")))


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("DeleteObject", 204),
        ("DeleteBucket", 204),
        ("AbortMultipartUpload", 204),
        ("PutObject", 200),
        ("HeadBucket", 200),
    ],
)
def test_s3_statuses(name: str, status: int) -> None:
    found = reply(S3, name, None, s3("GET", "/b/k"))
    assert (found.status, found.body) == (status, b"")
    assert "Content-Type" not in dict(found.headers)


def test_s3_headers() -> None:
    result = {
        "Body": b"abc",
        "ContentLength": 3,
        "LastModified": datetime(2026, 1, 2, 3, 4, 5, 678, UTC),
        "ETag": '"e"',
        "Expires": "never",
        "Metadata": {"plain": "x", "spoken": "Héllo\n"},
        "ContentDisposition": 'attachment; filename="é\r\nX-Evil: 1"',
        "DeleteMarker": False,
        "ContentType": None,
        "ResponseMetadata": {"HTTPStatusCode": 206, "HTTPHeaders": {"X-More": "1"}},
    }
    found = reply(S3, "GetObject", result, s3("GET", "/b/k"))
    headers = dict(found.headers)
    assert (found.status, found.body) == (206, b"abc")
    assert headers["Last-Modified"] == "Fri, 02 Jan 2026 03:04:05 GMT"
    assert headers["Expires"] == "never"
    assert headers["x-amz-meta-plain"] == "x"
    assert headers["x-amz-meta-spoken"] == "=?UTF-8?B?SMOpbGxvCg==?="
    assert headers["x-amz-delete-marker"] == "false"
    assert headers["X-More"] == "1"
    assert "Content-Type" not in headers
    assert not any(set(value) & set("\r\n\0") for value in headers.values())


def test_s3_headers_beyond_latin_1() -> None:
    found = reply(S3, "GetObject", {"CacheControl": "é", "ContentLanguage": "€"}, s3("GET", "/b/k"))
    assert dict(found.headers)["Cache-Control"] == "é"
    assert dict(found.headers)["Content-Language"] == "=?UTF-8?B?4oKs?="


def test_an_action_may_set_the_status() -> None:
    result = {"Name": "b", "ResponseMetadata": {"HTTPStatusCode": 201}}
    found = reply(S3, "ListObjects", result, s3("GET", "/b"))
    assert found.status == 201
    assert "ResponseMetadata" not in text(found)


def test_a_stream_passes_untouched() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"piece"

    stream = pieces()
    assert reply(S3, "GetObject", {"Body": stream, "ContentLength": 5}, s3("GET", "/b/k")).body is stream


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_in_a_header_is_an_http_date(at: datetime) -> None:
    found = reply(S3, "HeadObject", {"LastModified": at}, s3("HEAD", "/b/k"))
    assert dict(found.headers)["Last-Modified"] == format_datetime(at, usegmt=True)


def test_a_policy_is_json() -> None:
    found = reply(S3, "GetBucketPolicy", {"Policy": "{}"}, s3("GET", "/b?policy"))
    assert (text(found), dict(found.headers)["Content-Type"]) == ("{}", "application/json")


@pytest.mark.parametrize(
    ("service", "name", "result", "words"),
    [
        (EC2, "DescribeVolumes", {"Volume": []}, "has no member 'Volume'"),
        (EC2, "DescribeVolumes", {"Volumes": [{"VolumeTipe": "x"}]}, "Volume has no member 'VolumeTipe'"),
        (EC2, "DeleteVolume", {"Anything": 1}, "answers nothing"),
        (EC2, "DescribeVolumes", {"Volumes": [{"Size": "8"}]}, "Volume.Size: expected an int"),
        (EC2, "DescribeVolumes", {"Volumes": [{"Encrypted": "false"}]}, "Volume.Encrypted: expected a bool"),
        (EC2, "DescribeVolumes", {"Volumes": [{"VolumeId": 1}]}, "Volume.VolumeId"),
        (EC2, "DescribeVolumes", {"Volumes": [{"CreateTime": datetime(2026, 1, 1)}]}, "time zone"),  # noqa: DTZ001
        (STS, "GetCallerIdentity", {"Accounts": "1"}, "has no member 'Accounts'"),
        (S3, "PutObject", {"Etag": "x"}, "answers no"),
        (S3, "HeadObject", {"ContentLength": "3"}, "ContentLength: expected an int"),
        (S3, "ListObjects", {"Content": []}, "answers no"),
    ],
)
def test_an_answer_that_aws_could_not_give_is_a_bug(
    service: Service, name: str, result: dict[str, Any], words: str
) -> None:
    with pytest.raises((LookupError, TypeError), match=words):
        reply(service, name, result, s3("GET", "/b/k"))
