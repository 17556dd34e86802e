"""The format of encrypted bytes: blocks of 64 KiB, each encrypted and authenticated alone, so that ranges can be read.

A stream is what one PUT stores: an object, or a part of a multipart upload.  It is stored as

    block 0, block 1, ...       each: salt (32 bytes), ciphertext (as long as its plain bytes), tag (16 bytes)

Each block but the last has 65,536 plain bytes, the last one 1 to 65,536; an empty stream has one empty block.  The
cipher is AES-256-GCM with a key that belongs to this stream alone:

    key      HKDF-SHA256(root key, salt, "passerelle stream 1" and the place)
    salt     32 random bytes, made for the stream and repeated in each of its blocks
    place    bucket and key of the object; of a part also the upload and the part's number
    nonce    the number of the block
    AAD      whether the block is the last one of the stream

So a block decrypts only with its key, at its number, in its stream, at its place, and only the last one as the last.
Blocks carry the salt because a range begins anywhere, and must not cost a second request.  See decision 16.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

BLOCK: Final = 1 << 16
SALT: Final = 32
TAG: Final = 16
OVERHEAD: Final = SALT + TAG
KEY: Final = 32
_STORED: Final = BLOCK + OVERHEAD
_LABEL: Final = b"passerelle stream 1"
_LAST: Final = (b"\0", b"\1")


class TamperedError(Exception):
    """Stored bytes that are not what was encrypted: changed, moved, reordered or cut off."""


class Place(NamedTuple):
    """Where a stream belongs: an object, or a part (`number`) of an upload."""

    bucket: str
    key: str
    upload: str = ""
    number: int = 0

    def encoded(self) -> bytes:
        """Return the place in bytes, such that no two places have the same."""
        return encoded((self.bucket, self.key, self.upload, str(self.number)))


def encoded(texts: Iterable[str]) -> bytes:
    """Return texts in bytes, each after its length, such that no two lists of texts have the same."""
    raw = [text.encode("utf-8", "surrogateescape") for text in texts]
    return b"".join(b"%d:%b" % (len(one), one) for one in raw)


def blocks_of(size: int) -> int:
    """Return how many blocks a stream of `size` plain bytes has."""
    return -(-size // BLOCK) or 1


def stored_size(size: int) -> int:
    """Return how many bytes a stream of `size` plain bytes takes.

    >>> stored_size(0), stored_size(65536), stored_size(65537)
    (48, 65584, 65633)
    """
    return size + OVERHEAD * blocks_of(size)


def plain_size(stored: int) -> int:
    """Return how many plain bytes a stream of `stored` bytes has; TamperedError where no stream has that length.

    >>> plain_size(48), plain_size(65584), plain_size(65633)
    (0, 65536, 65537)
    """
    size = stored - OVERHEAD * (-(-stored // _STORED) or 1)
    if size < 0 or stored_size(size) != stored:
        raise TamperedError(f"no stream has {stored} bytes")
    return size


def derived(root: bytes, salt: bytes, info: bytes) -> bytes:
    """Derive a key of 32 bytes."""
    return HKDF(SHA256(), KEY, salt, info).derive(root)


def _cipher(root: bytes, salt: bytes, place: Place) -> AESGCM:
    return AESGCM(derived(root, salt, _LABEL + place.encoded()))


class Encryptor:
    """Encrypts one stream, piece by piece; it holds at most one block and a piece."""

    def __init__(self, root: bytes, place: Place, salt: bytes | None = None) -> None:
        """Begin a stream; `salt` is given by tests alone, as no two streams may have the same."""
        self._salt = secrets.token_bytes(SALT) if salt is None else salt
        self._cipher = _cipher(root, self._salt, place)
        self._number = 0
        self._held = bytearray()

    def feed(self, piece: bytes) -> bytes:
        """Return the blocks that are complete and not the last."""
        held = self._held
        held += piece
        if len(held) <= BLOCK:
            return b""
        whole = (len(held) - 1) // BLOCK  # the last block is held back, full or not
        with memoryview(held) as view:
            made = [self._block(view[start : start + BLOCK], False) for start in range(0, whole * BLOCK, BLOCK)]
        del held[: whole * BLOCK]
        return b"".join(made)

    def finish(self) -> bytes:
        """Return the last block."""
        return self._block(self._held, True)

    def _block(self, plain: bytes | bytearray | memoryview, last: bool) -> bytes:
        nonce = self._number.to_bytes(12, "big")
        self._number += 1
        return self._salt + self._cipher.encrypt(nonce, plain, _LAST[last])


def encrypt(root: bytes, place: Place, plain: bytes) -> bytes:
    """Encrypt a whole stream."""
    made = Encryptor(root, place)
    return made.feed(plain) + made.finish()


class Stretch(NamedTuple):
    """Consecutive blocks of one stream, from `first` to before `end`; `size` are the plain bytes of the stream."""

    place: Place
    size: int
    first: int
    end: int


class Span(NamedTuple):
    """Stored bytes to be read for a range of plain bytes: from `start` to `stop`, the last byte.

    Of what they decrypt to the range begins after `skip` bytes and has `length` bytes.
    """

    start: int
    stop: int
    skip: int
    length: int
    stretches: Sequence[Stretch]

    @property
    def range(self) -> str:
        """The value of a Range header."""
        return f"bytes={self.start}-{self.stop}"


class Stream(NamedTuple):
    """One stream of an object, as a reader knows it before the bytes: its place and its plain bytes."""

    place: Place
    size: int


def span(streams: Sequence[Stream], start: int, end: int) -> Span:
    """Return what to read for the plain bytes from `start` to `end`, the last byte; the streams are stored in turn."""
    stretches: list[Stretch] = []
    plain = stored = 0  # where the stream begins
    low = high = skip = 0
    for stream in streams:
        after = plain + stream.size
        if stream.size and start < after and plain <= end:
            first = max(0, start - plain) // BLOCK
            last = min(end - plain, stream.size - 1) // BLOCK
            if not stretches:
                low, skip = stored + first * _STORED, start - plain - first * BLOCK
            high = stored + min((last + 1) * _STORED, stored_size(stream.size)) - 1
            stretches.append(Stretch(stream.place, stream.size, first, last + 1))
        elif stretches and plain <= end:  # an empty stream between two that are read
            high = stored + stored_size(stream.size) - 1
            stretches.append(Stretch(stream.place, stream.size, 0, 1))
        plain, stored = after, stored + stored_size(stream.size)
    return Span(low, high, skip, end - start + 1, stretches)


def whole(streams: Sequence[Stream]) -> Span:
    """Return what to read for all plain bytes, which are every block, empty streams included."""
    stretches = [Stretch(one.place, one.size, 0, blocks_of(one.size)) for one in streams]
    stored = sum(stored_size(one.size) for one in streams)
    return Span(0, stored - 1, 0, sum(one.size for one in streams), stretches)


class Decryptor:
    """Decrypts the blocks of a span, piece by piece; it holds at most one block and a piece.

    No byte leaves it that is not authenticated.
    """

    def __init__(self, root: bytes, wanted: Span) -> None:
        self._root = root
        self._skip, self._left = wanted.skip, wanted.length
        self._blocks = _blocks(wanted.stretches)
        self._next = next(self._blocks, None)
        self._held = bytearray()
        self._salt = b""
        self._cipher: AESGCM | None = None

    def feed(self, piece: bytes) -> bytes:
        """Return the plain bytes that a piece completes; TamperedError for a block that is not what was stored."""
        held = self._held
        held += piece
        made: list[bytes] = []
        at = 0
        with memoryview(held) as view:
            while self._next is not None and len(held) - at >= self._next.stored:
                made.append(self._opened(view[at : at + self._next.stored], self._next))
                at += self._next.stored
                self._next = next(self._blocks, None)
        del held[:at]
        if held and self._next is None:
            raise TamperedError("more bytes are stored than were encrypted")
        return self._cut(b"".join(made))

    def finish(self) -> None:
        """Say that no more bytes follow; TamperedError if blocks are missing."""
        if self._next is not None:
            raise TamperedError("blocks are missing")

    def _opened(self, stored: memoryview, block: _Block) -> bytes:
        salt = bytes(stored[:SALT])
        if self._cipher is None or block.begins:
            self._salt, self._cipher = salt, _cipher(self._root, salt, block.place)
        elif salt != self._salt:
            raise TamperedError("a block belongs to another stream")
        try:
            return self._cipher.decrypt(block.number.to_bytes(12, "big"), stored[SALT:], _LAST[block.last])
        except InvalidTag:
            raise TamperedError("a block is not what was stored at its place") from None

    def _cut(self, plain: bytes) -> bytes:
        """Return the bytes of the range."""
        if self._skip:
            skipped = min(self._skip, len(plain))
            self._skip -= skipped
            plain = plain[skipped:]
        if len(plain) > self._left:
            plain = plain[: self._left]
        self._left -= len(plain)
        return plain


class _Block(NamedTuple):
    """A block to come: `stored` are its bytes, `begins` that it is the first one read of its stream."""

    place: Place
    number: int
    stored: int
    last: bool
    begins: bool


def _blocks(stretches: Iterable[Stretch]) -> Iterator[_Block]:
    for place, size, first, end in stretches:
        total = blocks_of(size)
        for number in range(first, end):
            last = number == total - 1
            stored = size - number * BLOCK + OVERHEAD if last else _STORED
            yield _Block(place, number, stored, last, number == first)
