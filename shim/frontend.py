"""Frontend: an AWS service with the functions by which the gateway serves it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from adapters.errors import BackendError
from shim.auth.body import Body
from shim.auth.sigv4 import Verified
from shim.authz.decision import Decision
from shim.authz.principal import Principal
from shim.context import Call
from shim.errors import AwsError
from shim.http.asgi import Receive
from shim.protocol.message import Reply, Request
from shim.protocol.operation import Fail, Operation
from shim.protocol.service import Service


class Translate(Protocol):
    """Turns a failed OpenStack call into a service's own error."""

    def __call__(self, error: BackendError, operation: str, params: Mapping[str, Any]) -> AwsError:
        """Return the AWS error; every `Fault` has one."""
        ...


class Authorise(Protocol):
    """Decides on a request for a service's own resource by the rules of that resource (a bucket's policy)."""

    async def __call__(
        self, call: Call, request: Request, operation: Operation, principal: Principal, verified: Verified | None
    ) -> Decision:
        """Return the decision; raise AwsError for a request that no rule could be applied to."""
        ...


class BrowserForm(Protocol):
    """A browser's form, read up to its file.

    `access_key` signed its policy, with a signature of version 4 if `is_v4`, '' if nobody signed one; `length` counts
    its bytes, `request` is the PutObject that it is handled as, and `body` that request's body: the form's file.
    """

    access_key: str
    is_v4: bool
    length: int
    request: Request
    body: Body

    def verify(self, *, secret: str, regions: Container[str], region: str, now: datetime) -> None:
        """Raise AwsError unless the policy is signed with the secret and allows this upload."""
        ...

    def answer(self, reply: Reply, call: Call) -> Reply:
        """Return the answer to the form, from the PutObject's answer."""
        ...


@dataclass(frozen=True, slots=True)
class FormHandler:
    """How a service handles browser forms: `matches` recognises one, `open` reads it up to its file."""

    matches: Callable[[Request], bool]
    open: Callable[[Request, Receive], Awaitable[BrowserForm]]


@dataclass(frozen=True, slots=True)
class CrossOrigin:
    """How a service lets pages of other sites use it from a browser.

    `preflight` answers a browser's preflight (OPTIONS), which is never signed: its call is in the project of the access
    key that the request names, or in none.  `headers` returns what an answer to a request with an `Origin` has beside
    its own headers.
    """

    preflight: Callable[[Call, Request], Awaitable[Reply]]
    headers: Callable[[Call, Request], Awaitable[Sequence[tuple[str, str]]]]


@dataclass(frozen=True, slots=True)
class Frontend:
    """One AWS service with its functions.

    `unsigned` makes its error for an unsigned request; `authorise` decides on requests whose address names a resource.
    `failure` writes errors in another form than the service's own envelope.
    """

    service: Service
    translate: Translate
    unsigned: Callable[[Request], AwsError]
    buffered: bool  # requests are forms, read whole before their signature is checked
    form_handler: FormHandler | None = None
    cross_origin: CrossOrigin | None = None
    authorise: Authorise | None = None
    failure: Fail | None = None
