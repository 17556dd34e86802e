"""PostObject: uploads that a signed form allows, and uploads that it does not."""

import base64
import hashlib
import hmac
import json
import socket
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3
from urllib3.filepost import encode_multipart_formdata

from shim.protocol.xml.read import parse

CONTENT = b"what the page sends"
Answer = urllib3.BaseHTTPResponse


@pytest.fixture(scope="module")
def http() -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(retries=False) as pool:
        yield pool


@pytest.fixture
def signed(aws: Any, bucket: str) -> Any:
    """Return a function that signs a form with boto3: `signed(key, fields, conditions)` returns its URL and fields."""
    s3 = aws("s3", signature_version="s3v4")

    def sign(key: str, fields: Mapping[str, str] | None = None, conditions: Any = (), client: Any = None) -> Any:
        given = dict(fields or {})
        allowed = [*({name: value} for name, value in given.items()), *conditions]
        form = (client or s3).generate_presigned_post(bucket, key, given, allowed, ExpiresIn=600)
        return form["url"], dict(form["fields"])

    return sign


@pytest.fixture
def send(http: urllib3.PoolManager) -> Any:
    """Return a function that posts a form as a browser does: `send(url, fields, content)`."""

    def post(url: str, fields: Mapping[str, str], content: bytes = CONTENT, filename: str = "page.txt") -> Answer:
        return http.request("POST", url, fields=[*fields.items(), ("file", (filename, content))], redirect=False)

    return post


def members(answer: Answer) -> dict[str, str]:
    return {element.tag: element.text for element in parse(answer.data).children}


def code(answer: Answer) -> tuple[int, str | None]:
    return answer.status, members(answer)["Code"]


def keys(s3: Any, bucket: str) -> list[str]:
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", ())]


@pytest.mark.parametrize("version", ["s3v4", "s3"])
@pytest.mark.parametrize("size", [0, 19, 1_048_577, 9_000_000])
def test_a_form_stores_its_file(
    aws: Any, s3: Any, signed: Any, send: Any, bucket: str, openstack_main: Any, version: str, size: int
) -> None:
    content = bytes(range(256)) * (size // 256) + b"\r\n--x-\r\n--"[: size % 256]
    fields = {"acl": "private", "Content-Type": "text/plain", "Cache-Control": "no-store", "x-amz-meta-von": "Zoë"}
    url, form = signed("some where/ü+%.txt", fields, client=aws("s3", signature_version=version))
    answer = send(url, form, content)
    assert (answer.status, answer.data) == (204, b"")
    etag = f'"{hashlib.md5(content).hexdigest()}"'  # noqa: S324 - what an ETag is
    assert answer.headers["ETag"] == etag
    got = s3.get_object(Bucket=bucket, Key="some where/ü+%.txt")
    assert got["Body"].read() == content
    assert (got["ContentType"], got["CacheControl"], got["ETag"]) == ("text/plain", "no-store", etag)
    assert openstack_main.object_store.get_object_metadata("some where/ü+%.txt", container=bucket).etag == etag[1:-1]
    assert urlsplit(answer.headers["Location"]).path == f"/{bucket}/some%20where/%C3%BC%2B%25.txt"


def test_a_form_gives_tags_a_class_and_a_redirect(s3: Any, signed: Any, send: Any, bucket: str) -> None:
    tags = "<Tag><Key>Größe</Key><Value>a+b</Value></Tag><Tag><Key>b</Key><Value/></Tag>"
    fields = {
        "tagging": f"<Tagging><TagSet>{tags}</TagSet></Tagging>",
        "x-amz-storage-class": "STANDARD_IA",
        "x-amz-website-redirect-location": "/x",
    }
    assert send(*signed("k", fields)).status == 204
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [
        {"Key": "Größe", "Value": "a+b"},
        {"Key": "b", "Value": ""},
    ]
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["StorageClass"], head["WebsiteRedirectLocation"], head["TagCount"]) == ("STANDARD_IA", "/x", 2)


@pytest.mark.parametrize("name", ["a.txt", r"C:\pages\a.txt", "/home/a.txt"])
def test_a_key_may_hold_the_files_name(s3: Any, signed: Any, send: Any, bucket: str, name: str) -> None:
    assert send(*signed("up/${filename}"), filename=name).status == 204
    assert keys(s3, bucket) == ["up/a.txt"]


