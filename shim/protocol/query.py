"""The query protocol (STS, IAM, ...): as ec2, but with `.member.` in lists and a wrapper around results."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from shim.errors import AwsError
from shim.protocol import ec2, faults, urlencoded_form
from shim.protocol.message import Reply, Request
from shim.protocol.operation import Dialect, Fail, Parse, Write
from shim.protocol.parameter_error import ParameterError, Problem
from shim.protocol.xml import write as xml


def wire_name(name: str, member: Any) -> str:
    """Return a member's name in a request; a flattened list without a name of its own has that of its items."""
    own = member.serialization.get("name", "")
    if not own and member.type_name == "list" and member.serialization.get("flattened"):
        own = member.member.serialization.get("name", "")
    return str(own or name)


def aws_error(error: ParameterError) -> AwsError:
    """Return the error `1 validation error detected: Value '...' at '...' failed to satisfy constraint: ...`."""
    where = error.name.encode("utf-8", "replace").decode()
    return AwsError("ValidationError", _sentence(error, where), refused=where)


def _sentence(error: ParameterError, where: str) -> str:
    if error.problem is Problem.UNKNOWN:
        return f"The parameter {where} is not recognized"
    if error.problem is Problem.CHARACTER:
        return f"The parameter {where} holds a character that {error.detail}."
    if error.problem is Problem.MISSING:
        value = "Value null "
    else:
        value = "Value " if error.value is None else f"Value '{error.value.encode('utf-8', 'replace').decode()}' "
    place = where[:1].lower() + where[1:]
    return f"1 validation error detected: {value}at '{place}' failed to satisfy constraint: {error.detail}"


def parser(model: Any) -> Parse:
    """Compile an operation's parser: pairs → parameters, validated by the model."""
    if model.input_shape is None:
        return ec2.form_parser(urlencoded_form.empty, aws_error)
    compiler = urlencoded_form.Compiler(wire_name=wire_name, flat=False)
    return ec2.form_parser(compiler.read(model.input_shape), aws_error)


def writer(model: Any) -> Write:
    """Compile an operation's writer: `<ActionResponse><ActionResult>...</ActionResult><ResponseMetadata>`."""
    name = model.name
    namespace = xml.escape(str(model.metadata.get("xmlNamespace", "")))
    shape = model.output_shape
    members = xml.Compiler().members(shape) if shape else None
    wrapper = shape.serialization.get("resultWrapper", f"{name}Result") if shape else ""

    def write(result: Mapping[str, Any], request_id: str, request: Request) -> Reply:
        out = [f'{xml.DECLARATION}<{name}Response xmlns="{namespace}">']
        if members:
            out.append(f"<{wrapper}>")
            members(result, out.append)
            out.append(f"</{wrapper}>")
        elif result:
            raise LookupError(f"{name} answers nothing, so not {sorted(result)}")
        out.append(
            f"<ResponseMetadata><RequestId>{xml.escape(request_id)}</RequestId></ResponseMetadata></{name}Response>"
        )
        headers = [("x-amzn-RequestId", request_id), ("Content-Type", faults.XML)]
        return Reply(200, headers, "".join(out).encode())

    return write


def _failure(model: Any) -> Fail:
    return partial(faults.query, namespace=str(model.metadata.get("xmlNamespace", "")))


def _unsupported_operation(name: str) -> AwsError:
    return AwsError("UnsupportedOperation", f"The requested operation is not supported: {name}", 400, refused=name)


def _unsupported_parameter(path: str, model: Any) -> AwsError:
    return AwsError("UnsupportedOperation", f"The parameter {path} is not supported.", 400, refused=path)


def _unsupported_value(path: str, value: Any, model: Any) -> AwsError:
    sentence = f"The value '{value}' of the parameter {path} is not supported."
    return AwsError("UnsupportedOperation", sentence, refused=path)


def _always(model: Any) -> frozenset[str]:
    return frozenset()


DIALECT = Dialect(
    router=lambda model: ec2.action_name(model, aws_error),
    parser=parser,
    writer=writer,
    failure=_failure,
    unsupported_operation=_unsupported_operation,
    unsupported_parameter=_unsupported_parameter,
    unsupported_value=_unsupported_value,
    always=_always,
)
