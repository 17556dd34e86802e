"""For every operation: a request without a valid signature does not reach a cloud.

The cases are made from the registry, so an operation is covered from the moment it is registered.
"""

from __future__ import annotations

import logging
import re
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import md5

import pytest

from tests.security.door import ACCESS, SECRET, Answer, Door, OneUser
from tests.security.requests import Wire, code_of, every_request, registered, signed, wire

REQUESTS = every_request()
EACH = pytest.mark.parametrize("request_", REQUESTS, ids=str)
MODES = (
    "",
    "UNSIGNED-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
)
REFUSED = (400, 401, 403, 411)


def knock(door: Door, wire: Wire) -> Answer:
    return door.knock(wire.method, wire.url, wire.headers, wire.body)


def refused(door: Door, wire: Wire, *codes: str) -> None:
    """The request is refused with one of the codes, and no cloud heard of it."""
    answer = knock(door, wire)
    assert answer.status in REFUSED, (answer.status, answer.body)
    if wire.method != "HEAD":
        assert code_of(answer.body) in codes, answer.body
    assert not door.touched
    assert SECRET not in answer.body.decode()


def test_the_requests_are_good_when_they_are_signed() -> None:
    """The counter-check: with its signature each of them gets past the door, so what refuses them is the signature."""
    past = 0
    for request in REQUESTS:
        door = Door()
        answer = knock(door, signed(request))
        assert code_of(answer.body) not in {"AccessDenied", "AuthFailure", "SignatureDoesNotMatch"}, answer.body
        past += bool(door.records[-1].account)
    assert past == len(REQUESTS)


@EACH
def test_unsigned(request_: Wire) -> None:
    door = Door()
    refused(door, request_, "AccessDenied", "MissingAuthenticationToken")
    assert door.received == 0  # a stranger costs no more than the head


@EACH
@pytest.mark.parametrize("presigned", [False, True], ids=["header", "query"])
@pytest.mark.parametrize("payload", MODES)
def test_bad_signature_in_every_mode(request_: Wire, presigned: bool, payload: str) -> None:
    """CVE-2026-40344, CVE-2025-31489: one mode, or one place for the signature, that nobody checked."""
    wire = signed(request_, secret="guess", presigned=presigned, payload=payload)
    refused(Door(), wire, "SignatureDoesNotMatch", "AuthFailure", "AccessDenied")


@EACH
def test_unknown_key(request_: Wire) -> None:
    refused(Door(), signed(request_, access="AKIDNOBODY"), "InvalidAccessKeyId", "AuthFailure", "InvalidClientTokenId")


@EACH
def test_a_signature_for_another_service_is_not_one_for_this(request_: Wire) -> None:
    """CVE-2025-65073, CVE-2026-55873: a signature is worth what it was made for.

    The scope decides the route, so a request signed for another service is that service's: it never runs as this one.
    """
    for other in {"s3", "ec2", "sts", "iam"} - {request_.service}:
        door = Door()
        knock(door, signed(request_, service=other))
        assert all((r.service, r.operation) != (request_.service, request_.operation) for r in door.records)


@EACH
def test_wrong_region(request_: Wire) -> None:
    codes = ("AuthorizationHeaderMalformed", "AuthFailure", "SignatureDoesNotMatch")
    refused(Door(), signed(request_, region="mars-1"), *codes)


@EACH
def test_old_signature(request_: Wire) -> None:
    """CVE-2020-12692: what was signed once may not be sent for ever."""
    wire = signed(request_)
    old = datetime.now(UTC) - timedelta(minutes=16)
    headers = {
        name: re.sub(r"\d{8}T\d{6}Z", old.strftime("%Y%m%dT%H%M%SZ"), value) if name.lower() == "x-amz-date" else value
        for name, value in wire.headers.items()
    }
    codes = ("RequestTimeTooSkewed", "RequestExpired", "SignatureDoesNotMatch", "AuthorizationHeaderMalformed")
    refused(Door(), replace(wire, headers=headers), *codes, "AuthFailure")


@EACH
def test_identity_headers_of_openstack_prove_nothing(request_: Wire) -> None:
    """CVE-2026-22797: who is let in is said by a signature, never by a header that anyone can send."""
    headers = {
        **request_.headers,
        "X-Auth-Token": "t",
        "X-Service-Token": "t",
        "X-Identity-Status": "Confirmed",
        "X-Project-Id": "p1",
        "X-User-Id": "u1",
        "X-Roles": "admin",
    }
    refused(Door(), replace(request_, headers=headers), "AccessDenied", "MissingAuthenticationToken")


