"""CompleteMultipartUpload: its refusals, their order, and the Location in its answer."""

import http.client
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

from shim.protocol.xml.read import parse
from tests.s3.client_errors import refused
from tests.support.certificates import self_signed
from tests.support.gateway import Gateway
from tests.support.gateway import gateway as run_gateway
from tests.support.target import Target

MIB = 1 << 20
NO_MD5 = '"no-md5"'


def opened(s3: Any, bucket: str, *sizes: int, key: str = "k") -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Open an upload with parts; return its names, and the parts for its completion."""
    names = {"Bucket": bucket, "Key": key}
    names["UploadId"] = s3.create_multipart_upload(**names)["UploadId"]
    parts = []
    for number, size in enumerate(sizes, 1):
        put = s3.upload_part(**names, PartNumber=number, Body=bytes([number]) * size)
        parts.append({"PartNumber": number, "ETag": put["ETag"]})
    return names, parts


def completed(s3: Any, names: dict[str, str], parts: list[dict[str, Any]]) -> Any:
    return s3.complete_multipart_upload(**names, MultipartUpload={"Parts": parts})


@pytest.mark.parametrize("etag", [NO_MD5, '"d41d8cd98f00b204e9800998ecf8427e"'], ids=["no MD5", "an MD5"])
def test_whether_there_is_an_upload_is_asked_before_its_parts(s3: Any, bucket: str, etag: str) -> None:
    """Tools interpret NoSuchUpload as already completed, and any other code as a failure."""
    names, _ = opened(s3, bucket)
    wrong = [{"PartNumber": 2, "ETag": etag}, {"PartNumber": 1, "ETag": etag}, {"PartNumber": 0, "ETag": etag}]
    with refused("NoSuchUpload", 404):
        completed(s3, {**names, "UploadId": "no-such"}, wrong)
    with refused("NoSuchBucket", 404):
        completed(s3, {**names, "Bucket": f"{bucket}-not"}, wrong)
    with refused("InvalidPartOrder", 400):
        completed(s3, names, wrong)


def test_a_list_that_is_none_is_refused_before_anything_is_asked(s3: Any, bucket: str) -> None:
    names, parts = opened(s3, bucket, 1)
    gone = {**names, "UploadId": "no-such"}
    for wrong in ([], [{"PartNumber": 1}], [{"ETag": NO_MD5}]):
        with refused("MalformedXML", 400):
            completed(s3, gone, wrong)
    completed(s3, names, parts)


def test_the_order_of_parts_goes_before_the_parts_and_these_before_their_sizes(s3: Any, bucket: str) -> None:
    names, (first, second, third) = opened(s3, bucket, 5 * MIB, 100, 1)
    with refused("InvalidPartOrder", 400):
        completed(s3, names, [second, {**first, "ETag": NO_MD5}])
    with refused("InvalidPartOrder", 400):
        completed(s3, names, [first, first])
    for wrong in ({**third, "ETag": NO_MD5}, {**third, "ETag": first["ETag"]}, {**third, "PartNumber": 10_001}):
        with refused("InvalidPart", 400) as seen:
            completed(s3, names, [first, second, wrong])
        assert (seen["PartNumber"], seen["ETag"]) == (str(wrong["PartNumber"]), wrong["ETag"].strip('"'))
    with refused("InvalidArgument", 400):
        completed(s3, names, [{**first, "PartNumber": 0}, second])
    with refused("EntityTooSmall", 400):
        completed(s3, names, [first, second, third])
    completed(s3, names, [first, second])


KEY = "dir/é+ %2F#?~'"
QUOTED = "dir/%C3%A9%2B%20%252F%23%3F~%27"


def test_where_the_object_is(gateway: Gateway, s3: Any, bucket: str) -> None:
    names, parts = opened(s3, bucket, 1, key=KEY)
    assert completed(s3, names, parts)["Location"] == f"{gateway.url}/{bucket}/{QUOTED}"
    assert completed(s3, names, parts)["Location"] == f"{gateway.url}/{bucket}/{QUOTED}"  # already completed


@pytest.mark.parametrize("headers", [{}, {"X-Forwarded-Proto": "https"}], ids=["plain", "claiming TLS"])
def test_where_the_object_is_in_the_style_of_the_request(
    gateway: Gateway, cloud: Target, s3: Any, bucket: str, headers: dict[str, str]
) -> None:
    """The bucket is in the host; an untrusted client's X-Forwarded-Proto is ignored."""
    names, (part,) = opened(s3, bucket, 1, key=KEY)
    keys, where = cloud.keys["main"], urlsplit(gateway.url)
    session = boto3.Session(keys.access, keys.secret)
    style = Config(s3={"addressing_style": "virtual"})
    with closing(session.client("s3", "us-east-1", endpoint_url=f"http://localhost:{where.port}", config=style)) as own:
        url = urlsplit(own.generate_presigned_url("complete_multipart_upload", names, HttpMethod="POST"))
    assert url.hostname == f"{bucket}.localhost"
    row = f"<Part><PartNumber>1</PartNumber><ETag>{part['ETag']}</ETag></Part>"
    body = f"<CompleteMultipartUpload>{row}</CompleteMultipartUpload>"
    with closing(http.client.HTTPConnection(where.netloc, timeout=60)) as connection:
        connection.request("POST", f"{url.path}?{url.query}", body, {"Host": url.netloc, **headers})
        told = {one.tag: one.text for one in parse(connection.getresponse().read()).children}
    assert told["Location"] == f"http://{url.netloc}/{QUOTED}"


def test_where_the_object_is_by_tls(cloud: Target, bucket: str, tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    keys = cloud.keys["main"]
    session = boto3.Session(keys.access, keys.secret)
    with (
        run_gateway(cloud, "tls", "--tls-certificate", str(certificate), "--tls-key", str(key)) as running,
        closing(session.client("s3", "us-east-1", endpoint_url=running.url, verify=str(certificate))) as s3,
    ):
        names, parts = opened(s3, bucket, 1)
        assert completed(s3, names, parts)["Location"] == f"{running.url}/{bucket}/k"
    assert running.url.startswith("https://")


def test_where_the_object_is_behind_a_trusted_proxy(cloud: Target, bucket: str) -> None:
    """The trusted proxy terminated TLS and says so in its headers."""
    keys = cloud.keys["main"]
    session = boto3.Session(keys.access, keys.secret)
    with (
        run_gateway(cloud, "proxied", settings={"trusted_proxies": '["127.0.0.1/32"]'}) as running,
        closing(session.client("s3", "us-east-1", endpoint_url=running.url)) as s3,
    ):
        s3.meta.events.register("before-send.s3", _as_proxied)
        names, parts = opened(s3, bucket, 1)
        assert completed(s3, names, parts)["Location"] == f"https://{urlsplit(running.url).netloc}/{bucket}/k"


def _as_proxied(request: Any, **_: object) -> None:
    """Add a proxy's headers after signing."""
    request.headers["X-Forwarded-Proto"] = "https"
