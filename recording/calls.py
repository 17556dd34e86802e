"""Read a request as a call of AWS's model, by the gateway's own protocol code, and an answer by botocore's parsers."""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from botocore.awsrequest import HeadersDict
from botocore.parsers import create_parser

from recording.secrets import BYTES
from shim.ec2.service import ec2
from shim.errors import AwsError
from shim.protocol.message import Head, Request, decode_pairs
from shim.protocol.routing import address, service_for
from shim.protocol.service import Service
from shim.s3.service import s3
from shim.sts.service import sts

SERVICES: Final[Mapping[str, Service]] = MappingProxyType({"ec2": ec2, "s3": s3, "sts": sts})
LOCAL_HOSTS: Final = ("localhost",)  # `bucket.localhost` is a bucket in the virtual-host style

# S3 may answer 200 and then fail: "a 200 OK response can contain either a success or an error" (CopyObject).
_ERROR_BODY: Final = re.compile(rb"\s*(?:<\?xml[^>]*\?>)?\s*<Error>")


@dataclass(frozen=True, slots=True)
class Asked:
    """A call as its request names it.  `service` is the signing name; `unread` says why parameters are missing.

    `streams` tells whether the body is the object itself: it need not, and must not, be read whole.
    """

    service: str
    operation: str
    request: Request
    streams: bool = False
    params: Mapping[str, Any] = field(default_factory=dict)
    unread: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer: AWS's error code, '' for none, and the parsed members."""

    error: str = ""
    members: Mapping[str, Any] = field(default_factory=dict)
    unread: str = ""


def begin(head: Head) -> Asked:
    """Return the call of a request of which only the head is there."""
    name = service_for(head)
    if name != "s3":
        return Asked(name, "", Request(head))
    try:
        request = Request(head, address(head, LOCAL_HOSTS))
        operation = s3.route(request)
    except AwsError as error:
        return Asked(name, "", Request(head), streams=True, unread=_refused(error))
    return Asked(name, operation, request, streams=bool(s3.operations[operation].streaming_input))


def asked(begun: Asked, body: bytes, length: int = 0) -> Asked:
    """Return the call with its parameters; `length` counts the bytes of an object that streams."""
    if begun.unread:
        return begun
    request, name = begun.request, begun.operation
    if begun.service != "s3":
        pairs = decode_pairs(body)
        request = Request(request.head, form=pairs)
        service = service_for(request.head, pairs)
        name = next((value for key, value in (*pairs, *request.head.query) if key == "Action"), "")
        name = name or request.head.header("x-amz-target").rpartition(".")[2]
        begun = Asked(service, name, request)
    served = SERVICES.get(begun.service)
    if served is None or name not in served.operations:
        return Asked(begun.service, name, request, unread="no model of it is read here")
    operation = served.operations[name]
    try:
        params = operation.parse(request, b"" if begun.streams else body)
    except AwsError as error:
        return Asked(begun.service, name, request, begun.streams, {}, _refused(error))
    if begun.streams:
        params[operation.streaming_input] = {BYTES: length}
    return Asked(begun.service, name, request, begun.streams, params)


def _refused(error: AwsError) -> str:
    """Return why a request was not read, without its sentence, which may quote a secret."""
    return f"refused as {error.code}"


def output_streams(call: Asked) -> str:
    """Return the member of the answer that is a stream of bytes, '' where there is none."""
    shape = output_shape(call)
    payload = shape.serialization.get("payload", "") if shape is not None else ""
    how = shape.members[payload].serialization if payload else {}
    return str(payload) if how.get("streaming") or how.get("eventstream") else ""


def input_shape(call: Asked) -> Any:
    """Return the model's shape of a call's parameters; None where it has none."""
    return _model(call, "input_shape")


def output_shape(call: Asked) -> Any:
    """Return the model's shape of a call's answer; None where it has none."""
    return _model(call, "output_shape")


def _model(call: Asked, which: str) -> Any:
    service = SERVICES.get(call.service)
    if service is None or call.operation not in service.operations:
        return None
    return getattr(service.model.operation_model(call.operation), which)


def answered(call: Asked, status: int, headers: Mapping[str, str], body: bytes | None, length: int = 0) -> Answered:
    """Return the members of an answer; `body` is None where it was a stream, or too long to be kept."""
    service = SERVICES.get(call.service)
    if service is None:
        return Answered("" if status < 400 else str(status), unread="no model of it is read here")
    streamed = output_streams(call) if status < 300 else ""
    content = b"" if body is None or streamed else body
    try:
        if headers.get("content-encoding") == "gzip" and content:
            content = gzip.decompress(content)
        failed = status if not _ERROR_BODY.match(content) else max(status, 400)
        context = {"operation_name": call.operation}
        answer = {"status_code": failed, "headers": HeadersDict(headers), "body": content, "context": context}
        parsed = create_parser(service.protocol).parse(answer, output_shape(call))
    except Exception as error:  # noqa: BLE001 - the client gets its answer, whatever is in it
        return Answered("" if status < 400 else str(status), unread=f"the answer was not read: {type(error).__name__}")
    parsed.pop("ResponseMetadata", None)
    failure = parsed.pop("Error", {})
    if streamed:
        parsed[streamed] = {BYTES: length}
    if failed >= 300:
        return Answered(str(failure.get("Code") or status))
    return Answered("", parsed, "the answer was too long to be kept" if body is None and not streamed else "")
