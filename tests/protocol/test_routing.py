"""Where a request goes: service, bucket and key, operation.  Keys are byte-exact; nothing falls through."""

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shim.errors import AwsError
from shim.protocol.message import Address, Head
from shim.protocol.routing import address, service_for, unsupported_service
from shim.protocol.service import Service
from tests.protocol.requests import identified
from tests.protocol.requests import s3 as s3_request

HOSTS = ("s3.example.org", "localhost", "org")
MODEL = Service("s3")


FORM = "application/x-www-form-urlencoded; charset=utf-8"


def head(
    method: str = "GET",
    path: str = "/",
    query: str = "",
    *,
    authorization: str = "",
    host: str = "localhost",
    content: str = "",
) -> Head:
    headers = [("host", host), *([("authorization", authorization)] if authorization else [])]
    headers += [("content-type", content)] if content else []
    return Head(method, path.encode("latin-1"), query.encode(), tuple(headers))


V4 = "AWS4-HMAC-SHA256 Credential=AK/20260101/eu-west-1/{}/aws4_request, SignedHeaders=host, Signature=00"


@pytest.mark.parametrize(
    ("request_head", "form", "service"),
    [
        (head(authorization=V4.format("ec2")), (), "ec2"),
        (head(authorization=V4.format("s3")), (), "s3"),
        (head(authorization=V4.format("sts").replace(", ", ",")), (), "sts"),  # boto 2 leaves the blank out
        (head(authorization=V4.format("iam").replace("AK/", "AK/with/slashes/")), (), "iam"),
        (head(query="X-Amz-Credential=AK%2F20260101%2FRegionOne%2Fec2%2Faws4_request"), (), "ec2"),
        (head("GET", "/bucket/key", "X-Amz-Credential=AK/20260101/r/s3/aws4_request"), (), "s3"),
        (head(authorization="AWS AK:sig"), (("Action", "DescribeVpcs"),), "s3"),
        (head("GET", "/bucket/key", "AWSAccessKeyId=AK&Signature=x&Expires=1"), (), "s3"),
        (head(), (), "s3"),
        (head("GET", "/bucket", "Action=DescribeVpcs"), (), "s3"),
        (head("GET", "/", "Action=DescribeVpcs&Version=2016-11-15"), (), "ec2"),
        (head("POST", "/"), (("Action", "GetCallerIdentity"), ("Version", "2011-06-15")), "sts"),
        (head("POST", "/"), (("Action", "ListUsers"), ("Version", "2010-05-08")), "iam"),
        (head("POST", content=FORM), (), "sts"),  # its form is not read before a signature is found
        (head("POST", "/bucket", content=FORM), (), "s3"),
        (head("POST", "/", "delete", content=FORM), (), "s3"),  # of a bucket in the host; curl sends this type
        (head("POST", content="multipart/form-data; boundary=x"), (), "s3"),
        (head(authorization="AWS4-HMAC-SHA256 nonsense"), (), "s3"),
        (head(authorization="Bearer x"), (), "s3"),
    ],
)
def test_service(request_head: Head, form: tuple[tuple[str, str], ...], service: str) -> None:
    assert service_for(request_head, form) == service


def test_a_service_that_is_not_here() -> None:
    error = unsupported_service("half\ud800a service")
    assert (error.code, error.status) == ("InvalidAction", 400)
    assert "half?a service" in error.message


@pytest.mark.parametrize(
    ("path", "host", "found"),
    [
        ("/", "localhost", Address()),
        ("", "localhost", Address()),
        ("/bucket", "localhost", Address("bucket")),
        ("/bucket/", "localhost", Address("bucket")),
        ("/bucket/key", "localhost:8000", Address("bucket", "key")),
        ("/bucket/key", "localhost:8000:8000", Address("bucket", "key")),  # boto 2 repeats the port
        ("/bucket//a//b/", "127.0.0.1", Address("bucket", "/a//b/")),
        ("/bucket/../x/./y", "[::1]:80", Address("bucket", "../x/./y")),
        ("/bucket/a%2Fb%2fc", "localhost", Address("bucket", "a/b/c")),
        ("/bucket/a+b%2Bc%20d", "localhost", Address("bucket", "a+b+c d")),
        ("/bucket/%252F", "localhost", Address("bucket", "%2F")),
        ("/bucket/a;b&c=d", "localhost", Address("bucket", "a;b&c=d")),
        ("/bucket/%C3%A9%F0%9F%98%B9", "localhost", Address("bucket", "é😹")),
        ("/", "bucket.s3.example.org", Address("bucket")),
        ("/key/with/slashes", "Bucket.s3.Example.org:443", Address("bucket", "key/with/slashes")),
        ("//key", "bucket.s3.example.org", Address("bucket", "/key")),
        ("/key", "a.dotted.bucket.s3.example.org", Address("a.dotted.bucket", "key")),
        ("/bucket/key", "s3.example.org", Address("bucket", "key")),
        ("/bucket/key", "s3.example.com", Address("bucket", "key")),
    ],
)
def test_address(path: str, host: str, found: Address) -> None:
    assert address(head(path=path, host=host), HOSTS) == found


