"""Checks of a request's head: one valid Host, and a target that is not ambiguous."""

from __future__ import annotations

import pytest

from shim.http.request_head import LONGEST_HOST, MOST_HEADERS
from tests.http.connections import LAST, echo, get, said

REFUSED = [
    pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="no Host"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", id="two of the same"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", id="two"),
    pytest.param(b"GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n", id="two, HTTP/1.0"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: x, y\r\n\r\n", id="a list"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: x y\r\n\r\n", id="two words"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: u@x\r\n\r\n", id="a user"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", id="a path"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: x:http\r\n\r\n", id="a port in letters"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: " + b"a" * (LONGEST_HOST + 1) + b"\r\n\r\n", id="too long"),
    pytest.param(b"GET http://y/ HTTP/1.1\r\nHost: x\r\n\r\n", id="another authority"),
    pytest.param(b"GET http://x:81/ HTTP/1.1\r\nHost: x\r\n\r\n", id="another port"),
    pytest.param(b"GET http://u@x/ HTTP/1.1\r\nHost: x\r\n\r\n", id="a user in the target"),
    pytest.param(b"GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n", id="another scheme"),
    pytest.param(b"GET http:///b HTTP/1.1\r\nHost: x\r\n\r\n", id="no authority"),
    pytest.param(b"GET x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n", id="authority form"),
    pytest.param(b"GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", id="a fragment"),
    pytest.param(b"GET http://x/a#b HTTP/1.1\r\nHost: x\r\n\r\n", id="a fragment of the absolute form"),
    pytest.param(b"GET /\r\n\r\n", id="HTTP/0.9"),
    pytest.param(b"GET / HTTP/0.9\r\nHost: x\r\n\r\n", id="HTTP/0.9 by name"),
    pytest.param(b"GET / HTTP/1.2\r\nHost: x\r\n\r\n", id="HTTP/1.2"),
    pytest.param(b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", id="HTTP/2.0"),
    pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2's preface"),
    pytest.param(get("/", *(f"a{n}: b" for n in range(MOST_HEADERS))), id="too many headers"),
    pytest.param(get("/?" + "a&" * 5000), id="too many parameters"),
]


@pytest.mark.parametrize("asked", REFUSED)
def test_a_head_that_can_be_read_in_two_ways_is_refused_and_hung_up_on(asked: bytes) -> None:
    answer = said(echo, asked, get("/2"))
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"\r\nConnection: close\r\n" in answer
    assert answer.count(b"HTTP/1.1") == 1


ACCEPTED = [
    pytest.param(b"GET /p HTTP/1.0\r\n\r\n", id="HTTP/1.0 without a Host, as probes are"),
    pytest.param(b"GET /p HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", id="an empty Host"),
    pytest.param(get("http://x/p", LAST), id="absolute"),
    pytest.param(get("http://X:80/p", LAST), id="absolute, the default port named"),
    pytest.param(get("HTTP://x/p", LAST), id="absolute, in capitals"),
    pytest.param(b"GET /p HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close\r\n\r\n", id="IPv6"),
    pytest.param(b"GET http://[::1]:81/p HTTP/1.1\r\nHost: [::1]:81\r\nConnection: close\r\n\r\n", id="absolute IPv6"),
    pytest.param(b"GET /p HTTP/1.1\r\nHost: my_b.x:1:1\r\nConnection: close\r\n\r\n", id="boto 2's port"),
    pytest.param(b"GET /p HTTP/1.1\r\nHost: " + b"a" * 255 + b"\r\nConnection: close\r\n\r\n", id="as long as may be"),
]


@pytest.mark.parametrize("asked", ACCEPTED)
def test_what_is_plain_is_served(asked: bytes) -> None:
    assert said(echo, asked).endswith(b"GET /p? ")


def test_a_host_is_looked_at_in_every_request_of_a_connection() -> None:
    answer = said(echo, get("/1"), get("/2").replace(b"Host: x", b"Host: x y"), get("/3"))
    assert answer.endswith(b"</Error>")
    assert b"GET /1? " in answer
    assert b"GET /2? " not in answer
