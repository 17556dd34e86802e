"""A bucket's website configuration: given back as it was put, and refused as S3 refuses it."""

from typing import Any

import pytest

from shim.errors import AwsError
from shim.s3.config.website import check
from tests.s3.client_errors import refused

INDEX = {"IndexDocument": {"Suffix": "index.html"}}
RULE = {"Condition": {"KeyPrefixEquals": "docs/"}, "Redirect": {"ReplaceKeyPrefixWith": "documents/"}}
WHOLE: dict[str, Any] = {
    **INDEX,
    "ErrorDocument": {"Key": "errors/404.html"},
    "RoutingRules": [
        RULE,
        {
            "Condition": {"HttpErrorCodeReturnedEquals": "404", "KeyPrefixEquals": "images/"},
            "Redirect": {
                "HostName": "example.org",
                "Protocol": "https",
                "HttpRedirectCode": "302",
                "ReplaceKeyWith": "gone.html",
            },
        },
        {"Redirect": {"HostName": "example.org"}},
    ],
}
ALL = {"RedirectAllRequestsTo": {"HostName": "example.org", "Protocol": "https"}}


def rules(*some: dict[str, Any]) -> dict[str, Any]:
    return {**INDEX, "RoutingRules": list(some)}


def redirecting(**redirect: str) -> dict[str, Any]:
    return rules({"Redirect": redirect})


@pytest.mark.parametrize(
    ("wanted", "code", "sentence"),
    [
        ({}, "InvalidArgument", "A value for IndexDocument Suffix must be provided"),
        ({"ErrorDocument": {"Key": "e"}}, "InvalidArgument", "A value for IndexDocument Suffix must be provided"),
        ({"IndexDocument": {"Suffix": ""}}, "InvalidArgument", "The IndexDocument Suffix is not well formed"),
        ({"IndexDocument": {"Suffix": "a/b"}}, "InvalidArgument", "The IndexDocument Suffix is not well formed"),
        ({**INDEX, "ErrorDocument": {"Key": ""}}, "MalformedXML", "not well-formed"),
        ({**INDEX, **ALL}, "InvalidArgument", "cannot be provided in conjunction with other Routing Rules"),
        ({"RedirectAllRequestsTo": {"Protocol": "http"}}, "MalformedXML", "not well-formed"),
        ({"RedirectAllRequestsTo": {"HostName": "h", "Protocol": "ftp"}}, "InvalidRequest", "Invalid protocol"),
        (rules(), "MalformedXML", "not well-formed"),
        (rules({"Condition": {"KeyPrefixEquals": "a"}}), "MalformedXML", "not well-formed"),
        (rules(*([RULE] * 51)), "InvalidRequest", "limited to 50"),
        (rules({**RULE, "Condition": {}}), "InvalidRequest", "Condition cannot be empty"),
        (redirecting(ReplaceKeyWith="a", ReplaceKeyPrefixWith="b"), "InvalidRequest", "but not both"),
        (redirecting(Protocol="HTTP", HostName="h"), "InvalidRequest", "Invalid protocol"),
        (redirecting(HttpRedirectCode="300"), "InvalidRequest", "redirect code (300) is not valid"),
        (redirecting(HttpRedirectCode="3٠1"), "InvalidRequest", "Valid codes are 3XX except 300"),
        (rules({**RULE, "Condition": {"HttpErrorCodeReturnedEquals": "302"}}), "InvalidRequest", "4XX or 5XX"),
        (redirecting(ReplaceKeyWith="a" * (128 << 10)), "MaxMessageLengthExceeded", "too big"),
    ],
)
def test_what_s3_refuses_is_refused(wanted: dict[str, Any], code: str, sentence: str) -> None:
    with pytest.raises(AwsError) as refusal:
        check(wanted)
    assert (refusal.value.code, refusal.value.status) == (code, 400)
    assert sentence in refusal.value.message


@pytest.mark.parametrize("wanted", [INDEX, WHOLE, ALL, rules(*([RULE] * 50))])
def test_what_s3_accepts_is_accepted(wanted: dict[str, Any]) -> None:
    assert check(wanted) == wanted


def test_a_configuration_is_given_back_replaced_and_deleted(s3: Any, openstack_main: Any, bucket: str) -> None:
    for wanted in (WHOLE, ALL, INDEX):
        s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=wanted)
        told = s3.get_bucket_website(Bucket=bucket)
        assert {name: value for name, value in told.items() if name != "ResponseMetadata"} == wanted
    with refused("InvalidArgument", 400) as seen:
        s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={**INDEX, **ALL})
    assert seen["ArgumentName"] == "RedirectAllRequestsTo"
    assert openstack_main.object_store.get_container_metadata(bucket).metadata["s3-config-website"]
    s3.delete_bucket_website(Bucket=bucket)
    s3.delete_bucket_website(Bucket=bucket)
    with refused("NoSuchWebsiteConfiguration", 404):
        s3.get_bucket_website(Bucket=bucket)
