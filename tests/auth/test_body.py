"""Bodies: all checks are done before the last byte is passed on."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import Callable, MutableMapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.auth import Body, open_body, plain_body
from shim.auth.checksums import ALGORITHMS
from shim.errors import AwsError
from shim.http.request_body import ClientGone
from tests.auth.bodies import (
    DATA,
    MODES,
    PIECE,
    SIGNED_TRAILER,
    UNSIGNED,
    UNSIGNED_TRAILER,
    coded,
    consume,
    cut,
    events,
    fails,
    head,
    in_mode,
    opened,
    value,
    verified,
)


@pytest.mark.parametrize("algorithm", [None, *ALGORITHMS])
@pytest.mark.parametrize("mode", MODES)
def test_good_bodies(mode: str, algorithm: str | None) -> None:
    body = in_mode(mode, DATA, algorithm)
    assert body.length == len(DATA)
    assert (body.expected_checksum.algorithm if body.expected_checksum else None) == algorithm
    assert consume(body) == (DATA, None)
    assert body.done
    assert body.checksums == ({algorithm: value(algorithm)} if algorithm else {})


@pytest.mark.parametrize("algorithm", list(ALGORITHMS))
@pytest.mark.parametrize("mode", MODES)
def test_a_wrong_checksum(mode: str, algorithm: str) -> None:
    body = in_mode(mode, DATA, algorithm, said=value(algorithm, b"other"))
    error = fails(body)
    assert (error.code, error.status) == ("BadDigest", 400)
    assert error.message == f"The {algorithm} you specified did not match the calculated checksum."


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("place", ["first", "last"])
def test_a_flipped_bit(mode: str, place: str) -> None:
    at = 0 if place == "first" else -1
    damaged = bytearray(DATA)
    damaged[at] ^= 1
    body = in_mode(mode, DATA, "CRC64NVME", sent=bytes(damaged))
    assert fails(body).code == ("XAmzContentSHA256Mismatch" if mode == "digest" else "BadDigest")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("data", [b"", b"x"])
def test_tiny_bodies(mode: str, data: bytes) -> None:
    body = in_mode(mode, data, "CRC32")
    assert asyncio.run(body.read(10)) == data
    assert body.checksums == {"CRC32": value("CRC32", data)}


def test_digest_mismatch_tells_both() -> None:
    error = fails(opened(hashlib.sha256(b"").hexdigest(), DATA))
    assert (error.code, error.status) == ("XAmzContentSHA256Mismatch", 400)
    assert error.extra == {
        "ClientComputedContentSHA256": hashlib.sha256(b"").hexdigest(),
        "S3ComputedContentSHA256": hashlib.sha256(DATA).hexdigest(),
    }


class TestTrailers:
    BODY = b"5\r\nhello\r\n0\r\n"
    CRC = "x-amz-checksum-crc32"

    def body(self, trailers: bytes, trailer_names: str | None = CRC) -> Body:
        told = {"x-amz-decoded-content-length": "5", **({"x-amz-trailer": trailer_names} if trailer_names else {})}
        data = self.BODY + trailers + b"\r\n"
        return open_body(head(**told, **{"content-length": str(len(data))}), events(data), verified(UNSIGNED_TRAILER))

    @pytest.mark.parametrize(
        ("trailers", "trailer_names"),
        [
            (b"", CRC),
            (b":NhCmhg==\r\n", CRC),
            (b"x-amz-checksum-crc32c:+Cy97w==\r\n", CRC),
            (b"x-amz-checksum-crc32:NhCmhg==\r\nx-amz-checksum-crc32c:+Cy97w==\r\n", CRC),
            (b"x-amz-checksum-crc32:NhCmhg==\r\n", None),
        ],
    )
    def test_trailers_other_than_declared(self, trailers: bytes, trailer_names: str | None) -> None:
        error = fails(self.body(trailers, trailer_names))
        assert (error.code, error.status) == ("MalformedTrailerError", 400)

    @pytest.mark.parametrize("text", [b"", b"x", b"AAAA", b"NhCmhg==-1"])
    def test_malformed_value(self, text: bytes) -> None:
        error = fails(self.body(b"x-amz-checksum-crc32:" + text + b"\r\n"))
        assert (error.code, error.status) == ("InvalidRequest", 400)
        assert error.message == "Value for x-amz-checksum-crc32 trailing header is invalid."

    def test_no_trailers_declared_and_none_sent(self) -> None:
        assert consume(self.body(b"", None)) == (b"hello", None)

    def test_name_in_capitals(self) -> None:
        body = self.body(b"X-Amz-Checksum-CRC32: NhCmhg==\r\n")
        assert consume(body) == (b"hello", None)
        assert body.checksums == {"CRC32": "NhCmhg=="}

    def test_signature_of_the_trailer(self) -> None:
        data = coded(b"hello", SIGNED_TRAILER, "x-amz-checksum-crc32:NhCmhg==")
        at = data.rindex(b"signature:") + 10
        told = {"x-amz-trailer": self.CRC, "x-amz-decoded-content-length": "5", "content-length": str(len(data))}
        for bad in (
            data[:at] + b"0" * 64 + data[at + 64 :],
            data.replace(b"x-amz-trailer-signature:" + data[at : at + 66], b""),
        ):
            told["content-length"] = str(len(bad))
            body = open_body(head(**told), events(bad), verified(SIGNED_TRAILER))
            assert fails(body).code == "SignatureDoesNotMatch"


class TestReading:
    @pytest.mark.parametrize("mode", MODES)
    def test_client_that_leaves(self, mode: str) -> None:
        for data in (DATA, b"x"):
            whole = in_mode(mode, data, "CRC32")
            left = Body(events(*cut(data[:-1] or b"x"), gone=True), whole._plan)
            got, error = consume(left)
            assert isinstance(error, ClientGone) or mode.startswith("STREAMING")
            assert len(got) < len(data)
            assert not left.done

    def test_limit(self) -> None:
        for told in ({"content-length": "11"}, {"transfer-encoding": "chunked"}):
            with pytest.raises(AwsError) as caught:
                asyncio.run(open_body(head(**told), events(b"x" * 11), verified(UNSIGNED)).read(10))
            assert (caught.value.code, caught.value.status) == ("MaxMessageLengthExceeded", 400)
            assert caught.value.extra == {"MaxMessageLengthBytes": "10"}
            with pytest.raises(AwsError) as caught:
                asyncio.run(plain_body(head(**told), events(b"x" * 11)).read(10))
            assert (caught.value.code, caught.value.status) == ("RequestEntityTooLarge", 413)
        assert asyncio.run(plain_body(head(**{"content-length": "10"}), events(b"x" * 10)).read(10)) == b"x" * 10

    @pytest.mark.parametrize("coding", ["gzip, chunked", "identity,chunked", "gzip", "chunked, chunked"])
    def test_no_coding_but_chunked(self, coding: str) -> None:
        with pytest.raises(AwsError) as caught:
            open_body(head(**{"transfer-encoding": coding}), events(b"x"), verified(UNSIGNED))
        assert (caught.value.code, caught.value.status) == ("NotImplemented", 501)
        open_body(head(**{"transfer-encoding": " Chunked"}), events(b"x"), verified(UNSIGNED))

    def test_an_endless_body_is_not_kept(self) -> None:
        served = itertools.count()

        async def receive() -> MutableMapping[str, Any]:
            next(served)
            return {"type": "http.request", "body": bytes(1024), "more_body": True}

        with pytest.raises(AwsError, match="RequestEntityTooLarge"):
            asyncio.run(plain_body(head(**{"transfer-encoding": "chunked"}), receive).read(4096))
        assert next(served) < 10

    @pytest.mark.parametrize("limit", [0, 100_000, len(DATA) - 1, len(DATA), 1 << 30])
    def test_small(self, limit: int) -> None:
        async def run() -> None:
            body = in_mode(UNSIGNED_TRAILER, DATA, "SHA256")
            whole = await body.small(limit)
            if limit < len(DATA):
                assert whole is None
                assert await body.small(limit) is None
                assert b"".join([piece async for piece in body]) == DATA
            else:
                assert whole == DATA
                with pytest.raises(RuntimeError):
                    await body.small(limit)
            assert body.checksums == {"SHA256": value("SHA256")}
            assert body.done

        asyncio.run(run())

    def test_an_empty_body_is_checked_too(self) -> None:
        body = opened(hashlib.sha256(b"x").hexdigest(), b"")
        with pytest.raises(AwsError, match="XAmzContentSHA256Mismatch"):
            asyncio.run(body.small(0))

    def test_once_only(self) -> None:
        body = opened(UNSIGNED, DATA)
        assert consume(body) == (DATA, None)
        with pytest.raises(RuntimeError):
            consume(body)

    def test_pieces_flow(self) -> None:
        # A body of any size costs one piece of memory: what came in goes out when the next has come.
        async def run() -> None:
            sent = 0

            async def receive() -> MutableMapping[str, Any]:
                nonlocal sent
                sent += PIECE
                return {"type": "http.request", "body": bytes(PIECE), "more_body": sent < 64 * PIECE}

            told = {"content-length": str(64 * PIECE)}
            got = 0
            async for piece in open_body(head(**told), receive, verified(UNSIGNED)):
                got += len(piece)
                assert sent - got <= PIECE
            assert got == 64 * PIECE

        asyncio.run(run())

    def test_cancelled_while_reading(self) -> None:
        async def run() -> None:
            async def receive() -> MutableMapping[str, Any]:
                await asyncio.sleep(60)
                return {"type": "http.request"}

            body = open_body(head(**{"content-length": "3"}), receive, verified(UNSIGNED))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(body.small(10), 0.01)
            with pytest.raises(ClientGone):
                await body.read(10)

        asyncio.run(run())


@pytest.mark.parametrize("payload", [UNSIGNED, UNSIGNED_TRAILER])
def test_nothing_is_computed_that_nobody_asked_for(payload: str) -> None:
    assert in_mode(payload, DATA, None)._plan.checks == ()


@given(mode=st.sampled_from(MODES), at=st.integers(0, 2000), bit=st.integers(0, 7), cuts=st.integers(1, 300))
def test_no_damage_completes_a_body(mode: str, at: int, bit: int, cuts: int) -> None:
    data = DATA[:700]
    good: Callable[[], Body] = lambda: in_mode(mode, data, "CRC32C")  # noqa: E731
    whole = b"".join(piece for piece in wire(good()))
    at = min(at, len(whole) - 1)
    bad = whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :]
    for sent, intact in ((whole, True), (bad, False)):
        body = Body(events(*[sent[i : i + cuts] for i in range(0, len(sent), cuts)]), good()._plan)
        got, error = consume(body)
        if error is None:
            assert got == data
        else:
            assert not intact
            assert len(got) < len(data)


def wire(body: Body) -> list[bytes]:
    """All that the client of a body will send."""

    async def run() -> list[bytes]:
        got, more = [], True
        while more:
            event = await body._receive()
            got.append(event.get("body", b""))
            more = event.get("more_body", False)
        return got

    return asyncio.run(run())
