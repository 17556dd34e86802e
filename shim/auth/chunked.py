"""The `aws-chunked` coding of S3 uploads: a decoder from received bytes to the object's bytes.

It does no I/O.  See "Signature calculations for the Authorization header: transferring payload in multiple chunks" and
"... including trailing headers", S3 API reference.  The grammar of a body is

    *( size [";chunk-signature=" hex64] CRLF data CRLF )  "0" [";chunk-signature=" hex64] CRLF
    *( trailer ":" value CRLF ) ["x-amz-trailer-signature:" hex64 CRLF] CRLF
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from enum import Enum, auto
from hashlib import sha256

from shim.auth.errors import AuthFault, auth_error
from shim.errors import AwsError

_RETURN = ord("\r")
_LINE_LIMIT = 256  # bytes of a chunk's head: 16 digits, a signature, and air
_TRAILER_LIMIT = 4096  # bytes of all trailers together
_TRAILERS = 8
# A signed chunk of up to this size is passed on only when its signature is verified.  Of a larger one only the last
# piece is held back until then, which also keeps an upload from completing, and takes little memory.
_WITHHELD = 1 << 20
# AWS refuses chunks below 8 KiB, except the last.  Some SDKs send such chunks from streams, so a thousand of them are
# accepted; bodies of nothing else would cost a hundred times as much CPU for each byte.
_SMALL = 8192
_SMALL_ALLOWED = 1024

_EMPTY = sha256(b"").hexdigest()
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?")
_TRAILER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]++):[ \t]*+([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?[ \t]*+")


class _At(Enum):
    SIZE = auto()
    DATA = auto()
    END_OF_DATA = auto()
    TRAILER = auto()
    DONE = auto()


class ChunkSigner:
    """The chained signatures of a body: each covers the one before, the first that of the request."""

    def __init__(self, signing_key: bytes, timestamp: str, scope: str, seed_signature: str) -> None:
        self._key = signing_key
        self._stamp = f"{timestamp}\n{scope}"
        self._previous = seed_signature

    def __repr__(self) -> str:
        return "ChunkSigner(***)"

    def chunk(self, digest: str) -> str:
        """Return the signature of the next chunk, whose data has this hex SHA-256."""
        return self._sign(f"AWS4-HMAC-SHA256-PAYLOAD\n{self._stamp}\n{self._previous}\n{_EMPTY}\n{digest}")

    def trailer(self, canonical: bytes) -> str:
        """Return the signature of the trailers, given as `name:value` lines, each ended by a line feed."""
        digest = sha256(canonical).hexdigest()
        return self._sign(f"AWS4-HMAC-SHA256-TRAILER\n{self._stamp}\n{self._previous}\n{digest}")

    def _sign(self, text: str) -> str:
        self._previous = hmac.digest(self._key, text.encode(), "sha256").hex()
        return self._previous


class ChunkDecoder:
    """Decodes a body piece by piece, and raises AwsError for one that breaks the grammar or has a wrong signature.

    `length` is the object's length by the headers (x-amz-decoded-content-length).  With a `signer` chunks must be
    signed, without one they must not.  `trailer` says whether the mode ends with trailers; `trailers` holds them by
    lower-case name when the body is done.
    """

    _at = _At.SIZE
    _left = 0  # bytes of this chunk that are still to come
    _total = 0  # bytes of all chunks whose heads were read
    _last_size = _SMALL
    _small = 0
    _signature = ""
    _withheld_size = 0
    _trailer_size = 0

    def __init__(self, length: int, *, signer: ChunkSigner | None = None, trailer: bool = False) -> None:
        self._length = length
        self._signer = signer
        self._has_trailer = trailer
        self._line = bytearray()
        self._trailers: dict[str, str] = {}
        if signer is not None:
            self._digest = sha256()
            self._withheld: list[bytes] = []

    @property
    def trailers(self) -> Mapping[str, str]:
        """The trailers behind the last chunk; complete once `finish` has returned."""
        return self._trailers

    def feed(self, data: bytes) -> list[bytes]:
        """Decode further bytes and return the object's bytes in them.  Raises AwsError."""
        out: list[bytes] = []
        position, end = 0, len(data)
        while position < end:
            if self._at is _At.DATA:
                stop = min(end, position + self._left)
                self._take(data[position:stop], out)
                position = stop
            elif self._at is _At.END_OF_DATA and data.startswith(b"\r\n", position) and not self._line:
                self._end_chunk(out)
                position += 2
            else:
                position = self._take_line(data, position, out)
        return out

    def finish(self) -> None:
        """End the body.  Raises AwsError if it is incomplete."""
        if self._at is not _At.DONE:
            raise _broken()

    def _take(self, piece: bytes, out: list[bytes]) -> None:
        self._left -= len(piece)
        if not self._left:
            self._at = _At.END_OF_DATA
        if self._signer is None:
            out.append(piece)
            return
        self._digest.update(piece)
        self._withheld.append(piece)
        self._withheld_size += len(piece)
        if self._withheld_size > _WITHHELD:
            out += self._withheld[:-1]
            del self._withheld[:-1]
            self._withheld_size = len(piece)

    def _take_line(self, data: bytes, position: int, out: list[bytes]) -> int:
        """Take in one line, or what there is of it; return the position behind it."""
        if self._at is _At.DONE:
            raise _broken()
        limit = _TRAILER_LIMIT if self._at is _At.TRAILER else _LINE_LIMIT
        feed = data.find(b"\n", position, position + limit)
        if feed > position and data[feed - 1] == _RETURN and not self._line:  # whole, as nearly every line is
            self._accept(data[position : feed - 1], out)
            return feed + 1
        feed = data.find(b"\n", position, position + limit + 1)
        # A trailer may end in LF CR LF: the reference's own example has a line feed that belongs to the value's line.
        stop = len(data) if feed < 0 else feed + 1
        self._line += data[position : min(stop, position + limit + 1)]
        if len(self._line) > limit:
            raise _broken() if self._at is not _At.TRAILER else malformed_trailer()
        if feed >= 0 and (self._line.endswith(b"\r\n")):
            line = bytes(self._line[:-2])
            self._line.clear()
            self._accept(line, out)
        elif feed >= 0 and self._at is not _At.TRAILER:
            raise _broken()
        return stop

    def _accept(self, line: bytes, out: list[bytes]) -> None:
        if self._at is _At.SIZE:
            self._start_chunk(line)
        elif self._at is _At.END_OF_DATA:
            if line:
                raise _broken()
            self._end_chunk(out)
        elif line:
            self._add_trailer(line.removesuffix(b"\n"))
        else:
            self._end_trailers()

    def _start_chunk(self, line: bytes) -> None:
        match = _SIZE.fullmatch(line)
        signature = match[2] if match else None
        if match is None or (signature is None) is not (self._signer is None):
            raise _broken()
        size = int(match[1], 16)
        if signature is not None:
            self._signature = signature.decode()
        self._total += size
        if self._total > self._length or (not size and self._total < self._length):
            raise wrong_length(self._length, self._total)
        if size:
            if self._last_size < _SMALL:
                self._count_small()
            self._last_size = self._left = size
            self._at = _At.DATA
        else:
            self._end_chunk([])
            self._at = _At.TRAILER

    def _count_small(self) -> None:
        self._small += 1
        if self._small > _SMALL_ALLOWED:
            raise AwsError(
                "InvalidChunkSizeError",
                "Only the last chunk is allowed to have a size less than 8192 bytes",
                extra={"BadChunkSize": str(self._last_size)},
            )

    def _end_chunk(self, out: list[bytes]) -> None:
        self._at = _At.SIZE
        if self._signer is None:
            return
        expected = self._signer.chunk(self._digest.hexdigest())
        if not hmac.compare_digest(expected, self._signature):
            raise auth_error("s3", AuthFault.MISMATCH)
        self._digest = sha256()
        out += self._withheld
        self._withheld = []
        self._withheld_size = 0

    def _add_trailer(self, line: bytes) -> None:
        match = _TRAILER.fullmatch(line)
        self._trailer_size += len(line)
        if match is None or self._trailer_size > _TRAILER_LIMIT or len(self._trailers) >= _TRAILERS:
            raise malformed_trailer()
        name = match[1].decode().lower()
        if name in self._trailers or not self._has_trailer:
            raise malformed_trailer()
        self._trailers[name] = (match[2] or b"").decode()

    def _end_trailers(self) -> None:
        signature = self._trailers.pop("x-amz-trailer-signature", "")
        if self._signer is not None and self._has_trailer and (self._trailers or signature):
            lines = [f"{name}:{value}\n" for name, value in sorted(self._trailers.items())]
            expected = self._signer.trailer("".join(lines).encode())
            if not hmac.compare_digest(expected.encode(), signature.encode()):
                raise auth_error("s3", AuthFault.MISMATCH)
        elif signature:
            raise malformed_trailer()
        self._at = _At.DONE


def _broken() -> AwsError:
    return AwsError("IncompleteBody", "The request body terminated unexpectedly")


def malformed_trailer() -> AwsError:
    """Build the error for trailers that are broken, or not those that the headers name."""
    return AwsError(
        "MalformedTrailerError",
        "The request contained trailing data that was not well-formed or did not conform to our published schema.",
    )


def wrong_length(expected: int, provided: int) -> AwsError:
    """Build the error for a body that is not as long as its headers say, both in bytes."""
    return AwsError(
        "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
        extra={"NumberBytesExpected": str(expected), "NumberBytesProvided": str(provided)},
    )
