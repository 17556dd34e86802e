"""What a test called: every call of botocore's clients in this process, with what came back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import Any

HERE = "passerelle"  # the entry of a call's context that says that the call went to the gateway
SERVICES = ("ec2", "s3", "sts")

# Codes by which the gateway says that it has no such operation, parameter or value.
UNSUPPORTED = ("UnsupportedOperation", "NotImplemented", "InvalidAction", "UnsupportedParameter")


@dataclass(frozen=True, slots=True)
class Called:
    """One call: `code` and `message` are those of its error."""

    service: str
    operation: str
    status: int
    code: str = ""
    message: str = ""
    here: bool = True

    @property
    def name(self) -> str:
        """The service and the operation."""
        return f"{self.service} {self.operation}"

    @property
    def unsupported(self) -> bool:
        """Tell whether the gateway said that it has no such thing."""
        return self.here and self.code in UNSUPPORTED

    def described(self) -> str:
        """Return the call and its error in one line."""
        return f"{self.name}: {self.code} ({self.status}) {self.message}"


@dataclass(slots=True)
class Calls:
    """The calls of the test that runs."""

    made: list[Called] = field(default_factory=list)

    def install(self) -> Callable[[], None]:
        """Note the calls of all clients that are made from now on; return what ends it."""
        handlers = import_module("botocore.handlers").BUILTIN_HANDLERS
        ours = ("after-call", self.after_call)
        handlers.append(ours)
        return partial(handlers.remove, ours)

    def after_call(self, http_response: Any, parsed: Mapping[str, Any], model: Any, context: Any, **_: Any) -> None:
        """Note a call; botocore's handler of `after-call`."""
        error = parsed.get("Error", {}) if http_response.status_code >= 300 else {}
        self.made.append(
            Called(
                model.service_model.service_name,
                model.name,
                http_response.status_code,
                str(error.get("Code", "")),
                str(error.get("Message", ""))[:300],
                HERE in context,
            )
        )

    @property
    def last_error(self) -> Called | None:
        """The last call that failed here."""
        return next((call for call in reversed(self.made) if call.here and call.code), None)

    @property
    def left_to_moto(self) -> list[str]:
        """The other services that were called."""
        return sorted({call.service for call in self.made if not call.here and call.service not in SERVICES})


def results(made: Sequence[Called]) -> dict[str, list[tuple[int, str]]]:
    """Return the different results of each operation of a test: how often one waits for something is no difference."""
    found: dict[str, set[tuple[int, str]]] = {}
    for call in made:
        if call.service in SERVICES:
            found.setdefault(call.name, set()).add((call.status, call.code))
    return {name: sorted(which) for name, which in found.items()}
