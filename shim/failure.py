"""The answer to a request that failed: any exception becomes an error of its service."""

from __future__ import annotations

import logging
from collections.abc import Container, Mapping
from typing import Any

from adapters.errors import BackendError, Fault
from shim.errors import AwsError
from shim.frontend import Frontend
from shim.protocol.message import Reply, Request
from shim.record import Record
from shim.refusals import is_refusal

log = logging.getLogger(__name__)

# Faults that are normal answers: a client asked whether something exists or has changed.
_NORMAL_FAULTS = frozenset((Fault.NOT_FOUND, Fault.NOT_MODIFIED, Fault.PRECONDITION, Fault.RANGE))

_LONGEST_NAME = 200  # characters of a refused name that the log keeps
_BUG_MESSAGE = "We encountered an internal error. Please try again."


def failure(
    error: Exception,
    record: Record,
    frontend: Frontend,
    request: Request,
    params: Mapping[str, Any] | None,
    hidden: Container[str] = (),
) -> Reply:
    """Turn any exception into the service's error envelope, and record what was refused and why.

    An error whose code is `hidden` from the sender is answered as a request that is not allowed.
    """
    told = visible(aws_error(error, record, frontend, params), record, frontend, request, hidden)
    note(told, record, frontend)
    if frontend.failure is not None:
        return frontend.failure(told, record.request_id, request)
    return frontend.service.failure(told, request_id=record.request_id, request=request)


def visible(error: AwsError, record: Record, frontend: Frontend, request: Request, hidden: Container[str]) -> AwsError:
    """Return the error that the sender is told; of a code in `hidden` only the record learns."""
    if error.code not in hidden:
        return error
    record.reason = f"{error.code}, which the sender may not know"
    return frontend.unsigned(request)


def note(told: AwsError, record: Record, frontend: Frontend) -> None:
    """Record the error that a request is answered with, and what was refused and why."""
    record.code = told.code
    if is_refusal(told.status, told.code):
        record.reason = record.reason or told.message
        record.refused = told.refused[:_LONGEST_NAME]
        if record.refused:
            record.refused_label = frontend.service.label(record.refused)


def aws_error(error: Exception, record: Record, frontend: Frontend, params: Mapping[str, Any] | None) -> AwsError:
    """Return the AWS error for any exception, and log what it hides; for a bug, clients get only the request id."""
    if isinstance(error, BackendError):
        level = logging.DEBUG if error.fault in _NORMAL_FAULTS else logging.WARNING
        log.log(level, "request %s: %s (upstream %s)", record.request_id, error, error.upstream_id or "-")
        error = frontend.translate(error, record.operation, params or {})
    if not isinstance(error, AwsError):
        log.error("request %s: %s %s broke", record.request_id, record.service, record.operation, exc_info=error)
        error = AwsError("InternalError", _BUG_MESSAGE, 500)
    return error
