"""How long a signature is valid: both sides of every limit."""

from __future__ import annotations

from datetime import timedelta

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest

from shim.auth import parse_signature
from tests.auth.signing import (
    CREDENTIALS,
    REGION,
    check,
    form,
    malformed,
    now,
    received,
    refusal,
    refused_form,
    signed,
    with_header,
    with_query,
)

WEEK = (
    "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 "
    "seconds"
)


class TestTime:
    LIMIT = timedelta(minutes=15)
    SECOND = timedelta(seconds=1)

    @pytest.mark.parametrize("how", ["v4-header", "v2-header"])
    @pytest.mark.parametrize("sign", [1, -1])
    def test_skew(self, how: str, sign: int) -> None:
        head = signed(how)
        found = parse_signature(head)
        assert found is not None
        assert found.time is not None
        check(head, now=found.time + sign * self.LIMIT)
        error = refusal(head, now=found.time + sign * (self.LIMIT + self.SECOND))
        assert (error.code, error.status) == ("RequestTimeTooSkewed", 403)
        assert error.extra["MaxAllowedSkewMilliseconds"] == "900000"
        assert set(error.extra) == {"RequestTime", "ServerTime", "MaxAllowedSkewMilliseconds"}

    @pytest.mark.parametrize("sign", [1, -1])
    def test_skew_of_query_services(self, sign: int) -> None:
        head = form("ec2")
        late = now() + sign * (self.LIMIT + 9 * self.SECOND)
        assert refused_form(head, "ec2", now=late) == ("RequestExpired", 400, "Request has expired.")
        code, status, said = refused_form(form("sts"), "sts", now=late)
        assert (code, status) == ("SignatureDoesNotMatch", 403)
        assert said.startswith("Signature expired: " if sign > 0 else "Signature not yet current: ")
        assert said.endswith("- 15 min.)" if sign > 0 else "+ 15 min.)")

    @pytest.mark.parametrize("how", ["v4-query", "v2-query"])
    def test_expiry(self, how: str) -> None:
        head = signed(how)
        made = now().replace(microsecond=0)
        check(head, now=made + timedelta(seconds=598))
        error = refusal(head, now=made + timedelta(seconds=602))
        assert (error.code, error.status, error.message) == ("AccessDenied", 403, "Request has expired")
        assert {"Expires", "ServerTime"} <= set(error.extra)
        assert (error.extra.get("X-Amz-Expires") == "600") is (how == "v4-query")

    def test_expiry_to_the_second(self) -> None:
        head = signed("v4-query")
        found = parse_signature(head)
        assert found is not None
        assert found.time is not None
        check(head, now=found.time + timedelta(seconds=600))
        assert refusal(head, now=found.time + timedelta(seconds=600, microseconds=1)).code == "AccessDenied"
        check(head, now=found.time - self.LIMIT)
        early = refusal(head, now=found.time - self.LIMIT - self.SECOND)
        assert (early.code, early.status, early.message) == ("AccessDenied", 403, "Request is not valid yet")

    @pytest.mark.parametrize(
        ("expires", "said"),
        [
            ("0", "X-Amz-Expires must be greater than 0"),
            ("-1", "X-Amz-Expires must be greater than 0"),
            ("604801", WEEK),
            ("99999999999999999999", WEEK),
            ("1e3", "X-Amz-Expires should be a number"),
            ("%D9%A1", "X-Amz-Expires should be a number"),
        ],
    )
    def test_expires_out_of_range(self, expires: str, said: str) -> None:
        error = malformed(with_query(signed("v4-query"), "X-Amz-Expires", expires))
        assert (error.code, error.status, error.message) == ("AuthorizationQueryParametersError", 400, said)

    @pytest.mark.parametrize("expires", [1, 604_800])
    def test_expires_in_range(self, expires: int) -> None:
        request = AWSRequest("GET", "http://s3.test/b/k")
        botocore.auth.S3SigV4QueryAuth(CREDENTIALS, "s3", REGION, expires=expires).add_auth(request)
        found = parse_signature(received(request))
        assert found is not None
        assert found.time is not None
        check(received(request), now=found.time + timedelta(seconds=expires))

    @pytest.mark.parametrize("how", ["v4-header", "v2-header"])
    @pytest.mark.parametrize(
        "date",
        [None, "", "yesterday", "20150830", "20261332T000000Z", "Mon, 01 Foo 2001", "Fri, 07 Jul 1950 21:53:04 GMT"],
    )
    @pytest.mark.parametrize("amz_date", [None, "", "today", "20150830T123600", "99999999T999999Z"])
    def test_no_date(self, how: str, date: str | None, amz_date: str | None) -> None:
        head = with_header(with_header(signed(how), "date", date), "x-amz-date", amz_date)
        error = malformed(head)
        assert (error.code, error.status) == ("AccessDenied", 403)
        assert error.message == "AWS authentication requires a valid Date or x-amz-date header"

    def test_a_good_date_does_not_mend_a_bad_x_amz_date(self) -> None:
        good = signed("v2-header").header("date")
        assert (
            malformed(with_header(with_header(signed("v4-header"), "date", good), "x-amz-date", "x")).code
            == "AccessDenied"
        )

    def test_day_of_scope(self) -> None:
        head = signed("v4-header")
        found = parse_signature(head)
        assert found is not None
        assert found.scope is not None
        other = with_header(head, "authorization", head.header("authorization").replace(found.scope.date, "20150830"))
        assert malformed(other).code == "AuthorizationHeaderMalformed"
        query = with_query(signed("v4-query"), "X-Amz-Date", "20150830T000000Z")
        assert malformed(query).code == "AuthorizationQueryParametersError"
