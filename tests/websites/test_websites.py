"""Buckets as websites on the real Swift: pages, directories, errors, redirects, and who may see them."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conftest import WEBSITES
from tests.support.gateway import Gateway
from tests.support.gateway import gateway as run_gateway
from tests.support.names import unique
from tests.support.target import Target
from tests.support.wire import get

OPEN = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), False)
ORIGIN = "https://page.example"
Answer = tuple[int, dict[str, str], bytes]
See = Callable[..., Answer]


def configure(s3: Any, bucket: str, **more: Any) -> None:
    wanted = {"IndexDocument": {"Suffix": "index.html"}, **more}
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=wanted)


def let(s3: Any, bucket: str, *statements: dict[str, Any]) -> None:
    told = [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*", **one}
        for one in statements
    ]
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": told}))


@pytest.fixture
def site(s3: Any, bucket: str) -> Iterator[str]:
    """A bucket with a website that everybody may read and list."""
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=OPEN)
    let(s3, bucket, {}, {"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"})
    configure(s3, bucket, ErrorDocument={"Key": "oh no.html"})
    for key in ("index.html", "docs/index.html", "a b/ü.html"):
        s3.put_object(Bucket=bucket, Key=key, Body=f"<p>{key}".encode(), ContentType="text/html")
    yield bucket
    s3.delete_bucket_policy(Bucket=bucket)


@pytest.fixture
def see(gateway: Gateway, site: str) -> See:
    """Return a function that visits the website: `see(path, headers, method)`."""
    return visitor(gateway, site)


def visitor(gateway: Gateway, bucket: str) -> See:
    def visit(path: str, headers: dict[str, str] | None = None, method: str = "GET") -> Answer:
        return get(f"{gateway.url}{path}", {"host": f"{bucket}.{WEBSITES}", **(headers or {})}, method)

    return visit


def facts(answer: Answer) -> dict[str, str]:
    """Return the items of an error page's first list."""
    text = answer[2].decode()
    items = text[text.index("<ul>") : text.index("</ul>")].split("<li>")[1:]
    told = (item.partition("</li>")[0].partition(": ") for item in items)
    return {name: value.replace("&lt;", "<").replace("&gt;", ">") for name, _, value in told}


def test_pages_and_directories_are_shown(s3: Any, openstack_main: Any, site: str, see: See) -> None:
    for path, key in (
        ("/", "index.html"),
        ("/docs/", "docs/index.html"),
        ("/docs/index.html", "docs/index.html"),
        ("/a%20b/%C3%BC.html?x=1&versionId=7&acl", "a b/ü.html"),
    ):
        status, headers, body = see(path)
        assert (status, body.decode(), headers["content-type"]) == (200, f"<p>{key}", "text/html")
        status, head, body = see(path, method="HEAD")
        assert (status, body, head["content-length"]) == (200, b"", headers["content-length"])
    openstack_main.object_store.create_object(site, "native.txt", data=b"by Swift")
    assert see("/native.txt")[2] == b"by Swift"


def test_a_directory_without_its_slash_is_redirected(site: str, see: See) -> None:
    for method in ("GET", "HEAD"):
        status, headers, body = see("/docs", method=method)
        assert (status, headers["location"]) == (302, "/docs/")
        assert (b"<li>Code: Found</li>" in body) == (method == "GET")
    assert see("/do")[0] == 404


def test_no_directory_redirects_to_another_host(s3: Any, site: str, see: See) -> None:
    s3.put_object(Bucket=site, Key="/other.example/index.html", Body=b"")
    status, headers, _ = see("//other.example")
    assert (status, headers["location"]) == (302, f"http://{site}.{WEBSITES}//other.example/")


def test_the_error_document_is_shown_with_the_errors_status(s3: Any, site: str, see: See) -> None:
    s3.put_object(Bucket=site, Key="oh no.html", Body=b"<p>sorry", ContentType="text/html")
    s3.put_object(Bucket=site, Key="secret", Body=b"x")
    let(
        s3,
        site,
        {"Resource": f"arn:aws:s3:::{site}/*.html"},
        {"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{site}"},
    )
    for path, status, code in (("/none.html", 404, "NoSuchKey"), ("/secret", 403, "AccessDenied")):
        found = see(path, {"range": "bytes=1-2", "if-none-match": "*"})
        assert (found[0], found[2], found[1]["content-type"]) == (status, b"<p>sorry", "text/html")
        assert found[1]["x-amz-error-code"] == code
        assert see(path, method="HEAD")[:3:2] == (status, b"")


