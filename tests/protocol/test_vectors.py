"""botocore's protocol vectors, in reverse: what a client sends must read back as its parameters, and what we answer
must reach it as the result.  Each vector that does not apply is named with its reason.
"""

from typing import Any

import pytest
from botocore.awsrequest import HeadersDict
from botocore.parsers import ResponseParserFactory
from botocore.utils import parse_timestamp

from shim.errors import AwsError
from shim.protocol.message import Address, Head, Request
from tests.protocol.vectors import Vector, load, plain, request, rich

SPOKEN = ("ec2", "query", "rest-xml")

GZIP = "the client compresses its body: a trait that no service here has, and the vector leaves the body out"
TOKEN = "the client makes the token up, so what it sends is not among the vector's parameters"
EMPTY = "an empty collection is not sent at all, so nothing can be read back"
ROOT = "names the document otherwise than the member's locationName, which real models go by; botocore fails it too"
OVERLAP = "two parameters claim one query key, and the wire carries only one of them"
JSON_HEADER = "JSON in a header: only services of rest-json have it"
ITEM_NAME = "botocore's parser looks for a flattened list under its items' name; it is on botocore's own ignore list"
UNSET = "botocore makes a value of an empty body; it is on botocore's own ignore list"
DATES = "botocore's parser parts a list of HTTP dates at their own commas; it is on botocore's own ignore list"
EVENTS = "event streams: SelectObjectContent alone has one, and it is not offered"
UNKNOWN_UNION = "an answer with a member that its model lacks, which a server must not give"

INPUT_EXCEPTIONS = {
    "ec2-SDKAppliedContentEncoding_ec2Query": GZIP,
    "ec2-SDKAppendsGzipAndIgnoresHttpProvidedEncoding_ec2Query": GZIP,
    "ec2-Ec2ProtocolIdempotencyTokenAutoFill": TOKEN,
    "ec2-legacy-8-1": TOKEN,
    "ec2-Ec2EmptyQueryLists": EMPTY,
    "query-SDKAppliedContentEncoding_awsQuery": GZIP,
    "query-SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsQuery": GZIP,
    "query-QueryProtocolIdempotencyTokenAutoFill": TOKEN,
    "query-legacy-12-1": TOKEN,
    "query-QueryEmptyQueryMaps": EMPTY,
    "rest-xml-BodyWithXmlName": ROOT,
    "rest-xml-RestXmlHttpPayloadWithUnion": ROOT,
    "rest-xml-HttpPayloadWithXmlName": ROOT,
    "rest-xml-HttpPayloadWithXmlNamespace": ROOT,
    "rest-xml-HttpPayloadWithXmlNamespaceAndPrefix": ROOT,
    "rest-xml-XmlAttributesOnPayload": ROOT,
    "rest-xml-HttpPrefixHeadersAreNotPresent": EMPTY,
    "rest-xml-legacy-26-1": EMPTY,
    "rest-xml-SDKAppliedContentEncoding_restXml": GZIP,
    "rest-xml-SDKAppendedGzipAfterProvidedEncoding_restXml": GZIP,
    "rest-xml-QueryIdempotencyTokenAutoFill": TOKEN,
    "rest-xml-legacy-23-1": TOKEN,
    "rest-xml-RestXmlQueryPrecedence": OVERLAP,
    "rest-xml-legacy-24-0": JSON_HEADER,
}
OUTPUT_EXCEPTIONS = {
    "ec2-Ec2XmlLists": ITEM_NAME,
    "query-QueryXmlLists": ITEM_NAME,
    "rest-xml-XmlLists": ITEM_NAME,
    "rest-xml-HttpPayloadTraitsWithNoBlobBody": UNSET,
    "rest-xml-RestXmlHttpPayloadWithUnsetUnion": UNSET,
    "rest-xml-InputAndOutputWithTimestampHeaders": DATES,
    "rest-xml-legacy-12-0": JSON_HEADER,
    "rest-xml-legacy-14-0": EVENTS,
    "rest-xml-legacy-14-1": EVENTS,
    "rest-xml-legacy-14-2": EVENTS,
    "rest-xml-legacy-16-2": UNKNOWN_UNION,
}


def cases(side: str, exceptions: dict[str, str]) -> list[Any]:
    found = {f"{protocol}-{vector.name}": vector for protocol in SPOKEN for vector in load(side, protocol)}
    assert exceptions.keys() <= found.keys()
    return [
        pytest.param(
            vector,
            id=name,
            # Strict: an exception that is none any more must go from the table.
            marks=[pytest.mark.xfail(reason=exceptions[name], strict=True)] if name in exceptions else [],
        )
        for name, vector in found.items()
    ]


@pytest.mark.parametrize("vector", cases("input", INPUT_EXCEPTIONS))
def test_requests_read_back(vector: Vector) -> None:
    service = vector.service()
    operation = service.operations[vector.operation]
    sent, body = request(vector.case["serialized"], operation.method)
    found = operation.parse(sent, body)
    if operation.streaming_input and body:
        found[operation.streaming_input] = body  # as the gateway does
    assert plain(found) == plain(vector.case["params"])


@pytest.mark.parametrize("vector", cases("output", OUTPUT_EXCEPTIONS))
def test_answers_read_back(vector: Vector) -> None:
    service = vector.service()
    model = service.model.operation_model(vector.operation)
    shape: Any = None
    asked = Request(Head("POST", b"/", b"", ()), Address())
    if "error" in vector.case:
        error = AwsError(vector.case["errorCode"], vector.case.get("errorMessage", ""), 400)
        reply = service.failure(error, request_id="r-1", request=asked)
    else:
        shape = model.output_shape
        result = rich(vector.case["result"], shape) if shape else {}
        reply = service.reply(service.operations[vector.operation], result, request_id="r-1", request=asked)
        if shape and service.protocol == "query":
            shape.serialization["resultWrapper"] = f"{vector.operation}Result"
    assert isinstance(reply.body, bytes)
    factory = ResponseParserFactory()
    factory.set_parser_defaults(timestamp_parser=lambda text: parse_timestamp(text).timestamp())
    parser = factory.create_parser(service.protocol)
    answer = {"status_code": reply.status, "headers": HeadersDict(reply.headers), "body": reply.body}
    parsed = parser.parse(answer, shape)
    if "error" in vector.case:
        assert parsed["Error"]["Code"] == vector.case["errorCode"]
        assert parsed["ResponseMetadata"]["RequestId"] == "r-1"
        return
    assert parsed.pop("ResponseMetadata")["RequestId"] == "r-1"
    assert plain(parsed) == plain(vector.case["result"])
