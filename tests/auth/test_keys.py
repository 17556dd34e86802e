"""Keys and tokens: how often Keystone is asked, and for how long its answers are used."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from adapters.errors import BackendError, Fault
from adapters.types.identity import Ec2Credential
from tests.auth.keystone import AK, keystone, refusal, run


def test_a_thousand_requests_ask_once_for_each_key_and_lifetime() -> None:
    async def scenario() -> None:
        cloud = keystone(AK, "other")
        cloud.delay = 0.01
        keys = cloud.keys()

        async def request(access: str) -> str:
            credential = await keys.credential(access)
            return (await keys.token(credential)).id

        for lifetime in range(1, 4):
            ids = await asyncio.gather(*(request(AK if n % 2 else "other") for n in range(1000)))
            assert set(ids) == {"token-1"}
            again = await asyncio.gather(*(request(AK) for _ in range(1000)))
            assert set(again) == {"token-1"}
            assert cloud.calls == {
                f"credential {AK}": lifetime,
                "credential other": lifetime,
                f"token {AK}": 1,
                "token other": 1,
            }
            cloud.seconds += 60

    run(scenario())


def test_a_thousand_guesses_of_one_unknown_key_ask_once() -> None:
    async def scenario() -> None:
        cloud = keystone()
        cloud.delay = 0.01
        keys = cloud.keys()
        errors = await asyncio.gather(*(refusal(keys.credential(AK)) for _ in range(1000)))
        assert {error.code for error in errors} == {"InvalidAccessKeyId"}
        await refusal(keys.credential(AK))
        assert cloud.calls == {f"credential {AK}": 1}
        cloud.seconds += 4.9
        await refusal(keys.credential(AK))
        assert cloud.calls[f"credential {AK}"] == 1
        cloud.credentials[AK] = Ec2Credential(AK, "s", "u", "p")
        cloud.seconds += 0.1
        assert (await keys.credential(AK)).secret == "s"

    run(scenario())


@pytest.mark.parametrize(
    ("service", "code", "status"),
    [("s3", "InvalidAccessKeyId", 403), ("ec2", "AuthFailure", 401), ("sts", "InvalidClientTokenId", 403)],
)
def test_unknown_keys_in_the_words_of_each_service(service: str, code: str, status: int) -> None:
    async def scenario() -> None:
        cloud = keystone("gone")
        cloud.barred = {"user-gone"}
        keys = cloud.keys()
        errors = [await refusal(keys.credential(AK, service=service)) for _ in range(2)]
        credential = await keys.credential("gone")
        errors += [await refusal(keys.token(credential, service=service)) for _ in range(2)]
        assert {(error.code, error.status) for error in errors} == {(code, status)}
        assert errors[0].extra == ({"AWSAccessKeyId": AK} if service == "s3" else {})
        assert cloud.calls["token gone"] == 1

    run(scenario())


class TestRevocation:
    """A key that was revoked, or got another secret, works at most `credential` seconds longer."""

    def test_lag(self) -> None:
        async def scenario() -> None:
            cloud = keystone(AK)
            keys = cloud.keys()
            token = await keys.token(await keys.credential(AK))
            del cloud.credentials[AK]
            cloud.seconds = 59.9
            assert await keys.token(await keys.credential(AK)) is token
            cloud.seconds = 60.0
            assert (await refusal(keys.credential(AK))).code == "InvalidAccessKeyId"
            assert keys._tokens.peek(AK) is None

        run(scenario())

    def test_lag_counts_from_the_question(self) -> None:
        async def scenario() -> None:
            cloud = keystone(AK)
            cloud.delay = 0.02
            keys = cloud.keys()
            asking = asyncio.ensure_future(keys.credential(AK))
            await asyncio.sleep(0.001)
            del cloud.credentials[AK]  # just after Keystone looked
            cloud.seconds = 30.0  # ... and took its time to answer
            await asking
            cloud.seconds = 60.0
            await refusal(keys.credential(AK))

        run(scenario())

    def test_a_new_secret_gets_a_new_token(self) -> None:
        async def scenario() -> None:
            cloud = keystone(AK)
            keys = cloud.keys()
            old = await keys.credential(AK)
            await keys.token(old)
            cloud.credentials[AK] = replace(old, secret="rotated")
            cloud.seconds = 60.0
            new = await keys.credential(AK)
            assert new.secret == "rotated"
            assert (await keys.token(new)).id == "token-2"

        run(scenario())

    def test_a_token_that_was_under_way_is_not_kept(self) -> None:
        async def scenario() -> None:
            cloud = keystone(AK)
            keys = cloud.keys()
            old = await keys.credential(AK)
            cloud.delay = 0.02
            asking = asyncio.ensure_future(keys.token(old))
            await asyncio.sleep(0.001)
            cloud.credentials[AK] = replace(old, secret="rotated")
            cloud.seconds = 60.0
            new = await keys.credential(AK)
            assert (await asking).id == "token-1"
            assert (await keys.token(new)).id == "token-2"
            assert (await keys.token(new)).id == "token-2"

        run(scenario())

    def test_no_lag_where_nothing_is_kept(self) -> None:
        async def scenario() -> None:
            cloud = keystone(AK)
            keys = cloud.keys(credential=0.0)
            await keys.credential(AK)
            del cloud.credentials[AK]
            await refusal(keys.credential(AK))

        run(scenario())


class TestTokens:
    def test_until_shortly_before_the_end(self) -> None:
        async def scenario() -> None:
            cloud = keystone(AK)
            keys = cloud.keys(credential=1e9, token=1e9)
            credential = await keys.credential(AK)
            for at, number in ((0, 1), (3299, 1), (3300, 2), (6599, 2), (6600, 3)):
                cloud.seconds = at
                assert (await keys.token(credential)).id == f"token-{number}", at

        run(scenario())

    def test_a_user_who_was_disabled_is_found_out_in_time(self) -> None:
        """CVE-2012-5571 and its kin: the key is still there, but Keystone gives its owner no token any more."""

        async def scenario() -> None:
            cloud = keystone(AK)
            keys = cloud.keys(credential=1e9, token=300.0)
            credential = await keys.credential(AK)
            for at, number in ((0, 1), (299, 1), (300, 2)):
                cloud.seconds = at
                assert (await keys.token(credential)).id == f"token-{number}", at

        run(scenario())

    def test_a_short_life_is_used_to_its_half(self) -> None:
        async def scenario() -> None:
            cloud = keystone(AK)
            cloud.lifetime = 60.0
            keys = cloud.keys()
            credential = await keys.credential(AK)
            for at, number in ((0, 1), (29, 1), (30, 2)):
                cloud.seconds = at
                assert (await keys.token(credential)).id == f"token-{number}", at

        run(scenario())

    def test_forgotten_once_whoever_saw_it_refused(self) -> None:
        async def scenario() -> None:
            cloud = keystone(AK)
            cloud.delay = 0.005
            keys = cloud.keys()
            credential = await keys.credential(AK)
            stale = await keys.token(credential)

            async def renew() -> str:
                keys.forget(stale)
                return (await keys.token(credential)).id

            assert set(await asyncio.gather(*(renew() for _ in range(100)))) == {"token-2"}
            assert await renew() == "token-2"
            assert cloud.calls[f"token {AK}"] == 2

        run(scenario())

    def test_a_user_who_is_let_in_again(self) -> None:
        async def scenario() -> None:
            cloud = keystone(AK)
            cloud.barred = {f"user-{AK}"}
            keys = cloud.keys()
            credential = await keys.credential(AK)
            await refusal(keys.token(credential))
            cloud.barred = set()
            cloud.seconds = 4.9
            await refusal(keys.token(credential))
            cloud.seconds = 5.0
            assert (await keys.token(credential)).id

        run(scenario())


class TestKeystoneDown:
    def test_nothing_old_is_served(self) -> None:
        async def scenario() -> None:
            cloud = keystone(AK)
            keys = cloud.keys()
            await keys.token(await keys.credential(AK))
            cloud.down = True
            assert await keys.credential(AK)  # young still
            cloud.seconds = 60.0
            for _ in range(2):
                with pytest.raises(BackendError) as caught:
                    await keys.credential(AK)
                assert caught.value.fault is Fault.UNAVAILABLE
            cloud.down = False
            credential = await keys.credential(AK)
            assert (await keys.token(credential)).id == "token-1"

        run(scenario())

    def test_all_who_wait_are_told(self) -> None:
        async def scenario() -> None:
            cloud = keystone(AK)
            cloud.down, cloud.delay = True, 0.01
            keys = cloud.keys()
            answers = await asyncio.gather(*(keys.credential(AK) for _ in range(100)), return_exceptions=True)
            assert all(isinstance(answer, BackendError) for answer in answers)
            assert cloud.calls[f"credential {AK}"] == 1

        run(scenario())


def test_a_client_that_hangs_up_takes_nobodys_answer_away() -> None:
    async def scenario() -> None:
        cloud = keystone(AK)
        cloud.delay = 0.02
        keys = cloud.keys()
        first = asyncio.ensure_future(keys.credential(AK))
        second = asyncio.ensure_future(keys.credential(AK))
        await asyncio.sleep(0.001)
        first.cancel()
        assert (await second).access == AK
        assert first.cancelled()
        assert cloud.calls[f"credential {AK}"] == 1

    run(scenario())


def test_an_error_that_nobody_waits_for_makes_no_noise() -> None:
    async def scenario() -> None:
        cloud = keystone(AK)
        cloud.down, cloud.delay = True, 0.01
        loud: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: loud.append(context))
        asking = asyncio.ensure_future(cloud.keys().credential(AK))
        await asyncio.sleep(0.001)
        asking.cancel()
        await asyncio.sleep(0.03)
        assert loud == []

    run(scenario())


def test_no_more_are_kept_than_allowed_and_guesses_push_nothing_out() -> None:
    async def scenario() -> None:
        cloud = keystone(*(f"key-{n}" for n in range(20)))
        keys = cloud.keys(size=10)
        for n in range(20):
            await keys.token(await keys.credential(f"key-{n}"))
        for n in range(100):
            await refusal(keys.credential(f"guess-{n}"))
        tables = (keys._credentials, keys._tokens, keys._unknown, keys._barred, keys._owners)
        assert all(len(table._entries) <= 10 for table in tables)
        cloud.calls.clear()
        for n in range(10, 20):
            await keys.credential(f"key-{n}")
        assert not cloud.calls
        await keys.credential("key-9")
        await keys.credential("key-11")
        assert cloud.calls == {"credential key-9": 1}

    run(scenario())


@pytest.mark.parametrize("access", ["", "a" * 129, "a b", "a\nb", "é", "a/../b\x00"])
def test_keystone_is_not_asked_for_what_cannot_be_a_key(access: str) -> None:
    async def scenario() -> None:
        cloud = keystone()
        await refusal(cloud.keys().credential(access))
        assert not cloud.calls

    run(scenario())


def test_what_is_observed() -> None:
    async def scenario() -> None:
        cloud = keystone(AK)
        keys = cloud.keys()
        for _ in range(3):
            await keys.token(await keys.credential(AK))
        await refusal(keys.credential("nobody"))
        cloud.down = True
        with pytest.raises(BackendError):
            await keys.credential("another")
        assert cloud.seen == {
            ("credential", "miss"): 1,
            ("credential", "hit"): 2,
            ("credential", "unknown"): 1,
            ("credential", "error"): 1,
            ("token", "miss"): 1,
            ("token", "hit"): 2,
        }

    run(scenario())


def test_reprs_hold_no_secret() -> None:
    async def scenario() -> None:
        cloud = keystone(AK)
        keys = cloud.keys()
        credential = await keys.credential(AK)
        token = await keys.token(credential)
        assert "secret" not in repr(credential)
        assert "token-1" not in repr(token)
        assert "secret" not in repr(keys)

    run(scenario())
