"""Logs: one structured line for each call, and never a secret in any of them.

A line is a JSON object, or `name=value` text for people.  Both carry the same fields; what a line may say is fixed by
`CallLine`, which has no place for a header, a query or a body.  Text that others wrote (exception messages, libraries'
warnings) passes `scrub` first, because a signature or a token may hide in it.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import re
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import IO, Any, Literal

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


@dataclass(slots=True)
class CallLine:
    """What the log says of one call.  `access_key` is cut to its last four characters here, whoever fills it in.

    `ms` is the time from the request's first byte to the answer's last; `upstream_ms` adds up the OpenStack calls
    behind it, which may have run side by side.
    """

    request_id: str
    service: str
    action: str
    status: int
    ms: float
    code: str = ""
    bytes_in: int = 0
    bytes_out: int = 0
    account: str = ""
    project: str = ""
    access_key: str = ""
    client: str = ""
    upstream_calls: int = 0
    upstream_ms: float = 0.0

    def fields(self) -> dict[str, Any]:
        """Return the fields as they are written; empty ones are left out, except the measures."""
        found = {name: value for name, value in zip(_FIELDS, _values(self), strict=True) if value != ""}
        if self.access_key:
            found["access_key"] = f"…{self.access_key[-4:]}"
        found["ms"] = round(self.ms, 2)
        found["upstream_ms"] = round(self.upstream_ms, 2)
        return found


_FIELDS = tuple(field.name for field in dataclasses.fields(CallLine))
_values = attrgetter(*_FIELDS)

Parts = dict[str, Any]  # time, level, logger, message, then whatever a line says
_write: Callable[[Parts], None] | None = None  # where lines go; nowhere until `configure` was called


def write_call(line: CallLine) -> None:
    """Write the line of a finished call.

    It does not pass `logging`, whose record and handlers cost more than all the rest, and this runs for every request.
    Its fields are ours, so there is nothing to scrub.
    """
    if _write is not None and CALLS.isEnabledFor(logging.INFO):
        _write({"time": _time(time.time()), "level": "info", "logger": CALLS.name, "message": "call", **line.fields()})


def scrub(text: str) -> str:
    """Return `text` with the values of everything that looks like a signature, token or secret taken out."""
    return _SECRETS.sub(r"\1[redacted]", text)


def configure(level: str, style: Literal["json", "text"], stream: IO[str] | None = None) -> None:
    """Send every log record of this process to `stream` (standard error by default), once, in one form."""
    global _write
    target, form = stream or sys.stderr, _FORMS[style]
    handler = logging.StreamHandler(target)
    handler.setFormatter(Lines(form))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # No form of ours names them, and looking them up is most of what a record costs.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(True)

    def write(parts: Parts) -> None:
        # No request fails because its line cannot be written.
        with suppress(OSError, ValueError):
            target.write(form(parts) + "\n")
            target.flush()

    _write = write


class Lines(logging.Formatter):
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


_json = json.JSONEncoder(ensure_ascii=False, default=str).encode


def _text(parts: Parts) -> str:
    """Return `time LEVEL logger: message name=value …`, for people who read along; a traceback follows."""
    rest = dict(parts)
    head = f"{rest.pop('time')} {rest.pop('level').upper()} {rest.pop('logger')}: {rest.pop('message')}"
    trace = rest.pop("exception", "")
    return " ".join([head, *(f"{name}={_plain(value)}" for name, value in rest.items())]) + (trace and f"\n{trace}")


_FORMS: Mapping[str, Callable[[Parts], str]] = {"json": _json, "text": _text}


def _time(seconds: float) -> str:
    return f"{_second(int(seconds))}.{int(seconds % 1 * 1000):03d}Z"


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def _plain(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if not text or re.search(r'[\s"=]', text) else text
