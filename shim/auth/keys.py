"""Caches of secrets and tokens, so that Keystone is asked rarely; the operator sets how long an answer is used.

At most one look-up of an access key runs at a time; all requests with that key wait for it.  When Keystone does not
answer, expired entries are not used: what cannot be verified is refused.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from adapters.errors import BackendError, Fault
from adapters.ports.identity import Identity, OwnedCredentials
from adapters.types.identity import Ec2Credential, Token
from shim.auth.errors import AuthFault, auth_error, unknown_key
from shim.auth.sessions import SessionCredential, Sessions
from shim.auth.unknown_keys import UnknownLimit
from shim.cache import Lookups

_ACCESS_KEY = re.compile(r"[\x21-\x7e]{1,128}")  # IAM's are 16 to 128 word characters, Keystone allows any text

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long answers of Keystone are kept, in seconds, and for how many access keys.

    `credential` bounds how long a revoked key works, `token` how long the key of a disabled user, or of one who lost a
    role, does; `miss` is for keys that Keystone does not know or lets in no more; a token is renewed `token_margin`
    before its end, or at half of its life where that is shorter.  `unknown_per_second` is how many look-ups of unknown
    keys Keystone gets a second.
    """

    credential: float = 60.0
    token: float = 300.0
    miss: float = 5.0
    token_margin: float = 300.0
    size: int = 10_000
    unknown_per_second: float = 20.0


class _ExpiringEntries(Generic[K, V]):
    """A bounded mapping: keeps the most recently used entries, each until its own expiry."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def get(self, key: K, now: float) -> V | None:
        """Return the value of a key that has not expired."""
        found = self._entries.get(key)
        if found is None:
            return None
        until, value = found
        if now >= until:
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return value

    def put(self, key: K, value: V, until: float) -> None:
        """Keep a value; of too many the least recently used one is dropped."""
        self._entries[key] = (until, value)
        self._entries.move_to_end(key)
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)

    def peek(self, key: K) -> V | None:
        """Return the value of a key, expired or not."""
        found = self._entries.get(key)
        return found[1] if found else None

    def drop(self, key: K) -> None:
        """Forget a key."""
        self._entries.pop(key, None)


class _SharedLookups:
    """Look-ups in progress: a second caller for the same key waits for the first one's answer."""

    def __init__(self) -> None:
        self._tasks: dict[Hashable, asyncio.Future[Any]] = {}

    async def run(self, key: Hashable, ask: Callable[[], Awaitable[T]]) -> T:
        """Return the answer for `key`; start `ask` only if no look-up of it is in progress.

        The look-up is a task of its own, so a client that hangs up does not cancel it for the others.
        """
        task = self._tasks.get(key)
        if task is None:
            task = asyncio.ensure_future(_await_answer(ask))
            self._tasks[key] = task
            task.add_done_callback(lambda done: self._finish(key, done))
        answer: T = await asyncio.shield(task)
        return answer

    def _finish(self, key: Hashable, task: asyncio.Future[Any]) -> None:
        self._tasks.pop(key, None)
        if not task.cancelled():
            task.exception()  # retrieved, so that asyncio does not warn where every caller has gone


async def _await_answer(ask: Callable[[], Awaitable[T]]) -> T:
    return await ask()


