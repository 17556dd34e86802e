"""Over which connections a customer's key is accepted, and that nothing shows it."""

from typing import Any

import pytest

from shim.config import Settings
from shim.context import Call, Caller
from shim.errors import AwsError
from shim.locks import Locks
from shim.s3.encryption.blocks import Place
from shim.s3.encryption.customer import customer_key
from shim.s3.encryption.sealing import Sealing
from tests.s3.encryption.keys import ONE, OTHER, given


def call(scheme: str, client: str, allowed: str) -> Call:
    caller = Caller("key", "user", "user", "project", "project", "0" * 12, frozenset())
    settings = Settings.model_validate({"sse_c_over_http": allowed})
    nothing: Any = None
    return Call(nothing, caller, "id", "us-east-1", "PutObject", settings, Locks(""), scheme=scheme, client=client)


@pytest.mark.parametrize(
    ("scheme", "client", "allowed", "accepted"),
    [
        ("https", "192.0.2.1", "never", True),
        ("https", "192.0.2.1", "loopback", True),
        ("http", "192.0.2.1", "loopback", False),
        ("http", "127.0.0.1", "loopback", True),
        ("http", "127.9.9.9", "loopback", True),
        ("http", "::1", "loopback", True),
        ("http", "", "loopback", False),
        ("http", "127.0.0.1", "never", False),
        ("http", "192.0.2.1", "always", True),
    ],
)
def test_a_key_over_http(scheme: str, client: str, allowed: str, accepted: bool) -> None:
    """ "Amazon S3 rejects any requests made over HTTP when using SSE-C" (User Guide)."""
    for prefix in ("", "CopySource"):
        req = given(ONE, f"{prefix}SSECustomer")
        if accepted:
            assert customer_key(call(scheme, client, allowed), req, prefix) is not None
        else:
            with pytest.raises(AwsError) as caught:
                customer_key(call(scheme, client, allowed), req, prefix)
            assert (caught.value.status, caught.value.code) == (400, "InvalidArgument")
            assert caught.value.message.endswith("must be made over a secure connection.")


def test_a_key_is_told_from_others_by_what_is_stored() -> None:
    here = call("https", "", "never")
    one, other = customer_key(here, given(ONE)), customer_key(here, given(OTHER))
    assert one
    assert other
    first, second = one.envelope(), one.envelope()
    assert one.fits(first)
    assert one.fits(second)
    assert not other.fits(first)
    assert first != second  # so nobody sees that two objects have one key


def test_nothing_shows_a_key() -> None:
    key = customer_key(call("https", "", "never"), given(ONE))
    assert key
    told = given(ONE)["SSECustomerKey"]
    sealing = Sealing(key.raw, key.envelope(), key.members)
    for shown in (key, sealing, key.envelope(), key.members, Place("b", "k")):
        assert told not in repr(shown)
        assert repr(key.raw) not in repr(shown)


@pytest.mark.parametrize("changed", [{"SSECustomerKey": "a" * 44}, {"SSECustomerKeyMD5": "b" * 24}])
def test_no_error_shows_a_key(changed: dict[str, str]) -> None:
    with pytest.raises(AwsError) as caught:
        customer_key(call("https", "", "never"), given(ONE) | changed)
    shown = f"{caught.value} {caught.value.extra} {caught.value.__cause__!r} {caught.value.__context__!r}"
    assert given(ONE)["SSECustomerKey"] not in shown
    assert "a" * 44 not in shown
    assert "b" * 24 not in shown
