"""The footer that makes a raw disk a VHD of fixed size.

"Fixed hard disk images ... the data is followed by a footer", of 512 bytes, big-endian: Microsoft's Virtual Hard Disk
Image Format Specification, 1.0.
"""

from __future__ import annotations

import struct
import uuid
from typing import Final

SECTOR: Final = 512
_FOOTER: Final = struct.Struct(">8sIIQI4sI4sQQHBBII16sB427x")
_CHECKSUM_AT: Final = 64
_VERSION: Final = 0x10000
_FIXED: Final = 2
_NOWHERE: Final = (1 << 64) - 1  # "For fixed disks, this field should be set to 0xFFFFFFFF": the header's place
_RESERVED: Final = 2  # "The bit must always be set to 1."
# For this creator qemu-img takes the size from the footer, and not from the geometry, which is rounded down.
_CREATOR: Final = (b"win ", _VERSION, b"Wi2k")
_MOST_SECTORS: Final = 65535 * 16 * 255


def tail(size: int) -> bytes:
    """Return what follows a raw disk of `size` bytes: zeros up to the end of its last sector, and the footer."""
    padding = -size % SECTOR
    return bytes(padding) + _footer(size + padding)


def _footer(size: int) -> bytes:
    unchecked = _FOOTER.pack(
        b"conectix", _RESERVED, _VERSION, _NOWHERE, 0, *_CREATOR, size, size, *_geometry(size // SECTOR), _FIXED, 0,
        uuid.uuid4().bytes, 0,
    )  # fmt: skip
    # "The checksum value is a one's complement of the sum of all the bytes in the footer without the checksum field."
    checksum = ~sum(unchecked) & 0xFFFFFFFF
    return unchecked[:_CHECKSUM_AT] + checksum.to_bytes(4, "big") + unchecked[_CHECKSUM_AT + 4 :]


def _geometry(sectors: int) -> tuple[int, int, int]:
    """Return cylinders, heads and sectors of a track, by the algorithm in the specification's appendix."""
    sectors = min(sectors, _MOST_SECTORS)
    if sectors >= 65535 * 16 * 63:
        per_track, heads = 255, 16
        return sectors // per_track // heads, heads, per_track
    per_track = 17
    tracks = sectors // per_track
    heads = max((tracks + 1023) // 1024, 4)
    if tracks >= heads * 1024 or heads > 16:
        per_track, heads = 31, 16
        tracks = sectors // per_track
    if tracks >= heads * 1024:
        per_track, heads = 63, 16
        tracks = sectors // per_track
    return tracks // heads, heads, per_track
