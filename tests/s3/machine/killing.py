"""Runs S3's actions as a gateway of their own does for each, which may be killed between two of its calls to Swift."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from openstack.connection import Connection

from adapters.errors import BackendError
from shim.auth.body import Body, Plan
from shim.config import Settings
from shim.context import Call
from shim.keystore import KeyStore
from shim.locks import Locks
from shim.s3.errors import translate
from shim.s3.objects.conditions import lock_of
from tests.s3.in_process import ObjectsOnly, calling

T = TypeVar("T")
Action = Callable[[Call, Mapping[str, Any]], Awaitable[Any]]
_SECONDS = 20.0  # to wait for a lock that nobody holds
CLASS = "STANDARD_IA"  # its objects lie under the storage policy `cold`
SETTINGS = Settings.model_validate({"s3_storage_classes": {CLASS: "cold"}})


class Killed(BaseException):
    """The gateway is dead: no handler of failures runs to any effect, as it cannot reach Swift."""


class Mortal:
    """A store whose gateway is killed instead of the call number `after` (from 0), and makes no call after that."""

    def __init__(self, store: Any, after: int) -> None:
        self._store, self._left = store, after

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if not callable(found):  # what the gateway knows without a call
            return found

        async def call(*args: Any, **words: Any) -> Any:
            if self._left <= 0:
                raise Killed
            self._left -= 1
            return await found(*args, **words)

        return call


@dataclass(frozen=True)
class Gateways:
    """A new gateway for each action; all share their locks and keys.

    `kill` is the number of the call that the next one does not make.
    """

    connection: Connection
    locks: str
    keys: KeyStore

    def run(self, operation: str, action: Action, request: Mapping[str, Any], kill: int | None = None) -> Any:
        """Return the answer of an action; raise AwsError as S3 answers it, or Killed."""
        try:
            return self.work(operation, lambda call: action(call, request), kill)
        except BackendError as error:
            raise translate(error, operation, request) from error

    def work(self, operation: str, work: Callable[[Call], Awaitable[T]], kill: int | None = None) -> T:
        """Return what some work with one call returns."""
        return asyncio.run(self._work(operation, work, kill))

    async def _work(self, operation: str, work: Callable[[Call], Awaitable[T]], kill: int | None) -> T:
        locks = Locks(self.locks)
        await locks.start()
        try:
            async with calling(self.connection, operation) as call:
                call.settings, call.locks, call.keys = SETTINGS, locks, self.keys
                call.client, call.requester = "127.0.0.1", call.caller
                if kill is not None:
                    mortal: Any = ObjectsOnly(Mortal(call.cloud.objects, kill))  # type: ignore[arg-type]
                    call.cloud = mortal
                return await work(call)
        finally:
            await locks.stop()

    def read(self, action: Action, request: Mapping[str, Any]) -> bytes:
        """Return the body of an object."""

        async def whole(call: Call) -> bytes:
            body = (await action(call, request))["Body"]
            return body if isinstance(body, bytes) else b"".join([piece async for piece in body])

        return self.work("GetObject", whole)

    def take_lock(self, bucket: str, key: str) -> None:
        """Take the lock of a key, which no dead gateway may still hold."""

        async def take(call: Call) -> None:
            async with asyncio.timeout(_SECONDS), call.locks.hold(*lock_of(call, bucket, key)):
                pass

        self.work("lock", take)


def body(data: bytes) -> Body:
    """Return the body of a request, as the gateway receives it."""

    async def receive() -> Any:
        return {"type": "http.request", "body": data, "more_body": False}

    return Body(receive, Plan(length=len(data)))
