"""Parses rest-xml requests: path, query, headers and body become parameters, by tables compiled from the model."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from shim.errors import AwsError
from shim.protocol import documents, headers, scalars
from shim.protocol.message import USUAL, Head, Request
from shim.protocol.operation import Parse, ParseHead
from shim.protocol.parameter_error import ParameterError, Problem
from shim.protocol.s3_router import SIGNATURE, SIGNS_ONLY, not_implemented
from shim.protocol.unknown_names import HARMLESS, ignores_header, known
from shim.protocol.xml import read as xmlread
from shim.protocol.xml import schema as xmlschema
from shim.protocol.xml.schema import Document, tag_of

Fill = Callable[[dict[str, Any], Head], None]

# An object that is sent in one piece can only have a checksum of the whole; multipart uploads model this header.
_ALWAYS_TRUE = {"x-amz-checksum-type": "FULL_OBJECT"}

# "A recipient MUST ignore the If-Modified-Since header field if the received field value is not a valid HTTP-date"
# (RFC 9110, 13.1.3; 13.1.4 says the same of If-Unmodified-Since).
_LENIENT = frozenset({"if-modified-since", "if-unmodified-since"})

# S3 keeps Expires as it was written, date or not, so it stays text; so does the override of it in the query.
_VERBATIM = frozenset({"expires"})

_WORDS = {  # shape → code and sentence of a value that is not in its enumeration
    "StorageClass": ("InvalidStorageClass", "The storage class you specified is not valid"),
    "EncodingType": ("InvalidArgument", "Invalid Encoding Method specified in Request"),
    "MetadataDirective": ("InvalidArgument", "Unknown metadata directive."),
    "TaggingDirective": ("InvalidArgument", "Unknown tagging directive."),
    "ServerSideEncryption": ("InvalidArgument", "The encryption method specified is not supported"),
    "ChecksumAlgorithm": ("InvalidRequest", "Checksum algorithm provided is unsupported."),
    "ObjectAttributes": ("InvalidArgument", "Invalid attribute name specified."),
}


def checksums(model: Any) -> tuple[str, ...]:
    """Return the checksum algorithms of a model.  Their headers are verified with the body of any operation."""
    service = model.service_model
    return tuple(service.shape_for("ChecksumAlgorithm").enum) if "ChecksumAlgorithm" in service.shape_names else ()


def parser(model: Any) -> Parse:
    """Compile an operation's parser."""
    return _parser(model, _body(model.input_shape))


def head_parser(model: Any) -> ParseHead:
    """Compile the parser of an operation's parameters in path, query and headers."""
    parse = _parser(model, None)
    return lambda request: parse(request, b"")


def _parser(model: Any, body_of: Callable[[dict[str, Any], bytes], None] | None) -> Parse:
    shape = model.input_shape
    path = _path(model) if shape else None
    query = _query(shape) if shape else None
    in_headers = _headers(model)
    copies = shape is not None and "CopySource" in shape.members
    missing = _missing(shape)

    def parse(request: Request, body: bytes) -> dict[str, Any]:
        head = request.head
        found = path(request) if path else {}
        sent = head.first
        if not head.query_names <= SIGNS_ONLY:
            if query:
                query(found, head)
            sent = _effective(head)
        in_headers(found, head, sent)
        if copies:
            _no_range(head)
        if missing:
            missing(found)
        if body_of:
            body_of(found, body)
        return found

    return parse


def _path(model: Any) -> Callable[[Request], dict[str, Any]] | None:
    labels = {
        str(member.serialization.get("name", name)): (name, scalars.reader(member, "iso8601"))
        for name, member in model.input_shape.members.items()
        if member.serialization.get("location") == "uri"
    }
    if not labels:
        return None
    if labels.keys() <= {"Bucket", "Key"}:  # S3: the address has both, for path style and virtual-host style
        return _object if "Key" in labels else _bucket
    return _template(model.http["requestUri"].partition("?")[0], labels)


def _object(request: Request) -> dict[str, Any]:
    bucket, key = request.address
    return {"Bucket": bucket, "Key": key}


def _bucket(request: Request) -> dict[str, Any]:
    return {"Bucket": request.address.bucket}


