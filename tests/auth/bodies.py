"""Request bodies in every mode that clients send, and functions that read them as the gateway does."""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64encode
from collections.abc import Mapping, MutableMapping
from typing import Any

import pytest

from shim.auth import Body, Method, RequestSignature, Verified, open_body
from shim.auth.checksums import ALGORITHMS
from shim.auth.chunked import ChunkSigner
from shim.auth.request_signature import Scope
from shim.errors import AwsError
from shim.http.asgi import Receive
from shim.http.request_body import ClientGone
from shim.protocol.message import Head

UNSIGNED = "UNSIGNED-PAYLOAD"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
KEY, STAMP, SCOPE, SEED = b"k" * 32, "20130524T000000Z", "20130524/us-east-1/s3/aws4_request", "5" * 64
DATA = bytes(range(256)) * 1200  # 300 KiB
PIECE = 65536


def verified(payload: str) -> Verified:
    scope = Scope("20130524", "us-east-1", "s3", SCOPE)
    sig = RequestSignature(Method.V4_HEADER, "AK", SEED, scope, timestamp=STAMP, payload=payload)
    return Verified(sig, payload, KEY, SEED)


def head(**headers: str) -> Head:
    return Head("PUT", b"/b/k", b"", tuple((name.replace("_", "-"), value) for name, value in headers.items()))


def events(*pieces: bytes, gone: bool = False) -> Receive:
    """An ASGI receive that hands out these pieces; then the end, or the client's leaving."""
    queue: list[MutableMapping[str, Any]] = [
        {"type": "http.request", "body": piece, "more_body": True} for piece in pieces
    ]
    if gone or not queue:
        queue.append({"type": "http.disconnect"} if gone else {"type": "http.request"})
    else:
        queue[-1]["more_body"] = False

    async def receive() -> MutableMapping[str, Any]:
        return queue.pop(0)

    return receive


def cut(data: bytes) -> list[bytes]:
    return [data[at : at + PIECE] for at in range(0, len(data), PIECE)] or [b""]


def value(algorithm: str, data: bytes = DATA) -> str:
    digest = ALGORITHMS[algorithm].new()
    digest.update(data)
    return b64encode(digest.digest()).decode()


def coded(data: bytes, mode: str, trailer: str = "", size: int = 100_000) -> bytes:
    """A body in aws-chunked."""
    signer = ChunkSigner(KEY, STAMP, SCOPE, SEED) if "HMAC" in mode else None
    out = []
    for piece in [data[at : at + size] for at in range(0, len(data), size)] + [b""]:
        tag = f";chunk-signature={signer.chunk(hashlib.sha256(piece).hexdigest())}" if signer else ""
        out.append(b"%x%s\r\n%s\r\n" % (len(piece), tag.encode(), piece))
    if trailer:
        out[-1] = out[-1][:-2] + trailer.encode() + b"\r\n"
        signature = signer.trailer(f"{trailer}\n".encode()) if signer else ""
        out.append(f"x-amz-trailer-signature:{signature}\r\n".encode() if signer else b"")
        out.append(b"\r\n")
    return b"".join(out)


def opened(payload: str, data: bytes, *, headers: Mapping[str, str] | None = None, gone: bool = False) -> Body:
    told = {"content-length": str(len(data)), "x-amz-content-sha256": payload, **(headers or {})}
    return open_body(head(**told), events(*cut(data), gone=gone), verified(payload))


def consume(body: Body) -> tuple[bytes, AwsError | ClientGone | None]:
    """Return the bytes that a body passed on, and the error that ended it."""

    async def run() -> tuple[bytes, AwsError | ClientGone | None]:
        got = []
        try:
            async for piece in body:
                got.append(piece)  # noqa: PERF401 - what came before the error counts
        except (AwsError, ClientGone) as error:
            return b"".join(got), error
        return b"".join(got), None

    return asyncio.run(run())


def fails(body: Body) -> AwsError:
    """Return the error of a bad body, which must not have passed on all of its bytes."""
    got, error = consume(body)
    assert isinstance(error, AwsError)
    assert not body.done
    assert body.checksums == {}
    assert len(got) < (body.length or 1)
    with pytest.raises(AwsError, match=error.code):  # and it never heals
        asyncio.run(body.small(1 << 30))
    return error


def refused(payload: str, **headers: str) -> AwsError:
    with pytest.raises(AwsError) as caught:
        opened(payload, DATA, headers={name.replace("_", "-"): text for name, text in headers.items()})
    return caught.value


MODES = ["digest", UNSIGNED, UNSIGNED_TRAILER, SIGNED, SIGNED_TRAILER]


def in_mode(
    mode: str, data: bytes, algorithm: str | None, *, said: str | None = None, sent: bytes | None = None
) -> Body:
    """A body of `data` in any mode, its checksum in header or trailer as the mode has it."""
    said = said or (value(algorithm, data) if algorithm else None)
    name = ALGORITHMS[algorithm].header if algorithm else ""
    sent = data if sent is None else sent
    if mode in {"digest", UNSIGNED}:
        payload = hashlib.sha256(data).hexdigest() if mode == "digest" else mode
        return opened(payload, sent, headers={name: said} if said else {})
    length = {"x-amz-decoded-content-length": str(len(data))}
    if mode.endswith("-TRAILER") and said:
        return opened(mode, coded(sent, mode, f"{name}:{said}"), headers={"x-amz-trailer": name, **length})
    return opened(mode, coded(sent, mode), headers={**length, name: said} if said else length)
