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
    """A browser's form of which the fields have come.

    `access_key` signed its policy, `length` counts its bytes, `request` is the PutObject that it stands for, and
    `body` that request's body: the form's file.
    """

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
    """A service's browser forms: `posted` tells whether a request is one, `opened` reads it up to its file."""

    posted: Callable[[Request], bool]
    opened: Callable[[Request, Receive], Awaitable[Posting]]


@dataclass(frozen=True, slots=True)
class Frontend:
    """One AWS service as the gateway serves it.

    `unsigned` is its answer to a request that nobody signed, `preflight` its answer to a browser's question (OPTIONS)
    whether a page may send a request, which is never signed.
    """

    service: Service
    translate: Translate
    unsigned: Callable[[Request], AwsError]
    buffered: bool  # requests are forms, read whole before their signature is checked
    forms: Forms | None = None
    preflight: Callable[[Request], AwsError] | None = None
