"""botocore at the other end of the wire, with generated values: what it sends we read back as it was, what we write it
reads back as it was.  Over every registered operation, all others of S3 and STS, and some others of EC2.
"""

from collections.abc import Mapping
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import HeadersDict, create_request_object, prepare_request_dict
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import shim.ec2
import shim.s3
import shim.sts
from shim.ec2.service import ec2
from shim.protocol.message import Address, Head, Request, decode_pairs
from shim.protocol.routing import address, service_for
from shim.protocol.service import Service
from shim.s3.service import s3
from shim.sts.service import sts
from tests.protocol.strategies import BUCKET, FORM_TEXT, HEADER_TEXT, KEY, XML_TEXT, values

assert shim.ec2
assert shim.s3
assert shim.sts

# Operations that share a request with another (older forms), belong to other endpoints, or stream events.
NOT_ALONE = {
    "GetBucketLifecycle",
    "GetBucketNotification",
    "PutBucketLifecycle",
    "PutBucketNotification",
    "ListDirectoryBuckets",
    "WriteGetObjectResponse",
    "SelectObjectContent",
}


def operations() -> list[Any]:
    """Name every operation to try; the handlers' come first, whatever else there is."""
    found = [(service, name) for service in (ec2, s3, sts) for name in service.handlers]
    others = [*((ec2, name) for name in list(ec2.operations)[::10])]
    others += [(service, name) for service in (s3, sts) for name in service.operations if name not in NOT_ALONE]
    found += [pair for pair in others if pair not in found]
    return [pytest.param(service, name, id=f"{service.name}-{name}") for service, name in found]


