"""What the recorder signs anew, its target verifies: heads, presigned URLs, chunks."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import HmacV1Auth, HmacV1QueryAuth, S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Signer
from hypothesis import given
from hypothesis import strategies as st

from recording.chunks import ChunkResigner, resigned
from recording.signing import Credentials, Keyring, payload_of, signed
from recording.targets import target
from shim.auth.chunked import ChunkDecoder, ChunkSigner
from shim.auth.request_signature import parse_signature
from shim.auth.verification import verify
from shim.errors import AwsError
from shim.protocol.message import Head

CLIENT, TARGET = Signer("AKIDCLIENT", "client", "its-token"), Credentials("AKIDTARGET", "target", "new-token")
BODY = b"Action=DescribeVpcs&Version=2016-11-15"


def head_of(request: Any) -> Head:
    """Return the head that a signed request of botocore has on the wire."""
    parts = urlsplit(request.url)
    headers = {"host": parts.netloc} | {name.lower(): value for name, value in request.headers.items()}
    return Head(request.method, parts.path.encode(), parts.query.encode(), tuple(headers.items()))


def moved(head: Head, host: str = "target.example") -> Head:
    others = tuple(pair for pair in head.headers if pair[0] != "host")
    return Head(head.method, head.raw_path, head.raw_query, (("host", host), *others))


def check(head: Head, service: str, body: bytes = b"", by: str = TARGET.secret) -> None:
    sig = parse_signature(head, service)
    assert sig is not None
    assert sig.access_key == "AKIDTARGET"
    payload = sha256(body).hexdigest() if service != "s3" else ""
    verify(
        sig, head, secret=by, service=service, regions={"us-east-1"}, now=datetime.now(UTC),
        skew=timedelta(minutes=15), payload_hash=payload, token="new-token",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("service", "url", "auth"),
    [
        ("ec2", "http://here:1/", SigV4Auth(CLIENT, "ec2", "us-east-1")),
        ("s3", "http://here:1/bucket/a//b/../c%20d%2B?versionId=a%2Fb&x", S3SigV4Auth(CLIENT, "s3", "us-east-1")),
        ("s3", "http://here:1/bucket/k?partNumber=1", S3SigV4QueryAuth(CLIENT, "s3", "us-east-1", expires=60)),
        ("s3", "http://here:1/bucket/k?acl", HmacV1Auth(CLIENT)),
        ("s3", "http://here:1/bucket/k", HmacV1QueryAuth(CLIENT, expires=60)),
    ],
    ids=["form", "header", "presigned", "version-2", "presigned-2"],
)
def test_the_target_verifies_what_is_signed_anew(service: str, url: str, auth: Any) -> None:
    headers = {"x-amz-meta-a": "b   c"} if service == "s3" else {"Content-Type": "application/x-www-form-urlencoded"}
    request = AWSRequest("GET" if service == "s3" else "POST", url, headers, BODY if service == "ec2" else b"")
    auth.add_auth(request)
    head = moved(head_of(request))
    sig = parse_signature(head, service)
    assert sig is not None
    payload = payload_of(sig) if service == "s3" else sha256(BODY).hexdigest()
    new, _ = signed(head, sig, service, payload, TARGET, "us-east-1", datetime.now(UTC))
    check(new, service, BODY)
    assert "its-token" not in repr(new)
    assert "AKIDCLIENT" not in repr(new)
    with pytest.raises(AwsError, match=r"SignatureDoesNotMatch|AuthFailure"):
        check(new, service, BODY, by="client")


def test_an_expired_url_stays_expired() -> None:
    request = AWSRequest("GET", "http://here:1/bucket/k")
    HmacV1QueryAuth(CLIENT, expires=-60).add_auth(request)
    head = moved(head_of(request))
    sig = parse_signature(head, "s3")
    assert sig is not None
    new, _ = signed(head, sig, "s3", payload_of(sig), TARGET, "us-east-1", datetime.now(UTC))
    with pytest.raises(AwsError, match="AccessDenied"):
        check(new, "s3")


def test_a_session_signs_with_its_own_credentials() -> None:
    keyring = Keyring(lambda: TARGET)
    keyring.learn({"Credentials": {"AccessKeyId": "ASIA1", "SecretAccessKey": "s", "SessionToken": "t"}})
    assert keyring.of("ASIA1") == Credentials("ASIA1", "s", "t")
    assert keyring.of("AKIDCLIENT") is TARGET
    assert "secret=" not in repr(TARGET)


SCOPE = "20260101/us-east-1/s3/aws4_request"


def signer(key: bytes) -> ChunkSigner:
    return ChunkSigner(key, "20260101T000000Z", SCOPE, "seed")


def chunked(data: bytes, size: int, by: ChunkSigner, trailers: bool) -> bytes:
    """Encode a body as an SDK does."""
    out = bytearray()
    for start in (*range(0, len(data), size), len(data)):
        piece = data[start : start + size]
        out += f"{len(piece):x};chunk-signature={by.chunk(sha256(piece).hexdigest())}\r\n".encode() + piece
        out += b"\r\n" if piece else b""
    if trailers:
        line = b"x-amz-checksum-crc32:AAAAAA==\n"
        out += line[:-1] + b"\r\nx-amz-trailer-signature:" + by.trailer(line).encode() + b"\r\n"
    return bytes(out + b"\r\n")


@given(st.binary(max_size=200), st.integers(1, 50), st.booleans(), st.integers(1, 40))
def test_chunks_are_signed_anew_and_no_longer(data: bytes, size: int, trailers: bool, split: int) -> None:
    body = chunked(data, size, signer(b"client"), trailers)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), split):
            yield body[start : start + split]

    async def collected() -> bytes:
        return b"".join([piece async for piece in resigned(pieces(), signer(b"target"))])

    new = asyncio.run(collected())
    assert len(new) == len(body)
    decoder = ChunkDecoder(len(data), signer=signer(b"target"), trailer=trailers)
    assert b"".join(decoder.feed(new)) == data
    decoder.finish()
    assert bool(decoder.trailers) is trailers


@pytest.mark.parametrize("body", [b"no chunks at all", b"x" * 1000, b"5\r\nhello\r\n0\r\n\r\n", b""])
def test_what_is_no_signed_chunk_passes_as_it_is(body: bytes) -> None:
    resigner = ChunkResigner(signer(b"target"))
    assert resigner.feed(body) + resigner.finish() == body


def test_aws_itself_is_a_target_as_its_sdk_has_it() -> None:
    of = target("aws", {"s3": "http://127.0.0.1:1"})
    assert of("ec2", "eu-west-1") == "https://ec2.eu-west-1.amazonaws.com"
    assert of("sts", "cn-north-1") == "https://sts.cn-north-1.amazonaws.com.cn"
    assert of("s3", "eu-west-1") == "http://127.0.0.1:1"
    assert of("no-such", "eu-west-1") == "https://no-such.eu-west-1.amazonaws.com"
