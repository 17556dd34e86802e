"""Names that an operation does not take: refused where S3's model knows them, else ignored as AWS ignores them.

The cases are made from the model, for every operation of S3 and every header and query parameter of the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any
from urllib.parse import urlencode

import pytest

from shim.auth.sigv2 import SIGNED_IN_URLS
from shim.errors import AwsError
from shim.protocol.message import Request
from shim.protocol.service import Service
from shim.protocol.unknown_names import HARMLESS, METADATA, PRECONDITIONS, READS, known
from tests.protocol.requests import s3

S3 = Service("s3")
KNOWN = known(S3.model)
OTHER_ENDPOINTS = {"ListDirectoryBuckets", "WriteGetObjectResponse"}
OPERATIONS = sorted(
    name for name in S3.operations if name not in OTHER_ENDPOINTS and not S3.model.operation_model(name).deprecated
)
# Algorithms whose headers are verified with any body.
CHECKSUMS = {name for name in KNOWN.headers if name.startswith("x-amz-checksum-")}


def members(name: str, location: str) -> dict[str, Any]:
    """Return the members of an operation that travel in one place, by their names on the wire."""
    shape = S3.model.operation_model(name).input_shape
    found = shape.members.items() if shape else ()
    return {
        member.serialization.get("name", inside): member
        for inside, member in found
        if member.serialization.get("location") == location
    }


def required(name: str, location: str) -> list[str]:
    shape = S3.model.operation_model(name).input_shape
    wanted = {shape.members[one].serialization.get("name", one) for one in shape.required_members} if shape else set()
    return [outside for outside in members(name, location) if outside in wanted]


def own_query(name: str) -> list[tuple[str, str]]:
    """Return the query that makes a request this operation's."""
    uri = S3.model.operation_model(name).http["requestUri"].partition("?")[2]
    pairs = [pair.partition("=")[::2] for pair in uri.split("&") if pair]
    return [*pairs, *((outside, "1") for outside in required(name, "querystring"))]


def own_headers(name: str) -> dict[str, str]:
    shapes = members(name, "header")
    return {outside.lower(): sample(shapes[outside]) for outside in required(name, "header")}


def sample(shape: Any) -> str:
    """Return a header's text that its shape allows."""
    words = (shape.member if shape.type_name == "list" else shape).metadata.get("enum")
    return str(words[0]) if words else "b/k"


def request(name: str, query: Iterable[tuple[str, str]] = (), headers: dict[str, str] | None = None) -> Request:
    http = S3.model.operation_model(name).http
    path = http["requestUri"].partition("?")[0].replace("{Bucket}", "b").replace("{Key+}", "k")
    target = f"{path}?{urlencode([*own_query(name), *query])}".rstrip("?")
    return s3(http["method"], target, {**own_headers(name), **(headers or {})})


def outcome(request: Request) -> tuple[str, str]:
    """Return the operation that a request means and the name that was refused, each '' where there is none."""
    try:
        name = S3.route(request)
    except AwsError as error:
        return "", error.refused or error.message
    try:
        S3.operations[name].parse(request, b"")
    except AwsError as error:
        return name, error.refused
    return name, ""


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_query_parameter_of_another_operation_is_refused_or_makes_it_that_operation(name: str) -> None:
    assert outcome(request(name))[1] == ""
    for outside in sorted(KNOWN.queries - members(name, "querystring").keys() - {key for key, _ in own_query(name)}):
        for value in ("", "1", "2"):
            found, refused = outcome(request(name, [(outside, value)]))
            if refused:  # of two names that do not go together either may be told
                assert outside in refused or refused in {**dict(own_query(name)), **own_headers(name)}
            else:
                own = {*members(found, "querystring"), *(key for key, _ in own_query(found))}
                assert outside in own, (outside, value, found)
                assert found != name


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_header_of_another_operation_is_refused_or_makes_it_that_operation(name: str) -> None:
    own = {outside.lower() for outside in members(name, "header")}
    amz = {outside for outside in KNOWN.headers if outside.startswith("x-amz-")}
    for outside in sorted(amz - own - HARMLESS.keys() - CHECKSUMS):
        found, refused = outcome(request(name, headers={outside: "1"}))
        if found == name:
            assert refused == outside
        else:
            assert outside in {one.lower() for one in members(found, "header")}


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_header_moved_to_the_query_is_as_good_as_a_header(name: str) -> None:
    own = {outside.lower() for outside in members(name, "header")}
    reads = S3.operations[name].method in READS
    for outside in {"x-amz-acl", "x-amz-mfa", "x-amz-unheard-of"} - own:
        for spelling in (outside, outside.upper()):
            ignored = reads and outside == "x-amz-unheard-of"
            assert outcome(request(name, [(spelling, "1")])) == (name, "" if ignored else outside)


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_the_model_does_not_know(name: str) -> None:
    reads = S3.operations[name].method in READS
    for pair in (("x-user", "joe"), ("x-user", ""), ("X-User", ""), ("Version", "2006-03-01"), ("nonsense", "1")):
        assert outcome(request(name, [pair])) == (name, "")
    found, refused = outcome(request(name, [("nonsense", "")]))
    assert (found, refused) == ((name, "") if reads else ("", "nonsense"))
    assert outcome(request(name, headers={"x-amz-unheard-of": "1"})) == (name, "" if reads else "x-amz-unheard-of")
    others = {
        "x-amzn-trace-id": "1",
        "amz-sdk-request": "attempt=1",
        "cache-control": "no-cache",
        "x-forwarded-for": "a",
    }
    assert outcome(request(name, headers={**others, f"{METADATA}a": "1"})) == (name, "")


@pytest.mark.parametrize("name", OPERATIONS)
def test_harmless_headers_are_taken_by_every_operation(name: str) -> None:
    own = {outside.lower() for outside in members(name, "header")}
    headers = dict.fromkeys(HARMLESS.keys() - own, "2006-03-01")
    assert "x-amz-api-version" in headers  # of the AWS SDK for C++
    assert outcome(request(name, headers=headers)) == (name, "")


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_precondition_that_is_not_evaluated_is_refused_before_a_change(name: str) -> None:
    own = {outside.lower() for outside in members(name, "header")}
    reads = S3.operations[name].method in READS
    for outside in PRECONDITIONS - own:
        assert outcome(request(name, headers={outside: '"0"'})) == (name, "" if reads else outside)


def test_every_harmless_header_tells_its_source() -> None:
    assert all(name == name.lower() and name.startswith("x-amz-") for name in HARMLESS)
    assert all(len(source) > 20 for source in HARMLESS.values())


def test_nobody_can_add_a_sub_resource_to_a_presigned_url_of_version_2() -> None:
    """Version 2 signs a list of the query's names; one that is missing there could be added to somebody's URL."""
    uris = (S3.model.operation_model(name).http["requestUri"].partition("?")[2] for name in S3.operations)
    keys = {pair.partition("=")[0] for pair in chain.from_iterable(uri.split("&") for uri in uris)} - {""}
    # It turns one listing of a bucket into another one of the same bucket, and version 2's clients do not sign it.
    assert keys - SIGNED_IN_URLS == {"list-type"}
