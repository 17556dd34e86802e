"""Small disk images of every format, harmless and harmful ones."""

import struct

RAW = b"a disk" + bytes((1 << 20) - 6)
DESCRIPTOR = '# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="{kind}"\n{lines}\n'
EXTENT = 'RW 2048 SPARSE "disk.vmdk"'


def qcow2(*, backing: int = 0, features: int = 0, size: int = 1 << 20) -> bytes:
    """A qcow2 of version 3 without data; `backing` is where the name of its backing file is."""
    name = 8 if backing else 0
    numbers = (3, backing, name, 16, size, 0, 1, 0x30000, 0x10000, 1, 0, 0, features, 0, 0, 4, 104)
    return (b"QFI\xfb" + struct.pack(">IQIIQIIQQIIQQQQII", *numbers)).ljust(1 << 19, b"\0")


def vhd_footer(kind: int, size: int = 1 << 20) -> bytes:
    """The footer of a VHD: kind 2 is fixed, 3 dynamic, 4 a difference from a parent."""
    facts = (b"conectix", 2, 1 << 16, (1 << 64) - 1 if kind == 2 else 512, 0, b"test", 0, b"Wi2k", size, size, 0, kind)
    return struct.pack(">8sIIQI4sI4sQQII", *facts).ljust(512, b"\0")


def vhd(kind: int) -> bytes:
    """A VHD of 1 MiB."""
    return RAW + vhd_footer(2) if kind == 2 else vhd_footer(kind) + bytes(4096) + vhd_footer(kind)


def vmdk(*lines: str, kind: str = "monolithicSparse") -> bytes:
    """A VMDK whose description has these lines."""
    header = struct.pack("<4sIIQQQQIQQQ", b"KDMV", 1, 3, 2048, 128, 1, 20, 512, 21, 26, 128).ljust(512, b"\0")
    text = DESCRIPTOR.format(kind=kind, lines="\n".join(lines)).encode()
    return header + text.ljust(20 * 512, b"\0") + bytes(1 << 16)


def vmdk_with_more(hidden: str) -> bytes:
    """A VMDK whose header says that its description is one sector long, but whose text goes on behind that."""
    header = struct.pack("<4sIIQQQQIQQQ", b"KDMV", 1, 3, 2048, 128, 1, 1, 512, 21, 26, 128).ljust(512, b"\0")
    text = DESCRIPTOR.format(kind="monolithicSparse", lines=EXTENT).encode().ljust(512, b"\n")
    return header + (text + hidden.encode()).ljust(20 * 512, b"\0") + bytes(1 << 16)


def partitioned() -> bytes:
    """A raw disk with a partition table."""
    return (
        bytes(446)
        + bytes((0x80, 0, 2, 0, 0x83, 0, 0, 0))
        + struct.pack("<II", 1, 2047)
        + bytes(48)
        + b"\x55\xaa"
        + RAW[512:]
    )


def description(kind: str, line: str) -> bytes:
    """A VMDK that is a text about other files."""
    return DESCRIPTOR.format(kind=kind, lines=line).encode().ljust(1024, b"\n")


# By name: the format that is claimed, and the bytes.
GOOD = {
    "raw": ("RAW", RAW),
    "raw with a partition": ("RAW", partitioned()),
    "qcow2": ("QCOW2", qcow2()),
    "fixed vhd": ("VHD", vhd(2)),
    "dynamic vhd": ("VHD", vhd(3)),
    "vmdk": ("VMDK", vmdk(EXTENT)),
}
# What Glance gets where that is not the file itself: its format, and the file's first bytes.
STORED = {"fixed vhd": ("raw", len(RAW))}
BAD = {
    "qcow2 with a backing file": ("QCOW2", qcow2(backing=200)),
    "qcow2 with a data file": ("QCOW2", qcow2(features=4)),
    "qcow2 with unknown features": ("QCOW2", qcow2(features=1 << 40)),
    "qcow2 that is called raw": ("RAW", qcow2()),
    "qcow2 of 17 TiB": ("QCOW2", qcow2(size=17 << 40)),
    "raw that is called qcow2": ("QCOW2", RAW),
    "vhd with a parent": ("VHD", vhd(4)),
    "vhd without a footer": ("VHD", vhd_footer(3) + bytes(4096)),
    "vhd that is called raw": ("RAW", vhd(3)),
    "vmdk with a parent": ("VMDK", vmdk(EXTENT, 'parentFileNameHint="/etc/passwd"')),
    "vmdk with a parent behind its description": ("VMDK", vmdk_with_more('parentFileNameHint="/etc/passwd"')),
    "vmdk without a size": ("VMDK", vmdk(EXTENT).replace(struct.pack("<Q", 2048), bytes(8), 1)),
    "vmdk with an extent outside": ("VMDK", vmdk('RW 2048 FLAT "/etc/passwd" 0')),
    "vmdk with an extent in another file": ("VMDK", vmdk('RW 2048 FLAT "passwd" 0')),
    "vmdk with two extents": ("VMDK", vmdk(EXTENT, 'RW 2048 SPARSE "other.vmdk"')),
    "vmdk of flat extents": ("VMDK", vmdk('RW 2048 FLAT "passwd" 0', kind="monolithicFlat")),
    "vmdk that is a description": ("VMDK", description("monolithicSparse", EXTENT)),
    "description of flat extents": ("VMDK", description("monolithicFlat", 'RW 2048 FLAT "/etc/passwd" 0')),
}
