"""Logs: one structured line for each call, and never a secret in any of them.

A line is a JSON object, or `name=value` text for people.  Both carry the same fields; what a call's line may say is
fixed by `fields`, and the record it is made from has no place for a header, a query or a body.  Text that others wrote
(exception messages, libraries' warnings) passes `scrub` first, because a signature or a token may hide in it.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import IO, Any, Literal

import orjson

from shim.record import Record

CALLS = logging.getLogger("passerelle.call")

# These write whole requests at lower levels, headers and tokens included.
TALKATIVE = (
    "asyncio",
    "botocore",
    "httpcore",
    "httpx",
    "keystoneauth",
    "openstack",
    "stevedore",
    "tooz",
    "urllib3",
    "uvicorn",
)
# This one warns of each form that it refuses, which the call's own line tells.
REPETITIVE = ("python_multipart",)

_SECRETS = re.compile(
    r"""(?ix)
    (   \b(?:x-amz-signature|signature|x-amz-credential|awsaccesskeyid|x-amz-security-token)=     # query, header
    |   \b(?:authorization|x-auth-token|x-service-token|x-subject-token|x-amz-security-token
           |x-amz-server-side-encryption-customer-key
           |x-amz-copy-source-server-side-encryption-customer-key)["']?\s*[:=]\s*["']?(?:aws4-hmac-sha256\s|aws\s)?
    |   ["']?\b(?:secret|password|secret_key|secretaccesskey)["']?\s*[:=]\s*["']?
    )
    [^\s"'&,}]+
    """
)


Parts = dict[str, Any]  # time, level, logger, message, then whatever a line says
_write: Callable[[Parts], None] | None = None  # where lines go; nowhere until `configure` was called


def write_call(record: Record) -> None:
    """Write the line of a finished call.

    It does not pass `logging`, whose record and handlers cost more than all the rest, and this runs for every request.
    Its fields are ours, so there is nothing to scrub.
    """
    if _write is not None and CALLS.isEnabledFor(logging.INFO):
        _write(fields(record))


def fields(record: Record) -> Parts:
    """Return what the log says of a call, in the order of its line; what is empty is left out.

    `ms` is the time from the request's first byte to the answer's last; `upstream_ms` adds up the OpenStack calls
    behind it, which may have run side by side.  Of the access key the last four characters are told.
    """
    said: Parts = {
        "time": _time(time.time()),
        "level": "info",
        "logger": CALLS.name,
        "message": "call",
        "request_id": record.request_id,
        "service": record.service,
        "action": record.operation,
        "status": record.status,
        "ms": round(record.seconds * 1000, 2),
        "code": record.code,
        "refused": record.refused,
        "bytes_in": record.bytes_in,
        "bytes_out": record.bytes_out,
        "account": record.account,
        "project": record.project,
        "access_key": record.access_key and f"…{record.access_key[-4:]}",
        "client": record.client,
        "upstream_calls": record.upstream_calls,
        "upstream_ms": round(record.upstream_seconds * 1000, 2),
    }
    if not record.code:  # all is well, and then nothing else is empty
        del said["code"], said["refused"]
    return {name: value for name, value in said.items() if value != ""} if "" in said.values() else said


def scrub(text: str) -> str:
    """Return `text` with the values of everything that looks like a signature, token or secret taken out."""
    return _SECRETS.sub(r"\1[redacted]", text)


def configure(level: str, style: Literal["json", "text"], stream: IO[str] | None = None) -> None:
    """Send every log record of this process to `stream` (standard error by default), once, in one form."""
    global _write
    target, form = stream or sys.stderr, _FORMATS[style]
    handler = logging.StreamHandler(target)
    handler.setFormatter(LineFormatter(form))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # No form of ours names them, and looking them up is most of what a record costs.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    for name in REPETITIVE:
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.captureWarnings(True)

    def write(parts: Parts) -> None:
        try:
            target.write(form(parts) + "\n")
            target.flush()
        except (OSError, ValueError):
            pass  # no request fails because its line cannot be written

    _write = write


class LineFormatter(logging.Formatter):
    """Records in one of the forms, without the secrets that others may have written into them."""

    def __init__(self, form: Callable[[Parts], str]) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        parts = {
            "time": _time(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": scrub(record.getMessage()),
        }
        if record.exc_info:
            parts["exception"] = scrub(self.formatException(record.exc_info))
        return self._form(parts)


def _json(parts: Parts) -> str:
    try:
        return orjson.dumps(parts).decode()
    except TypeError:  # what others wrote may hold bytes that are no UTF-8, as surrogates
        return json.dumps(parts, default=str)


def _text(parts: Parts) -> str:
    """Return `time LEVEL logger: message name=value …`, for people who read along; a traceback follows."""
    rest = dict(parts)
    head = f"{rest.pop('time')} {rest.pop('level').upper()} {rest.pop('logger')}: {rest.pop('message')}"
    trace = rest.pop("exception", "")
    return " ".join([head, *(f"{name}={_plain(value)}" for name, value in rest.items())]) + (trace and f"\n{trace}")


_FORMATS: Mapping[str, Callable[[Parts], str]] = {"json": _json, "text": _text}


def _time(seconds: float) -> str:
    return f"{_second(int(seconds))}.{int(seconds % 1 * 1000):03d}Z"


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def _plain(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if not text or re.search(r'[\s"=]', text) else text
