"""CORS on the real Swift: the configuration, preflights, and the headers of actual requests."""

import json
from typing import Any

import pytest

from tests.s3.client_errors import refused
from tests.support.clients import Boto
from tests.support.names import unique
from tests.support.wire import get as send

ORIGIN = "https://page.example"
RULES: list[dict[str, Any]] = [
    {
        "ID": "pages",
        "AllowedHeaders": ["content-type", "x-amz-*"],
        "AllowedMethods": ["GET", "PUT"],
        "AllowedOrigins": [ORIGIN],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 300,
    },
    {"AllowedMethods": ["HEAD"], "AllowedOrigins": ["*"]},
]
PREFLIGHT = {"origin": ORIGIN, "access-control-request-method": "PUT", "access-control-request-headers": "x-amz-date"}


@pytest.fixture
def shared(s3: Any, bucket: str) -> str:
    """A bucket with an object `k` and CORS rules."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"shared")
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": RULES})
    return bucket


@pytest.fixture(params=["s3v4", "s3"])
def signer(request: pytest.FixtureRequest, aws: Boto) -> Any:
    """A client that presigns by one of the two versions of signatures."""
    return aws("s3", signature_version=request.param)


def cross(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers of an answer that a browser's CORS check reads."""
    return {name: value for name, value in headers.items() if name == "vary" or name.startswith("access-control")}


def test_rules_are_given_back_replaced_and_deleted(s3: Any, openstack_main: Any, bucket: str) -> None:
    for rules in (RULES, RULES[1:]):
        s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
        assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == rules
    assert openstack_main.object_store.get_container_metadata(bucket).metadata["s3-config-cors"]
    s3.delete_bucket_cors(Bucket=bucket)
    s3.delete_bucket_cors(Bucket=bucket)
    with refused("NoSuchCORSConfiguration", 404):
        s3.get_bucket_cors(Bucket=bucket)


def test_a_wrong_rule_changes_nothing(s3: Any, shared: str) -> None:
    for wrong in ({**RULES[0], "AllowedMethods": ["PATCH"]}, {**RULES[0], "AllowedOrigins": ["*.*"]}):
        with refused("InvalidRequest", 400):
            s3.put_bucket_cors(Bucket=shared, CORSConfiguration={"CORSRules": [wrong]})
    assert s3.get_bucket_cors(Bucket=shared)["CORSRules"] == RULES


def test_a_preflight_of_a_presigned_url_is_allowed(signer: Any, shared: str) -> None:
    url = signer.generate_presigned_url("put_object", {"Bucket": shared, "Key": "new"})
    status, headers, body = send(url, PREFLIGHT, "OPTIONS")
    assert (status, body) == (200, b"")
    assert cross(headers) == {
        "access-control-allow-origin": ORIGIN,
        "access-control-allow-methods": "GET, PUT",
        "access-control-allow-headers": "x-amz-date",
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "ETag",
        "access-control-max-age": "300",
        "vary": "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
    }


@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ({"origin": "https://other.example"}, 403, b"<Method>PUT</Method><ResourceType>OBJECT</ResourceType>"),
        ({"access-control-request-method": "DELETE"}, 403, b"CORSResponse: This CORS request is not allowed."),
        ({"access-control-request-headers": "x-amz-date,x-other"}, 403, b"AccessForbidden"),
        ({"access-control-request-method": "PATCH"}, 400, b"Invalid Access-Control-Request-Method: PATCH"),
        ({"access-control-request-method": ""}, 400, b"Invalid Access-Control-Request-Method: null"),
    ],
)
def test_what_no_rule_allows_is_refused(
    signer: Any, shared: str, changed: dict[str, str], status: int, said: bytes
) -> None:
    url = signer.generate_presigned_url("put_object", {"Bucket": shared, "Key": "new"})
    told, headers, body = send(url, {**PREFLIGHT, **changed}, "OPTIONS")
    assert told == status
    assert said in body
    assert cross(headers) == {}


@pytest.mark.parametrize("of", ["", "-not"])
def test_a_bucket_without_rules_and_no_bucket_are_answered_alike(s3: Any, bucket: str, of: str) -> None:
    url = s3.generate_presigned_url("put_object", {"Bucket": bucket + of, "Key": "new"})
    status, headers, body = send(url, PREFLIGHT, "OPTIONS")
    assert status == 403
    assert b"CORSResponse: CORS is not enabled for this bucket." in body
    assert b"<ResourceType>BUCKET</ResourceType>" in body
    assert cross(headers) == {}


def test_a_preflight_without_a_known_access_key_finds_the_bucket_by_its_name(
    s3: Any, shared: str, openstack_main: Any
) -> None:
    url = s3.generate_presigned_url("put_object", {"Bucket": shared, "Key": "new"}).partition("?")[0]
    queries = ("", "?AWSAccessKeyId=unknown&Signature=s&Expires=1", "?AWSAccessKeyId=unknown")
    for query in queries:
        status, headers, _ = send(url + query, PREFLIGHT, "OPTIONS")
        assert (status, headers["access-control-allow-origin"]) == (200, ORIGIN)
    native = unique("native")
    openstack_main.object_store.create_container(native)  # no caller of another project knows that name
    for query in queries:
        status, headers, _ = send(url.replace(shared, native) + query, PREFLIGHT, "OPTIONS")
        assert (status, cross(headers)) == (403, {})
    openstack_main.object_store.delete_container(native)


