"""Shared by tests of OpenStack's adapters: tokens, a catalog without discovery, sessions over a scripted transport."""

import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import httpx

from adapters.openstack.microversions import Microversion
from adapters.openstack.session import Session
from adapters.openstack.transport import Endpoint, Timeouts, Transport
from adapters.types.identity import Token

REQUEST_ID = str(uuid.UUID(int=7))
PROJECT = "e3859c0d3bd8400fbbf91b0d63b820a2"
CATALOG = {
    "compute": "http://nova.test/v2.1",
    "network": "http://neutron.test/v2.0",
    "block-storage": "http://cinder.test/v3",
    "image": "http://glance.test/v2",
    "identity": "http://keystone.test/v3",
}
NEWEST: dict[str, Microversion | None] = {"compute": (2, 104), "block-storage": (3, 71)}

Handler = Callable[[httpx.Request], httpx.Response | Awaitable[httpx.Response]]


def token(id: str = "first", catalog: dict[str, str] | None = None, project_id: str = PROJECT) -> Token:
    return Token(
        id=id,
        expires_at=datetime(2100, 1, 1, tzinfo=UTC),
        user_id="u",
        user_name="demo",
        project_id=project_id,
        project_name="demo",
        domain_id="default",
        roles=frozenset({"member"}),
        catalog=CATALOG if catalog is None else catalog,
    )


class Tokens:
    """Returns `token("first")`, and after each renewal the next of `others`; keeps the last one."""

    def __init__(self, *others: str, first: Token | None = None) -> None:
        self.held = first or token()
        self._others = list(others)
        self.renewed: list[str] = []

    async def token(self) -> Token:
        return self.held

    async def renew(self, stale: Token) -> Token:
        self.renewed.append(stale.id)
        if self._others:
            self.held = token(self._others.pop(0))
        return self.held


class Known:
    """A discovery without requests: the catalog's URL is the endpoint."""

    def __init__(self, newest: dict[str, Microversion | None] | None = None) -> None:
        self._newest = NEWEST if newest is None else newest

    async def endpoint(self, service: str, url: str, project_id: str) -> Endpoint:
        return Endpoint(url, self._newest.get(service))


class Wire:
    """A scripted OpenStack that answers by `handler` and records the requests."""

    def __init__(
        self,
        handler: Handler,
        *,
        total: float = 5.0,
        newest: dict[str, Microversion | None] | None = None,
        each: int = 16,
    ) -> None:
        self.requests: list[httpx.Request] = []
        self.observed: list[tuple[str, str, int]] = []
        self._handler = handler
        self.transport = Transport(
            Known(newest),
            timeouts=Timeouts(connect=1.0, total=total),
            observe=lambda service, method, status, seconds: self.observed.append((service, method, status)),
            each=each,
            http=httpx.MockTransport(self._answer),
        )

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._handler(request)
        return answer if isinstance(answer, httpx.Response) else await answer

    def session(self, tokens: Tokens | None = None) -> Session:
        return Session(self.transport, tokens or Tokens(), REQUEST_ID)


def answers(*given: httpx.Response | Exception) -> Handler:
    """Return the answers in turn, and repeat the last one."""
    left = list(given)

    def answer(_: httpx.Request) -> httpx.Response:
        now = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(now, Exception):
            raise now
        return now

    return answer


def error_json(status: int, message: str = "no", **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"fault": {"code": status, "message": message}}, headers=headers)
