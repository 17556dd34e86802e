"""Results of writes to Swift with unusual answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import uvloop

from adapters.errors import BackendError, Fault
from adapters.openstack.swift.pool import SwiftPool
from adapters.openstack.swift.swift import Swift
from adapters.types.objects import Description, Segment, Written
from tests.openstack.scripted import Script, Turn, says, some
from tests.openstack.stage import Tokens

# Swift's answer to a PUT if an object with a newer timestamp exists: nothing was stored.
SUPERSEDED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
STORED = (
    b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nEtag: abc\r\nLast-Modified: Mon, 23 Nov 2026 08:59:59 GMT\r\n\r\n"
)


def put(script: Script, body: bytes | AsyncIterator[bytes], length: int) -> str:
    """Store an object; return its ETag."""
    return etag_of(script, lambda swift: swift.put("c", "o", body, length, Description("a/b")))


def put_manifest(script: Script) -> str:
    """Store a large object of one segment; return its ETag."""
    laid = [Segment("c+segments", "o/1", 5, "abc")]
    return etag_of(script, lambda swift: swift.put_manifest("c", "o", laid, Description("a/b")))


def etag_of(script: Script, write: Callable[[Swift], Awaitable[Written]]) -> str:
    """Write to a Swift that answers by a script."""

    async def run() -> str:
        server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
        pool = SwiftPool(5.0)
        endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/AUTH_x"
        try:
            swift = Swift(pool, endpoint, Tokens(), "request")
            return (await write(swift)).etag
        finally:
            await pool.aclose()
            server.close()

    return uvloop.run(run())


def reading(answer: bytes, length: int) -> Turn:
    async def turn(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(length)
        writer.write(answer)

    return turn


def test_a_write_that_came_too_late_is_sent_again() -> None:
    script = Script(*[reading(answer, 2) for answer in (SUPERSEDED, SUPERSEDED, STORED)])
    assert put(script, b"ab", 2) == "abc"
    assert len(script.heads) == 3


def test_a_write_that_always_comes_too_late_is_not_done() -> None:
    script = Script(*[reading(SUPERSEDED, 2) for _ in range(20)])
    with pytest.raises(BackendError, match="newer") as caught:
        put(script, b"ab", 2)
    assert caught.value.fault is Fault.UNAVAILABLE
    assert len(script.heads) < 10


def test_a_stream_that_came_too_late_cannot_be_sent_again() -> None:
    script = Script(reading(SUPERSEDED, 2), says(STORED))
    with pytest.raises(BackendError, match="newer") as caught:
        put(script, some(b"ab"), 2)
    assert caught.value.fault is Fault.UNAVAILABLE


@pytest.mark.parametrize("status", [b"499 Client Disconnect", b"301 Moved"])
def test_answers_that_no_request_of_ours_can_mean(status: bytes) -> None:
    script = Script(says(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n"))
    with pytest.raises(BackendError) as caught:
        put(script, b"ab", 2)
    assert caught.value.fault is Fault.UNAVAILABLE


def manifest_refused(errors: bytes) -> bytes:
    """Return Swift's answer to a manifest whose segments do not match."""
    return b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n%b" % (len(errors), errors)


MANIFEST = b'[{"path": "/c+segments/o/1", "etag": "abc", "size_bytes": 5}]'


def test_a_manifest_that_came_too_late_is_sent_again() -> None:
    script = Script(reading(SUPERSEDED, len(MANIFEST)), reading(STORED, len(MANIFEST)))
    assert put_manifest(script) == "abc"
    assert len(script.heads) == 2


def test_a_refused_manifest_names_the_segments() -> None:
    """CompleteMultipartUpload tells by this whether a part is gone."""
    script = Script(reading(manifest_refused(b'{"Errors": [["/c+segments/o/1", "404 Not Found"]]}'), len(MANIFEST)))
    with pytest.raises(BackendError, match="404 Not Found") as caught:
        put_manifest(script)
    assert (caught.value.fault, caught.value.detail) == (Fault.INVALID, "/c+segments/o/1: 404 Not Found")