def _template(uri: str, labels: Mapping[str, tuple[str, scalars.Read]]) -> Callable[[Request], dict[str, Any]]:
    parts = re.split(r"\{([^}]+)\}", uri)
    text = "".join(
        (f"(?P<{part.rstrip('+')}>{'.+' if part.endswith('+') else '[^/]+'})" if index % 2 else re.escape(part))
        for index, part in enumerate(parts)
    )
    match_path = re.compile(text).fullmatch

    def named(request: Request) -> dict[str, Any]:
        match = match_path(request.head.raw_path.decode("latin-1"))
        if match is None:
            raise AwsError("InvalidURI", "Couldn't parse the specified URI.", 400)
        return {
            name: _told(read, label, unquote(match[label], errors="surrogateescape"))
            for label, (name, read) in labels.items()
        }

    return named


def _query(shape: Any) -> Fill | None:
    members = [pair for pair in shape.members.items() if pair[1].serialization.get("location") == "querystring"]
    table = {
        str(member.serialization.get("name", name)): (name, *_query_reader(member))
        for name, member in members
        if member.type_name != "map"
    }
    others = next((_other_keys(name, member, table) for name, member in members if member.type_name == "map"), None)
    if not table:
        return others

    def fill(found: dict[str, Any], head: Head) -> None:
        for outside, text in head.query:
            if outside not in table:
                continue
            name, read, many = table[outside]
            value = _told(read, outside, text)
            if many:
                found.setdefault(name, []).append(value)
            elif name in found:
                raise aws_error(ParameterError(Problem.TYPE, "The parameter is given twice.", text).at(outside))
            else:
                found[name] = value
        if others:
            others(found, head)

    return fill


def _query_reader(member: Any) -> tuple[scalars.Read, bool]:
    """Return a query parameter's reader, and whether it is a list, whose key is repeated."""
    if member.type_name == "list":
        return scalars.reader(member.member, "iso8601"), True
    if str(member.serialization.get("name", "")).startswith("response-"):
        return headers.response_text, False
    return scalars.reader(member, "iso8601"), False


def _other_keys(name: str, shape: Any, table: Mapping[str, Any]) -> Fill:
    """Return the reader of a map in the query: it takes every key that is not another member."""
    many = shape.value.type_name == "list"

    def fill(found: dict[str, Any], head: Head) -> None:
        for outside, text in head.query:
            if outside in table:
                continue
            into = found.setdefault(name, {})
            if many:
                into.setdefault(outside, []).append(text)
            else:
                into[outside] = text

    return fill


def _headers(model: Any) -> Callable[[dict[str, Any], Head, Mapping[str, str]], None]:
    """Compile the reader of an operation's headers; `unknown_names` says which others are ignored."""
    shape, method, names_known = model.input_shape, model.http.get("method", "POST"), known(model.service_model)
    names, prefixes = headers.bindings(shape) if shape else ({}, {})
    table = {
        outside: (name, str if outside in _VERBATIM else read, _ADJUST.get(outside))
        for outside, (name, read) in names.items()
        if outside != "content-length"  # the body has read it
    }
    groups = tuple(prefixes.items())
    # Checksums are verified with the body, whether or not the operation's model has their headers.
    verified = {f"x-amz-checksum-{name.lower()}" for name in checksums(model)}
    unread = (USUAL | HARMLESS.keys() | verified) - table.keys()

    def fill(found: dict[str, Any], head: Head, sent: Mapping[str, str]) -> None:
        for outside in sorted(sent.keys() - unread):
            text = sent[outside]
            if outside in table:
                name, read, adjust = table[outside]
                if adjust and not (text := adjust(head, text)):
                    continue
                try:
                    found[name] = read(text)
                except ParameterError as error:
                    if outside not in _LENIENT:
                        raise aws_error(error.at(outside)) from None
                continue
            if _ALWAYS_TRUE.get(outside) != text and not ignores_header(outside, method, names_known):
                raise not_implemented(outside)
            for prefix, name in groups:
                if outside.startswith(prefix):
                    found.setdefault(name, {})[outside[len(prefix) :]] = headers.decoded(text)

    return fill


def _no_range(head: Head) -> None:
    """Refuse Range on a copy: the range of a copied part has a header of its own, x-amz-copy-source-range."""
    text = head.header("range")
    if text:
        raise aws_error(ParameterError(Problem.TYPE, "A copy takes no Range header.", text).at("Range"))


def _effective(head: Head) -> Mapping[str, str]:
    """Return the headers with those that a presigning client moved to the query; a real header takes precedence."""
    moved = {
        lower: value
        for name, value in head.query
        if (lower := name.lower()).startswith("x-amz-") and lower not in SIGNATURE
    }
    return {**moved, **head.first} if moved else head.first


