"""Sparse files that serve as disks."""

import os
from pathlib import Path

# File systems limit a file's length (ext4: 16 TiB) below a volume's possible size. Nothing is written beyond this.
LONGEST = 4 << 40


def length(gib: int) -> int:
    """Return the length in bytes of the file for a volume of so many GiB."""
    return min(gib << 30, LONGEST)


def used_extent(path: Path) -> int:
    """Return the length in bytes up to the last byte written; the rest reads as zeros."""
    with path.open("rb") as file:
        end = os.fstat(file.fileno()).st_size
        used, position = 0, 0
        while position < end:
            try:
                position = os.lseek(file.fileno(), os.lseek(file.fileno(), position, os.SEEK_DATA), os.SEEK_HOLE)
            except OSError:  # ENXIO: only a hole follows
                break
            used = position
    return used


class WrittenPart:
    """The written part of a file, at least one sector, as a file-like object of known length."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._left = max(512, used_extent(path))
        self._size = self._left

    def __enter__(self) -> "WrittenPart":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = -1) -> bytes:
        """Read on, up to the last byte written."""
        chunk = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(chunk)
        return chunk