@given(
    key=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200),
    safe=st.sampled_from(["", "/", "/~+;=&!"]),
)
@settings(derandomize=True, deadline=None, database=None)
def test_keys_are_byte_exact(key: str, safe: str) -> None:
    path = quote(key.encode(), safe=safe)
    assert address(head(path=f"/bucket/{path}")).key == key
    assert address(head(path=f"/{path}", host="bucket.localhost"), HOSTS).key == key


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/bucket/%FF", "InvalidURI"),
        ("/bucket/\xff", "InvalidURI"),
        ("/bucket/%C3", "InvalidURI"),
        ("/bucket/%ED%A0%80", "InvalidURI"),
        ("/bucket/100%", "InvalidURI"),
        ("/bucket/%zz", "InvalidURI"),
        ("/%FF/key", "InvalidURI"),
        ("//key", "InvalidBucketName"),
        ("/bucket/" + "a" * 1025, "KeyTooLongError"),
        ("/bucket/" + "%C3%A9" * 513, "KeyTooLongError"),
    ],
)
def test_what_is_no_address(path: str, code: str) -> None:
    with pytest.raises(AwsError) as caught:
        address(head(path=path))
    assert (caught.value.code, caught.value.status) == (code, 400)


def test_the_longest_key() -> None:
    assert len(address(head(path="/bucket/" + "%C3%A9" * 512)).key.encode()) == 1024


@pytest.mark.parametrize(
    ("method", "target", "operation"),
    [
        ("GET", "/", "ListBuckets"),
        ("GET", "/?x-id=ListBuckets&max-buckets=2", "ListBuckets"),
        ("GET", "/b", "ListObjects"),
        ("GET", "/b?prefix=a&delimiter=/&max-keys=3&encoding-type=url&marker=x", "ListObjects"),
        ("GET", "/b?list-type=2&continuation-token=x", "ListObjectsV2"),
        ("GET", "/b?uploads", "ListMultipartUploads"),
        ("GET", "/b?uploads=&prefix=x", "ListMultipartUploads"),
        ("GET", "/b?versions&key-marker=x", "ListObjectVersions"),
        ("GET", "/b?location", "GetBucketLocation"),
        ("GET", "/b?analytics", "ListBucketAnalyticsConfigurations"),
        ("GET", "/b?analytics&id=1", "GetBucketAnalyticsConfiguration"),
        ("GET", "/b?notification", "GetBucketNotificationConfiguration"),
        ("HEAD", "/b", "HeadBucket"),
        ("PUT", "/b", "CreateBucket"),
        ("PUT", "/b?lifecycle", "PutBucketLifecycleConfiguration"),
        ("DELETE", "/b", "DeleteBucket"),
        ("DELETE", "/b?lifecycle", "DeleteBucketLifecycle"),
        ("POST", "/b?delete", "DeleteObjects"),
        ("GET", "/b/k", "GetObject"),
        ("GET", "/b/k?partNumber=1&versionId=x&response-content-type=a%2Fb", "GetObject"),
        ("GET", "/b/k?AWSAccessKeyId=A&Signature=b&Expires=1&content-type=x", "GetObject"),
        ("GET", "/b/k?X-Amz-Algorithm=A&X-Amz-Signature=b&x-amz-checksum-mode=ENABLED", "GetObject"),
        ("GET", "/b/k?uploadId=u&max-parts=2", "ListParts"),
        ("GET", "/b/k?tagging", "GetObjectTagging"),
        ("HEAD", "/b/k?partNumber=2", "HeadObject"),
        ("PUT", "/b/k", "PutObject"),
        ("PUT", "/b/k?partNumber=1&uploadId=u", "UploadPart"),
        ("PUT", "/b/k?retention", "PutObjectRetention"),
        ("POST", "/b/k?uploads", "CreateMultipartUpload"),
        ("POST", "/b/k?uploadId=u", "CompleteMultipartUpload"),
        ("POST", "/b/k?select&select-type=2", "SelectObjectContent"),
        ("DELETE", "/b/k", "DeleteObject"),
        ("DELETE", "/b/k?uploadId=u", "AbortMultipartUpload"),
    ],
)
def test_operation(method: str, target: str, operation: str) -> None:
    assert MODEL.route(s3_request(method, target)) == operation


