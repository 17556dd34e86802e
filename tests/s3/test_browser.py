"""A real browser uses a bucket from a page of another origin, by presigned URLs and by a form."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import browser as browsers
from tests.support.browser import Browser
from tests.support.clients import Boto

pytestmark = pytest.mark.skipif(
    not browsers.FOUND, reason=f"no browser on the PATH: {' or '.join(browsers.NAMES)} (Debian: apt install chromium)"
)

# `ask` returns what a page can read of an answer; for an answer that the browser withholds, the error's name.
ASK = """
const ask = (url, options) => fetch(url, options).then(
  async answer => ({status: answer.status, text: await answer.text(), etag: answer.headers.get("etag"),
                    length: answer.headers.get("x-amz-request-id")}),
  error => error.name);
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsers.browser() as running:
        yield running


@pytest.fixture
def signer(aws: Boto) -> Any:
    return aws("s3", signature_version="s3v4")


def test_a_page_uploads_and_downloads_by_presigned_urls(
    browser: Browser, s3: Any, signer: Any, openstack_main: Any, bucket: str
) -> None:
    rule = {
        "AllowedMethods": ["PUT", "GET"],
        "AllowedOrigins": [browser.origin],
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["ETag"],
    }
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    put = {"Bucket": bucket, "Key": "from/page.txt", "ContentType": "text/x-page", "Metadata": {"made-by": "a page"}}
    told = browser.run(
        ASK
        + """
        const headers = {"content-type": "text/x-page", "x-amz-meta-made-by": "a page"};
        return {
          put: await ask(given.put, {method: "PUT", body: "héllo", headers}),
          get: await ask(given.get),
          missing: await ask(given.missing),
          deleted: await ask(given.delete, {method: "DELETE"}),
        };
        """,
        put=signer.generate_presigned_url("put_object", put),
        get=signer.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "from/page.txt"}),
        missing=signer.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "missing"}),
        delete=signer.generate_presigned_url("delete_object", {"Bucket": bucket, "Key": "from/page.txt"}),
    )
    stored = s3.head_object(Bucket=bucket, Key="from/page.txt")
    assert told["put"] == {"status": 200, "text": "", "etag": stored["ETag"], "length": None}
    assert told["get"] == {"status": 200, "text": "héllo", "etag": stored["ETag"], "length": None}
    assert (told["missing"]["status"], "NoSuchKey" in told["missing"]["text"]) == (404, True)
    assert told["deleted"] == "TypeError"  # the preflight is refused, so the request is not sent
    assert (stored["ContentType"], stored["Metadata"]) == ("text/x-page", {"made-by": "a page"})
    assert openstack_main.object_store.download_object("from/page.txt", bucket) == "héllo".encode()


def test_a_page_sends_a_form(browser: Browser, s3: Any, signer: Any, bucket: str) -> None:
    rule = {"AllowedMethods": ["POST"], "AllowedOrigins": ["*"]}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    form = signer.generate_presigned_post(
        bucket, "from/form.txt", {"success_action_status": "201"}, [{"success_action_status": "201"}]
    )
    told = browser.run(
        ASK
        + """
        const send = (fields) => {
          const form = new FormData();
          Object.entries(fields).forEach(([name, value]) => form.append(name, value));
          form.append("file", new Blob(["from a form"]), "form.txt");
          return ask(given.url, {method: "POST", body: form});
        };
        return {sent: await send(given.fields), forged: await send({...given.fields, key: "other"})};
        """,
        **form,
    )
    assert (told["sent"]["status"], "<Key>from/form.txt</Key>" in told["sent"]["text"]) == (201, True)
    assert (told["forged"]["status"], "AccessDenied" in told["forged"]["text"]) == (403, True)
    assert s3.get_object(Bucket=bucket, Key="from/form.txt")["Body"].read() == b"from a form"


def test_a_page_cannot_read_a_bucket_without_rules(browser: Browser, s3: Any, signer: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"mine")
    get = signer.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"})
    assert browser.run(ASK + "return await ask(given.get);", get=get) == "TypeError"
