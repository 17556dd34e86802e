"""Frontend: one AWS service as the gateway serves it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from adapters.errors import BackendError
from shim.auth.body import Body
from shim.context import Call
from shim.errors import AwsError
from shim.http.asgi import Receive
from shim.protocol.message import Reply, Request
from shim.protocol.service import Service


class Translate(Protocol):
    """A service's own sentence for a failed OpenStack call."""

    def __call__(self, error: BackendError, operation: str, params: Mapping[str, Any]) -> AwsError:
        """Return the AWS error; total over `Fault`."""
        ...


class Posting(Protocol):
    """A browser's form under way: who has signed it, its bytes, the request it stands for, and that request's body."""

    access_key: str
    length: int
    request: Request
    body: Body

    def verify(self, *, secret: str, regions: Container[str], region: str, now: datetime) -> None:
        """Raise AwsError unless the key's owner has allowed this upload."""
        ...

    def answer(self, reply: Reply, call: Call) -> Reply:
        """Return what the form's sender gets, from the answer to the request it stands for."""
        ...


@dataclass(frozen=True, slots=True)
class Forms:
    """A service's browser forms: whether a request is one, and the way to its file."""

    posted: Callable[[Request], bool]
    opened: Callable[[Request, Receive], Awaitable[Posting]]


@dataclass(frozen=True, slots=True)
class Frontend:
    """One AWS service as the gateway serves it, and what it says to a request that nobody signed."""

    service: Service
    translate: Translate
    anonymous: Callable[[Request], AwsError]
    buffered: bool  # requests are forms, read whole before their signature is checked
    forms: Forms | None = None
