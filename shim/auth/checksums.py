"""S3's checksum algorithms, and the checksums of multipart objects from those of their parts."""

from __future__ import annotations

import binascii
import hashlib
import re
import zlib
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from awscrt import checksums as crt

PREFIX = "x-amz-checksum-"
# Tells whether a header (lower case) carries a checksum, of a known algorithm or not; three with the same prefix are
# other parameters.
is_checksum_header: Callable[[str], object] = re.compile(rf"{PREFIX}(?!(?:algorithm|mode|type)\Z)").match


class Digest(Protocol):
    """An incremental checksum."""

    def update(self, data: bytes, /) -> None:
        """Take in further bytes."""
        ...

    def digest(self) -> bytes:
        """Return the checksum, most significant byte first."""
        ...


class _Crc:
    """A CRC, whose whole state is its value so far."""

    def __init__(self, function: Callable[[bytes, int], int], size: int) -> None:
        self._function = function
        self._size = size
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


class _XxHash:
    """A hash of the xxHash family, whose names in awscrt differ from hashlib's."""

    def __init__(self, state: crt.XXHash) -> None:
        self._state = state

    def update(self, data: bytes, /) -> None:
        self._state.update(data)

    def digest(self) -> bytes:
        return bytes(self._state.finalize())


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One of AWS's checksum algorithms: its name (`CRC32`), size in bytes, maker, and its joiner.

    `header` is the header, or trailer, that carries the checksum, in lower case.
    `join(first, second, length of second)` gives the CRC of two stretches of bytes from the CRCs of each; None where
    the algorithm allows no such thing.
    """

    name: str
    size: int
    new: Callable[[], Digest]
    join: Callable[[int, int, int], int] | None = None
    header: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "header", PREFIX + self.name.lower())

    def decode(self, value: str) -> bytes | None:
        """Return the bytes behind a header's base64 value; None where it is malformed or of another size."""
        try:
            raw = binascii.a2b_base64(value, strict_mode=True)
        except ValueError:
            return None
        return raw if len(raw) == self.size and binascii.b2a_base64(raw, newline=False).decode() == value else None


def _sha1() -> Digest:
    return hashlib.sha1(usedforsecurity=False)


def _md5() -> Digest:
    return hashlib.md5(usedforsecurity=False)


# S3 API reference, data type ChecksumAlgorithm.
ALGORITHMS: Mapping[str, Algorithm] = {
    algorithm.name: algorithm
    for algorithm in (
        Algorithm("CRC32", 4, lambda: _Crc(zlib.crc32, 4), crt.combine_crc32),
        Algorithm("CRC32C", 4, lambda: _Crc(crt.crc32c, 4), crt.combine_crc32c),
        Algorithm("CRC64NVME", 8, lambda: _Crc(crt.crc64nvme, 8), crt.combine_crc64nvme),
        Algorithm("SHA1", 20, _sha1),
        Algorithm("SHA256", 32, hashlib.sha256),
        Algorithm("SHA512", 64, hashlib.sha512),
        Algorithm("MD5", 16, _md5),
        Algorithm("XXHASH64", 8, lambda: _XxHash(crt.XXHash.new_xxhash64())),
        Algorithm("XXHASH3", 8, lambda: _XxHash(crt.XXHash.new_xxhash3_64())),
        Algorithm("XXHASH128", 16, lambda: _XxHash(crt.XXHash.new_xxhash3_128())),
    )
}

BY_HEADER: Mapping[str, Algorithm] = {algorithm.header: algorithm for algorithm in ALGORITHMS.values()}


def composite(algorithm: str, parts: Sequence[str]) -> str:
    """Return the checksum of checksums of a multipart object, `<base64>-<parts>`, from the parts' base64 values.

    Raises ValueError for a value that is malformed.
    """
    known = ALGORITHMS[algorithm]
    whole = known.new()
    for value in parts:
        whole.update(_decoded(known, value))
    return f"{b64encode(whole.digest()).decode()}-{len(parts)}"


def full_object(algorithm: str, parts: Sequence[tuple[str, int]]) -> str:
    """Return the checksum of a whole multipart object, in base64, from each part's value and length in bytes.

    Raises ValueError for an algorithm that cannot be joined (all but the CRCs) and for a malformed value.
    """
    known = ALGORITHMS[algorithm]
    if known.join is None:
        raise ValueError(f"{algorithm} of a whole object cannot be had from its parts")
    value = 0
    for text, length in parts:
        value = known.join(value, int.from_bytes(_decoded(known, text), "big"), length)
    return b64encode(value.to_bytes(known.size, "big")).decode()


def _decoded(algorithm: Algorithm, value: str) -> bytes:
    raw = algorithm.decode(value)
    if raw is None:
        raise ValueError(f"malformed {algorithm.name} value")
    return raw
