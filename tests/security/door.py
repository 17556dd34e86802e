"""A gateway without a cloud, for tests of requests that must not reach one: every call to the cloud is recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from adapters.errors import BackendError, Fault
from adapters.types.identity import Ec2Credential, Token
from adapters.types.objects import Container
from shim.app import FRONTENDS
from shim.auth.keys import Keys
from shim.cache import Cache
from shim.config import Settings
from shim.frontend import Frontend
from shim.gateway import Gateway
from shim.locks import Locks
from shim.record import Record
from shim.worker import Worker

ACCESS = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
HOST = "localhost:8788"


class OneUser:
    """A Keystone that knows one access key; `roles` are what its owner may do."""

    def __init__(self, roles: frozenset[str] = frozenset({"member", "reader"})) -> None:
        self.roles = roles

    async def ec2_credential(self, access: str) -> Ec2Credential | None:
        return Ec2Credential(ACCESS, SECRET, "u1", "p1") if access == ACCESS else None

    async def token(self, credential: Ec2Credential) -> Token:
        later = datetime.now(UTC) + timedelta(hours=1)
        return Token("t", later, "u1", "alice", "p1", "main", "default", self.roles, {})

    async def ready(self) -> None:
        return


class Alarm:
    """A cloud that records every call of every port, and refuses it.

    The one call that it answers is a look at a bucket's configuration, by which a request is authorised.
    """

    def __init__(self, touched: list[str], port: str = "") -> None:
        self._touched = touched
        self._port = port

    def __getattr__(self, name: str) -> Any:
        return self._call(name) if self._port else Alarm(self._touched, name)

    def _call(self, name: str) -> Any:
        if (self._port, name) == ("objects", "container"):
            return self._container

        async def call(*args: object, **kwargs: object) -> None:
            self._touched.append(f"{self._port}.{name}")
            raise BackendError(Fault.UNAVAILABLE, service=self._port, detail=name)

        return call

    async def _container(self, name: str) -> Container:
        return Container(name, datetime.now(UTC), 0, 0)


@dataclass
class Answer:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Door:
    """A gateway that records calls to its cloud; `given` are its settings."""

    identity: OneUser = field(default_factory=OneUser)
    touched: list[str] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    frontends: Mapping[str, Frontend] = field(default_factory=lambda: FRONTENDS)
    received: int = 0  # how often the gateway asked for the request's body
    given: Mapping[str, Any] = field(default_factory=dict)
    made_of: type[Gateway] = Gateway

    def __post_init__(self) -> None:
        self.settings = Settings.model_validate({"region": "RegionOne", "page_token_key": "k", **self.given})
        self.gateway = self.made_of(
            frontends=self.frontends,
            tenants=self,
            credentials=Keys(self.identity, clock=monotonic),
            locks=Locks(""),
            cache=Cache(),
            worker=Worker(),
            settings=self.settings,
            regions=frozenset(("us-east-1", "RegionOne")),
            observe=self.records.append,
            side=self._side,
        )

    def tenant(self, tokens: Any, token: Token, request_id: str) -> Any:
        return Alarm(self.touched)

    async def service(self, project_id: str, request_id: str, *, contained: bool = False) -> Any:
        return Alarm(self.touched)

    async def own(self, request_id: str) -> Any:
        return Alarm(self.touched)

    async def shared(self, request_id: str) -> Any:
        return None

    async def _side(self, scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("the side door")

    def knock(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Send one request, byte for byte as given."""
        return asyncio.run(self._knock(method, url, headers, body))

    async def _knock(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        parts = urlsplit(url)
        answer = Answer()
        sent = [{"type": "http.request", "body": body, "more_body": False}]
        told = {"host": parts.netloc, **{name.lower(): value for name, value in headers.items()}}
        if body or method in ("PUT", "POST"):
            told.setdefault("content-length", str(len(body)))
        scope: MutableMapping[str, Any] = {
            "type": "http",
            "method": method,
            "scheme": parts.scheme,
            "raw_path": (parts.path or "/").encode("latin-1"),
            "query_string": parts.query.encode("latin-1"),
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in told.items()],
            "client": ("127.0.0.1", 1),
        }

        async def receive() -> MutableMapping[str, Any]:
            self.received += 1
            return sent.pop(0) if sent else {"type": "http.disconnect"}

        async def send(event: MutableMapping[str, Any]) -> None:
            if event["type"] == "http.response.start":
                answer.status = event["status"]
                answer.headers = {k.decode().lower(): v.decode("latin-1") for k, v in event["headers"]}
            else:
                answer.body += event.get("body", b"")

        await self.gateway(scope, receive, send)
        return answer
