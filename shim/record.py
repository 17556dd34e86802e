"""Record: the facts about one call from which its log line and metrics are made."""

from __future__ import annotations

import os
from binascii import hexlify
from contextvars import ContextVar
from dataclasses import dataclass
from struct import Struct
from typing import Any


@dataclass(init=False)
class Record:
    """One call; the steps that serve it fill in the fields.

    It has no secrets: no headers, no query, no body.  `refused` is the name of what was refused, as the client wrote
    it: a parameter, header, query key, operation or value.  `refused_label` is the same as a label of the metrics: a
    name of AWS's model, or `other`.  `reason` is the error's message.

    Its fields with a default are class attributes, as no call sets all of them.
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

    def __init__(self, request_id: str, started: float, client: str = "", **told: Any) -> None:
        self.request_id = request_id
        self.started = started
        self.client = client
        if told:
            vars(self).update(told)


# The record of the call that the running task serves; the observer of OpenStack calls counts in it.
current: ContextVar[Record | None] = ContextVar("current", default=None)


_UUID_GROUPS = Struct("8s4s3s3s12s2x").unpack


def new_request_id() -> str:
    """Return a random UUID (RFC 9562, version 4), faster than `uuid.uuid4`; 120 of its bits are random."""
    return (b"%b-%b-4%b-a%b-%b" % _UUID_GROUPS(hexlify(os.urandom(16)))).decode()