class Keys:
    """The access keys and tokens in use.

    `sessions` opens the tokens of sessions, and `owned` lists the keys of a user; without them there are no sessions.
    `clock` gives monotonic seconds, `now` the time of day (aware); `lookups` counts the look-ups of
    `credential` and `token` by outcome: `hit`, `miss`, `unknown` or `error`.
    """

    def __init__(
        self,
        identity: Identity,
        lifetimes: Lifetimes = Lifetimes(),
        *,
        clock: Callable[[], float],
        now: Callable[[], datetime] = _now,
        lookups: Lookups | None = None,
        sessions: Sessions | None = None,
        owned: OwnedCredentials | None = None,
    ) -> None:
        self._identity = identity
        self.sessions = sessions
        self.owned = owned
        self._lifetimes = lifetimes
        self._clock = clock
        self._now = now
        self._seen: Lookups = defaultdict(float) if lookups is None else lookups
        self._credentials: _ExpiringEntries[str, Ec2Credential] = _ExpiringEntries(lifetimes.size)
        self._tokens: _ExpiringEntries[str, tuple[Ec2Credential, Token]] = _ExpiringEntries(lifetimes.size)
        self._owners: _ExpiringEntries[str, str] = _ExpiringEntries(lifetimes.size)  # access key of a token's id
        # Kept apart from known keys, so that made-up keys do not evict those.
        self._unknown: _ExpiringEntries[str, bool] = _ExpiringEntries(lifetimes.size)
        self._barred: _ExpiringEntries[Ec2Credential, bool] = _ExpiringEntries(lifetimes.size)
        # Keys that were valid once are looked up without the limit on unknown ones.
        self._valid_before: _ExpiringEntries[str, bool] = _ExpiringEntries(lifetimes.size)
        self._unknown_limit = UnknownLimit(
            lifetimes.unknown_per_second, clock, service="identity", resource="credential"
        )
        self._lookups = _SharedLookups()

    async def credential(
        self, access: str, *, service: str = "s3", address: str = "", token: str = ""
    ) -> Ec2Credential:
        """Return the credential of an access key that a client names, at most `Lifetimes.credential` seconds old.

        With a session's `token` it is the session's; the token is opened before Keystone is asked for the parent.

        Raises AwsError in the words of `service` for a key that nobody has, BackendError where Keystone cannot tell, or
        is not asked because too many keys were unknown lately.
        """
        if token:
            return await self._session(access, token, service, address)
        now = self._clock()
        found = self._credentials.get(access, now)
        if found is not None:
            self._seen["credential", "hit"] += 1
            return found
        if self._unknown.get(access, now) or not _ACCESS_KEY.fullmatch(access):
            self._seen["credential", "unknown"] += 1
            raise unknown_key(service, access)
        known = await self._lookups.run(("credential", access), lambda: self._ask_credential(access, address))
        if known is None:
            raise unknown_key(service, access)
        return known

    async def _session(self, access: str, token: str, service: str, address: str) -> SessionCredential:
        if self.sessions is None:
            raise auth_error(service, AuthFault.BAD_TOKEN)
        session = self.sessions.open(access, token, service=service, now=self._now())
        parent = await self.credential(session.parent, service=service, address=address)
        if (parent.user_id, parent.project_id) != (session.user_id, session.project_id):
            raise auth_error(service, AuthFault.BAD_TOKEN)  # another key of that name was made since
        secret = self.sessions.secret(access, token)
        return SessionCredential(
            access, secret, parent.user_id, parent.project_id, parent=parent, session=session, token=token
        )

    async def _ask_credential(self, access: str, address: str) -> Ec2Credential | None:
        if self._valid_before.peek(access):
            return await self._look_up(access)
        async with self._unknown_limit.lookup(address) as count_unknown:
            found = await self._look_up(access)
            if found is None:
                count_unknown()
            return found

    async def _look_up(self, access: str) -> Ec2Credential | None:
        asked = self._clock()  # the answer may be as old as the request for it
        try:
            found = await self._identity.ec2_credential(access)
        except BackendError:
            self._seen["credential", "error"] += 1
            raise
        self._seen["credential", "miss" if found else "unknown"] += 1
        held = self._tokens.peek(access)
        if held is not None:
            if held[0] == found:
                found = held[0]  # the same object, which `token` compares by identity
            else:
                self._tokens.drop(access)
        if found is None:
            self._credentials.drop(access)
            self._valid_before.drop(access)
            self._unknown.put(access, True, asked + self._lifetimes.miss)
        else:
            self._credentials.put(access, found, asked + self._lifetimes.credential)
            self._valid_before.put(access, True, math.inf)
        return found

    async def token(self, credential: Ec2Credential, *, service: str = "s3") -> Token:
        """Return a token of a credential's user on its project that does not expire soon.

        Raises AwsError as `credential` does where user, project or role are gone or disabled; BackendError where
        Keystone cannot tell.
        """
        now = self._clock()
        held = self._tokens.get(credential.access, now)
        if held is not None:
            owner, token = held
            if owner is credential or owner == credential:
                self._seen["token", "hit"] += 1
                return token
        if self._barred.get(credential, now):
            self._seen["token", "unknown"] += 1
            raise unknown_key(service, credential.access)
        fresh = await self._lookups.run(("token", credential), lambda: self._ask_token(credential))
        if fresh is None:
            raise unknown_key(service, credential.access)
        return fresh

    async def _ask_token(self, credential: Ec2Credential) -> Token | None:
        asked = self._clock()
        try:
            token = await self._identity.token(credential)
        except BackendError as error:
            if error.fault is not Fault.UNAUTHORIZED:
                self._seen["token", "error"] += 1
                raise
            self._seen["token", "unknown"] += 1
            self._barred.put(credential, True, asked + self._lifetimes.miss)
            return None
        self._seen["token", "miss"] += 1
        life = (token.expires_at - self._now()) / timedelta(seconds=1)
        until = asked + min(max(life - self._lifetimes.token_margin, life / 2), self._lifetimes.token)
        # The key may have been revoked or given another secret while Keystone answered.
        current = self._credentials.peek(credential.access)
        if current is None or current == credential:
            self._tokens.put(credential.access, (credential, token), until)
            self._owners.put(token.id, credential.access, until)
        return token

    def forget(self, token: Token) -> None:
        """Drop a token that a service refused, so that the next `token` asks anew; one renewed meanwhile stays."""
        access = self._owners.peek(token.id) or ""
        held = self._tokens.peek(access)
        if held is not None and held[1].id == token.id:
            self._tokens.drop(access)
