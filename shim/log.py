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
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
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


@dataclass(frozen=True, slots=True)
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
        found = {name: value for name in _FIELDS if (value := getattr(self, name)) != ""}
        if self.access_key:
            found["access_key"] = f"…{self.access_key[-4:]}"
        found["ms"] = round(self.ms, 2)
        found["upstream_ms"] = round(self.upstream_ms, 2)
        return found


_FIELDS = tuple(field.name for field in dataclasses.fields(CallLine))


def write_call(line: CallLine) -> None:
    """Write the line of a finished call.

    The record is made here: `Logger.info` would walk the stack for a file name and a line that nobody prints, which
    costs more than all the rest, and this runs for every request.
    """
    if CALLS.isEnabledFor(logging.INFO):
        record = logging.LogRecord(CALLS.name, logging.INFO, "", 0, "call", (), None)
        record.fields = line.fields()
        CALLS.handle(record)


def scrub(text: str) -> str:
    """Return `text` with the values of everything that looks like a signature, token or secret taken out."""
    return _SECRETS.sub(r"\1[redacted]", text)


def configure(level: str, style: Literal["json", "text"], stream: IO[str] | None = None) -> None:
    """Send every log record of this process to `stream` (standard error by default), once, in one form."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if style == "json" else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # No form of ours names them, and looking them up is most of what a record costs.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(True)


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return _encode(_parts(self, record))


class TextLines(logging.Formatter):
    """`time LEVEL logger: message name=value …`, for people who read along."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        parts = _parts(self, record)
        head = f"{parts.pop('time')} {record.levelname} {parts.pop('logger')}: {parts.pop('message')}"
        del parts["level"]
        trace = parts.pop("exception", "")
        return " ".join([head, *(f"{name}={_plain(value)}" for name, value in parts.items())]) + (
            trace and f"\n{trace}"
        )


_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def _parts(formatter: logging.Formatter, record: logging.LogRecord) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "time": f"{_second(int(record.created))}.{int(record.msecs):03d}Z",
        "level": record.levelname.lower(),
        "logger": record.name,
    }
    fields: dict[str, Any] = getattr(record, "fields", {})
    if record.name == CALLS.name:  # its fields are ours, so there is nothing to scrub on the hot path
        return parts | {"message": "call"} | fields
    parts["message"] = scrub(record.getMessage())
    if record.exc_info:
        parts["exception"] = scrub(formatter.formatException(record.exc_info))
    return parts | {name: scrub(value) if isinstance(value, str) else value for name, value in fields.items()}


def _plain(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if not text or re.search(r'[\s"=]', text) else text
