"""Session tokens: what is issued opens until its end, beside its own access key, and nothing else opens."""

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.types.identity import Ec2Credential
from shim.auth.keys import Keys
from shim.auth.sessions import Session, SessionCredential, Sessions, Temporary, account_in
from shim.auth.tokens import session_tokens
from shim.errors import AwsError
from tests.auth.keystone import AK, START, Keystone

END = START + timedelta(hours=1)
SESSION = Session(AK, "u", "p", int(END.timestamp()), "member", "me")
ACCOUNT = "012345678901"
SESSIONS = Sessions(b"key")


def issued() -> Temporary:
    return SESSIONS.issue(SESSION, ACCOUNT)


def refusal(access_key: str, token: str, now: datetime = START, service: str = "s3") -> tuple[str, int]:
    with pytest.raises(AwsError) as error:
        SESSIONS.open(access_key, token, service=service, now=now)
    assert not token or token not in str(error.value)
    return error.value.code, error.value.status


def test_a_token_opens_until_its_end() -> None:
    made = issued()
    for now in (START, END - timedelta(microseconds=1)):
        assert SESSIONS.open(made.access_key, made.token, service="s3", now=now) == SESSION
    assert Sessions(b"key").open(made.access_key, made.token, service="s3", now=START) == SESSION  # a replica
    assert refusal(made.access_key, made.token, END) == ("ExpiredToken", 400)
    assert refusal(made.access_key, made.token, END, "sts") == ("ExpiredToken", 403)
    assert refusal(made.access_key, made.token, END, "ec2") == ("RequestExpired", 400)


def test_a_token_of_another_access_key_or_gateway() -> None:
    made, other = issued(), issued()
    assert refusal(other.access_key, made.token) == ("InvalidToken", 400)
    assert made.secret != other.secret
    with pytest.raises(AwsError):
        Sessions(b"other").open(made.access_key, made.token, service="s3", now=START)
    assert Sessions(b"other").secret(made.access_key, made.token) != made.secret


def test_no_bit_of_a_token_can_be_changed() -> None:
    made = issued()
    raw = bytearray(urlsafe_b64decode(made.token))
    for place in range(len(raw)):
        raw[place] ^= 1
        assert refusal(made.access_key, urlsafe_b64encode(bytes(raw)).decode()) == ("InvalidToken", 400)
        raw[place] ^= 1
    for token in (made.token[:-4], made.token + "AAAA", made.token + "\n", f" {made.token}", "x" * 10_000):
        assert refusal(made.access_key, token) == ("InvalidToken", 400)


@given(st.text(), st.text())
def test_any_text_is_refused(access_key: str, token: str) -> None:
    with pytest.raises(AwsError) as error:
        SESSIONS.open(access_key, token, service="s3", now=START)
    assert error.value.code == "InvalidToken"


def test_nothing_is_shown() -> None:
    made = issued()
    keystone, keys = known()
    credential = asyncio.run(keys.credential(made.access_key, token=made.token))
    for text in (repr(made), repr(SESSIONS), repr(credential)):
        assert made.secret not in text
        assert made.token not in text
        assert keystone.credentials[AK].secret not in text


def test_the_account_in_an_access_key() -> None:
    assert account_in(issued().access_key) == ACCOUNT
    for other in (AK, "ASIA", "ASIAIOSFODNN7EXAMPLE", "ASIA" + "7" * 24):
        assert account_in(other) is None


def known(credential: Ec2Credential | None = None) -> tuple[Keystone, Keys]:
    """Return a Keystone that knows the parent, and the keys before it at its time."""
    keystone = Keystone({AK: credential or Ec2Credential(AK, "parent's secret", "u", "p")})
    keys = Keys(
        keystone,
        clock=lambda: keystone.seconds,
        now=lambda: START + timedelta(seconds=keystone.seconds),
        sessions=SESSIONS,
    )
    return keystone, keys


def test_a_session_acts_with_its_parents_token() -> None:
    async def scenario() -> None:
        keystone, keys = known()
        made = issued()
        credential = await keys.credential(made.access_key, token=made.token)
        assert isinstance(credential, SessionCredential)
        assert (credential.secret, credential.user_id, credential.project_id) == (made.secret, "u", "p")
        assert await session_tokens(keys, credential, "s3").token() is await keys.token(keystone.credentials[AK])
        keystone.seconds = 3600
        with pytest.raises(AwsError, match="expired"):
            await keys.credential(made.access_key, token=made.token)

    asyncio.run(scenario())


@pytest.mark.parametrize(("user", "project"), [("another", "p"), ("u", "another")])
def test_a_session_of_a_key_that_is_another_ones_now(user: str, project: str) -> None:
    _, keys = known(Ec2Credential(AK, "s", user, project))
    made = issued()
    with pytest.raises(AwsError, match="malformed"):
        asyncio.run(keys.credential(made.access_key, token=made.token))


def test_a_session_ends_with_its_parent() -> None:
    keystone, keys = known()
    made = issued()
    keystone.credentials.clear()
    with pytest.raises(AwsError) as error:
        asyncio.run(keys.credential(made.access_key, token=made.token))
    assert error.value.code == "InvalidAccessKeyId"


def test_keystone_is_not_asked_for_what_was_not_issued() -> None:
    keystone, keys = known()
    with pytest.raises(AwsError):
        asyncio.run(keys.credential(issued().access_key, token="made up"))
    assert not keystone.calls
