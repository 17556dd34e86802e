"""Disk images are inspected piece by piece; what names other files is refused."""

import pytest

from shim.ec2.images.inspection import FORMATS, Inspection, RefusedDiskError, Verdict
from tests.ec2.images.disks import BAD, GOOD, RAW, STORED


def verdict(kind: str, disk: bytes, piece: int) -> Verdict:
    inspection = Inspection()
    for start in range(0, len(disk), piece):
        inspection.eat(disk[start : start + piece])
    return inspection.verdict(FORMATS[kind], len(disk))


@pytest.mark.parametrize("piece", [100, 4096, 1 << 20])
@pytest.mark.parametrize("name", GOOD)
def test_the_size_of_the_disk_is_found(name: str, piece: int) -> None:
    kind, disk = GOOD[name]
    stored = STORED.get(name, (kind.lower(), len(disk)))
    assert verdict(kind, disk, piece) == (FORMATS[stored[0].upper()], 1 << 20, stored[1])


@pytest.mark.parametrize("piece", [100, 4096, 1 << 20])
@pytest.mark.parametrize("name", BAD)
def test_what_could_read_other_files_is_refused(name: str, piece: int) -> None:
    with pytest.raises(RefusedDiskError):
        verdict(*BAD[name], piece)


def test_a_disk_is_not_read_to_its_end() -> None:
    inspection, pieces = Inspection(), 0
    while not inspection.decided:
        inspection.eat(RAW[: 1 << 16])
        pieces += 1
    assert pieces < 40
