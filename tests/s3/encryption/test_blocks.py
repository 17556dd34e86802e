"""The format of encrypted bytes: sizes, ranges, and that no change of the stored bytes goes unnoticed."""

import hashlib
import hmac
from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM
from hypothesis import given, settings
from hypothesis import strategies as st

from shim.s3.encryption.blocks import (
    BLOCK,
    OVERHEAD,
    Decryptor,
    Encryptor,
    Place,
    Span,
    Stream,
    TamperedError,
    blocks_of,
    encoded,
    encrypt,
    plain_size,
    span,
    stored_size,
    whole,
)

ROOT = bytes(range(32))
PLACE = Place("bucket", "key")
STORED_BLOCK = BLOCK + OVERHEAD
# Sizes near the borders of blocks are the ones that can go wrong.
SIZES = st.one_of(
    st.integers(0, 300),
    st.integers(-2, 2).map(lambda by: BLOCK + by),
    st.integers(-2, 2).map(lambda by: 2 * BLOCK + by),
    st.integers(0, 3 * BLOCK),
)


def content(size: int, seed: int = 0) -> bytes:
    """Bytes that do not repeat at the borders of blocks."""
    return hashlib.shake_128(seed.to_bytes(4, "big")).digest(size)


def decrypted(root: bytes, wanted: Span, stored: bytes, piece: int = 0) -> bytes:
    """What a reader gets from the stored bytes of a span, fed in pieces."""
    reader = Decryptor(root, wanted)
    read = stored[wanted.start : wanted.stop + 1]
    step = piece or max(1, len(read))
    plain = b"".join(reader.feed(read[at : at + step]) for at in range(0, len(read), step))
    reader.finish()
    return plain


def one(size: int, place: Place = PLACE) -> list[Stream]:
    return [Stream(place, size)]


@given(st.integers(0, 1 << 50))
def test_the_sizes_are_each_others_inverse(size: int) -> None:
    assert plain_size(stored_size(size)) == size
    assert stored_size(size) - size == OVERHEAD * blocks_of(size)


@given(st.integers(0, 20 * BLOCK))
def test_a_length_that_no_stream_has_is_noticed(stored: int) -> None:
    try:
        size = plain_size(stored)
    except TamperedError:
        assert 0 <= stored % STORED_BLOCK <= OVERHEAD  # less than a block, or one without bytes behind others
        assert stored != OVERHEAD
        assert stored % STORED_BLOCK or not stored
    else:
        assert stored_size(size) == stored


@given(SIZES, st.integers(1, 100_000), st.integers(1, 100_000))
def test_what_is_encrypted_in_pieces_is_read_in_pieces(size: int, written: int, read: int) -> None:
    plain = content(size)
    writer = Encryptor(ROOT, PLACE)
    stored = b"".join(writer.feed(plain[at : at + written]) for at in range(0, size, written)) + writer.finish()
    assert len(stored) == stored_size(size)
    assert decrypted(ROOT, whole(one(size)), stored, read) == plain


def test_the_last_block_is_held_back_until_the_end() -> None:
    """The end of an upload may fail a check, and then Swift must have received fewer bytes than declared."""
    writer = Encryptor(ROOT, PLACE)
    assert writer.feed(bytes(BLOCK)) == b""
    assert len(writer.feed(b"x")) == STORED_BLOCK
    assert len(writer.finish()) == 1 + OVERHEAD


def parts(sizes: Sequence[int]) -> tuple[list[Stream], bytes, bytes]:
    """A multipart object: its streams, its stored bytes and its plain bytes."""
    places = [Place("bucket", "key", "upload", number) for number in range(1, len(sizes) + 1)]
    plain = [content(size, number) for number, size in enumerate(sizes)]
    stored = [encrypt(ROOT, place, some) for place, some in zip(places, plain, strict=True)]
    return list(map(Stream, places, sizes)), b"".join(stored), b"".join(plain)


@settings(max_examples=60)
@given(st.lists(SIZES, min_size=1, max_size=4).filter(any), st.data())
def test_a_range_over_parts(sizes: list[int], data: st.DataObject) -> None:
    streams, stored, plain = parts(sizes)
    start = data.draw(st.integers(0, len(plain) - 1))
    end = data.draw(st.integers(start, len(plain) - 1))
    wanted = span(streams, start, end)
    assert decrypted(ROOT, wanted, stored, 10_007) == plain[start : end + 1]
    assert wanted.stop - wanted.start < end - start + 1 + 2 * BLOCK + OVERHEAD * (
        2 + (end - start) // BLOCK + 2 * len(sizes)
    )
    assert decrypted(ROOT, whole(streams), stored) == plain


