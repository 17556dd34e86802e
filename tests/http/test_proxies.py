"""X-Forwarded-* headers are used only from the proxies that the operator named."""

from __future__ import annotations

import json
from typing import Any

import pytest
import uvloop

from shim.config import Settings
from shim.http.proxies import Proxies
from tests.http.connections import LAST, get, served


async def where(scope: Any, receive: Any, send: Any) -> None:
    """Answer where a request came from, and how."""
    body = json.dumps([scope["scheme"], scope["client"][0]]).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


def told(trusted: list[str], *headers: str) -> tuple[str, str]:
    async def talk() -> bytes:
        async with served(where, trusted_proxies=trusted) as (reader, writer, _):
            writer.write(get("/", *headers, LAST))
            return await reader.read()

    scheme, client = json.loads(uvloop.run(talk()).partition(b"\r\n\r\n")[2])
    return scheme, client


HTTPS = ("X-Forwarded-Proto: https", "X-Forwarded-For: 192.0.2.1")


@pytest.mark.parametrize("trusted", [[], ["192.0.2.0/24"], ["::1"]])
def test_a_stranger_is_not_believed(trusted: list[str]) -> None:
    assert told(trusted, *HTTPS) == ("http", "127.0.0.1")


@pytest.mark.parametrize("trusted", [["127.0.0.1"], ["127.0.0.0/8"], ["::1", "127.0.0.1"]])
def test_a_trusted_proxy_is_believed(trusted: list[str]) -> None:
    assert told(trusted, *HTTPS) == ("https", "192.0.2.1")
    assert told(trusted) == ("http", "127.0.0.1")
    assert told(trusted, "X-Forwarded-Proto: gopher") == ("http", "127.0.0.1")
    assert told(trusted, "X-Forwarded-Proto: https, http")[0] == "http"  # the left one may be the client's own


PROXIES = Proxies(Settings.model_validate({"trusted_proxies": ["10.0.0.0/8", "2001:db8::/32"]}).trusted_proxies)


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("203.0.113.9, 192.0.2.1", "192.0.2.1"),  # what the client itself had sent stands to the left
        ("192.0.2.1, 10.0.0.2", "192.0.2.1"),
        ("192.0.2.1, 10.0.0.3,10.0.0.2", "192.0.2.1"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("[2001:db9::1]:4711", "2001:db9::1"),
        ("2001:db9::1, 2001:db8::2", "2001:db9::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("192.0.2.1, unknown", "10.0.0.1"),
        ("192.0.2.1, unknown, 10.0.0.2", "10.0.0.2"),
        (", ,", "10.0.0.1"),
        ("", "10.0.0.1"),
        (",".join(["192.0.2.1"] + ["10.0.0.2"] * 1000), "10.0.0.2"),
    ],
)
def test_the_client_is_the_right_most_address_that_is_no_proxy_s(forwarded: str, client: str) -> None:
    assert PROXIES.client("10.0.0.1", forwarded) == client


def test_a_peer_is_a_proxy_by_its_address() -> None:
    assert [PROXIES.trusted(one) for one in ("10.1.2.3", "::ffff:10.1.2.3", "11.0.0.1", "2001:db8::9", "nonsense")] == [
        True,
        True,
        False,
        True,
        False,
    ]
    assert not Proxies().trusted("127.0.0.1")


def test_networks_are_checked_at_start() -> None:
    for wrong in ("10.0.0.1/8", "example.org", "10.0.0.0/33"):
        with pytest.raises(ValueError, match="trusted_proxies"):
            Settings.model_validate({"trusted_proxies": [wrong]})
