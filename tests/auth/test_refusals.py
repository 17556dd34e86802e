"""Wrong signatures, and the error of each service for them."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace
from hashlib import sha256

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest

from shim.auth import parse_signature
from tests.auth.signing import (
    ACCESS,
    CREDENTIALS,
    EMPTY,
    REGION,
    SECRET,
    SIGNERS,
    check,
    form,
    received,
    refusal,
    refused_form,
    signed,
    with_header,
    with_query,
)

AUTH_FAILURE = ("AuthFailure", 401, "AWS was not able to validate the provided access credentials")


class TestWrongSecret:
    @pytest.mark.parametrize("how", sorted(SIGNERS))
    def test_s3(self, how: str) -> None:
        head = signed(how)
        error = refusal(head, secret="another")
        assert (error.code, error.status) == ("SignatureDoesNotMatch", 403)
        assert error.extra["AWSAccessKeyId"] == ACCESS
        found = parse_signature(head)
        assert found is not None
        assert error.extra["SignatureProvided"] == found.value
        shown = bytes.fromhex(error.extra["StringToSignBytes"])
        assert shown.decode() == error.extra["StringToSign"]
        if how.startswith("v4"):
            assert error.extra["StringToSign"].startswith("AWS4-HMAC-SHA256\n")
            canonical = bytes.fromhex(error.extra["CanonicalRequestBytes"])
            assert canonical.decode() == error.extra["CanonicalRequest"]
            assert error.extra["StringToSign"].endswith(sha256(canonical).hexdigest())

    def test_ec2(self) -> None:
        assert refused_form(form("ec2"), "ec2", secret="x") == AUTH_FAILURE

    def test_sts(self) -> None:
        code, status, message = refused_form(form("sts"), "sts", secret="x")
        assert (code, status) == ("SignatureDoesNotMatch", 403)
        assert message.startswith("The request signature we calculated does not match")

    def test_customer_keys_are_not_told_back(self) -> None:
        key = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ="
        name = "x-amz-server-side-encryption-customer-key"
        error = refusal(signed("v4-header", "PUT", headers={name: key, f"{name}-md5": "x"}), secret="x")
        told = " ".join(error.extra.values()) + str(error)
        assert f"{name}:***" in error.extra["CanonicalRequest"]
        assert key not in told
        assert key.encode().hex(" ") not in told


class TestHeadersNotSigned:
    @pytest.mark.parametrize("name", ["x-amz-acl", "x-amz-copy-source", "x-amz-meta-a", "x-amz-tagging", "x-amz-date"])
    @pytest.mark.parametrize("how", ["v4-header", "v4-query"])
    def test_s3(self, how: str, name: str) -> None:
        head = signed(how)
        if name in head.first:
            return
        error = refusal(with_header(head, name, "x"))
        assert (error.code, error.status) == ("AccessDenied", 403)
        assert error.message == "There were headers present in the request which were not signed"
        assert error.extra == {"HeadersNotSigned": name}

    def test_several(self) -> None:
        head = with_header(with_header(signed("v4-query"), "x-amz-tagging", "a=b"), "x-amz-acl", "public-read")
        assert refusal(head).extra == {"HeadersNotSigned": "x-amz-acl, x-amz-tagging"}

    def test_host(self) -> None:
        head = signed("v4-header")
        error = refusal(with_header(head, "authorization", head.header("authorization").replace("host;", "")))
        assert (error.code, error.extra) == ("AccessDenied", {"HeadersNotSigned": "host"})

    def test_digest_may_stand_outside_where_it_is_signed_all_the_same(self) -> None:
        head = with_header(signed("v4-query"), "x-amz-content-sha256", "UNSIGNED-PAYLOAD")
        check(head)
        assert refusal(with_header(head, "x-amz-content-sha256", EMPTY)).code == "AccessDenied"

    def test_other_headers_may_be_added(self) -> None:
        check(with_header(with_header(signed("v4-query"), "range", "bytes=0-1"), "x-amzn-trace-id", "Root=1"))

    @pytest.mark.parametrize(
        ("service", "code", "status"), [("ec2", "AuthFailure", 401), ("sts", "SignatureDoesNotMatch", 403)]
    )
    def test_query_services(self, service: str, code: str, status: int) -> None:
        told = refused_form(with_header(form(service), "x-amz-meta-a", "1"), service)
        assert told == (code, status, "'x-amz-meta-a' must be a 'SignedHeader' in the AWS Authorization.")


class TestScope:
    @pytest.mark.parametrize("how", ["v4-header", "v4-query"])
    def test_region_s3(self, how: str) -> None:
        error = refusal(signed(how), regions=frozenset({"us-east-1", "Oslo"}), region="Oslo")
        start = {
            "v4-header": "The authorization header is malformed; ",
            "v4-query": "Error parsing the X-Amz-Credential parameter; ",
        }[how]
        code = {"v4-header": "AuthorizationHeaderMalformed", "v4-query": "AuthorizationQueryParametersError"}[how]
        assert (error.code, error.status) == (code, 400)
        assert error.message == f"{start}the region 'RegionOne' is wrong; expecting 'Oslo'"
        assert error.extra == {"Region": "Oslo"}

    def test_region_query_services(self) -> None:
        said = "Credential should be scoped to a valid region, not 'mars-1'."
        assert refused_form(form("ec2", region="mars-1"), "ec2") == ("AuthFailure", 401, said)
        assert refused_form(form("sts", region="mars-1"), "sts") == ("SignatureDoesNotMatch", 403, said)

    @pytest.mark.parametrize("signed_for", ["s3", "ec2", "sts", "iam", "S3", ""])
    @pytest.mark.parametrize("routed_to", ["s3", "ec2", "sts"])
    def test_a_signature_is_good_for_one_service(self, signed_for: str, routed_to: str) -> None:
        request = AWSRequest("GET", "http://api.test/", headers={"x-amz-content-sha256": EMPTY})
        botocore.auth.SigV4Auth(CREDENTIALS, signed_for, REGION).add_auth(request)
        if signed_for == routed_to:
            check(received(request), service=routed_to, payload_hash=EMPTY)
            return
        error = refusal(received(request), service=routed_to, payload_hash=EMPTY)
        assert (error.code, error.status) == {
            "s3": ("AuthorizationHeaderMalformed", 400),
            "ec2": ("AuthFailure", 401),
            "sts": ("SignatureDoesNotMatch", 403),
        }[routed_to]

    def test_service_s3(self) -> None:
        request = AWSRequest("GET", "http://api.test/", headers={"x-amz-content-sha256": EMPTY})
        botocore.auth.SigV4Auth(CREDENTIALS, "ec2", REGION).add_auth(request)
        said = 'The authorization header is malformed; incorrect service "ec2". This endpoint belongs to "s3".'
        assert refusal(received(request)).message == said


class TestTokensAndPayloads:
    @pytest.mark.parametrize("how", sorted(SIGNERS))
    def test_session_token_s3(self, how: str) -> None:
        error = refusal(with_header(signed(how), "x-amz-security-token", "FQoG"))
        assert (error.code, error.status) == ("InvalidToken", 400)

    def test_session_token_in_query(self) -> None:
        assert refusal(with_query(signed("v4-query"), "X-Amz-Security-Token", "x")).code == "InvalidToken"
        assert refusal(with_query(signed("v2-query"), "x-amz-security-token", "x")).code == "InvalidToken"

    def test_session_token_of_query_services(self) -> None:
        assert refused_form(with_header(form("ec2"), "x-amz-security-token", "x"), "ec2") == AUTH_FAILURE
        code, status, _ = refused_form(with_header(form("sts"), "x-amz-security-token", "x"), "sts")
        assert (code, status) == ("InvalidClientTokenId", 403)

    @pytest.mark.parametrize(
        ("payload", "code", "status"),
        [
            (None, "InvalidRequest", 400),
            ("invalid_sha256", "InvalidArgument", 400),
            (EMPTY[:-1], "InvalidArgument", 400),
            ("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "NotImplemented", 501),
            ("UNSIGNED-PAYLOAD", "SignatureDoesNotMatch", 403),
            ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", "SignatureDoesNotMatch", 403),
        ],
    )
    def test_payload(self, payload: str | None, code: str, status: int) -> None:
        error = refusal(with_header(signed("v4-header"), "x-amz-content-sha256", payload))
        assert (error.code, error.status) == (code, status)


class TestVersion2Presigned:
    @pytest.mark.parametrize(
        "name", ["encryption", "publicAccessBlock", "retention", "attributes", "tagging", "uploads"]
    )
    def test_sub_resources_cannot_be_added(self, name: str) -> None:
        assert refusal(with_query(signed("v2-query"), name, "")).code == "SignatureDoesNotMatch"

    def test_headers_cannot_be_added(self) -> None:
        assert (
            refusal(with_header(signed("v2-query", "PUT"), "x-amz-copy-source", "/b/x")).code == "SignatureDoesNotMatch"
        )

    def test_later_sub_resources_pass_in_a_signed_header(self) -> None:
        # botocore's version 2 does not sign them; nobody but the client itself could have put them there.
        check(signed("v2-header", url="http://s3.test/b?encryption"))


def test_what_is_told_back_is_printable() -> None:
    head = with_query(signed("v2-query"), "AWSAccessKeyId", "a%00%FF%1B")
    error = refusal(head, secret="another")
    assert error.extra["AWSAccessKeyId"] == "a???"
    path = replace(signed("v4-header"), raw_path=b"/b/\x01\xff")
    told = refusal(path).extra["CanonicalRequest"]
    assert "\x01" not in told
    assert b64decode("AA==") not in told.encode()
    assert SECRET not in " ".join(error.extra.values())


def test_version_2_tells_no_encryption_keys() -> None:
    name = "x-amz-server-side-encryption-customer-key"
    error = refusal(signed("v2-header", headers={name: "c2VjcmV0IGtleQ=="}), secret="another")
    told = error.extra["StringToSign"]
    assert f"{name}:***" in told
    assert bytes.fromhex(error.extra["StringToSignBytes"]).decode() == told