STREAM = content(3 * BLOCK + 5)
STORED = encrypt(ROOT, PLACE, STREAM)
BLOCKS = [STORED[at : at + STORED_BLOCK] for at in range(0, len(STORED), STORED_BLOCK)]
OTHER = encrypt(ROOT, PLACE, STREAM)  # the same bytes, stored again


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(BLOCKS[1] + BLOCKS[0] + b"".join(BLOCKS[2:]), id="reordered"),
        pytest.param(BLOCKS[0] + BLOCKS[0] + b"".join(BLOCKS[2:]), id="repeated"),
        pytest.param(BLOCKS[0] + OTHER[STORED_BLOCK:], id="continued by another stream"),
        pytest.param(b"".join(BLOCKS[:3]), id="cut between blocks"),
        pytest.param(STORED[:-1], id="cut in a block"),
        pytest.param(STORED + b"x", id="longer"),
        pytest.param(STORED + BLOCKS[0], id="longer by a block"),
        pytest.param(b"", id="emptied"),
    ],
)
def test_rearranged_blocks_are_noticed(stored: bytes) -> None:
    reader = Decryptor(ROOT, whole(one(len(STREAM))))
    with pytest.raises(TamperedError):  # noqa: PT012 - either of the two notices it
        reader.feed(stored)
        reader.finish()


def test_a_shorter_stream_is_noticed_where_its_length_is_believed() -> None:
    """Who cuts the stored object cuts its length as well: then the last block is not the last one that was written."""
    cut = b"".join(BLOCKS[:3])
    with pytest.raises(TamperedError):
        decrypted(ROOT, whole(one(plain_size(len(cut)))), cut)


@given(st.integers(0, len(STORED) - 1), st.integers(0, 7))
def test_any_changed_bit_is_noticed(at: int, bit: int) -> None:
    changed = bytearray(STORED)
    changed[at] ^= 1 << bit
    with pytest.raises(TamperedError):
        decrypted(ROOT, whole(one(len(STREAM))), bytes(changed))


@pytest.mark.parametrize(
    "place",
    [
        Place("bucket", "other"),
        Place("other", "key"),
        Place("bucket", "key", "upload", 1),
        Place("bucketk", "ey"),
    ],
)
def test_a_stream_is_read_at_its_own_place_alone(place: Place) -> None:
    with pytest.raises(TamperedError):
        decrypted(ROOT, whole(one(len(STREAM), place)), STORED)


@pytest.mark.parametrize("place", [Place("bucket", "key", "upload", 2), Place("bucket", "key", "later", 1)])
def test_a_part_is_read_in_its_upload_and_under_its_number_alone(place: Place) -> None:
    part = encrypt(ROOT, Place("bucket", "key", "upload", 1), STREAM)
    with pytest.raises(TamperedError):
        decrypted(ROOT, whole(one(len(STREAM), place)), part)


def test_another_key_reads_nothing() -> None:
    with pytest.raises(TamperedError):
        decrypted(bytes(32), whole(one(len(STREAM))), STORED)


def test_no_two_streams_have_a_key_or_a_byte_in_common() -> None:
    """The nonces are the blocks' numbers, so the salts, and with them the keys, must differ."""
    salts = {encrypt(ROOT, PLACE, b"")[:32] for _ in range(200)}
    assert len(salts) == 200
    assert not {STORED[at : at + 16] for at in range(0, len(STORED), 16)} & {
        OTHER[at : at + 16] for at in range(0, len(OTHER), 16)
    }


@given(st.lists(st.text(max_size=5), max_size=4), st.lists(st.text(max_size=5), max_size=4))
def test_no_two_lists_of_texts_are_encoded_alike(one: list[str], other: list[str]) -> None:
    assert (encoded(one) == encoded(other)) == (one == other)


def reference(root: bytes, salt: bytes, info: bytes, number: int, last: bool, plain: bytes) -> bytes:
    """One block, by RFC 5869 spelled out and by the cipher's own interface."""
    pseudorandom = hmac.digest(salt, root, "sha256")
    key = hmac.digest(pseudorandom, info + b"\1", "sha256")
    writer = Cipher(AES(key), GCM(number.to_bytes(12, "big"))).encryptor()
    writer.authenticate_additional_data(bytes([last]))
    return salt + writer.update(plain) + writer.finalize() + writer.tag


def test_the_format_is_the_written_one() -> None:
    salt = bytes(range(100, 132))
    writer = Encryptor(ROOT, Place("b", "k\u00e9", "u", 7), salt)
    plain = content(BLOCK + 3)
    made = writer.feed(plain) + writer.finish()
    info = b"passerelle stream 1" + "1:b3:k\u00e91:u1:7".encode()
    assert made == b"".join(
        (
            reference(ROOT, salt, info, 0, False, plain[:BLOCK]),
            reference(ROOT, salt, info, 1, True, plain[BLOCK:]),
        )
    )


def test_the_format_stays_the_same() -> None:
    """Objects are kept for years: this was written by the first version."""
    writer = Encryptor(ROOT, PLACE, bytes(32))
    assert (writer.feed(b"hello") + writer.finish())[32:].hex() == "992242393cd8ea59f1bb629331612a2d0a2e844a16"
    assert (
        hashlib.sha256(Encryptor(ROOT, PLACE, bytes(32)).feed(bytes(BLOCK + 1))).hexdigest()
        == "7deb245ba1bbeab6e1a9c13fcddf83bfa8a8965ceee8411b2490b0a59745703f"
    )
