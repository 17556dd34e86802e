"""Checksums against botocore's, known values, and the arithmetic over the parts of an object."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any

import pytest
from botocore import httpchecksum
from hypothesis import given
from hypothesis import strategies as st

from shim.auth.checksums import ALGORITHMS, BY_HEADER, composite, full_object, is_checksum_header

BOTOCORES: dict[str, Any] = vars(httpchecksum)["_CHECKSUM_CLS"]
CRCS = ["CRC32", "CRC32C", "CRC64NVME"]


def value(algorithm: str, *pieces: bytes) -> str:
    digest = ALGORITHMS[algorithm].new()
    for piece in pieces:
        digest.update(piece)
    return b64encode(digest.digest()).decode()


# "the object data", as an independent implementation of S3 has them.
KNOWN = {
    "CRC32": "z3mWAA==",
    "CRC32C": "rxvjPA==",
    "CRC64NVME": "dYnI3/Fh0gM=",
    "SHA1": "8O8FwCfmd5fCbCBvH09mrKMVoHU=",
    "SHA256": "OoSow5X4zTIPl27MtdFdYT+9O3C367C75+Cb2MFtRBc=",
    "SHA512": "uiz+VuENyLjzFxWrdmbN/NdIdldj/V3saJF6FsckcYu6xu26fM0CfAaTySaoFJmIdI2m5wbYMJxtShQ1PXk3Tg==",
    "MD5": "EtWtthXtCk3RxUiXKw+ydw==",
    "XXHASH64": "McmxUfNFLUs=",
    "XXHASH3": "tLh+aNltTM4=",
    "XXHASH128": "MXqrLVobrQkTBf82+7i9AQ==",
}


@pytest.mark.parametrize("algorithm", list(ALGORITHMS))
def test_known_values(algorithm: str) -> None:
    assert value(algorithm, b"the object ", b"", b"data") == KNOWN[algorithm]


def test_all_that_botocore_sends_are_known() -> None:
    assert {name.upper() for name in BOTOCORES} <= set(ALGORITHMS)


@given(data=st.binary(max_size=200), algorithm=st.sampled_from(sorted(BOTOCORES)))
def test_as_botocore_computes(data: bytes, algorithm: str) -> None:
    theirs = BOTOCORES[algorithm]()
    assert value(algorithm.upper(), data) == theirs.handle(data)


@pytest.mark.parametrize("algorithm", list(ALGORITHMS))
def test_decode(algorithm: str) -> None:
    known = ALGORITHMS[algorithm]
    good = KNOWN[algorithm]
    assert known.decode(good) == b64decode(good)
    for bad in (
        "",
        good[:-1],
        good + "=",
        good + "AAAA",
        f"{good}-1",
        f" {good}",
        f"{good}\n",
        good.replace("=", "-"),
        "é",
    ):
        assert bad == good or known.decode(bad) is None, bad


def test_base64_has_one_spelling() -> None:
    # The last digit's spare bits must be zero, or one checksum would have four spellings.
    assert ALGORITHMS["CRC32"].decode("AAAAAA==") == bytes(4)
    assert ALGORITHMS["CRC32"].decode("AAAAAB==") is None


def test_headers() -> None:
    assert BY_HEADER["x-amz-checksum-crc64nvme"].name == "CRC64NVME"
    assert is_checksum_header("x-amz-checksum-crc32")
    assert is_checksum_header("x-amz-checksum-unheard-of")
    for parameter in (
        "x-amz-checksum-algorithm",
        "x-amz-checksum-type",
        "x-amz-checksum-mode",
        "x-amz-sdk-checksum-algorithm",
    ):
        assert not is_checksum_header(parameter)


@given(parts=st.lists(st.binary(max_size=300), min_size=1, max_size=6), algorithm=st.sampled_from(CRCS))
def test_full_object_from_parts(parts: Sequence[bytes], algorithm: str) -> None:
    values = [(value(algorithm, part), len(part)) for part in parts]
    assert full_object(algorithm, values) == value(algorithm, *parts)


def test_full_object_of_large_parts() -> None:
    # Zeros only: the checksum of 5 GiB is known without having them, by doubling.
    length, joined = 1, value("CRC64NVME", b"\0")
    for _ in range(20):
        joined = full_object("CRC64NVME", [(joined, length)] * 2)
        length *= 2
    assert joined == value("CRC64NVME", bytes(1 << 20))
    assert full_object("CRC64NVME", [(joined, length)] * 3) == value("CRC64NVME", bytes(3 << 20))


@pytest.mark.parametrize("algorithm", ["SHA1", "SHA256", "MD5", "XXHASH64"])
def test_full_object_cannot_be_had(algorithm: str) -> None:
    with pytest.raises(ValueError, match="cannot be had"):
        full_object(algorithm, [(KNOWN[algorithm], 15)])


@pytest.mark.parametrize("algorithm", list(ALGORITHMS))
def test_composite(algorithm: str) -> None:
    parts = [value(algorithm, b"one"), value(algorithm, b"two")]
    whole = value(algorithm, *map(b64decode, parts))
    assert composite(algorithm, parts) == f"{whole}-2"
    with pytest.raises(ValueError, match="malformed"):
        composite(algorithm, [parts[0], "x"])
