"""Record: what is known of one call, from its first byte on; the log line and the metrics are made from it."""

from __future__ import annotations

import os
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Record:
    """One call, filled in on its way.

    Nothing secret enters: no headers, no query, no body.  `refused` is the name of what was refused, as the client
    wrote it: a parameter, header, query key, operation or value.  `refused_label` is the same as a label of the
    metrics: a name of AWS's model, or `other`.  `reason` is the error's message.
    """

    request_id: str
    started: float
    client: str = ""
    service: str = ""
    operation: str = ""
    status: int = 0
    code: str = ""
    refused: str = ""
    refused_label: str = ""
    reason: str = ""
    account: str = ""
    project: str = ""
    access_key: str = ""
    bytes_in: int = 0
    bytes_out: int = 0
    seconds: float = 0.0
    upstream_calls: int = 0
    upstream_seconds: float = 0.0


# The record of the call that the running task serves, for whoever counts OpenStack calls.
current: ContextVar[Record | None] = ContextVar("current", default=None)


def new_request_id() -> str:
    """Return a random UUID (RFC 9562, version 4), at a third of what `uuid.uuid4` costs."""
    raw = os.urandom(16).hex()
    return f"{raw[:8]}-{raw[8:12]}-4{raw[13:16]}-{'89ab'[int(raw[16], 16) % 4]}{raw[17:20]}-{raw[20:]}"
