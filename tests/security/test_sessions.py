"""For every operation: a session's credentials open the door, and nothing that resembles them does.

The cases are made from the registry, so an operation is covered from the moment it is registered.
"""

from dataclasses import replace
from time import monotonic, time

import pytest

from shim.auth.keys import Keys
from shim.auth.sessions import Session, Sessions, Temporary
from tests.security.door import ACCESS, Answer, Door
from tests.security.requests import Wire, code_of, every_request, signed

EACH = pytest.mark.parametrize("request_", every_request(), ids=str)
SESSIONS = Sessions(b"key")
INVALID = ("InvalidToken", "AuthFailure", "InvalidClientTokenId")
MISMATCH = ("SignatureDoesNotMatch", "AuthFailure")
EXPIRED = ("ExpiredToken", "RequestExpired")
# A session may not ask for another, and the key that is asked about is a made-up one.
OWN_REFUSALS = {"GetSessionToken", "GetAccessKeyInfo"}


def temporary(seconds: int = 900, parent: str = ACCESS) -> Temporary:
    return SESSIONS.issue(Session(parent, "u1", "p1", int(time()) + seconds), "123456789012")


def door() -> Door:
    found = Door()
    found.gateway._keys = Keys(found.identity, clock=monotonic, sessions=SESSIONS)
    return found


def with_token(request: Wire, token: str) -> Wire:
    return replace(request, headers={**request.headers, "x-amz-security-token": token})


def send(at: Door, request: Wire, made: Temporary, token: str = "") -> Answer:
    wire = signed(with_token(request, token or made.token), access=made.access_key, secret=made.secret)
    return at.knock(wire.method, wire.url, wire.headers, wire.body)


def refused(at: Door, request: Wire, answer: Answer, codes: tuple[str, ...]) -> None:
    assert answer.status in (400, 401, 403), (answer.status, answer.body)
    if request.method != "HEAD":
        assert code_of(answer.body) in codes, answer.body
    assert not at.touched


@EACH
def test_a_session(request_: Wire) -> None:
    at, made = door(), temporary()
    answer = send(at, request_, made)
    if request_.operation not in OWN_REFUSALS:
        assert code_of(answer.body) not in {*INVALID, *MISMATCH, *EXPIRED, "AccessDenied"}, answer.body
    assert at.records[-1].account
    assert made.token not in repr(at.records) + answer.body.decode()
    assert made.secret not in repr(at.records) + answer.body.decode()


@EACH
def test_an_ended_session(request_: Wire) -> None:
    at = door()
    refused(at, request_, send(at, request_, temporary(0)), EXPIRED)


@EACH
def test_a_token_beside_other_keys(request_: Wire) -> None:
    made, other = temporary(), temporary()
    at = door()
    refused(at, request_, send(at, request_, made, other.token), INVALID)
    at = door()
    wire = signed(with_token(request_, made.token))  # the parent's own key and secret
    refused(at, request_, at.knock(wire.method, wire.url, wire.headers, wire.body), INVALID)


@EACH
def test_a_session_without_its_token_or_its_secret(request_: Wire) -> None:
    made = temporary()
    at = door()
    wire = signed(request_, access=made.access_key, secret=made.secret)
    answer = at.knock(wire.method, wire.url, wire.headers, wire.body)
    refused(at, request_, answer, ("InvalidAccessKeyId", "AuthFailure", "InvalidClientTokenId"))
    at = door()
    refused(at, request_, send(at, request_, replace(made, secret="guessed")), MISMATCH)


@EACH
def test_a_session_of_a_deleted_key(request_: Wire) -> None:
    at = door()
    answer = send(at, request_, temporary(parent="AKIDGONE"))
    refused(at, request_, answer, ("InvalidAccessKeyId", "AuthFailure", "InvalidClientTokenId"))