def test_a_bucket_of_another_project_has_its_own_rules(aws: Boto, s3: Any, shared: str) -> None:
    stranger = aws("s3", "alt")
    put = stranger.generate_presigned_url("put_object", {"Bucket": shared, "Key": "new"})
    status, headers, _ = send(put, PREFLIGHT, "OPTIONS")
    assert (status, headers["access-control-allow-origin"]) == (200, ORIGIN)
    status, headers, _ = send(put.replace(shared, shared + "-not"), PREFLIGHT, "OPTIONS")
    assert (status, cross(headers)) == (403, {})
    get = stranger.generate_presigned_url("get_object", {"Bucket": shared, "Key": "k"})
    for url in (get, get.partition("?")[0]):  # a stranger, and nobody: refused, and the page may read that
        status, headers, _ = send(url, {"origin": ORIGIN})
        assert (status, headers["access-control-allow-origin"]) == (403, ORIGIN)
    let(s3, shared)
    for url in (get, get.partition("?")[0]):
        status, headers, body = send(url, {"origin": ORIGIN})
        assert (status, body, headers["access-control-allow-origin"]) == (200, b"shared", ORIGIN)
    s3.delete_bucket_policy(Bucket=shared)


def let(s3: Any, bucket: str) -> None:
    """Let everybody read."""
    switches = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=dict.fromkeys(switches, False))
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def test_answers_to_actual_requests_have_the_headers_and_errors_too(signer: Any, shared: str) -> None:
    get = signer.generate_presigned_url("get_object", {"Bucket": shared, "Key": "k"})
    status, headers, body = send(get, {"origin": ORIGIN})
    assert (status, body) == (200, b"shared")
    assert headers["access-control-allow-origin"] == ORIGIN
    assert headers["access-control-expose-headers"] == "ETag"
    missing = signer.generate_presigned_url("get_object", {"Bucket": shared, "Key": "missing"})
    status, headers, _ = send(missing, {"origin": ORIGIN})
    assert (status, headers["access-control-allow-origin"]) == (404, ORIGIN)
    forged = get.replace("Signature=", "Signature=x")
    status, headers, _ = send(forged, {"origin": ORIGIN})
    assert (status, headers["access-control-allow-origin"]) == (403, ORIGIN)
    head = signer.generate_presigned_url("head_object", {"Bucket": shared, "Key": "k"})
    status, headers, _ = send(head, {"origin": "https://other.example"}, "HEAD")
    assert (status, headers["access-control-allow-origin"]) == (200, "*")
    for plain in ({}, {"origin": "https://other.example"}):
        status, headers, body = send(get, plain)
        assert (status, body, cross(headers)) == (200, b"shared", {})


def test_a_change_through_this_gateway_holds_at_once(s3: Any, shared: str) -> None:
    url = s3.generate_presigned_url("get_object", {"Bucket": shared, "Key": "k"})
    assert cross(send(url, {"origin": ORIGIN})[1])
    other = [{**RULES[0], "AllowedOrigins": ["https://other.example"]}]
    s3.put_bucket_cors(Bucket=shared, CORSConfiguration={"CORSRules": other})
    assert not cross(send(url, {"origin": ORIGIN})[1])
    s3.delete_bucket_cors(Bucket=shared)
    assert not cross(send(url, {"origin": "https://other.example"})[1])


def test_rules_that_swifts_users_broke_do_not_break_the_answer(s3: Any, openstack_main: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"whole")
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"})
    for broken in ('{"a":1}', '[{"AllowedMethods":3}]', "[3]", "[["):
        openstack_main.object_store.set_container_metadata(bucket, **{"s3-config-cors": broken})
        s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": []})  # so that this gateway reads the container anew
        status, headers, body = send(url, {"origin": ORIGIN})
        assert (status, body, cross(headers)) == (200, b"whole", {})
        assert send(url, PREFLIGHT, "OPTIONS")[0] == 500


def test_swifts_own_cross_origin_headers_are_no_rules_of_the_bucket(s3: Any, openstack_main: Any, bucket: str) -> None:
    """Swift has its own (X-Container-Meta-Access-Control-Allow-Origin); it obeys them at its own address only."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    openstack_main.object_store.set_container_metadata(bucket, **{"access-control-allow-origin": ORIGIN})
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"})
    assert cross(send(url, {"origin": ORIGIN})[1]) == {}
    with refused("NoSuchCORSConfiguration", 404):
        s3.get_bucket_cors(Bucket=bucket)


def test_without_an_origin_nothing_is_asked(gateway: Any, s3: Any, shared: str) -> None:
    assert gateway.least_calls(lambda: s3.get_object(Bucket=shared, Key="k")) == 1
