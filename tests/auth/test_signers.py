"""Signatures of botocore's own signers are accepted: in every way of signing, for every path, query and header."""

from __future__ import annotations

from dataclasses import replace
from email.utils import format_datetime
from hashlib import sha256
from typing import Any
from urllib.parse import quote

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from hypothesis import given
from hypothesis import strategies as st

from shim.auth import Method, parse_signature
from tests.auth.signing import (
    ACCESS,
    CREDENTIALS,
    REGION,
    SECRET,
    SIGNERS,
    check,
    now,
    received,
    refusal,
    signed,
    with_header,
)

WAYS = sorted(SIGNERS)

URLS = [
    "http://s3.test/",
    "http://s3.test:80/b",
    "https://s3.test:443/b/k",
    "http://s3.test:8788/b/a%20b",
    "http://s3.test:8788/b//a//b/",
    "http://s3.test:8788/b/../c/./d",
    "http://s3.test:8788/b/a%2Fb%2Bc;d%3D~-_.*()'!",
    "http://s3.test:8788/b/%E2%82%AC%F0%9F%90%99",
    "http://s3.test:8788/b?acl",
    "http://s3.test:8788/b?acl=",
    "http://s3.test:8788/b?versioning&prefix=a%2Fb%20c%2B&marker=%E2%82%AC",
    "http://s3.test:8788/b/k?uploadId=a%2Bb&partNumber=7",
    "http://s3.test:8788/b/k?response-content-disposition=a%20%22b%22&response-expires=x%3Dy",
    "http://s3.test:8788/b?list-type=2&delimiter=%2F&prefix=",
]


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("how", WAYS)
def test_signed_urls(how: str, url: str) -> None:
    head = signed(how, url=url)
    verified = check(head)
    assert verified.sig.method is Method(how)
    assert verified.sig.access_key == ACCESS


HEADERS = [
    {},
    {"Content-Type": "text/plain; charset=utf-8", "Content-MD5": "XUFAKrxLKna5cZ2REBfFkg=="},
    {"x-amz-meta-b": "  two   spaces ", "X-Amz-Meta-A": "1", "x-amz-acl": "private"},
    {"x-amz-copy-source": "/b/%E2%82%AC%20a+b?versionId=1"},
]


@pytest.mark.parametrize("headers", HEADERS)
@pytest.mark.parametrize("how", WAYS)
def test_signed_headers(how: str, headers: dict[str, str]) -> None:
    check(signed(how, "PUT", headers=headers))


@given(key=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60), how=st.sampled_from(WAYS))
def test_any_key(key: str, how: str) -> None:
    check(signed(how, url=f"http://s3.test:8788/bucket/{quote(key, safe='/~')}"))


@given(
    pairs=st.lists(st.tuples(st.sampled_from(["prefix", "marker", "x", "acl"]), st.text(max_size=20)), max_size=5),
    how=st.sampled_from(["v4-header", "v4-query"]),
)
def test_any_query(pairs: list[tuple[str, str]], how: str) -> None:
    coded = [(name, quote(value.encode("utf-8", "replace"), safe="-_.~")) for name, value in pairs]
    unique = "&".join(f"{name}={value}" for name, value in dict(coded).items())
    check(signed(how, url=f"http://s3.test:8788/bucket?{unique}"))


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "HEAD", "DELETE"])
@pytest.mark.parametrize("how", WAYS)
def test_methods(how: str, method: str) -> None:
    check(signed(how, method))
    assert refusal(replace(signed(how, method), method="PATCH")).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("how", ["v2-header", "v2-query"])
def test_virtual_host_v2(how: str) -> None:
    request = AWSRequest("GET", "http://bucket.s3.test/a%20b?acl", auth_path="/bucket/a%20b")
    # The presigner forgets auth_path; it is made for path style and signs what the path says.
    signer = botocore.auth.HmacV1Auth(CREDENTIALS) if how == "v2-header" else _VirtualHostPresigner(CREDENTIALS)
    signer.add_auth(request)
    check(received(request), bucket_from_host="bucket")
    assert refusal(received(request), bucket_from_host="other").code == "SignatureDoesNotMatch"


class _VirtualHostPresigner(botocore.auth.HmacV1QueryAuth):
    def canonical_resource(self, split: Any, auth_path: str | None = None) -> str:
        return str(super().canonical_resource(split, auth_path=f"/bucket{split.path}"))


