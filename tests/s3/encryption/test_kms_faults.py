"""What the key manager's failures become, and when it is asked: on a port that a test holds."""

import asyncio
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.errors import BackendError, Fault
from shim.config import Settings
from shim.context import Call, Caller
from shim.errors import AwsError
from shim.locks import Locks
from shim.s3 import errors
from shim.s3.encryption import kms
from shim.s3.encryption.blocks import TamperedError
from shim.s3.encryption.envelope import coded, decoded

KEY = "00000000-0000-4000-8000-000000000001"
ALICE = Caller("key", "alice", "alice", "project", "project", "1" * 12, frozenset())
BOB = ALICE._replace(user_id="bob")


class Held:
    """A key manager with one key; `fault` is what every call fails with."""

    def __init__(self) -> None:
        self.available = True
        self.held = {KEY: bytes(range(32))}
        self.named: list[str] = []
        self.fault: Fault | None = None
        self.counts: Counter[str] = Counter()

    def _count(self, call: str) -> None:
        self.counts[call] += 1
        if self.fault:
            raise BackendError(self.fault, service="key-manager", resource="secret", id=KEY)

    async def key(self, id: str) -> bytes:
        self._count("key")
        if id not in self.held:
            raise BackendError(Fault.NOT_FOUND, service="key-manager", resource="secret", id=id)
        return self.held[id]

    async def keys(self, name: str) -> list[str]:
        self._count("keys")
        await asyncio.sleep(0)
        return list(self.named)

    async def create_key(self, name: str, key: bytes) -> str:
        self._count("create_key")
        await asyncio.sleep(0)
        made = f"00000000-0000-4000-8000-{len(self.held) + 1:012}"
        self.held[made] = key
        self.named.append(made)
        return made


def calling(manager: Held, who: Caller = ALICE, like: Call | None = None) -> Call:
    cloud: Any = SimpleNamespace(key_manager=manager)
    call = Call(cloud, who, "request", "us-east-1", "PutObject", Settings.model_validate({}), Locks(""), signer=cloud)
    call.requester = who
    if like is not None:
        call.cache, call.locks = like.cache, like.locks
    return call


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        (Fault.NOT_FOUND, "KMS.NotFoundException", 400),
        (Fault.FORBIDDEN, "AccessDenied", 403),
        (Fault.UNAUTHORIZED, "AccessDenied", 403),
        (Fault.UNSUPPORTED, "KMS.InvalidKeyUsageException", 400),
        (Fault.INVALID, "KMS.InvalidKeyUsageException", 400),
        (Fault.QUOTA, "KMS.LimitExceededException", 400),
        (Fault.UNAVAILABLE, "ServiceUnavailable", 503),
        (Fault.THROTTLED, "SlowDown", 503),
    ],
)
def test_a_failure_becomes_an_error(fault: Fault, code: str, status: int) -> None:
    manager = Held()
    manager.fault = fault
    for key in (KEY, None):
        with pytest.raises((AwsError, BackendError)) as caught:
            asyncio.run(kms.new(calling(manager), key, None))
        error: Any = caught.value
        told = errors.translate(error) if isinstance(error, BackendError) else error
        assert (told.code, told.status) == (code, status)


def test_reads_of_one_user_share_a_key_and_writes_and_other_users_ask() -> None:
    manager = Held()
    call = calling(manager)

    async def go() -> None:
        made = await kms.new(call, KEY, None)
        await kms.new(call, KEY, None)
        assert manager.counts["key"] == 2
        for _ in range(3):
            assert await kms.unwrapped(call, made.envelope) == made.raw
        assert manager.counts["key"] == 3
        assert await kms.unwrapped(calling(manager, BOB, call), made.envelope) == made.raw
        assert manager.counts["key"] == 4

    asyncio.run(go())


def test_requests_at_the_same_time_make_one_default_key() -> None:
    manager = Held()
    call = calling(manager)

    async def go() -> None:
        await asyncio.gather(*(kms.new(calling(manager, ALICE, call), None, None) for _ in range(8)))

    asyncio.run(go())
    assert (manager.counts["create_key"], len(manager.named)) == (1, 1)


def test_a_wrap_belongs_to_its_key_and_its_context() -> None:
    manager = Held()
    call = calling(manager)
    made = asyncio.run(kms.new(call, KEY, "eyJhIjoiMSJ9"))
    value = decoded(made.envelope.value)
    other = Held()
    other.held[KEY] = bytes(32)
    for changed in (value[:40], value[:40] + bytes(32), bytes(40) + value[40:], value[:39], b""):
        with pytest.raises(TamperedError):
            asyncio.run(kms.unwrapped(call, made.envelope._replace(value=coded(changed))))
    with pytest.raises(TamperedError):
        asyncio.run(kms.unwrapped(calling(other), made.envelope))
    with pytest.raises(TamperedError):
        asyncio.run(kms.unwrapped(call, made.envelope._replace(name="no-key")))
    assert asyncio.run(kms.unwrapped(call, made.envelope)) == made.raw


def test_nothing_shows_a_key() -> None:
    made = asyncio.run(kms.new(calling(Held()), KEY, None))
    assert repr(made) == "Wrapped()"
