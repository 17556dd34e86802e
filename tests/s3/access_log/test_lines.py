"""The lines of an access log and the keys of its objects, without a cloud."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.s3.access_log.lines import Entry, line, object_key, operation
from shim.s3.service import s3

WHEN = datetime(2026, 2, 6, 0, 0, 38, tzinfo=UTC)
ENTRY = Entry(
    owner="79a59df9",
    bucket="docs",
    time=WHEN,
    client="192.0.2.3",
    requester="arn:aws:iam::123456789012:user/ann lee",
    request_id="3E57427F3EXAMPLE",
    operation="GetObject",
    method="GET",
    key="photos/a b.jpg",
    uri="/docs/photos/a%20b.jpg",
    status=200,
    code="",
    bytes_in=0,
    bytes_out=113,
    seconds=0.0071,
    referer="",
    agent="aws-cli/2",
    version_id="",
    signature_version="SigV4",
    signed_in="AuthHeader",
    host="docs.s3.example.org:8788",
)
# A field is in square brackets, in double quotes, or without spaces, as AWS's own examples for Athena read it.
FIELD = re.compile(r'\[[^\]]*\]|"[^"]*"|\S+')


def told(**changed: Any) -> list[str]:
    """Return the fields of an entry's line."""
    text = line(ENTRY._replace(**changed))
    assert text.endswith("\n")
    assert text.count("\n") == 1
    assert re.fullmatch(rf"(?:{FIELD.pattern})(?: (?:{FIELD.pattern}))*\n", text)
    return FIELD.findall(text)


def test_a_line_has_awss_fields_in_their_order() -> None:
    fields = told()
    assert fields[:17] == [
        "79a59df9",
        "docs",
        "[06/Feb/2026:00:00:38 +0000]",
        "192.0.2.3",
        "arn:aws:iam::123456789012:user/ann%20lee",
        "3E57427F3EXAMPLE",
        "REST.GET.OBJECT",
        "photos/a%20b.jpg",
        '"GET /docs/photos/a%20b.jpg HTTP/1.1"',
        "200",
        "-",
        "113",
        "113",
        "7",
        "-",
        '"-"',
        '"aws-cli/2"',
    ]
    assert fields[17] == "-"
    assert fields[19:] == ["SigV4", "-", "AuthHeader", "docs.s3.example.org:8788", "-", "-", "-"]


def test_what_does_not_apply_is_a_dash() -> None:
    fields = told(requester="", key="", code="NoSuchKey", bytes_out=0, status=404, signature_version="", signed_in="")
    assert [fields[place] for place in (4, 7, 10, 11, 12, 19, 21)] == ["-", "-", "NoSuchKey", "-", "-", "-", "-"]


def test_no_signature_is_told() -> None:
    query = "X-Amz-Credential=AKIA%2F1&X-Amz-Signature=0123abcd&X-Amz-Date=1"
    whole = line(ENTRY._replace(uri=f"/docs/k?{query}", referer=f"https://page/?{query}"))
    assert "0123abcd" not in whole
    assert "X-Amz-Date=1" in whole


@given(st.text(), st.text(), st.text(), st.text())
def test_no_text_of_a_client_breaks_a_line(uri: str, referer: str, agent: str, key: str) -> None:
    fields = told(uri=uri, referer=referer, agent=agent, key=key, version_id=key, host=agent, requester=referer)
    assert len(fields) == 26


def test_a_host_in_brackets_is_one_field() -> None:
    fields = told(host="[2001:db8::1]:8788")
    assert fields[22] == "%5B2001:db8::1%5D:8788"
    assert len(fields) == 26


def test_every_operation_has_a_name() -> None:
    for name, known in s3.operations.items():
        assert re.fullmatch(r"REST\.(GET|PUT|HEAD|POST|DELETE|COPY)\.[A-Z_]+", operation(name, known.method)), name


def test_a_visitor_of_a_website_is_told_apart() -> None:
    assert told(door="WEBSITE")[6] == "WEBSITE.GET.OBJECT"


@pytest.mark.parametrize(
    ("name", "method", "said"),
    [
        ("PutObject", "PUT", "REST.PUT.OBJECT"),
        ("PutObject", "POST", "REST.POST.OBJECT"),
        ("CopyObject", "PUT", "REST.COPY.OBJECT"),
        ("UploadPartCopy", "PUT", "REST.COPY.PART"),
        ("ListObjectsV2", "GET", "REST.GET.BUCKET"),
        ("GetBucketVersioning", "GET", "REST.GET.VERSIONING"),
        ("GetBucketLogging", "GET", "REST.GET.LOGGING_STATUS"),
        ("GetBucketPolicy", "GET", "REST.GET.BUCKETPOLICY"),
        ("GetObjectTagging", "GET", "REST.GET.OBJECT_TAGGING"),
        ("CompleteMultipartUpload", "POST", "REST.POST.UPLOAD"),
        ("DeleteObjects", "POST", "REST.POST.MULTI_OBJECT_DELETE"),
        ("GetBucketOwnershipControls", "GET", "REST.GET.OWNERSHIP_CONTROLS"),
        ("PutObjectLegalHold", "PUT", "REST.PUT.OBJECT_LEGAL_HOLD"),
    ],
)
def test_operations_are_named_as_at_aws(name: str, method: str, said: str) -> None:
    assert operation(name, method) == said


@pytest.mark.parametrize(
    ("partition", "event_time", "key"),
    [
        ("", False, "logs/2026-02-07-01-02-03-F00D"),
        ("1/eu/b", False, "logs/1/eu/b/2026/02/07/2026-02-07-01-02-03-F00D"),
        ("1/eu/b", True, "logs/1/eu/b/2026/02/06/2026-02-06-00-00-00-F00D"),
    ],
)
def test_keys_have_awss_formats(partition: str, event_time: bool, key: str) -> None:
    now = datetime(2026, 2, 7, 1, 2, 3, tzinfo=UTC)
    assert object_key("logs/", WHEN, now, "F00D", partition, event_time) == key


def test_what_strangers_send_does_not_make_a_long_line() -> None:
    text = line(ENTRY._replace(uri="/" + "\xff" * 60_000, referer="\xff" * 60_000, agent='"' * 60_000))
    assert len(text) < 16_000