def test_what_a_form_may_ask_to_be_told(signed: Any, send: Any, bucket: str) -> None:
    assert send(*signed("k", {"success_action_status": "200"})).status == 200
    assert send(*signed("k", {"success_action_status": "404"})).status == 204
    answer = send(*signed("a<b", {"success_action_status": "201"}))
    told = members(answer)
    location = answer.headers["Location"]
    assert answer.status == 201
    assert told == {"Location": location, "Bucket": bucket, "Key": "a<b", "ETag": answer.headers["ETag"]}
    answer = send(*signed("a b", {"success_action_redirect": "https://example.test/done?x=1"}))
    assert answer.status == 303
    where = urlsplit(answer.headers["Location"])
    assert (where.hostname, where.path) == ("example.test", "/done")
    etag = answer.headers["ETag"]
    assert parse_qs(where.query) == {"x": ["1"], "bucket": [bucket], "key": ["a b"], "etag": [etag]}
    assert send(*signed("k", {"success_action_redirect": "javascript:alert(1)"})).status == 204


@pytest.mark.parametrize(
    ("size", "wanted"),
    [(9, (400, "EntityTooSmall")), (10, None), (2_000_000, None), (2_000_001, (400, "EntityTooLarge"))],
)
def test_a_policy_bounds_the_size(s3: Any, signed: Any, send: Any, bucket: str, size: int, wanted: Any) -> None:
    answer = send(*signed("k", conditions=[["content-length-range", 10, 2_000_000]]), b"x" * size)
    if wanted is None:
        assert answer.status == 204
    else:
        assert code(answer) == wanted
        assert keys(s3, bucket) == []


