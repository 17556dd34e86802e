"""Long completions, copies and deletions are answered with 200 first, then white space, then the result."""

import http.client
import http.server
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import openstack
import pytest
from botocore.exceptions import ClientError

from shim.protocol.xml.read import parse
from tests.ec2.conftest import eventually
from tests.ops.test_outage import elsewhere, listening
from tests.s3.client_errors import refused
from tests.support.clients import AwsCli, Boto
from tests.support.gateway import Gateway, faults
from tests.support.gateway import gateway as run_gateway
from tests.support.target import Target
from tests.support.wire import get

MIB = 1 << 20
SILENCE = 0.25
SLOW = 1.5
DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'


@dataclass
class Gate:
    """Tells when a delayed request has come, and holds it until it may go on."""

    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.opened.set()


def in_front_of(store: str, gate: Gate) -> type[http.server.BaseHTTPRequestHandler]:
    """Return a proxy handler that delays manifests, copies and bulk deletions."""

    class Slow(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def hand_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            slow = any(what in self.path for what in ("multipart-manifest=put", "bulk-delete"))
            if slow or "x-copy-from" in self.headers:
                gate.reached.set()
                time.sleep(SLOW)
                gate.opened.wait(60)
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            with closing(http.client.HTTPConnection(urlsplit(store).netloc, timeout=60)) as connection:
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                told = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("content-length", "transfer-encoding"):
                    self.send_header(name, value)
            length = answer.getheader("content-length") if self.command == "HEAD" else None
            self.send_header("Content-Length", length or str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = hand_on  # noqa: N815 - their names are http.server's

        def log_message(self, format: str, *args: Any) -> None:
            """Do not log."""

    return Slow


@pytest.fixture(scope="module")
def gate() -> Gate:
    return Gate()


@pytest.fixture(scope="module")
def slow(
    cloud: Target, openstack_main: openstack.connection.Connection, gate: Gate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A gateway in front of a slow Swift, whose answers may be silent for a quarter of a second."""
    endpoint = openstack_main.object_store.get_endpoint()
    with listening(in_front_of(endpoint, gate)) as proxy:
        place = tmp_path_factory.mktemp("slow") / "clouds.yaml"
        target = elsewhere(cloud, place, object_store_endpoint_override=proxy + urlsplit(endpoint).path)
        with run_gateway(target, "slow", settings={"answer_silence_seconds": str(SILENCE)}) as running:
            yield running
    assert not faults(running.log)


@pytest.fixture(scope="module")
def slow_s3(slow: Gateway, cloud: Target) -> Iterator[Any]:
    clients = Boto(slow.url, dict(cloud.keys))
    yield clients("s3", retries={"total_max_attempts": 2})
    clients.close()


def opened(s3: Any, bucket: str) -> tuple[dict[str, str], dict[str, Any]]:
    names = {"Bucket": bucket, "Key": "k"}
    names["UploadId"] = s3.create_multipart_upload(**names)["UploadId"]
    parts = []
    for number, size in enumerate((5 * MIB, 3), 1):
        put = s3.upload_part(**names, PartNumber=number, Body=bytes([number]) * size)
        parts.append({"PartNumber": number, "ETag": put["ETag"]})
    return names, {"Parts": parts}


def asked(s3: Any, method: str, operation: str, names: dict[str, Any], **told: Any) -> http.client.HTTPConnection:
    """Send a presigned request by plain HTTP."""
    url = urlsplit(s3.generate_presigned_url(operation, names, HttpMethod=method))
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)
    connection.request(method, f"{url.path}?{url.query}", **told)
    return connection


def document(parts: dict[str, Any]) -> bytes:
    rows = "".join(
        f"<Part><PartNumber>{one['PartNumber']}</PartNumber><ETag>{one['ETag']}</ETag></Part>" for one in parts["Parts"]
    )
    return f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>".encode()


def test_what_a_slow_completion_says(slow: Gateway, slow_s3: Any, s3: Any, bucket: str) -> None:
    names, parts = opened(s3, bucket)
    before = time.monotonic()
    with closing(asked(slow_s3, "POST", "complete_multipart_upload", names, body=document(parts))) as connection:
        answer = connection.getresponse()
        assert answer.read(len(DECLARATION)) == DECLARATION
        assert time.monotonic() - before < SLOW
        body = answer.read()
    assert time.monotonic() - before >= SLOW
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/xml")
    assert body.startswith(b"  "), body
    assert parse(DECLARATION + body).tag == "CompleteMultipartUploadResult"
    line = slow.call({"ResponseMetadata": {"RequestId": answer.headers["x-amz-request-id"]}})
    assert (line["status"], line.get("code", ""), line["bytes_out"]) == (200, "", len(DECLARATION + body))
    assert line["ms"] >= SLOW * 1000


def test_sdks_take_a_slow_answer_for_an_answer(slow_s3: Any, s3: Any, bucket: str) -> None:
    names, parts = opened(s3, bucket)
    done = slow_s3.complete_multipart_upload(**names, MultipartUpload=parts)
    assert done["ETag"] == s3.head_object(Bucket=bucket, Key="k")["ETag"]
    source = {"Bucket": bucket, "Key": "k"}
    copy = slow_s3.copy_object(Bucket=bucket, Key="copy", CopySource=source)
    assert copy["CopyObjectResult"]["ETag"] == s3.head_object(Bucket=bucket, Key="copy")["ETag"]
    names["UploadId"] = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    part = slow_s3.upload_part_copy(**names, PartNumber=1, CopySource=source)
    assert part["CopyPartResult"]["ETag"] == s3.list_parts(**names)["Parts"][0]["ETag"]
    assert [one["ResponseMetadata"]["RetryAttempts"] for one in (done, copy, part)] == [0, 0, 0]


def test_a_long_deletion_keeps_its_client(slow: Gateway, slow_s3: Any, s3: Any, bucket: str) -> None:
    keys = [{"Key": f"k{number}"} for number in range(3)]
    for key in keys:
        s3.put_object(Bucket=bucket, Body=b"x", **key)
    done = slow_s3.delete_objects(Bucket=bucket, Delete={"Objects": keys})
    assert (done["Deleted"], done["ResponseMetadata"]["RetryAttempts"]) == (keys, 0)
    assert "content-length" not in done["ResponseMetadata"]["HTTPHeaders"]  # the length is unknown until the body ends
    assert slow.call(done)["ms"] >= SLOW * 1000


def meanwhile(gate: Gate, work: Callable[[], Any], other: Callable[[], Any]) -> Any:
    """Run something during the operation, behind its last look: 200 is sent before Swift has answered."""
    gate.reached.clear()
    gate.opened.clear()
    with ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(work)
        try:
            assert gate.reached.wait(60)
            other()
        finally:
            gate.opened.set()
        return under_way.result()


def test_an_error_after_200_is_the_answer(
    slow: Gateway, gate: Gate, slow_s3: Any, s3: Any, bucket: str, openstack_main: openstack.connection.Connection
) -> None:
    names, parts = opened(s3, bucket)
    lost = f"/{bucket}+segments/k/{names['UploadId']}/2"
    with refused("InvalidPart"):
        meanwhile(
            gate,
            lambda: slow_s3.complete_multipart_upload(**names, MultipartUpload=parts),
            lambda: openstack_main.object_store.delete(lost).raise_for_status(),
        )

    def lines() -> list[dict[str, Any]]:
        return slow.lines(action="CompleteMultipartUpload", message="call", code="InvalidPart")

    # The SDK retries; the retry is an error from the start, unless a busy machine delays it too.
    assert eventually(lambda: len(lines()) == 2)
    statuses = [line["status"] for line in lines()]
    assert statuses in ([200, 400], [200, 200])
    metrics = get(f"{slow.metrics_url}/metrics")[2].decode()
    for status in set(statuses):
        labels = f'code="InvalidPart",operation="CompleteMultipartUpload",service="s3",status="{status // 100}xx"'
        assert f"passerelle_requests_total{{{labels}}} {statuses.count(status)}.0" in metrics
    with refused("404"):
        s3.head_object(Bucket=bucket, Key="k")


def test_an_error_after_200_is_tried_again(gate: Gate, slow_s3: Any, s3: Any, bucket: str) -> None:
    """The source is replaced during the copy, which Swift refuses; SDKs treat the error as a 500 and retry."""
    s3.put_object(Bucket=bucket, Key="source", Body=b"old")
    answer = meanwhile(
        gate,
        lambda: slow_s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/source"),
        lambda: s3.put_object(Bucket=bucket, Key="source", Body=b"new"),
    )
    assert answer["ResponseMetadata"]["RetryAttempts"] == 1
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"new"


def test_a_client_that_hangs_up_meanwhile_leaves_nothing_half_made(
    slow: Gateway, slow_s3: Any, s3: Any, bucket: str, openstack_main: openstack.connection.Connection
) -> None:
    names, parts = opened(s3, bucket)
    s3.upload_part(**names, PartNumber=9, Body=b"not taken")
    with closing(asked(slow_s3, "POST", "complete_multipart_upload", names, body=document(parts))) as connection:
        answer = connection.getresponse()
        assert answer.read(len(DECLARATION)) == DECLARATION
        assert slow.call({"ResponseMetadata": {"RequestId": answer.headers["x-amz-request-id"]}})["status"] == 200
    assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == 5 * MIB + 3
    laid = [one.name for one in openstack_main.object_store.objects(f"{bucket}+segments")]
    assert laid == [f"k/{names['UploadId']}/{number}" for number in (1, 2)]


def test_what_is_refused_quickly_has_its_own_status(slow_s3: Any, s3: Any, bucket: str) -> None:
    names, parts = opened(s3, bucket)
    with refused("InvalidPartOrder", 400):
        slow_s3.complete_multipart_upload(**names, MultipartUpload={"Parts": parts["Parts"][::-1]})
    with pytest.raises(ClientError) as caught:
        slow_s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/no-such")
    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 0


@pytest.mark.tool
def test_the_command_line_waits(
    slow: Gateway, cloud: Target, s3: Any, bucket: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """`aws s3 cp` of a large file, whose completion is slow, and of an existing object, which is a slow copy."""
    cli = AwsCli(slow.url, dict(cloud.keys), tmp_path_factory.mktemp("home"))
    large = tmp_path_factory.mktemp("files") / "large"
    large.write_bytes(bytes(9 * MIB))
    cli("s3", "cp", "--only-show-errors", large, f"s3://{bucket}/large")
    cli("s3", "cp", "--only-show-errors", f"s3://{bucket}/large", f"s3://{bucket}/copy")
    assert s3.head_object(Bucket=bucket, Key="copy")["ContentLength"] == 9 * MIB
