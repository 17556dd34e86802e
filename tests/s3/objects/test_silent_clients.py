"""Clients that stop sending in the middle of a body get S3's RequestTimeout."""

import http.client
import time
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from tests.s3.client_errors import refused
from tests.support.clients import Boto
from tests.support.gateway import gateway as run_gateway
from tests.support.names import unique
from tests.support.target import Target


@pytest.fixture(scope="module")
def hasty(cloud: Target) -> Iterator[Boto]:
    """Clients of a gateway that waits for half a second."""
    with run_gateway(cloud, "hasty", settings={"body_idle_seconds": "0.5"}) as running:
        clients = Boto(running.url, dict(cloud.keys))
        yield clients
        clients.close()


@pytest.mark.parametrize("sent", [0, 100, 3 << 20])
def test_an_upload_that_stops(hasty: Boto, sent: int) -> None:
    s3 = hasty("s3")
    bucket = unique("bucket")
    s3.create_bucket(Bucket=bucket)
    try:
        url = urlsplit(s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "k"}))
        with closing(http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)) as connection:
            connection.putrequest("PUT", f"{url.path}?{url.query}")
            connection.putheader("Content-Length", str(6 << 20))
            connection.endheaders(b"x" * sent)
            begun = time.monotonic()
            answer = connection.getresponse()
            assert (answer.status, b"<Code>RequestTimeout</Code>" in answer.read()) == (400, True)
            assert time.monotonic() - begun < 30  # a gateway without the setting waits for 45 seconds
            assert answer.getheader("connection") == "close"
        with refused("404"):
            s3.head_object(Bucket=bucket, Key="k")
    finally:
        s3.delete_bucket(Bucket=bucket)


def test_a_form_that_stops(hasty: Boto) -> None:
    url = urlsplit(hasty("sts").meta.endpoint_url)
    scope = f"AK/20260101/us-east-1/sts/aws4_request, SignedHeaders=host, Signature={'0' * 64}"
    with closing(http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)) as connection:
        connection.putrequest("POST", "/")
        connection.putheader("Authorization", f"AWS4-HMAC-SHA256 Credential={scope}")
        connection.putheader("X-Amz-Date", "20260101T000000Z")
        connection.putheader("Content-Type", "application/x-www-form-urlencoded")
        connection.putheader("Content-Length", "100")
        connection.endheaders(b"Action=GetCallerIdentity")
        answer = connection.getresponse()
        assert (answer.status, b"<Code>RequestTimeout</Code>" in answer.read()) == (400, True)
        assert answer.getheader("connection") == "close"
