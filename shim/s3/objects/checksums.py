"""Checksums of objects and parts: how they are stored, shown, and joined for a multipart object.

An object's checksum is in its metadata.  A part's is in its content type, so that listings include it.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from adapters.types.objects import Stored
from shim.auth import checksums
from shim.errors import AwsError
from shim.s3.errors import invalid_request
from shim.s3.objects.headers import CHECKSUM

FULL: Final = "FULL_OBJECT"
COMPOSITE: Final = "COMPOSITE"
_PART: Final = re.compile(r"\bs3_checksum=([a-z0-9]+)\.((?:[0-9a-f]{2})+)\b")
# "CRC64NVME: full object only; SHA1, SHA256: composite only" (User Guide, checking object integrity); the newer hashes
# have no composite type either.
_FULL_ONLY: Final = frozenset({"CRC64NVME", "SHA512", "MD5", "XXHASH64", "XXHASH3", "XXHASH128"})
_JOINABLE: Final = frozenset(name for name, algorithm in checksums.ALGORITHMS.items() if algorithm.join)
# Algorithms of which a multipart object has none: the parts' checksums give neither the object's nor one of checksums.
NOT_OF_PARTS: Final = tuple(sorted(_FULL_ONLY - _JOINABLE))


class Checksum(NamedTuple):
    """A checksum of an object: `value` in base64, with `-<parts>` appended for a composite."""

    algorithm: str
    value: str
    kind: str = FULL

    @property
    def members(self) -> dict[str, str]:
        """The members of an answer that show it."""
        return {f"Checksum{self.algorithm}": self.value, "ChecksumType": self.kind}

    @property
    def stored(self) -> dict[str, str]:
        """The metadata that stores it."""
        return {CHECKSUM: f"{self.algorithm}:{self.kind}:{self.value}"}


def member(algorithm: str) -> str:
    """Name the member that carries an algorithm's checksum."""
    return f"Checksum{algorithm}"


def of(stored: Stored) -> Checksum | None:
    """Return the checksum stored with an object."""
    if CHECKSUM not in stored.metadata:
        return None
    algorithm, _, rest = stored.metadata[CHECKSUM].partition(":")
    kind, _, value = rest.partition(":")
    return Checksum(algorithm, value, kind) if algorithm in checksums.ALGORITHMS and value else None


ALGORITHMS: Final = tuple(checksums.ALGORITHMS)


def first(held: Mapping[str, str]) -> Checksum | None:
    """Return the first checksum that was declared for a body and verified."""
    for algorithm, value in held.items():
        return Checksum(algorithm, value)
    return None


def named(req: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return algorithm and value of the checksum member of a request, or of a part in a request."""
    return next(((name, req[member(name)]) for name in checksums.ALGORITHMS if req.get(member(name))), None)


def part_type(checksum: Checksum | None) -> str:
    """Return the content type under which a part is stored."""
    plain = "application/octet-stream"
    if checksum is None:
        return plain
    raw = checksums.ALGORITHMS[checksum.algorithm].decode(checksum.value) or b""
    return f"{plain}; s3_checksum={checksum.algorithm.lower()}.{raw.hex()}"


def of_part(content_type: str) -> Checksum | None:
    """Return the checksum in a part's content type."""
    found = _PART.search(content_type)
    if not found or found[1].upper() not in checksums.ALGORITHMS:
        return None
    return Checksum(found[1].upper(), b64encode(bytes.fromhex(found[2])).decode())


def kind_of(algorithm: str, asked: str | None) -> str:
    """Return the type of a multipart object's checksum; InvalidRequest for a pair that S3 does not support."""
    if asked is None:
        return FULL if algorithm in _FULL_ONLY else COMPOSITE
    if (asked == COMPOSITE and algorithm in _FULL_ONLY) or (asked == FULL and algorithm not in _JOINABLE):
        raise invalid_request(
            f"The {asked} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
        )
    return asked


def can_join(algorithm: str, kind: str) -> bool:
    """Return whether the object's checksum can be computed from the parts' checksums alone."""
    return kind == COMPOSITE or algorithm in _JOINABLE


def joined(algorithm: str, kind: str, parts: Sequence[tuple[Checksum | None, int]]) -> Checksum | None:
    """Return a multipart object's checksum, from its parts' checksums and sizes; None if a part has no checksum."""
    values = [(part.value, size) for part, size in parts if part is not None and part.algorithm == algorithm]
    if len(values) != len(parts) or not can_join(algorithm, kind):
        return None
    if kind == COMPOSITE:
        return Checksum(algorithm, checksums.composite(algorithm, [value for value, _ in values]), COMPOSITE)
    return Checksum(algorithm, checksums.full_object(algorithm, values), FULL)


async def computed(algorithm: str, body: bytes | AsyncIterator[bytes]) -> Checksum:
    """Compute a checksum over stored bytes."""
    digest = checksums.ALGORITHMS[algorithm].new()
    if isinstance(body, bytes):
        digest.update(body)
    else:
        async for piece in body:
            digest.update(piece)
    return Checksum(algorithm, b64encode(digest.digest()).decode())


def bad_digest(algorithm: str) -> AwsError:
    """Return the error for a declared checksum that is not the object's."""
    return AwsError("BadDigest", f"The {algorithm.lower()} you specified did not match the calculated checksum.", 400)
