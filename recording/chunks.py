"""Sign the chunks of an `aws-chunked` body anew, without a change of its length.

Each chunk's signature covers that of the chunk before it, the first that of the request, so with the request's
signature all of them change.  A chunk is held until it is whole, as its signature stands before its data.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Final

from shim.auth.chunked import ChunkSigner

SIGNED_MODES: Final = frozenset({"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"})
_LONGEST_LINE: Final = 256
_LARGEST: Final = 16 << 20  # bytes of a chunk; SDKs make chunks of 64 KiB to 1 MiB
_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,16});chunk-signature=[0-9a-f]{64}")
_TRAILER: Final = re.compile(rb"(x-amz-trailer-signature:[ \t]*)[0-9a-f]{64}", re.IGNORECASE)


class ChunkResigner:
    """Takes a body piece by piece.  What is not signed chunks is passed as it is: the target refuses it itself."""

    def __init__(self, signer: ChunkSigner) -> None:
        self._signer = signer
        self._held = bytearray()
        self._size: int | None = None  # of the chunk whose data comes
        self._at_trailers = self._passing = False

    def feed(self, data: bytes) -> bytes:
        """Return what can be sent after further bytes."""
        self._held += data
        out = bytearray()
        while not self._passing and not self._at_trailers and self._step(out):
            pass
        if self._passing:
            out += self._held
            self._held.clear()
        return bytes(out)

    def _step(self, out: bytearray) -> bool:
        """Take one chunk's head or data; tell whether there was all of it."""
        if self._size is None:
            end = self._held.find(b"\r\n", 0, _LONGEST_LINE)
            if end < 0:
                self._passing = len(self._held) >= _LONGEST_LINE
                return False
            match = _SIZE.fullmatch(self._held[:end])
            if match is None or int(match[1], 16) > _LARGEST:
                self._passing = True
                return False
            self._size, self._digits = int(match[1], 16), bytes(match[1])
            del self._held[: end + 2]
            if not self._size:
                out += self._head(b"")
                self._at_trailers = True
            return bool(self._size)
        if len(self._held) < self._size + 2:
            return False
        chunk = bytes(self._held[: self._size])
        out += self._head(chunk) + self._held[: self._size + 2]
        del self._held[: self._size + 2]
        self._size = None
        return True

    def _head(self, chunk: bytes) -> bytes:
        signature = self._signer.chunk(sha256(chunk).hexdigest())
        return self._digits + b";chunk-signature=" + signature.encode() + b"\r\n"

    def finish(self) -> bytes:
        """Return the rest: the trailers, with their signature."""
        rest = bytes(self._held)
        if not self._at_trailers or not _TRAILER.search(rest):
            return rest
        pairs = sorted(
            (name.strip().lower(), value.strip())
            for name, colon, value in (line.partition(b":") for line in rest.split(b"\r\n"))
            if colon and name.strip().lower() != b"x-amz-trailer-signature"
        )
        signature = self._signer.trailer(b"".join(b"%b:%b\n" % pair for pair in pairs)).encode()
        return _TRAILER.sub(lambda match: match[1] + signature, rest, count=1)


async def resigned(body: AsyncIterator[bytes], signer: ChunkSigner) -> AsyncIterator[bytes]:
    """Yield a body with its chunks signed anew."""
    resigner = ChunkResigner(signer)
    async for piece in body:
        if ready := resigner.feed(piece):
            yield ready
    if rest := resigner.finish():
        yield rest