@EACH
def test_tampered_url(request_: Wire) -> None:
    """A signature holds for the very request it was made for."""
    wire = signed(request_)
    glue = "&" if "?" in wire.url else "?"
    refused(Door(), replace(wire, url=f"{wire.url}{glue}more=1"), "SignatureDoesNotMatch", "AuthFailure")


@pytest.mark.parametrize("request_", [request for request in REQUESTS if request.service == "s3"], ids=str)
def test_unsigned_amz_header(request_: Wire) -> None:
    """LP 2158733: a header that changes what a request means counts only when it was signed."""
    for header in ("x-amz-copy-source", "x-amz-meta-a", "x-amz-acl"):
        for presigned in (False, True):
            wire = signed(request_, presigned=presigned)
            # One that was signed and sent already is another one now.
            codes = ("AccessDenied", "SignatureDoesNotMatch")
            refused(Door(), replace(wire, headers={**wire.headers, header: "/b/k"}), *codes)


@EACH
def test_a_session_token_that_nobody_issued(request_: Wire) -> None:
    wire = replace(request_, headers={**request_.headers, "x-amz-security-token": "made-up"})
    codes = ("InvalidToken", "AuthFailure", "InvalidClientTokenId")
    refused(Door(), signed(wire), *codes)


DRY = [request for request in REQUESTS if request.service == "ec2"]


@pytest.mark.parametrize("request_", DRY, ids=str)
def test_dry_run_touches_nothing(request_: Wire) -> None:
    wire = replace(request_, body=request_.body + b"&DryRun=true")
    for roles, codes in (({"member"}, {"DryRunOperation"}), ({"reader"}, {"DryRunOperation", "UnsupportedOperation"})):
        door = Door(OneUser(frozenset(roles)))
        answer = knock(door, signed(wire))
        assert not door.touched
        if code_of(answer.body) != "UnknownParameter":  # the model of this action has no DryRun
            assert code_of(answer.body) in codes, answer.body


def test_the_log_record_holds_no_secret() -> None:
    for request in REQUESTS:
        door = Door()
        wire = signed(request)
        knock(door, wire)
        signature = wire.headers["Authorization"].rpartition("Signature=")[2]
        assert signature not in repr(door.records)
        assert SECRET not in repr(door.records)
        assert ACCESS in repr(door.records)


CUSTOMER_KEY = b"k" * 32


@pytest.mark.parametrize("member", ["SSECustomerKey", "CopySourceSSECustomerKey"])
@pytest.mark.parametrize("key", [CUSTOMER_KEY, CUSTOMER_KEY[:20]], ids=["good", "too short"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_customers_key_reaches_no_log_and_no_answer(
    member: str, key: bytes, scheme: str, caplog: pytest.LogCaptureFixture
) -> None:
    """SSE-C: whatever becomes of the request, its key is in its answer no more than in the log."""
    secrets = (key.decode(), b64encode(key).decode())
    caplog.set_level(logging.DEBUG)
    asked = 0
    for service, name in registered():
        shape = service.model.operation_model(name).input_shape
        if not shape or member not in shape.members:
            continue
        told = {member: secrets[1], f"{member}MD5": b64encode(md5(key, usedforsecurity=False).digest()).decode()}
        told[f"{member.removesuffix('Key')}Algorithm"] = "AES256"
        door = Door()
        request = signed(wire(service, name, **told))
        caplog.clear()  # the client itself logs what it signs
        answer = knock(door, replace(request, url=request.url.replace("http:", f"{scheme}:")))
        asked += 1
        for secret in secrets:
            assert secret not in answer.body.decode()
            assert secret not in repr(answer.headers)
            assert secret not in repr(door.records)
            assert secret not in caplog.text
    assert asked


def test_the_record_bears_no_service_of_a_strangers_making() -> None:
    """Its service is a label of the metrics: a client must not be able to make new ones."""
    door = Door()
    scope = "AKIDEXAMPLE/20200101/us-east-1/anything/aws4_request"
    headers = {"authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}
    answer = door.knock("GET", "http://localhost:8788/", headers)
    assert (answer.status, code_of(answer.body)) == (400, "InvalidAction")
    assert b"anything" in answer.body
    assert [record.service for record in door.records] == [""]
