"""Inspect a disk image before OpenStack sees it: what it is, how large its disk is, and whether it is harmless.

The programs that read images (qemu-img under Glance, Cinder and Nova) open whatever file an image names as its backing
file, its data file or its extent, with their own rights.  So such an image reads the host's files: CVE-2022-47951 (the
extents of a VMDK) and CVE-2024-32498 (the data file of a qcow2).  The inspectors are those of oslo.utils, which Glance,
Cinder and Nova use themselves.  What they leave out is checked here: VMDKs with a parent or with further extents, and
VHDs that are differences.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from oslo_utils.imageutils import format_inspector as inspectors

# The inspectors log what they do not like at the level of errors, with text of the image; the task tells its owner.
logging.getLogger(inspectors.__name__).setLevel(logging.CRITICAL)

FOOTER: Final = 512  # the bytes at the end of a VHD that describe it
_VHD: Final = b"conectix"
_FIXED, _DYNAMIC = 2, 3  # "Disk Type" of a VHD; 4 is a differencing disk
_LARGEST: Final = 16 << 40  # the largest disk that ImportImage takes: "16 TiB"


class RefusedDiskError(Exception):
    """An image that must not be imported; the message is for the client."""


class Format(NamedTuple):
    """One of EC2's formats: Glance's `disk_format`, and the inspectors that may recognise its content."""

    disk_format: str
    recognised: frozenset[str]


# A raw disk with a partition table is recognised as `gpt`, and a VHD of fixed size, which has no header, as raw.
FORMATS: Final[Mapping[str, Format]] = {
    "RAW": Format("raw", frozenset(("raw", "gpt"))),
    "QCOW2": Format("qcow2", frozenset(("qcow2",))),
    "VHD": Format("vhd", frozenset(("vhd",))),
    "VMDK": Format("vmdk", frozenset(("vmdk",))),
}


class Verdict(NamedTuple):
    """What is to be stored: the format, the size of the disk, and how many of the file's bytes are stored."""

    format: Format
    disk: int
    length: int


class _Pieces:
    """The pieces of a stream, as the iterator that an inspector reads; it has one at a time."""

    piece = b""

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return self.piece


class Inspection:
    """Inspects an image piece by piece, in bounded memory.

    `decided` tells that the content's format is known and nothing more of it needs to be read, except for the footer.
    """

    def __init__(self) -> None:
        self._pieces = _Pieces()
        self._wrapper = inspectors.InspectWrapper(self._pieces)  # type: ignore[arg-type]
        self.decided = False
        self.footer = b""

    def eat(self, piece: bytes) -> None:
        """Inspect the next piece; raise RefusedDiskError for what looks like several formats at once."""
        self.footer = (self.footer + piece[-FOOTER:])[-FOOTER:]
        if not self.decided:
            self._pieces.piece = piece
            next(self._wrapper)
            self.decided = self._found() is not None

    def verdict(self, wanted: Format, size: int) -> Verdict:
        """Return what is to be stored of an image of `size` bytes; raise RefusedDiskError.

        A VHD of fixed size is a raw disk with a footer.  Glance takes it for no VHD, so it is stored as a raw disk.
        """
        if not self.decided:
            self._wrapper.close()  # the inspectors are told that this was the end
        found = self._found()
        name = str(found)
        fixed = wanted.disk_format == "vhd" and name in ("raw", "gpt") and self.footer.startswith(_VHD)
        if not fixed and name not in wanted.recognised:
            raise RefusedDiskError(f"the file is not a {wanted.disk_format} image but looks like {name}")
        if wanted.disk_format == "vhd":
            _check_vhd(self.footer, fixed=fixed)
        elif wanted.disk_format != "raw":
            _check_safety(found)
        if wanted.disk_format == "vmdk":
            _check_vmdk(found)
        if fixed:
            verdict = Verdict(FORMATS["RAW"], size - FOOTER, size - FOOTER)
        else:
            verdict = Verdict(wanted, size if wanted.disk_format == "raw" else int(found.virtual_size), size)
        if not 0 < verdict.disk <= _LARGEST:
            raise RefusedDiskError("the disk has no size, or is larger than 16 TiB")
        return verdict

    def _found(self) -> Any:
        try:
            return self._wrapper.format
        except inspectors.ImageFormatError as error:
            raise RefusedDiskError("the file looks like several formats at once") from error


def _check_safety(found: Any) -> None:
    try:
        found.safety_check()
    except inspectors.SafetyCheckFailed as error:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in sorted(error.failures.items()))
        raise RefusedDiskError(f"the image is not safe ({reasons})") from error
    except inspectors.ImageFormatError as error:
        raise RefusedDiskError("the image's header cannot be read") from error


def _check_vhd(footer: bytes, *, fixed: bool) -> None:
    """Refuse a VHD that is a difference from a parent; header and footer are copies of each other."""
    if not footer.startswith(_VHD) or len(footer) < FOOTER:
        raise RefusedDiskError("the VHD has no footer")
    if struct.unpack(">I", footer[60:64])[0] != (_FIXED if fixed else _DYNAMIC):
        raise RefusedDiskError("the VHD is neither a fixed nor a dynamic disk: one with a parent cannot be imported")


def _check_vmdk(found: Any) -> None:
    """Refuse a VMDK that names other files: a parent, or extents that are not the file's own.

    QEMU reads 20 sectors of the description up to its first zero byte, however long the header says that it is
    (`vmdk_parent_open`).  So the inspected part must have that byte, or text behind it would name a parent unseen.
    """
    if not found.has_region("header"):
        raise RefusedDiskError("the VMDK is a description of other files")
    if b"\0" not in found.region("descriptor").data:
        raise RefusedDiskError("the VMDK's description has no end")
    lines = [line.strip() for line in found.desc_text.split("\n")]
    extents = [line.split() for line in lines if line.startswith(("rw ", "rdonly ", "noaccess "))]
    if "parentfilenamehint" in found.desc_text:
        raise RefusedDiskError("the VMDK has a parent")
    if len(extents) != 1 or len(extents[0]) < 4 or extents[0][2] != "sparse":
        raise RefusedDiskError("the VMDK has extents in other files")