def _true_encoding(head: Head, text: str) -> str:
    """Return Content-Encoding without `aws-chunked`: S3 decodes that coding and stores the resulting object.

    (Amazon S3 API reference, "Authenticating Requests: Using the Authorization Header (Transferring Payload in
    Multiple Chunks)".)
    """
    if "aws-chunked" not in text.lower():
        return text
    return ",".join(part for part in (one.strip() for one in text.split(",")) if part.lower() != "aws-chunked")


def _upper(head: Head, text: str) -> str:
    """Return a word in the model's case: the AWS SDK for C++ sends `x-amz-checksum-mode: enabled`."""
    return text.upper()


_ADJUST = {
    "content-encoding": _true_encoding,
    "x-amz-checksum-algorithm": _upper,
    "x-amz-checksum-mode": _upper,
    "x-amz-sdk-checksum-algorithm": _upper,
}


def _missing(shape: Any) -> Callable[[Mapping[str, Any]], None] | None:
    if shape is None:
        return None
    payload = shape.serialization.get("payload")
    required = []
    for name in shape.required_members:
        location = shape.members[name].serialization.get("location")
        if name != payload and location in ("querystring", "header", "headers"):
            required.append((name, str(shape.members[name].serialization.get("name", name)), location))
    if not required:
        return None

    def check(found: Mapping[str, Any]) -> None:
        for name, outside, location in required:
            if name not in found:
                if location == "querystring":
                    raise aws_error(ParameterError(Problem.MISSING, "Missing required query parameter").at(outside))
                raise AwsError("InvalidRequest", f"Missing required header for this request: {outside}", 400)

    return check


def _body(shape: Any) -> Callable[[dict[str, Any], bytes], None] | None:
    if shape is None:
        return None
    payload = shape.serialization.get("payload")
    if payload:
        member = shape.members[payload]
        if member.type_name == "blob":
            return None  # the member is the body itself; the gateway adds it
        if member.type_name == "string":
            read_text = scalars.reader(member, "iso8601")

            def fill_text(found: dict[str, Any], body: bytes) -> None:
                found[payload] = _told(read_text, payload, body.decode("utf-8", "surrogateescape"))

            return fill_text
        read = documents.Compiler().read(member)
        schema = xmlschema.document(tag_of(payload, member), member)
        required = payload in shape.required_members

        def fill_document(found: dict[str, Any], body: bytes) -> None:
            if body:
                found[payload] = _document(read, schema, body)
            elif required:
                raise AwsError("MissingRequestBodyError", "Request Body is empty", 400)

        return fill_document
    elsewhere = frozenset(name for name, member in shape.members.items() if member.serialization.get("location"))
    if len(elsewhere) == len(shape.members):
        return None
    read_members = documents.Compiler().structure(shape, elsewhere)
    schema_members = xmlschema.document(tag_of(shape.name, shape), shape, elsewhere)

    def fill_members(found: dict[str, Any], body: bytes) -> None:
        if body:
            found.update(_document(read_members, schema_members, body))

    return fill_members


def malformed_xml() -> AwsError:
    """Return S3's error for a document that its schema does not allow."""
    message = "The XML you provided was not well-formed or did not validate against our published schema"
    return AwsError("MalformedXML", message, 400)


def _document(read: documents.Read, schema: Document, body: bytes) -> Any:
    try:
        return read(xmlread.parse(body, schema))
    except (ParameterError, xmlread.MalformedError):
        raise malformed_xml() from None


def _told(read: scalars.Read, name: str, text: str) -> Any:
    try:
        return read(text)
    except ParameterError as error:
        raise aws_error(error.at(name)) from None


def aws_error(error: ParameterError) -> AwsError:
    """Return S3's error for an invalid header or query parameter."""
    name = error.name
    if error.problem is Problem.CHARACTER:
        return AwsError("InvalidURI", "Couldn't parse the specified URI.", 400)
    code, message = "InvalidArgument", f"Invalid argument: {error.detail}"
    if error.problem is Problem.TYPE and error.detail.startswith("Expected an integer"):
        message = f"Provided {name} not an integer or within integer range"
    elif error.problem is Problem.TYPE:
        message = error.detail
    elif error.shape in _WORDS and "enum" in error.detail:
        code, message = _WORDS[error.shape]
    extra = {"ArgumentName": name}
    if error.value is not None:
        extra["ArgumentValue"] = error.value.encode("utf-8", "replace").decode()
    return AwsError(code, message, 400, extra=extra)
