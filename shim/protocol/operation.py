"""Operation: an operation of AWS's model, compiled; Dialect: the functions of a wire protocol."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from shim.errors import AwsError
from shim.protocol.message import Reply, Request
from shim.protocol.values import Values

# An action: (call, what `read` returned, or the parameters) → the answer's members, or None where AWS answers nothing.
Handler = Callable[[Any, Any], Awaitable[Mapping[str, Any] | None]]
Parse = Callable[[Request, bytes], dict[str, Any]]
ParseHead = Callable[[Request], dict[str, Any]]  # the parameters that are not in the body
# Returns what the action is given: the parameters, or a value that was read from them.  Raises AwsError for parameters
# that no cloud is needed to refuse: (settings, principal, operation's name, parameters).
Read = Callable[[Any, Any, str, Mapping[str, Any]], Any]
Write = Callable[[Mapping[str, Any], str, Request], Reply]  # result, request id, request

Fail = Callable[[AwsError, str, Request], Reply]  # error, request id, request


@dataclass(frozen=True, slots=True)
class Checksum:
    """What the model says of an operation's checksums (`httpChecksum`)."""

    required: bool = False  # the request must have one
    algorithm_member: str = ""  # the request member that names the algorithm
    mode_member: str = ""  # the request member that asks for the answer's checksum


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of AWS's model.  `handler` is None where the gateway has no action for it."""

    name: str
    handler: Handler | None
    method: str  # HTTP's
    streaming_input: str  # the member whose value is the body's stream, else ""
    has_dry_run: bool
    keeps_connection_alive: bool  # its answer may begin before its end
    anonymous: bool  # anyone may call it, unsigned
    ends_with_client: bool  # it is cancelled, and undoes what it did, when its client hangs up
    read: Read | None  # runs when the parameters are parsed, before any service of OpenStack is asked
    first: Callable[[Mapping[str, Any]], object] | None  # checks of AWS's that come before what is not supported
    checksum: Checksum
    supports: frozenset[str]
    ignores: Mapping[str, str]
    values: Mapping[str, tuple[Values, ...]]  # parameters of which only some values are taken
    parse: Parse
    parse_head: ParseHead | None  # of a protocol whose parameters are not all in the body
    write: Write
    unsupported: Callable[[Mapping[str, Any], str], AwsError | None]  # parameters, the caller's account id

    @property
    def mutating(self) -> bool:
        """Whether it may change something, by AWS's naming of operations."""
        return not self.name.startswith(("Describe", "Get", "List", "Head"))


class RequestedOperation(NamedTuple):
    """The operation of a request: `name` is the one that AWS would run, '' where there is none.

    `operation` is None, and `error` says why, where AWS has no such operation or the gateway has no action for it.
    """

    name: str
    operation: Operation | None = None
    error: AwsError | None = None
    anonymous: bool = False  # anyone may call it, unsigned


@dataclass(frozen=True, slots=True)
class Dialect:
    """A wire protocol: functions that compile a model, and its errors for what is unsupported."""

    router: Callable[[Any], Callable[[Request], str]]  # service model → (request → operation name)
    parser: Callable[[Any], Parse]  # operation model → ...
    writer: Callable[[Any], Write]
    failure: Callable[[Any], Fail]  # service model → ...
    unsupported_operation: Callable[[str], AwsError]
    unsupported_parameter: Callable[[str, Any], AwsError]  # its path, the operation model → ...
    unsupported_value: Callable[[str, Any, Any], AwsError]  # its path, the value, the operation model → ...
    always: Callable[[Any], frozenset[str]]  # operation model → members that the gateway itself honours
    head_parser: Callable[[Any], ParseHead] | None = None


def describe(model: Any) -> Mapping[str, Any]:
    """Return the fields of an Operation that come from its model and are not functions."""
    members = model.input_shape.members if model.input_shape else {}
    facts = model.http_checksum or {}
    return {
        "name": model.name,
        "method": model.http.get("method", "POST"),
        "streaming_input": _streaming(model.input_shape),
        "has_dry_run": "DryRun" in members,
        "keeps_connection_alive": False,
        "anonymous": False,
        "ends_with_client": False,
        "read": None,
        "first": None,
        "checksum": Checksum(
            required=bool(facts.get("requestChecksumRequired") or model.http_checksum_required),
            algorithm_member=facts.get("requestAlgorithmMember", ""),
            mode_member=facts.get("requestValidationModeMember", ""),
        ),
    }


def _streaming(shape: Any) -> str:
    """Return the member whose bytes are the whole body, or ''."""
    payload = shape.serialization.get("payload", "") if shape else ""
    return payload if payload and shape.members[payload].type_name == "blob" else ""
