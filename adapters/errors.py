"""The failures of OpenStack calls, in terms that all services share.

An adapter turns (service, status, body) into a `BackendError`; code above the ports decides by `fault` and never by a
status code.
"""

from __future__ import annotations

from collections.abc import Awaitable
from enum import Enum
from typing import TypeVar

A = TypeVar("A")
D = TypeVar("D")


class Fault(Enum):
    """Why OpenStack did not do what it was asked to do."""

    NOT_FOUND = "not found"  # the project has no such resource, or not the one that contains it
    IN_USE = "in use"  # something else still depends on it
    CONFLICT = "conflict"  # its state forbids this now
    DUPLICATE = "duplicate"  # the name, rule or address exists already
    QUOTA = "quota"  # a project limit was reached
    INVALID = "invalid"  # OpenStack refused a value
    TOO_LARGE = "too large"  # one thing is larger than the cloud stores
    FORBIDDEN = "forbidden"  # the caller's roles do not allow it
    UNAUTHORIZED = "unauthorized"  # the token was refused, even after it was renewed once
    NO_CAPACITY = "no capacity"  # no host or no address is left
    PRECONDITION = "precondition failed"  # a condition sent along did not hold
    NOT_MODIFIED = "not modified"  # a conditional read found nothing newer
    RANGE = "range not satisfiable"  # the byte range lies outside the object
    CHECKSUM = "checksum mismatch"  # the stored bytes do not match the declared checksum
    UNSUPPORTED = "unsupported"  # this cloud lacks the service or the extension
    THROTTLED = "throttled"  # OpenStack asked to slow down
    UNAVAILABLE = "unavailable"  # no answer, a 5xx, or an answer that cannot be read


class BackendError(Exception):
    """One OpenStack call failed.

    `service` and `resource` are OpenStack's terms ("compute", "server"), `id` is that of the resource if the call named
    one, `detail` is OpenStack's message (never shown to clients for UNAVAILABLE), `upstream_id` its request id for the
    log, `retry_after` the seconds that it asked to wait.  `version` is the version that Swift named in
    its refusal: it shows that the container has versions.
    """

    def __init__(
        self,
        fault: Fault,
        *,
        service: str,
        resource: str = "",
        id: str = "",
        detail: str = "",
        status: int = 0,
        upstream_id: str = "",
        retry_after: int | None = None,
    ) -> None:
        super().__init__(f"{service} {resource or '-'} {id or '-'}: {fault.value} ({status}) {detail}")
        self.fault = fault
        self.service = service
        self.resource = resource
        self.id = id
        self.detail = detail
        self.status = status
        self.upstream_id = upstream_id
        self.retry_after = retry_after
        self.version = ""


async def absent_is(absent: D, call: Awaitable[A], *, resource: str = "") -> A | D:
    """Await a call, and return `absent` where it fails with NOT_FOUND.

    With `resource`, only where that resource is not found: the object, and not its container.  Every other failure is
    raised.
    """
    try:
        return await call
    except BackendError as error:
        if error.fault is not Fault.NOT_FOUND or (resource and error.resource != resource):
            raise
        return absent
