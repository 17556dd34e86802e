"""Incomplete uploads, and uploads that fail their checks, leave no object and no part, and the old object unchanged."""

import hashlib
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import openstack
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.ec2.conftest import eventually
from tests.support.gateway import Gateway

LENGTH = 4_000_000


@pytest.fixture
def wire(gateway: Any, cloud: Any) -> Iterator[Any]:
    """Return a function that signs a PUT, sends its head and part of its body, and returns the open socket."""
    open_sockets: list[socket.socket] = []
    keys = cloud.keys["main"]

    def start(path: str, body: bytes, sent: int, payload: str = "UNSIGNED-PAYLOAD") -> socket.socket:
        request = AWSRequest("PUT", gateway.url + path, headers={"Content-Length": str(len(body))}, data=b"")
        request.headers["X-Amz-Content-SHA256"] = payload
        auth = S3SigV4Auth(Credentials(keys.access, keys.secret), "s3", "us-east-1")
        auth.payload = lambda request: payload  # type: ignore[method-assign]
        auth.add_auth(request)
        where = urlsplit(gateway.url)
        head = "".join(
            f"{name}: {value}\r\n" for name, value in request.headers.items() if name != "X-Amz-Content-SHA256"
        )
        head = f"PUT {path} HTTP/1.1\r\nHost: {where.netloc}\r\nX-Amz-Content-SHA256: {payload}\r\n{head}\r\n"
        connection = socket.create_connection((where.hostname or "", where.port or 80), timeout=60)
        open_sockets.append(connection)
        connection.sendall(head.encode() + body[:sent])
        return connection

    yield start
    for connection in open_sockets:
        connection.close()


def answer(connection: socket.socket) -> bytes:
    data = b""
    while piece := connection.recv(65536):
        data += piece
        if b"</Error>" in data:
            break
    return data


def native(connection: openstack.connection.Connection, container: str) -> list[str]:
    return [one.name for one in connection.object_store.objects(container)]


def hang_up(gateway: Gateway, connection: socket.socket) -> None:
    """Let a client go away, and wait until the gateway has noticed and done with its request."""
    gone = len(gateway.lines(code="ClientGone"))
    time.sleep(0.3)
    connection.close()
    assert eventually(lambda: len(gateway.lines(code="ClientGone")) > gone)


def test_a_client_that_goes_away(
    s3: Any, bucket: str, wire: Any, gateway: Gateway, openstack_main: openstack.connection.Connection
) -> None:
    s3.put_object(Bucket=bucket, Key="old", Body=b"old")
    for key in ("old", "new"):
        hang_up(gateway, wire(f"/{bucket}/{key}", bytes(LENGTH), LENGTH - 1))
    assert native(openstack_main, bucket) == ["old"]
    assert s3.get_object(Bucket=bucket, Key="old")["Body"].read() == b"old"


def test_a_part_that_breaks_off(
    s3: Any, bucket: str, wire: Any, gateway: Gateway, openstack_main: openstack.connection.Connection
) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    path = f"/{bucket}/k?partNumber=1&uploadId={upload.replace('=', '%3D')}"
    hang_up(gateway, wire(path, bytes(LENGTH), LENGTH - 1))
    assert "Parts" not in s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)
    assert native(openstack_main, f"{bucket}+segments") == [f"k/{upload}"]


@pytest.mark.parametrize("length", [10, LENGTH], ids=["small", "large"])
def test_a_body_that_is_not_what_was_signed(
    s3: Any, bucket: str, wire: Any, length: int, openstack_main: openstack.connection.Connection
) -> None:
    body = b"x" * length
    told = answer(wire(f"/{bucket}/k", body, length, hashlib.sha256(b"other").hexdigest()))
    assert b"400" in told.split(b"\r\n")[0]
    assert b"<Code>XAmzContentSHA256Mismatch</Code>" in told
    assert native(openstack_main, bucket) == []
