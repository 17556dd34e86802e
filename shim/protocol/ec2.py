"""The ec2 protocol: form pairs in requests, `<ActionResponse>` in answers, EC2's codes and messages in errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from shim.errors import AwsError
from shim.protocol import faults, urlencoded_form
from shim.protocol.message import Reply, Request
from shim.protocol.operation import Dialect, Parse, Write
from shim.protocol.parameter_error import ParameterError, Problem
from shim.protocol.xml import write as xml

_WORDS = frozenset({"Action", "Version"})
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
# EC2's codes for a value outside these enumerations; OpenStack's acceptance tests of EC2, which ran against AWS, expect
# them.  All others are InvalidParameterValue.
_ENUMERATIONS = {"ImageAttributeName": "InvalidRequest", "ResetImageAttributeName": "InvalidRequest"}


def pairs(request: Request) -> tuple[tuple[str, str], ...]:
    """Return the pairs of a query call, which may come in the query (GET), in the form (POST), or in both."""
    return (*request.head.query, *request.form) if request.form else request.head.query


def word(request: Request, name: str) -> str:
    """Return one of the protocol's own parameters, `Action` or `Version`; '' where it is missing."""
    return next((value for key, value in pairs(request) if key == name), "")


def words(request: Request) -> dict[str, str]:
    """Return the protocol's own parameters of a request; each may stand in the query and the form with the same value.

    Raises ParameterError where one has two values, as the request would be ambiguous.
    """
    found: dict[str, str] = {}
    for name, value in pairs(request):
        if name in _WORDS and found.setdefault(name, value) != value:
            raise ParameterError(Problem.TYPE, "The parameter is given twice", value).at(name)
    return found


def action_name(model: Any, refuse: Callable[[ParameterError], AwsError]) -> Callable[[Request], str]:
    """Return the function that reads the operation's name from a request, for ec2 and query alike."""
    known = frozenset(model.operation_names)

    def identify(request: Request) -> str:
        try:
            action = words(request).get("Action", "")
        except ParameterError as error:
            raise refuse(error) from None
        if action in known:
            return action
        if not action:
            raise AwsError("MissingAction", "The request must contain the parameter Action", 400)
        # Terraform compares this message.
        name = action.encode("utf-8", "replace").decode()
        raise AwsError("InvalidAction", f"The action {name} is not valid for this web service.", 400, refused=name)

    return identify


def wire_name(name: str, member: Any) -> str:
    """Return a member's name in a request: queryName, else locationName or its own, capitalised."""
    if "queryName" in member.serialization:
        return str(member.serialization["queryName"])
    location = str(member.serialization.get("name", name))
    return location[0].upper() + location[1:]


def aws_error(error: ParameterError) -> AwsError:
    """Return EC2's error for an invalid parameter."""
    name = error.name.encode("utf-8", "replace").decode()
    if error.problem is Problem.UNKNOWN:
        code, message = "UnknownParameter", f"The parameter {name} is not recognized"
    elif error.problem is Problem.MISSING:
        code, message = "MissingParameter", f"The request must contain the parameter {name}"
    elif error.problem is Problem.CHARACTER:
        code, message = "InvalidCharacter", f"The parameter {name} holds a character that {error.detail}."
    else:
        value = "" if error.value is None else f"({error.value.encode('utf-8', 'replace').decode()}) "
        code = _ENUMERATIONS.get(error.shape, "InvalidParameterValue")
        message = f"Value {value}for parameter {name} is invalid. {error.detail}"
    return AwsError(code, message, refused=name)


def parser(model: Any) -> Parse:
    """Compile an operation's parser: pairs → parameters, validated by the model."""
    if model.input_shape is None:
        return form_parser(lambda node: urlencoded_form.empty(node), aws_error)
    compiler = urlencoded_form.Compiler(wire_name=wire_name, flat=True)
    return form_parser(compiler.read(model.input_shape), aws_error)


def form_parser(read: urlencoded_form.Read, words: Callable[[ParameterError], AwsError]) -> Parse:
    """Return a parser of requests, from a reader of the parameter tree and a protocol's errors for parameters."""

    def parse(request: Request, body: bytes) -> dict[str, Any]:
        try:
            params: dict[str, Any] = read(urlencoded_form.tree(pairs(request)))
        except ParameterError as error:
            raise words(error) from None
        return params

    return parse


def writer(model: Any) -> Write:
    """Compile an operation's writer.

    The namespace has the version of the request and a trailing slash, which libcloud needs.  Where the model has no
    answer, or one with `Return`, EC2 writes `<return>true</return>`, which older clients need.
    """
    name, version = model.name, model.metadata["apiVersion"]
    shape = model.output_shape
    members = xml.Compiler().members(shape) if shape else None
    says_return = shape is None or "Return" in shape.members

    def write(result: Mapping[str, Any], request_id: str, request: Request) -> Reply:
        asked = word(request, "Version")
        date = asked if _DATE.fullmatch(asked) else version
        out = [
            f'{xml.DECLARATION}<{name}Response xmlns="http://ec2.amazonaws.com/doc/{date}/">'
            f"<requestId>{xml.escape(request_id)}</requestId>"
        ]
        if members:
            members(result, out.append)
        elif result:
            raise LookupError(f"{name} answers nothing, so not {sorted(result)}")
        if says_return and result.get("Return") is None:
            out.append("<return>true</return>")
        out.append(f"</{name}Response>")
        headers = [("x-amzn-RequestId", request_id), ("Content-Type", faults.XML)]
        return Reply(200, headers, "".join(out).encode())

    return write


def _unsupported_operation(name: str) -> AwsError:
    return AwsError("UnsupportedOperation", f"The requested operation is not supported: {name}", 400, refused=name)


def _unsupported_parameter(path: str, model: Any) -> AwsError:
    return AwsError("UnsupportedOperation", f"The parameter {path} is not supported.", 400, refused=path)


def _unsupported_value(path: str, value: Any, model: Any) -> AwsError:
    said = str(value).lower() if isinstance(value, bool) else value
    sentence = f"The value '{said}' of the parameter {path} is not supported."
    return AwsError("UnsupportedOperation", sentence, refused=path)


def _always(model: Any) -> frozenset[str]:
    shape = model.input_shape
    return frozenset({"DryRun"} if shape and "DryRun" in shape.members else ())


DIALECT = Dialect(
    router=lambda model: action_name(model, aws_error),
    parser=parser,
    writer=writer,
    failure=lambda model: faults.ec2,
    unsupported_operation=_unsupported_operation,
    unsupported_parameter=_unsupported_parameter,
    unsupported_value=_unsupported_value,
    always=_always,
)
