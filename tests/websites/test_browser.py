"""A real browser visits a website: a directory, a missing page, a redirect, and a page of another origin."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import WEBSITES
from tests.support import browser as browsers
from tests.support.browser import Browser
from tests.support.gateway import Gateway

pytestmark = pytest.mark.skipif(
    not browsers.FOUND, reason=f"no browser on the PATH: {' or '.join(browsers.NAMES)} (Debian: apt install chromium)"
)

PAGE = """<!doctype html><meta charset="utf-8"><title>shop</title><script type="module">
const ask = (path) => fetch(path).then(async answer => ({
  status: answer.status, path: new URL(answer.url).pathname, text: await answer.text()}));
const asked = {missing: await ask("missing"), moved: await ask("/moved")};
const value = {title: document.title, path: location.pathname, ...asked};
await fetch("%s/told", {method: "POST", mode: "no-cors", body: JSON.stringify({value})});
</script>"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsers.browser() as running:
        yield running


@pytest.fixture
def site(s3: Any, bucket: str, gateway: Gateway, browser: Browser) -> Iterator[str]:
    """The address of a website."""
    switches = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=dict.fromkeys(switches, False))
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    s3.put_bucket_website(
        Bucket=bucket,
        WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"}},
    )
    page = PAGE % browser.origin
    s3.put_object(Bucket=bucket, Key="shop/index.html", Body=page.encode(), ContentType="text/html")
    s3.put_object(Bucket=bucket, Key="error.html", Body=b"sorry", ContentType="text/html")
    s3.put_object(Bucket=bucket, Key="target", Body=b"here")
    s3.put_object(Bucket=bucket, Key="moved", Body=b"", WebsiteRedirectLocation="/target")
    yield f"http://{bucket}.{WEBSITES}:{urlsplit(gateway.url).port}"
    s3.delete_bucket_policy(Bucket=bucket)


def test_a_visitor_sees_pages_errors_and_redirects(browser: Browser, site: str) -> None:
    assert browser.visit(f"{site}/shop") == {
        "title": "shop",
        "path": "/shop/",
        "missing": {"status": 403, "path": "/shop/missing", "text": "sorry"},  # this visitor may not list
        "moved": {"status": 200, "path": "/target", "text": "here"},
    }


def test_a_page_of_another_origin_reads_a_website_that_allows_it(
    browser: Browser, s3: Any, bucket: str, site: str
) -> None:
    script = (
        """return fetch(given.url, {headers: {"x-asked": "1"}}).then(answer => answer.text(), error => error.name);"""
    )
    assert browser.run(script, url=f"{site}/target") == "TypeError"
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": [browser.origin], "AllowedHeaders": ["x-asked"]}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    assert browser.run(script, url=f"{site}/target") == "here"