CHANGES: dict[str, tuple[dict[str, str], tuple[int, str]]] = {
    "another key": ({"key": "other"}, (403, "AccessDenied")),
    "a field more": ({"x-amz-meta-a": "b"}, (403, "AccessDenied")),
    "another value": ({"Content-Type": "text/html"}, (403, "AccessDenied")),
    "a wrong signature": ({"x-amz-signature": "0" * 64}, (403, "SignatureDoesNotMatch")),
    "another policy": ({"policy": base64.b64encode(b"{}").decode()}, (403, "SignatureDoesNotMatch")),
    "an unknown key": ({}, (403, "InvalidAccessKeyId")),
    "no credential": ({"x-amz-credential": "nobody"}, (400, "AuthorizationHeaderMalformed")),
    "no signature": ({"x-amz-signature": ""}, (400, "InvalidArgument")),
    "no policy": ({"policy": ""}, (400, "InvalidArgument")),
    "no key": ({"key": ""}, (400, "InvalidArgument")),
    "another algorithm": ({"x-amz-algorithm": "AWS4-HMAC-SHA1"}, (400, "InvalidArgument")),
    "another day": ({"x-amz-date": "20200101T000000Z"}, (400, "InvalidArgument")),
    "a token": ({"x-amz-security-token": "t"}, (400, "InvalidToken")),
    "encryption": ({"x-amz-server-side-encryption": "AES256"}, (501, "NotImplemented")),
    "no tags": ({"tagging": "<Tagging/>"}, (400, "MalformedXML")),
    "no document": ({"tagging": "a=b"}, (400, "MalformedXML")),
    "a tag of AWS's": (
        {"tagging": "<Tagging><TagSet><Tag><Key>aws:k</Key><Value/></Tag></TagSet></Tagging>"},
        (400, "InvalidTag"),
    ),
    "an archival class": ({"x-amz-storage-class": "GLACIER"}, (400, "InvalidStorageClass")),
    "a copy": ({"x-amz-copy-source": "/b/k"}, (501, "NotImplemented")),
    "a coding": ({"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}, (501, "NotImplemented")),
    "an access list": ({"acl": "public-read"}, (400, "AccessControlListNotSupported")),
}


# The policy must name these fields, which are refused after it was checked.
LATER = ("AccessControlListNotSupported", "InvalidStorageClass", "InvalidTag", "MalformedXML", "NotImplemented")


@pytest.mark.parametrize("change", CHANGES)
def test_what_nobody_has_signed_is_not_stored(s3: Any, signed: Any, send: Any, bucket: str, change: str) -> None:
    changed, wanted = CHANGES[change]
    if change == "an unknown key":
        today = datetime.now(UTC).strftime("%Y%m%d")
        changed = {"x-amz-credential": f"nobody/{today}/us-east-1/s3/aws4_request", "x-amz-date": f"{today}T000000Z"}
    refused_later = wanted[1] in LATER
    conditions = [{name: value} for name, value in changed.items()] if refused_later else []
    url, form = signed("k", {"Content-Type": "text/plain"}, conditions)
    assert code(send(url, form | changed)) == wanted
    assert keys(s3, bucket) == []


@pytest.mark.parametrize(
    "field", [{"x-amz-meta-a": "b\r\nx-amz-meta-c: d"}, {"x-amz-meta-a: b": "c"}, {"x-amz-meta-é": "a"}]
)
def test_no_field_becomes_another_header(s3: Any, signed: Any, send: Any, bucket: str, field: dict[str, str]) -> None:
    assert code(send(*signed("k", field))) == (400, "InvalidArgument")
    assert keys(s3, bucket) == []


def test_a_form_is_for_its_bucket_and_its_account(
    s3: Any, aws: Any, signed: Any, send: Any, bucket: str, gateway: Any
) -> None:
    url, form = signed("k")
    assert code(send(f"{gateway.url}/{bucket}-not", form)) == (403, "AccessDenied")
    assert code(send(*signed("k", client=aws("s3", "alt")))) == (403, "AccessDenied")
    assert code(send(url, {"key": "k"})) == (403, "AccessDenied")
    assert keys(s3, bucket) == []


def by_hand(cloud: Any, bucket: str, expires: timedelta) -> dict[str, str]:
    """Return a form of version 2 that boto3 would not make."""
    ends = (datetime.now(UTC) + expires).strftime("%Y-%m-%dT%H:%M:%SZ")
    policy = base64.b64encode(
        json.dumps({"expiration": ends, "conditions": [{"bucket": bucket}, {"key": "k"}]}).encode()
    )
    keys = cloud.keys["main"]
    signature = base64.b64encode(hmac.digest(keys.secret.encode(), policy, "sha1")).decode()
    return {"key": "k", "AWSAccessKeyId": keys.access, "policy": policy.decode(), "signature": signature}


def test_a_policy_ends(cloud: Any, send: Any, gateway: Any, bucket: str) -> None:
    url = f"{gateway.url}/{bucket}"
    assert code(send(url, by_hand(cloud, bucket, timedelta(seconds=-1)))) == (403, "AccessDenied")
    assert send(url, by_hand(cloud, bucket, timedelta(minutes=1))).status == 204


def test_a_checksum_is_held_against_the_file(s3: Any, signed: Any, send: Any, bucket: str) -> None:
    right = base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
    wrong = base64.b64encode(hashlib.sha256(b"").digest()).decode()
    assert code(send(*signed("k", {"x-amz-checksum-sha256": wrong}))) == (400, "BadDigest")
    assert keys(s3, bucket) == []
    assert send(*signed("k", {"x-amz-checksum-sha256": right})).status == 204
    assert s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")["ChecksumSHA256"] == right


def test_fields_behind_the_file_count_for_nothing(http: Any, s3: Any, signed: Any, bucket: str) -> None:
    url, form = signed("k")
    parts = [*form.items(), ("file", ("f", CONTENT)), ("submit", "Upload")]
    assert http.request("POST", url, fields=parts).status == 204
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == CONTENT


def test_a_form_of_two_files_or_none_is_refused(http: Any, s3: Any, signed: Any, bucket: str) -> None:
    url, form = signed("k")
    for files in ([], [("file", ("a", b"x")), ("file", ("b", b"y"))]):
        answer = http.request("POST", url, fields=[*form.items(), *files])
        assert code(answer) == (400, "IncorrectNumberOfFilesInPostRequest")
    assert keys(s3, bucket) == []


@pytest.mark.parametrize("size", [1000, 4_000_000])
def test_a_page_that_goes_away_leaves_nothing(s3: Any, signed: Any, bucket: str, gateway: Any, size: int) -> None:
    url, form = signed("k")
    body, content_type = encode_multipart_formdata([*form.items(), ("file", ("f", b"x" * size))])
    where = urlsplit(url)
    gone = len(gateway.lines(code="ClientGone"))
    head = f"POST {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\nContent-Type: {content_type}\r\n"
    with socket.create_connection((where.hostname or "", where.port or 80), timeout=30) as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[: -size // 2])
        time.sleep(0.5)
    deadline = time.monotonic() + 60
    while len(gateway.lines(code="ClientGone")) == gone:
        assert time.monotonic() < deadline, "the gateway has not noticed"
        time.sleep(0.1)
    assert keys(s3, bucket) == []


def test_what_is_no_form_is_one_line_of_the_log(http: urllib3.PoolManager, gateway: Any, bucket: str) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = http.request("POST", f"{gateway.url}/{bucket}", headers=headers, body=b"--y\r\nno form")
    assert code(answer) == (400, "MalformedPOSTRequest")
    assert not [line for line in gateway.lines() if "python_multipart" in line["logger"]]


def test_the_log_tells_of_an_upload(signed: Any, send: Any, gateway: Any) -> None:
    answer = send(*signed("k"), b"x" * 5000)
    line = gateway.call({"ResponseMetadata": {"RequestId": answer.headers["x-amz-request-id"]}})
    assert (line["action"], line["status"]) == ("PutObject", 204)
    assert 5000 < line["bytes_in"] < 10_000


def test_the_log_has_no_signature(signed: Any, send: Any, gateway: Any) -> None:
    url, form = signed("k")
    send(url, form)
    send(url, form | {"key": "other"})
    assert form["x-amz-signature"] not in gateway.log.read_text()
    assert form["policy"] not in gateway.log.read_text()
