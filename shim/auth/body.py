"""The body of a request: decoded, counted, and checked before its last byte is passed on.

The last piece is held back until the digest, the signatures, the checksum and the length have been verified.  So when a
check fails, Swift has received fewer bytes than the declared length, and stores no object.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from shim.auth.body_checksum import (
    ExpectedChecksum,
    expected_checksum,
    expected_length,
    expected_md5,
    missing_checksum,
    missing_length,
)
from shim.auth.checksums import ALGORITHMS, BY_HEADER, Digest
from shim.auth.chunked import ChunkDecoder, ChunkSigner, malformed_trailer, wrong_length
from shim.auth.request_signature import UNSIGNED
from shim.auth.sigv4 import Verified
from shim.auth.verification import SHA256, STREAMING, check_payload
from shim.errors import AwsError
from shim.http.asgi import Receive
from shim.http.request_body import BODY_HEADERS, ClientGone
from shim.protocol.message import USUAL, Head


class Check(NamedTuple):
    """A digest of the body, the value it must have (None: a trailer holds it), and the error where it has another."""

    digest: Digest
    expected: bytes | None
    mismatch: Callable[[bytes, bytes], AwsError]  # (expected, computed)


class Plan(NamedTuple):
    """How to read a body: its decoded length, its decoder, what to check; see `open_body`.

    `digests` are those of the checks; two checks may share one.
    """

    length: int | None = None
    decoder: ChunkDecoder | None = None
    checks: tuple[Check, ...] = ()
    digests: tuple[Digest, ...] = ()
    checksum: ExpectedChecksum | None = None
    md5: str | None = None
    too_large: Callable[[int], AwsError] = lambda limit: AwsError(
        "MaxMessageLengthExceeded", "Your request was too big.", extra={"MaxMessageLengthBytes": str(limit)}
    )


# The payload hashes under which a request without a body is signed.
_NO_PAYLOAD = frozenset((UNSIGNED, hashlib.sha256(b"").hexdigest()))
# Headers that say that there is a body, or how to check it.
_BODY_AND_TRAILER_HEADERS = BODY_HEADERS.union(
    ("content-md5", "x-amz-decoded-content-length", "x-amz-trailer", "x-amz-sdk-checksum-algorithm"), BY_HEADER
)


# A request with no other headers gives nothing to check of its body but the length.
_NOTHING_TO_CHECK = USUAL.union(("x-amz-content-sha256", "x-amz-date"))


class Body:
    """A body to be read once: by iterating, or whole by `read`.  Both raise AwsError and ClientGone.

    `length` is the decoded length in bytes, None where the headers do not tell.  `expected_checksum` is the checksum
    that the headers give.  `checksums` holds it by algorithm, in base64, once the body has been read and verified.
    `md5` is the hex MD5 of Content-MD5 where there is one; it has been verified once the body was read.  `done` says
    that the body was whole and every check has passed.  The length of an `open_ended` body (a browser's form) is
    unknown until the body ends; of any other body an unknown length is the client's mistake.
    """

    done = False
    open_ended = False
    checksums: Mapping[str, str] = MappingProxyType({})
    _total = 0
    _held = b""
    _failure: Exception | None = None
    _taken = False

    def __init__(self, receive: Receive, plan: Plan) -> None:
        self.length = plan.length
        self.expected_checksum = plan.checksum
        self.md5 = plan.md5
        self._receive = receive
        self._plan = plan
        self._ready: deque[bytes] = deque()

    @property
    def size(self) -> int:
        """How many bytes were read so far, decoded: all of them once the body is `done`."""
        return self._total

    def require_length(self) -> int:
        """Return the decoded length; raise MissingContentLength (411) where the request does not tell it."""
        if self.length is None:
            raise missing_length()
        return self.length

    def expected_length(self) -> int | None:
        """Return the decoded length, None of an open-ended body; raise as `require_length` does for any other."""
        return None if self.open_ended else self.require_length()

    def __aiter__(self) -> AsyncIterator[bytes]:
        self._take()
        return self._emit()

    async def read(self, limit: int) -> bytes:
        """Return the whole body; raise an AwsError where it is longer than `limit` bytes."""
        whole = await self.small(limit) if self.length is None or self.length <= limit else None
        if whole is None:
            raise self._plan.too_large(limit)
        return whole

    async def small(self, limit: int) -> bytes | None:
        """Return the whole body if it has at most `limit` bytes, else None; the bytes read are kept for iteration.

        So a small upload is checked, and its trailing checksum known, before anything is sent on.  An empty upload has
        to be checked before, since a store would complete it at once.
        """
        ready, at_hand = self._ready, 0
        for piece in ready:
            at_hand += len(piece)
        while at_hand <= limit:
            if self.done:
                self._take()
                self._ready = deque()
                return b"".join(ready)
            piece = await self._next()
            if piece:
                ready.append(piece)
                at_hand += len(piece)
        return None

    def _take(self) -> None:
        if self._taken:
            raise RuntimeError("a body can be read only once")
        self._taken = True

    async def _emit(self) -> AsyncGenerator[bytes, None]:
        while self._ready or not self.done:
            piece = self._ready.popleft() if self._ready else await self._next()
            if piece:
                yield piece

    async def _next(self) -> bytes:
        """Return the next piece, maybe an empty one; a body that has failed once fails for ever."""
        if self._failure is not None:
            raise self._failure
        try:
            event = await self._receive()
            if event["type"] == "http.disconnect":
                raise ClientGone
            let_go = self._decode(event.get("body", b""))
            if not event.get("more_body", False):
                self._finish()
                let_go.append(self._held)
            return b"".join(let_go)
        except BaseException as failure:
            self._failure = failure if isinstance(failure, Exception) else ClientGone("reading was cancelled")
            raise

    def _decode(self, data: bytes) -> list[bytes]:
        """Decode received bytes; return the pieces that may be passed on: all but the last."""
        _, decoder, _, digests, *_ = self._plan
        let_go = []
        for piece in (data,) if decoder is None else decoder.feed(data):
            if piece:
                self._total += len(piece)
                if self.length is not None and self._total > self.length:
                    raise wrong_length(self.length, self._total)
                for digest in digests:
                    digest.update(piece)
                let_go.append(self._held)
                self._held = piece
        return let_go

    def _finish(self) -> None:
        decoder, checksum = self._plan.decoder, self.expected_checksum
        trailers: Mapping[str, str] = {}
        if decoder is not None:
            decoder.finish()
            trailers = decoder.trailers
        if self.length is not None and self._total != self.length:
            raise wrong_length(self.length, self._total)
        if trailers or (checksum is not None and checksum.value is None):
            checksum = _trailing(checksum, trailers)
        for digest, expected, mismatch in self._plan.checks:
            if expected is None:
                assert checksum is not None
                expected = checksum.raw
            assert expected is not None
            computed = digest.digest()
            if not hmac.compare_digest(computed, expected):
                raise mismatch(expected, computed)
        if checksum is not None:
            assert checksum.value is not None
            self.checksums = {checksum.algorithm: checksum.value}
        self.done = True


def _trailing(expected: ExpectedChecksum | None, trailers: Mapping[str, str]) -> ExpectedChecksum:
    """Return the checksum in a body's trailers: the one that the headers name, and nothing else."""
    algorithm = ALGORITHMS[expected.algorithm] if expected is not None and expected.in_trailer else None
    if expected is None or algorithm is None or trailers.keys() != {algorithm.header}:
        raise malformed_trailer()
    value = trailers[algorithm.header]
    raw = algorithm.decode(value)
    if raw is None:
        raise AwsError("InvalidRequest", f"Value for {algorithm.header} trailing header is invalid.")
    if expected.raw not in (None, raw):  # a header gives another value
        assert expected.raw is not None
        raise _BAD_DIGEST[algorithm.name](expected.raw, raw)
    return expected._replace(value=value, raw=raw)


def no_body(head: Head, verified: Verified) -> bool:
    """Tell whether a request has no body, by its headers and its signature: there is nothing to read or check."""
    return verified.payload in _NO_PAYLOAD and head.first.keys().isdisjoint(_BODY_AND_TRAILER_HEADERS)


def open_body(
    head: Head, receive: Receive, verified: Verified | None, *, checked: bool = True, required: bool = False
) -> Body:
    """Return the body of an S3 request, to be read under all the checks that its headers call for.

    `verified` is what the signature proved, None where it does not cover the body (a browser's form).  Without
    `checked` the `x-amz-checksum-*` headers say nothing of the body: so it is for operations whose model has no
    `httpChecksum` (CompleteMultipartUpload).  `required` refuses a body without a checksum.  Raises AwsError at once
    where the headers contradict each other, before a byte is read.
    """
    payload = verified.payload if verified else head.header("x-amz-content-sha256")
    if payload == UNSIGNED and not required and head.first.keys() <= _NOTHING_TO_CHECK:
        return Body(receive, Plan(expected_length(head, chunked=False)))
    if payload:
        check_payload(payload)
    length = expected_length(head, chunked=payload in STREAMING)
    checksum = expected_checksum(head, trailer=payload.endswith("-TRAILER"), headers=checked)
    md5 = expected_md5(head)
    if required and length != 0 and checksum is None and md5 is None:
        raise missing_checksum()
    checks, digests = _checks(payload, checksum, md5)
    decoder = _decoder(payload, length or 0, verified) if payload in STREAMING else None
    return Body(receive, Plan(length, decoder, checks, digests, checksum, md5.hex() if md5 else None))


def plain_body(head: Head, receive: Receive) -> Body:
    """Return the body of a request to a query service (EC2, STS), whose digest is checked with the signature."""
    return Body(
        receive,
        Plan(
            length=expected_length(head, chunked=False),
            too_large=lambda _: AwsError("RequestEntityTooLarge", "Request entity is too large.", 413),
        ),
    )


def _decoder(payload: str, length: int, verified: Verified | None) -> ChunkDecoder:
    trailer = payload.endswith("-TRAILER")
    if payload.startswith("STREAMING-UNSIGNED-"):
        return ChunkDecoder(length, trailer=trailer)
    if verified is None or not verified.signing_key:
        raise AwsError(
            "InvalidRequest",
            "Anonymous requests don't support this x-amz-content-sha256 value. Please use UNSIGNED-PAYLOAD or "
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER.",
        )
    sig = verified.sig
    assert sig.scope is not None  # only version 4 has a signing key
    signer = ChunkSigner(verified.signing_key, sig.timestamp, sig.scope.text, verified.seed_signature)
    return ChunkDecoder(length, signer=signer, trailer=trailer)


def _checks(
    payload: str, checksum: ExpectedChecksum | None, md5: bytes | None
) -> tuple[tuple[Check, ...], tuple[Digest, ...]]:
    """Return the checks that a body must pass, and their digests; what two checks ask for is computed once."""
    checks = []
    digests: dict[str, Digest] = {}
    if SHA256.fullmatch(payload):
        digests["SHA256"] = sha256 = hashlib.sha256()
        checks.append(Check(sha256, bytes.fromhex(payload), _bad_sha256))
    if md5 is not None:
        digests["MD5"] = digest = hashlib.md5(usedforsecurity=False)
        checks.append(Check(digest, md5, _BAD_MD5))
    if checksum is not None:
        name = checksum.algorithm
        if name not in digests:
            digests[name] = ALGORITHMS[name].new()
        checks.append(Check(digests[name], checksum.raw, _BAD_DIGEST[name]))
    return tuple(checks), tuple(digests.values())


def _bad_sha256(expected: bytes, computed: bytes) -> AwsError:
    return AwsError(
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
        extra={"ClientComputedContentSHA256": expected.hex(), "S3ComputedContentSHA256": computed.hex()},
    )


def _bad_digest(sentence: str) -> Callable[[bytes, bytes], AwsError]:
    return lambda expected, computed: AwsError(
        "BadDigest",
        sentence,
        extra={"ExpectedDigest": b64encode(expected).decode(), "CalculatedDigest": b64encode(computed).decode()},
    )


_BAD_MD5 = _bad_digest("The Content-MD5 you specified did not match what we received.")
_BAD_DIGEST = {
    name: _bad_digest(f"The {name} you specified did not match the calculated checksum.") for name in ALGORITHMS
}
