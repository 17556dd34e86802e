"""Logs: one structured line for each call, and never a secret in any of them.

A line is a JSON object, or `name=value` text for people.  Both have the same fields; `fields` decides those of a call's
line, and the record that it is made from has no header, query or body.  Text of libraries (exception messages,
warnings) passes through `scrub`, because it may contain a signature or a token.
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
AUDIT = logging.getLogger("passerelle.audit")

# These libraries log whole requests at lower levels, headers and tokens included.
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
# This library warns of each form that it refuses, which the call's own line has too.
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


Parts = dict[str, Any]  # time, level, logger, message, then the line's other fields
_write: Callable[[Parts], None] | None = None  # writes a line; None until `configure` is called


def write_call(record: Record) -> None:
    """Write the line of a finished call.

    It bypasses `logging`, whose record and handlers cost more than the line itself, as this runs for every request.
    Its fields contain no text of libraries, so nothing is scrubbed.
    """
    if _write is not None and CALLS.isEnabledFor(logging.INFO):
        _write(fields(record))


def write_audit(message: str, **facts: object) -> None:
    """Write the line of something that was done without a request, with those of the facts that are not empty."""
    if _write is not None and AUDIT.isEnabledFor(logging.INFO):
        said = {name: value for name, value in facts.items() if value != ""}
        _write({"time": _time(time.time()), "level": "info", "logger": AUDIT.name, "message": message, **said})


def fields(record: Record) -> Parts:
    """Return the fields of a call's line, in order; empty ones are left out.

    `ms` is the time from the request's first byte to the answer's last; `upstream_ms` adds up its OpenStack calls,
    which may have run at the same time.  Only the last four characters of the access key are shown.
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
        "bytes_in": record.bytes_in,
        "bytes_out": record.bytes_out,
        "account": record.account,
        "project": record.project,
        "access_key": record.access_key and f"…{record.access_key[-4:]}",
        "client": record.client,
        "upstream_calls": record.upstream_calls,
        "upstream_ms": round(record.upstream_seconds * 1000, 2),
    }
    if record.code:
        said |= {"code": record.code, "refused": record.refused}
    return {name: value for name, value in said.items() if value != ""} if "" in said.values() else said


def scrub(text: str) -> str:
    """Return `text` with everything that looks like a signature, token or secret replaced."""
    return _SECRETS.sub(r"\1[redacted]", text)


def configure(level: str, style: Literal["json", "text"], stream: IO[str] | None = None) -> None:
    """Send every log record of this process to `stream` (standard error by default), once, in one format."""
    global _write
    target, form = stream or sys.stderr, _FORMATS[style]
    handler = logging.StreamHandler(target)
    handler.setFormatter(LineFormatter(form))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # No format uses these, and looking them up is most of the cost of a record.
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
            pass  # a request must not fail because its line cannot be written

    _write = write


class LineFormatter(logging.Formatter):
    """Formats records, without the secrets that libraries may have written into them."""

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
    except TypeError:  # text of libraries may hold bytes that are not UTF-8, as surrogates
        return json.dumps(parts, default=str)


def _text(parts: Parts) -> str:
    """Return `time LEVEL logger: message name=value …`, for people; a traceback follows."""
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