@pytest.mark.parametrize("how", ["v2-header", "v2-query"])
def test_bucket_v2(how: str) -> None:
    # Beneath a client botocore signs `/bucket/` and sends `/bucket`.
    request = AWSRequest("POST", "http://s3.test/bucket?delete", auth_path="/bucket/")
    SIGNERS[how]().add_auth(request)
    check(received(request))
    assert refusal(replace(received(request), raw_path=b"/other")).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("how", ["v4-header", "v4-query"])
def test_virtual_host_v4(how: str) -> None:
    check(signed(how, url="http://bucket.s3.test:8788/k"))


@pytest.mark.parametrize("service", ["ec2", "sts"])
@pytest.mark.parametrize("region", [REGION, "us-east-1"])
def test_query_services(service: str, region: str) -> None:
    body = b"Action=DescribeInstances&Version=2016-11-15"
    request = AWSRequest(
        "POST",
        "http://ec2.test:8788/",
        data=body,
        headers={"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
    )
    botocore.auth.SigV4Auth(CREDENTIALS, service, region).add_auth(request)
    verified = check(received(request), service=service, payload_hash=sha256(body).hexdigest())
    assert verified.sig.scope is not None
    assert verified.sig.scope.region == region
    tampered = refusal(received(request), service=service, payload_hash=sha256(body + b"&DryRun=true").hexdigest())
    assert tampered.code == {"ec2": "AuthFailure", "sts": "SignatureDoesNotMatch"}[service]


@pytest.mark.parametrize("service", ["ec2", "sts"])
def test_presigned_query_services(service: str) -> None:
    request = AWSRequest("GET", "http://ec2.test:8788/?Action=DescribeRegions&Version=2016-11-15")
    botocore.auth.SigV4QueryAuth(CREDENTIALS, service, REGION).add_auth(request)
    check(received(request), service=service, payload_hash=sha256(b"").hexdigest())


def test_folded_utf8_header() -> None:
    # U+00E0 is C3 A0 in UTF-8, and A0 is a blank where bytes are taken for latin-1 text.
    value = "  à  la   carte "
    request = AWSRequest("PUT", "http://s3.test/b/k", headers={"x-amz-meta-a": value})
    SIGNERS["v4-header"]().add_auth(request)
    wire = value.encode().decode("latin-1")
    check(with_header(received(request), "x-amz-meta-a", wire))


def test_host_with_its_port_doubled() -> None:
    # boto 2.49 sends and signs `host:port:port`.
    for signed_host in ("s3.test:8788:8788", "s3.test:8788"):
        for sent_host in ("s3.test:8788:8788", "s3.test:8788"):
            request = AWSRequest("GET", "http://s3.test:8788/b", headers={"host": signed_host})
            SIGNERS["v4-header"]().add_auth(request)
            check(with_header(received(request), "host", sent_host))
    request = AWSRequest("GET", "http://s3.test:8788/b", headers={"host": "s3.test:8789"})
    SIGNERS["v4-header"]().add_auth(request)
    assert refusal(with_header(received(request), "host", "s3.test:8788")).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("separator", [",", ", ", " ,  "])
def test_separators_of_authorization(separator: str) -> None:
    head = signed("v4-header")
    check(with_header(head, "authorization", separator.join(head.header("authorization").split(", "))))


def test_date_header_in_place_of_x_amz_date() -> None:
    request = AWSRequest("GET", "http://s3.test/b", headers={"Date": "to be replaced"})
    SIGNERS["v4-header"]().add_auth(request)
    head = received(request)
    assert "x-amz-date" not in head.first
    check(head)


def test_x_amz_date_in_place_of_date() -> None:
    # Version 2 signs an empty Date line then.  "-0000" is UTC too (RFC 5322, 3.3).
    for date in (format_datetime(now()), format_datetime(now(), usegmt=True), now().strftime("%a, %d %b %Y %T -0000")):
        check(signed("v2-header", "PUT", headers={"x-amz-date": date}))


def test_anonymous() -> None:
    assert parse_signature(received(AWSRequest("GET", "http://s3.test/b?acl&Expires=12"))) is None


def test_reprs_hold_no_secret() -> None:
    for how in WAYS:
        head = signed(how)
        verified = check(head)
        shown = repr(verified) + str(verified) + repr(verified.sig)
        for hidden in (
            SECRET,
            verified.sig.value,
            verified.signing_key.hex() or SECRET,
            str(verified.signing_key),
        ):
            assert hidden == "b''" or hidden not in shown
