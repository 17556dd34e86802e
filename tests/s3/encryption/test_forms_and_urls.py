"""Encryption in browsers' forms and in presigned URLs."""

from typing import Any

import pytest
import urllib3

from tests.s3.encryption.keys import ONE, given, headers

CONTENTS = {"small": b"what the page sends", "large": bytes(range(256)) * 20_000}


def posted(client: Any, bucket: str, key: str, fields: dict[str, str], content: bytes) -> urllib3.BaseHTTPResponse:
    allowed = [{name: value} for name, value in fields.items()]
    form = client.generate_presigned_post(bucket, key, dict(fields), allowed)
    with urllib3.PoolManager(retries=False) as http:
        return http.request("POST", form["url"], fields=[*form["fields"].items(), ("file", ("name", content))])


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_a_form_with_a_customers_key(s3: Any, shared: str, content: bytes) -> None:
    answer = posted(s3, shared, "form", headers(ONE), content)
    assert answer.status == 204, answer.data
    assert answer.headers["x-amz-server-side-encryption-customer-algorithm"] == "AES256"
    got = s3.get_object(Bucket=shared, Key="form", **given(ONE))
    assert (got["Body"].read(), got["ETag"]) == (content, answer.headers["ETag"])


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_a_form_with_a_key_of_the_store(sealing: Any, shared: str, content: bytes) -> None:
    answer = posted(sealing, shared, "form", {"x-amz-server-side-encryption": "AES256"}, content)
    assert (answer.status, answer.headers["x-amz-server-side-encryption"]) == (204, "AES256"), answer.data
    got = sealing.get_object(Bucket=shared, Key="form")
    assert (got["Body"].read(), got["ServerSideEncryption"]) == (content, "AES256")


def test_presigned_urls(aws: Any, s3: Any, shared: str) -> None:
    client = aws("s3", signature_version="s3v4")
    told = {"Bucket": shared, "Key": "url", **given(ONE)}
    with urllib3.PoolManager(retries=False) as http:
        put = http.request(
            "PUT", client.generate_presigned_url("put_object", told), body=b"by URL", headers=headers(ONE)
        )
        assert put.status == 200, put.data
        url = client.generate_presigned_url("get_object", told)
        assert http.request("GET", url, headers=headers(ONE)).data == b"by URL"
        assert http.request("GET", url).status == 403  # the headers are signed
    assert s3.get_object(Bucket=shared, Key="url", **given(ONE))["Body"].read() == b"by URL"
