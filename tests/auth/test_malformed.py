"""Signatures that cannot even be read."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.protocol.message import Head
from tests.auth.signing import (
    form,
    malformed,
    signed,
    with_header,
    with_query,
)

CREDENTIAL = "AKID/20150830/us-east-1/s3/aws4_request"
REST = "SignedHeaders=host, Signature=0"
SHAPE = 'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
TERMINAL = 'incorrect terminal "aws_request". This endpoint uses "aws4_request".'
DATE = 'incorrect date format "2015083". This date in the credential must be in the format "yyyyMMdd".'


class TestMalformed:
    @pytest.mark.parametrize(
        ("value", "detail"),
        [
            (f"Credential={CREDENTIAL}, Signature=0", "missing SignedHeaders."),
            (f"Credential={CREDENTIAL}, SignedHeaders=host", "missing Signature."),
            ("SignedHeaders=host, Signature=0", "missing Credential."),
            (f"Credential=AKID/20150830/us-east-1/s3, {REST}", SHAPE),
            (f"Credential=/20150830/us-east-1/s3/aws4_request, {REST}", SHAPE),
            (f"Credential=A/20150830/us-east-1/s3/aws_request, {REST}", TERMINAL),
            (f"Credential=A/2015083/us-east-1/s3/aws4_request, {REST}", DATE),
            (f"Credential={CREDENTIAL}, SignedHeaders, Signature=0", "an authorization component is malformed."),
            (f"Credential={CREDENTIAL}, Credential=A, {REST}", "an authorization component is malformed."),
        ],
    )
    def test_header(self, value: str, detail: str) -> None:
        error = malformed(with_header(signed("v4-header"), "authorization", f"AWS4-HMAC-SHA256 {value}"), "s3")
        assert (error.code, error.status) == ("AuthorizationHeaderMalformed", 400)
        assert error.message == f"The authorization header is malformed; {detail}"

    @pytest.mark.parametrize("service", ["ec2", "sts"])
    @pytest.mark.parametrize(
        "value", ["AWS4-HMAC-SHA256 x", "AWS4-HMAC-SHA256", "Bearer x", "", "AWS4-ECDSA-P256-SHA256 x"]
    )
    def test_header_of_query_services(self, service: str, value: str) -> None:
        error = malformed(with_header(form(service), "authorization", value), service)
        assert (error.code, error.status) == ("IncompleteSignature", 400)

    @pytest.mark.parametrize(
        ("value", "code"),
        [
            ("", "InvalidArgument"),
            ("Basic", "InvalidArgument"),
            ("Basic dTpw", "InvalidArgument"),
            ("AWS key", "InvalidArgument"),
            ("AWS :sig", "InvalidArgument"),
            ("AWS key:", "InvalidArgument"),
            ("AWS4-ECDSA-P256-SHA256 Credential=x", "InvalidRequest"),
        ],
    )
    def test_other_schemes(self, value: str, code: str) -> None:
        error = malformed(with_header(signed("v4-header"), "authorization", value))
        assert (error.code, error.status) == (code, 400)

    def test_two_authorizations(self) -> None:
        head = signed("v4-header")
        twice = replace(head, headers=(*head.headers, ("authorization", head.header("authorization"))))
        assert malformed(twice).code == "InvalidArgument"

    @pytest.mark.parametrize("how", ["v4-query", "v2-query"])
    def test_header_and_query(self, how: str) -> None:
        head = with_header(signed(how), "authorization", signed("v4-header").header("authorization"))
        error = malformed(head)
        assert error.code == "InvalidArgument"
        assert error.message.startswith("Only one auth mechanism allowed")

    @pytest.mark.parametrize("name", ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature"])
    def test_query_parameter_missing_or_twice(self, name: str) -> None:
        head = signed("v4-query")
        for bad in (
            with_query(head, f"X-Amz-{name}", None),
            with_query(head, f"X-Amz-{name}", ""),
            replace(head, raw_query=head.raw_query + f"&X-Amz-{name}=1".encode()),
        ):
            assert malformed(bad).code == "AuthorizationQueryParametersError"

    @pytest.mark.parametrize(
        ("name", "value"),
        [("Algorithm", "AWS4-HMAC-SHA1"), ("Date", "2015-08-30"), ("Credential", "a/b"), ("Credential", "%FF/1/2/3/4")],
    )
    def test_query_parameter_malformed(self, name: str, value: str) -> None:
        head = with_query(signed("v4-query"), f"X-Amz-{name}", value)
        assert malformed(head, "s3").code == "AuthorizationQueryParametersError"

    @pytest.mark.parametrize("name", ["AWSAccessKeyId", "Signature", "Expires"])
    def test_version_2_query(self, name: str) -> None:
        head = with_query(signed("v2-query"), name, None)
        error = malformed(head)
        assert (error.code, error.status) == ("AccessDenied", 403)
        assert error.message.startswith("Query-string authentication requires")

    @pytest.mark.parametrize("expires", ["soon", "-1", "1.5", "9999999999999"])
    def test_version_2_expires(self, expires: str) -> None:
        assert malformed(with_query(signed("v2-query"), "Expires", expires)).code == "AccessDenied"

    @pytest.mark.parametrize(("service", "code"), [("ec2", "AuthFailure"), ("sts", "IncompleteSignature")])
    def test_version_2_of_query_services(self, service: str, code: str) -> None:
        query = b"Action=X&AWSAccessKeyId=a&Signature=b&SignatureVersion=2&SignatureMethod=HmacSHA256&Timestamp=c"
        error = malformed(Head("GET", b"/", query, (("host", "h"),)), service)
        assert error.code == code
        assert "Signature Version 2 is not supported" in error.message
        header = malformed(Head("GET", b"/", b"", (("authorization", "AWS a:b"),)), service)
        assert header.code == code

    @given(st.binary(max_size=80), st.binary(max_size=80), st.sampled_from(["s3", "ec2", None]))
    def test_garbage_is_refused_in_order(self, query: bytes, header: bytes, service: str | None) -> None:
        value = f"AWS4-HMAC-SHA256 Credential={header.decode('latin-1')}"
        for head in (
            Head("GET", b"/", b"X-Amz-Credential=" + query, ()),
            Head("GET", b"/", b"AWSAccessKeyId=" + query, ()),
            Head("GET", b"/", query, (("authorization", value),)),
            Head("GET", b"/", b"", (("authorization", header.decode("latin-1")),)),
        ):
            error = malformed(head, service)
            assert 400 <= error.status < 500
            error.message.encode()