def test_an_error_page_tells_the_error(s3: Any, site: str, see: See) -> None:
    answer = see("/n<o>ne")
    status, headers, body = answer
    assert (status, headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert body.startswith(b"<html>\n<head><title>404 Not Found</title></head>\n<body>\n<h1>404 Not Found</h1>\n<ul>\n")
    assert (b"<li>Key: n&lt;o&gt;ne</li>" in body, headers["x-amz-error-detail-key"]) == (True, "n<o>ne")
    assert facts(answer) == {
        "Code": "NoSuchKey",
        "Message": "The specified key does not exist.",
        "Key": "n<o>ne",
        "RequestId": headers["x-amz-request-id"],
        "HostId": headers["x-amz-id-2"],
    }
    assert b"<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>" in body
    assert b"<li>Key: oh no.html</li>" in body
    configure(s3, site)
    assert b"<h3>" not in see("/none")[2]
    assert see("/none", method="HEAD")[:3:2] == (404, b"")
    assert facts(see("/%ff"))["Code"] == "InvalidURI"
    assert facts(see("/" + "k" * 1025))["Code"] == "KeyTooLongError"


def test_who_may_not_list_does_not_learn_what_is_there(s3: Any, site: str, see: See, gateway: Gateway) -> None:
    let(s3, site, {})
    assert facts(see("/none"))["Code"] == "AccessDenied"
    assert see("/docs")[1]["location"] == "/docs/"
    s3.delete_bucket_policy(Bucket=site)
    answer = see("/")
    assert (answer[0], facts(answer)["Code"]) == (403, "AccessDenied")
    assert see("/docs")[0] == 403  # not a redirect: the directory's page is not for this visitor
    line = gateway.call({"ResponseMetadata": {"RequestId": answer[1]["x-amz-request-id"]}})
    assert (line["action"], line["status"], line["code"]) == ("GetObject", 403, "AccessDenied")


def test_conditions_of_a_policy_see_the_visitor(s3: Any, site: str, see: See) -> None:
    let(s3, site, {"Condition": {"StringLike": {"aws:Referer": "https://friend.example/*"}}})
    assert see("/")[0] == 403
    assert see("/", {"referer": "https://friend.example/x"})[0] == 200


def test_an_acl_shows_a_page(s3: Any, site: str, see: See) -> None:
    s3.delete_bucket_policy(Bucket=site)
    s3.put_bucket_ownership_controls(Bucket=site, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    s3.put_object(Bucket=site, Key="open.html", Body=b"open", ACL="public-read")
    assert see("/open.html")[::2] == (200, b"open")
    assert see("/index.html")[0] == 403


def test_a_signature_opens_nothing(s3: Any, aws: Any, site: str, see: See) -> None:
    s3.delete_bucket_policy(Bucket=site)
    url = aws("s3", signature_version="s3v4").generate_presigned_url(
        "get_object", {"Bucket": site, "Key": "index.html"}
    )
    assert see("/index.html?" + url.partition("?")[2])[0] == 403
    assert see("/index.html", {"authorization": "AWS4-HMAC-SHA256 Credential=x"})[0] == 403


def test_ranges_and_conditions_are_those_of_get(s3: Any, site: str, see: See) -> None:
    status, headers, body = see("/", {"range": "bytes=3-7"})
    assert (status, body, headers["content-range"]) == (206, b"index", "bytes 3-7/13")
    etag = headers["etag"]
    assert see("/", {"if-none-match": etag})[::2] == (304, b"")
    assert see("/", {"if-match": '"other"'})[0] == 412
    assert see("/", {"range": "bytes=99-"})[0] == 416


def test_other_methods_are_not_allowed(s3: Any, site: str, see: See) -> None:
    for method in ("PUT", "POST", "DELETE", "PATCH"):
        answer = see("/index.html", {"content-length": "0"}, method)
        assert (answer[0], facts(answer)["Code"]) == (405, "MethodNotAllowed")
        assert (facts(answer)["Method"], facts(answer)["ResourceType"]) == (method, "OBJECT")
    assert s3.head_object(Bucket=site, Key="index.html")["ContentLength"] == 13


def test_what_is_no_website_is_told(s3: Any, gateway: Gateway, site: str) -> None:
    for bucket, status, code in ((unique("none"), 404, "NoSuchBucket"), (site, 404, "NoSuchWebsiteConfiguration")):
        s3.delete_bucket_website(Bucket=site)
        answer = visitor(gateway, bucket)("/")
        assert (answer[0], facts(answer)["Code"], facts(answer)["BucketName"]) == (status, code, bucket)
    status, headers, body = get(gateway.url + "/", {"host": WEBSITES})
    assert (status, b"NoSuchBucket" in body, headers["content-type"]) == (404, True, "text/html; charset=utf-8")


def test_a_configuration_that_swifts_users_broke_is_told(s3: Any, openstack_main: Any, site: str, see: See) -> None:
    for broken in ('{"a":1}', "[3]", "[["):
        openstack_main.object_store.set_container_metadata(site, **{"s3-config-website": broken})
        s3.put_bucket_tagging(Bucket=site, Tagging={"TagSet": []})  # so that this gateway reads the container anew
        answer = see("/")
        assert (answer[0], facts(answer)["Code"]) == (500, "InternalError")


def test_routing_rules(s3: Any, site: str, see: See) -> None:
    rules = [
        {"Condition": {"KeyPrefixEquals": "old/"}, "Redirect": {"ReplaceKeyPrefixWith": "new/"}},
        {
            "Condition": {"KeyPrefixEquals": "docs/", "HttpErrorCodeReturnedEquals": "404"},
            "Redirect": {"HostName": "e.org", "Protocol": "https", "ReplaceKeyWith": "gone", "HttpRedirectCode": "307"},
        },
    ]
    configure(s3, site, ErrorDocument={"Key": "index.html"}, RoutingRules=rules)
    for method in ("GET", "HEAD"):
        status, headers, body = see("/old/a?q=1", method=method)
        assert (status, headers["location"], body) == (301, f"http://{site}.{WEBSITES}/new/a?q=1", b"")
        status, headers, body = see("/docs/none", method=method)
        assert (status, headers["location"], body) == (307, "https://e.org/gone", b"")
    assert see("/docs/")[0] == 200
    assert see("/none")[::2] == (404, b"<p>index.html")


def test_all_requests_may_go_elsewhere(s3: Any, site: str, see: See) -> None:
    s3.put_bucket_website(
        Bucket=site, WebsiteConfiguration={"RedirectAllRequestsTo": {"HostName": "e.org", "Protocol": "https"}}
    )
    for path in ("/", "/none/b%20c?q=1"):
        status, headers, body = see(path)
        assert (status, headers["location"], body) == (301, f"https://e.org{path}", b"")


def test_an_object_may_redirect(s3: Any, site: str, see: See, gateway: Gateway) -> None:
    place = {"WebsiteRedirectLocation": "/docs/?q#f"}
    s3.put_object(Bucket=site, Key="put", Body=b"x" * 2_000_000, **place)
    s3.copy_object(Bucket=site, Key="copied", CopySource={"Bucket": site, "Key": "put"}, **place)
    s3.copy_object(Bucket=site, Key="plain", CopySource={"Bucket": site, "Key": "put"})
    upload = s3.create_multipart_upload(Bucket=site, Key="large/index.html", **place)
    part = {"Bucket": site, "Key": "large/index.html", "UploadId": upload["UploadId"]}
    etag = s3.upload_part(**part, PartNumber=1, Body=b"x")["ETag"]
    s3.complete_multipart_upload(**part, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    for path in ("/put", "/copied", "/large/"):
        for method in ("GET", "HEAD"):
            status, headers, body = see(path, method=method)
            assert (status, headers["location"], body) == (301, "/docs/?q#f", b""), path
    assert see("/plain")[0] == 200
    assert s3.head_object(Bucket=site, Key="put")["WebsiteRedirectLocation"] == "/docs/?q#f"
    assert get(f"{gateway.url}/{site}/put")[0] == 200  # S3's own endpoint tells it and shows the object


def test_pages_of_other_sites_are_answered_as_the_rules_say(s3: Any, site: str, see: See) -> None:
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": [ORIGIN], "AllowedHeaders": ["*"]}
    s3.put_bucket_cors(Bucket=site, CORSConfiguration={"CORSRules": [rule]})
    for path, status in (("/", 200), ("/none", 404), ("/docs", 302)):
        answer = see(path, {"origin": ORIGIN})
        assert (answer[0], answer[1]["access-control-allow-origin"]) == (status, ORIGIN)
    asks = {"origin": ORIGIN, "access-control-request-method": "GET", "access-control-request-headers": "x-a"}
    status, headers, _ = see("/", asks, "OPTIONS")
    assert (status, headers["access-control-allow-headers"]) == (200, "x-a")
    answer = see("/", {**asks, "access-control-request-method": "PUT"}, "OPTIONS")
    assert (answer[0], facts(answer)["Code"]) == (403, "AccessForbidden")


def test_without_an_error_a_page_costs_one_call(site: str, see: See, gateway: Gateway) -> None:
    def page() -> dict[str, Any]:
        return {"ResponseMetadata": {"RequestId": see("/")[1]["x-amz-request-id"]}}

    assert gateway.least_calls(page) == 1


def test_a_page_that_is_encrypted_for_a_customer_is_not_shown(s3: Any, site: str, see: See) -> None:
    s3.put_object(Bucket=site, Key="index.html", Body=b"x", SSECustomerAlgorithm="AES256", SSECustomerKey=b"k" * 32)
    answer = see("/")
    assert (answer[0], facts(answer)["Code"]) == (400, "InvalidRequest")


def test_the_public_access_block_closes_a_website(s3: Any, site: str, see: See) -> None:
    s3.put_public_access_block(Bucket=site, PublicAccessBlockConfiguration={**OPEN, "RestrictPublicBuckets": True})
    assert see("/")[0] == 403


def test_a_gateway_without_the_setting_has_no_websites(cloud: Target, site: str) -> None:
    with run_gateway(cloud, "no-websites") as running:
        status, headers, body = visitor(running, site)("/")
        assert (status, headers["content-type"]) == (404, "application/xml")
        assert f"<BucketName>{site}.s3-website</BucketName>".encode() in body
