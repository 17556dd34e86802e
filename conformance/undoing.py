"""Take back what a scenario made: last made, first deleted, and as often as it takes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from conformance.endpoint import Endpoint, EndpointError, Refusal
from conformance.expectations import differences
from conformance.scenario import Step

_SECONDS: Final = 90.0  # for one thing
_INTERVAL: Final = 0.5

# What says that there is nothing to delete any more.  Codes of EC2 end in NotFound or Malformed, those of S3 begin so.
_GONE: Final = ("NotFound", "NoSuch", "Gateway.NotAttached", "IncorrectState.Terminated", "404")


@dataclass(frozen=True, slots=True)
class Undo:
    """A step that takes something back, with its values."""

    step: Step
    parameters: Mapping[str, Any]

    def __str__(self) -> str:
        named = ", ".join(f"{name} {value}" for name, value in self.parameters.items())
        return f"{self.step.action} {named}"


def take_back(endpoint: Endpoint, undo: Undo, interval: float = _INTERVAL) -> str:
    """Carry out one step; return why it could not be done, or nothing."""
    deadline = time.monotonic() + _SECONDS
    while True:
        why = _attempt(endpoint, undo)
        if not why or time.monotonic() > deadline:
            return why
        time.sleep(interval)


def _attempt(endpoint: Endpoint, undo: Undo) -> str:
    try:
        answer = perform(endpoint, undo.step, undo.parameters)
    except Refusal as refusal:
        gone = any(word in refusal.code for word in _GONE)
        return "" if gone or refusal.code in undo.step.errors else f"{undo}: {refusal}"
    except EndpointError as error:
        return f"{undo}: {error}"
    return "; ".join(f"{undo}: {line}" for line in differences(undo.step.until, answer))


def perform(
    endpoint: Endpoint, step: Step, parameters: Mapping[str, Any], credentials: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Make a step's call."""
    if step.service == "own":
        return endpoint.own(step.action, parameters)
    client = endpoint.client(step.service, unsigned=step.unsigned, credentials=credentials)
    return endpoint.call(client, step.action, parameters)