OPERATIONS = operations()
QUICK = settings(
    max_examples=8,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


@pytest.mark.parametrize(("service", "name"), OPERATIONS)
def test_requests_read_back(service: Service, name: str) -> None:
    model = service.model.operation_model(name)
    drawn = parameters(service, model.input_shape) if model.input_shape else st.just({})

    @QUICK
    @given(params=drawn)
    def check(params: dict[str, Any]) -> None:
        a_request_reads_back(service, name, params)

    check()


def a_request_reads_back(service: Service, name: str, params: dict[str, Any]) -> None:
    model = service.model.operation_model(name)
    request, body = sent(service, model, params)
    operation = service.operations[name]
    assert service.route(request) == name
    if service is s3:
        assert service_for(request.head) == "s3"
    found = operation.parse(request, body)
    if operation.streaming_input:
        found[operation.streaming_input] = body
        params.setdefault(operation.streaming_input, b"")
        params.pop("ContentLength", None)  # the reader of the body checks it
    for verbatim in params.keys() & {"Expires", "ResponseExpires"}:
        params[verbatim] = format_datetime(params[verbatim], usegmt=True)  # kept as text
    assert found == params


def sent(service: Service, model: Any, params: Mapping[str, Any]) -> tuple[Request, bytes]:
    """Let botocore write a request, and take it as the gateway does."""
    words = create_serializer(service.protocol, include_validation=False).serialize_to_request(dict(params), model)
    prepare_request_dict(words, "http://localhost:8000")
    prepared = create_request_object(words).prepare()
    url = urlsplit(prepared.url)
    headers = tuple((key.lower(), _text(value)) for key, value in prepared.headers.items())
    head = Head(prepared.method, url.path.encode(), url.query.encode(), headers)
    body = prepared.body.encode() if isinstance(prepared.body, str) else bytes(prepared.body or b"")
    if service is s3:
        return Request(head, address(head)), body
    return Request(head, form=decode_pairs(body)), body


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def parameters(service: Service, shape: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Draw an operation's parameters; those of S3 by where they travel."""
    if service is not s3:
        return values(shape, FORM_TEXT, empty=False)
    required = {name: _placed(name, member) for name, member in _members(shape, required=True)}
    others = {name: _placed(name, member) for name, member in _members(shape, required=False)}
    return st.fixed_dictionaries(required, optional=others)


def _members(shape: Any, *, required: bool) -> list[tuple[str, Any]]:
    return [(name, member) for name, member in shape.members.items() if (name in shape.required_members) is required]


# What the protocol itself says in these is not the value alone: lengths are the transport's, encodings may be.
_TRANSPORT = {"ContentLength": st.integers(0, 10), "ContentEncoding": st.just("gzip")}


def _placed(name: str, member: Any) -> st.SearchStrategy[Any]:
    where = member.serialization.get("location")
    if name in _TRANSPORT:
        return _TRANSPORT[name]
    if where == "uri":
        return KEY if name == "Key" else BUCKET
    if where == "headers":
        return st.dictionaries(st.from_regex(r"[a-z0-9-]{1,8}", fullmatch=True), HEADER_TEXT, min_size=1, max_size=3)
    if where == "header":
        return values(member, HEADER_TEXT, empty=False)
    if where == "querystring":
        text = HEADER_TEXT if name.startswith("Response") else FORM_TEXT
        return values(member, text, empty=False)
    return values(member, XML_TEXT, empty=True)


@pytest.mark.parametrize(("service", "name"), OPERATIONS)
def test_answers_read_back(service: Service, name: str) -> None:
    shape = service.model.operation_model(name).output_shape

    @QUICK
    @given(result=answers(service, shape) if shape else st.just({}))
    def check(result: dict[str, Any]) -> None:
        an_answer_reads_back(service, name, result)

    check()


def an_answer_reads_back(service: Service, name: str, result: dict[str, Any]) -> None:
    shape: Any = service.model.operation_model(name).output_shape
    request = Request(Head("GET", b"/", b"", ()), Address("bucket", "key"))
    reply = service.reply(service.operations[name], result, request_id="r-1", request=request)
    assert isinstance(reply.body, bytes)
    answer = {"status_code": reply.status, "headers": HeadersDict(reply.headers), "body": reply.body}
    parsed = create_parser(service.protocol).parse(answer, shape)
    assert parsed.pop("ResponseMetadata")["RequestId"] == "r-1"
    expected = dict(result)
    if service is ec2 and shape and "Return" in shape.members:
        expected.setdefault("Return", True)
    if name == "GetBucketLocation":
        # One of a kind: botocore reads it by a hook of its client, not by the model.
        region = result.get("LocationConstraint", "")
        assert parsed == {}
        assert reply.body.endswith(f">{region}</LocationConstraint>".encode() if region else b"/>")
        return
    payload = _streamed(shape)
    if payload:
        expected[payload] = expected.get(payload, b"").decode()
    for member in _maps_in_headers(shape):
        expected.setdefault(member, {})  # botocore always gives a map, if only an empty one
    assert parsed == expected


def _streamed(shape: Any) -> str:
    payload = shape.serialization.get("payload", "") if shape else ""
    return payload if payload and shape.members[payload].type_name == "blob" else ""


def _maps_in_headers(shape: Any) -> list[str]:
    members = shape.members.items() if shape else ()
    return [name for name, member in members if member.serialization.get("location") == "headers"]


def answers(service: Service, shape: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Draw an action's answer."""
    if service is not s3:
        return values(shape, XML_TEXT, empty=True)
    payload = shape.serialization.get("payload")
    members = {
        name: st.just(b"bytes") if name == payload and member.type_name == "blob" else _answered(member)
        for name, member in shape.members.items()
    }
    body = {payload: members.pop(payload)} if payload else {}
    return st.fixed_dictionaries(body, optional=members)


def _answered(member: Any) -> st.SearchStrategy[Any]:
    where = member.serialization.get("location")
    if where == "headers":
        return st.dictionaries(st.from_regex(r"[a-z0-9-]{1,8}", fullmatch=True), HEADER_TEXT, min_size=1, max_size=3)
    return values(member, HEADER_TEXT if where else XML_TEXT, empty=not where)
