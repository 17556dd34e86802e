"""The ec2 protocol: form pairs in, `<ActionResponse>` out, EC2's own words for what is wrong."""

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


def pairs(request: Request) -> tuple[tuple[str, str], ...]:
    """The pairs of a query call, which may come in the query (GET), in the form (POST), or in both."""
    return (*request.head.query, *request.form) if request.form else request.head.query


def word(request: Request, name: str) -> str:
    """One of the protocol's own words, `Action` or `Version`; '' where it is missing."""
    return next((value for key, value in pairs(request) if key == name), "")


def words(request: Request) -> dict[str, str]:
    """The protocol's own words that a request holds, each said once, or again alike in the query and the form.

    Raises ParameterError where one is said in two ways: nobody could tell which operation is meant.
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
        # Terraform compares this sentence.
        name = action.encode("utf-8", "replace").decode()
        raise AwsError("InvalidAction", f"The action {name} is not valid for this web service.", 400, refused=name)

    return identify


def wire_name(name: str, member: Any) -> str:
    """A member's name in a request: queryName, else locationName or its own with a capital."""
    if "queryName" in member.serialization:
        return str(member.serialization["queryName"])
    location = str(member.serialization.get("name", name))
    return location[0].upper() + location[1:]


def aws_error(error: ParameterError) -> AwsError:
    """EC2's words for a parameter that cannot be taken."""
    name = error.name.encode("utf-8", "replace").decode()
    if error.problem is Problem.UNKNOWN:
        code, message = "UnknownParameter", f"The parameter {name} is not recognized"
    elif error.problem is Problem.MISSING:
        code, message = "MissingParameter", f"The request must contain the parameter {name}"
    elif error.problem is Problem.CHARACTER:
        code, message = "InvalidCharacter", f"The parameter {name} holds a character that {error.detail}."
    else:
        value = "" if error.value is None else f"({error.value.encode('utf-8', 'replace').decode()}) "
        code, message = "InvalidParameterValue", f"Value {value}for parameter {name} is invalid. {error.detail}"
    return AwsError(code, message, refused=name)


def parser(model: Any) -> Parse:
    """Compile an operation's parser: pairs → parameters, validated by the model."""
    if model.input_shape is None:
        return form_parser(lambda node: urlencoded_form.empty(node), aws_error)
    compiler = urlencoded_form.Compiler(wire_name=wire_name, flat=True)
    return form_parser(compiler.read(model.input_shape), aws_error)


def form_parser(read: urlencoded_form.Read, words: Callable[[ParameterError], AwsError]) -> Parse:
    """Make a reader of the tree a parser of requests, with a protocol's words for refusals."""

    def parse(request: Request, body: bytes) -> dict[str, Any]:
        try:
            params: dict[str, Any] = read(urlencoded_form.tree(pairs(request)))
        except ParameterError as error:
            raise words(error) from None
        return params

    return parse


def writer(model: Any) -> Write:
    """Compile an operation's writer.

    The namespace bears the version that was asked for and a trailing slash: libcloud finds nothing otherwise.  Where
    the model has no answer, or one with `Return`, EC2 says `<return>true</return>`: older clients take it for success.
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
    always=_always,
)