@pytest.mark.parametrize(
    ("target", "headers", "operation"),
    [
        ("/b/k", {"x-amz-copy-source": "/b/x"}, "CopyObject"),
        ("/b/k?x-amz-copy-source=%2Fb%2Fx&AWSAccessKeyId=A&Signature=s&Expires=1", {}, "CopyObject"),
        ("/b/k?partNumber=1&uploadId=u", {"x-amz-copy-source": "/b/x"}, "UploadPartCopy"),
    ],
)
def test_copies_are_told_by_a_header(target: str, headers: dict[str, str], operation: str) -> None:
    assert MODEL.route(s3_request("PUT", target, headers)) == operation


@pytest.mark.parametrize(
    ("method", "target", "status", "code"),
    [
        ("DELETE", "/b?nonsense", 501, "NotImplemented"),
        ("GET", "/b?list-type=1", 501, "NotImplemented"),
        ("PUT", "/b/k?append&position=0", 501, "NotImplemented"),
        ("PUT", "/b/k?append=&position=0", 501, "NotImplemented"),
        ("PUT", "/b/k?append&append=1", 501, "NotImplemented"),
        ("PUT", "/b/k?partNumber=1", 501, "NotImplemented"),
        ("PUT", "/b/k?versions", 501, "NotImplemented"),
        ("DELETE", "/b/k?Tagging", 501, "NotImplemented"),  # names are case-sensitive
        ("HEAD", "/b?acl", 501, "NotImplemented"),
        ("GET", "/?max-directory-buckets=1", 501, "NotImplemented"),
        ("POST", "/b/k?nonsense", 501, "NotImplemented"),
        ("GET", "/b?acl&tagging", 400, "InvalidArgument"),
        ("POST", "/b/k", 405, "MethodNotAllowed"),
        ("PUT", "/", 405, "MethodNotAllowed"),
        ("DELETE", "/", 405, "MethodNotAllowed"),
        ("PATCH", "/b/k", 405, "MethodNotAllowed"),
        ("POST", "/b", 412, "PreconditionFailed"),
    ],
)
def test_what_is_no_operation(method: str, target: str, status: int, code: str) -> None:
    with pytest.raises(AwsError) as caught:
        MODEL.route(s3_request(method, target))
    assert (caught.value.status, caught.value.code) == (status, code)


def test_a_posted_form_is_not_implemented() -> None:
    with pytest.raises(AwsError) as caught:
        MODEL.route(s3_request("POST", "/b", {"content-type": "multipart/form-data; boundary=x"}))
    assert caught.value.status == 501


SUB_RESOURCES = sorted(
    {
        (operation.http["method"], "/b/k" if "Key" in operation.http["requestUri"] else "/b", query)
        for operation in map(MODEL.model.operation_model, MODEL.operations)
        if (query := operation.http["requestUri"].partition("?")[2])
    }
)


@pytest.mark.parametrize(("method", "path", "query"), SUB_RESOURCES)
def test_a_sub_resource_is_never_the_plain_operation(method: str, path: str, query: str) -> None:
    """`DELETE /bucket?lifecycle` once deleted buckets elsewhere."""
    plain = {MODEL.route(s3_request(verb, path)) for verb in ("GET", "HEAD", "PUT", "DELETE")}
    for other in ("GET", "HEAD", "PUT", "POST", "DELETE", method):
        found = routed(other, f"{path}?{query}")
        assert found in (400, 501) or found not in plain


def routed(method: str, target: str) -> str | int:
    """Return the operation, or the status of the refusal."""
    try:
        return MODEL.route(s3_request(method, target))
    except AwsError as error:
        return error.status


def test_without_an_action_it_is_not_implemented() -> None:
    service = Service("s3")

    @service.action()
    async def delete_bucket(call: object, req: object) -> None: ...

    assert identified(service, s3_request("DELETE", "/b")).name == "DeleteBucket"
    for target in ("/b?lifecycle", "/b?cors", "/b/k"):
        with pytest.raises(AwsError) as caught:
            identified(service, s3_request("DELETE", target))
        assert (caught.value.status, caught.value.code) == (501, "NotImplemented")
        assert caught.value.extra.keys() == {"Operation"}
        assert caught.value.message.endswith(caught.value.extra["Operation"])
