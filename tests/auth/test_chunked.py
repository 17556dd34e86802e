"""aws-chunked: the decoder returns the object's bytes, or raises, however the coded bytes are split."""

from __future__ import annotations

import zlib
from base64 import b64encode
from contextlib import suppress
from hashlib import sha256
from io import BytesIO
from itertools import pairwise

import pytest
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum
from hypothesis import given
from hypothesis import strategies as st

from shim.auth.chunked import ChunkDecoder, ChunkSigner
from shim.errors import AwsError

# The examples of "Signature calculations ...: transferring payload in multiple chunks" and "... including trailing
# headers", S3 API reference: 65 KiB of "a", signing key of 24 May 2013, in chunks of 64 KiB and 1 KiB.
TIMESTAMP, SCOPE = "20130524T000000Z", "20130524/us-east-1/s3/aws4_request"
KEY = bytes.fromhex("dbb893acc010964918f1fd433add87c70e8b0db6be30c1fbeafefa5ec6ba8378")
DATA = b"a" * 66560
PLAIN = (
    "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
)
TRAILED = (
    "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
    "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
    "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
    "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
)
TRAILER = b"x-amz-checksum-crc32c:sOO8/Q=="
TRAILER_SIGNATURE = b"d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"


def signed_body(signatures: tuple[str, ...], tail: bytes) -> bytes:
    pieces = [DATA[:65536], DATA[65536:], b""]
    coded = [
        b"%x;chunk-signature=%s\r\n%s\r\n" % (len(d), s.encode(), d)
        for d, s in zip(pieces, signatures[1:], strict=True)
    ]
    return b"".join(coded)[:-2] + tail


def examples() -> dict[str, tuple[bytes, str]]:
    trailer = TRAILER + b"\r\nx-amz-trailer-signature:" + TRAILER_SIGNATURE + b"\r\n\r\n"
    return {
        "signed": (signed_body(PLAIN, b"\r\n"), PLAIN[0]),
        "signed with trailer": (signed_body(TRAILED, trailer), TRAILED[0]),
        # Earlier editions of the reference print the trailer with a line feed of its own before CRLF.
        "trailer as printed": (signed_body(TRAILED, trailer.replace(b"/Q==", b"/Q==\n")), TRAILED[0]),
    }


def decoder(
    length: int = len(DATA), seed: str | None = None, *, trailer: bool = True, key: bytes = KEY
) -> ChunkDecoder:
    return ChunkDecoder(length, signer=ChunkSigner(key, TIMESTAMP, SCOPE, seed) if seed else None, trailer=trailer)


def decode(to: ChunkDecoder, *pieces: bytes) -> bytes:
    out = b"".join(piece for data in pieces for piece in to.feed(data))
    to.finish()
    return out


def fault(to: ChunkDecoder, *pieces: bytes) -> AwsError:
    with pytest.raises(AwsError) as caught:
        decode(to, *pieces)
    return caught.value


@pytest.mark.parametrize("name", sorted(examples()))
def test_examples_of_the_reference(name: str) -> None:
    body, seed = examples()[name]
    to = decoder(seed=seed, trailer="trailer" in name)
    assert decode(to, body) == DATA
    assert to.trailers == ({"x-amz-checksum-crc32c": "sOO8/Q=="} if "trailer" in name else {})


@pytest.mark.parametrize("name", sorted(examples()))
def test_every_changed_byte_is_found(name: str) -> None:
    body, seed = examples()[name]
    interesting = [*range(120), *range(65530, 65850), *range(len(body) - 320, len(body))]
    for at in interesting:
        changed = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        try:
            same = decode(decoder(seed=seed, trailer="trailer" in name), changed) == DATA
        except AwsError as error:
            same = error.code not in {"SignatureDoesNotMatch", "IncompleteBody", "MalformedTrailerError"}
        # The case of a trailer's name and of hex sizes says nothing.
        assert not same or changed[at : at + 1].swapcase() == body[at : at + 1], at


@pytest.mark.parametrize("name", sorted(examples()))
def test_cut_short_anywhere(name: str) -> None:
    body, seed = examples()[name]
    for at in [*range(0, 200, 7), *range(65500, len(body), 13)]:
        assert fault(decoder(seed=seed, trailer="trailer" in name), body[:at]).code == "IncompleteBody"


def test_a_chunk_is_withheld_until_its_signature_has_held() -> None:
    body, seed = examples()["signed"]
    to = decoder(seed=seed, trailer=False)
    assert b"".join(to.feed(body[:65600])) == b""
    assert b"".join(to.feed(body[65600:65700])) == DATA[:65536]


def test_a_large_signed_chunk_flows_but_for_its_last_piece() -> None:
    data = bytes(8 << 20)
    signer = ChunkSigner(KEY, TIMESTAMP, SCOPE, "0" * 64)
    head = b"%x;chunk-signature=%s\r\n" % (len(data), b"0" * 64)
    assert signer.chunk(sha256(data).hexdigest()) != "0" * 64
    to = decoder(len(data), "0" * 64, trailer=False)
    out = to.feed(head)
    most_held = 0
    for at in range(0, len(data), 65536):
        out += to.feed(data[at : at + 65536])
        most_held = max(most_held, at + 65536 - sum(map(len, out)))
    assert most_held <= (1 << 20) + 65536
    assert 0 < sum(map(len, out)) < len(data)
    with pytest.raises(AwsError, match="SignatureDoesNotMatch"):
        to.feed(b"\r\n")


@pytest.mark.parametrize("change", ["key", "seed"])
def test_wrong_key_or_seed(change: str) -> None:
    body, seed = examples()["signed"]
    to = decoder(seed="0" * 64 if change == "seed" else seed, key=bytes(32) if change == "key" else KEY, trailer=False)
    assert fault(to, body).code == "SignatureDoesNotMatch"


def test_chunks_in_another_order() -> None:
    body, seed = examples()["signed"]
    first, second = body[:65626], body[65626:]
    end = second.index(b"\r\n0;") + 2
    assert fault(decoder(seed=seed, trailer=False), second[:end] + first + second[end:]).code == "SignatureDoesNotMatch"


@given(
    data=st.binary(max_size=400),
    size=st.integers(1, 150),
    cuts=st.lists(st.integers(0, 900), max_size=12),
    signed=st.booleans(),
)
def test_splits_make_no_difference(data: bytes, size: int, cuts: list[int], signed: bool) -> None:
    coded = code(data, size, signed=signed)
    bounds = sorted({min(cut, len(coded)) for cut in cuts} | {0, len(coded)})
    pieces = [coded[a:b] for a, b in pairwise(bounds)]
    to = decoder(len(data), "0" * 64 if signed else None)
    assert decode(to, *pieces) == data
    assert to.trailers == {"x-amz-checksum-crc32": checksum(data)}
    single = decoder(len(data), "0" * 64 if signed else None)
    assert decode(single, *(coded[i : i + 1] for i in range(len(coded)))) == data


@given(data=st.binary(max_size=60), at=st.integers(0, 400), junk=st.binary(max_size=3), cut=st.integers(0, 3))
def test_no_damage_passes_in_a_signed_body(data: bytes, at: int, junk: bytes, cut: int) -> None:
    coded = code(data, 20, signed=True)
    at = min(at, len(coded))
    damaged = coded[:at] + junk + coded[at + cut :]
    to = decoder(len(data), "0" * 64)
    with suppress(AwsError):
        # What may pass changes nothing: the case of a hex digit, a zero in front, a blank after a trailer's colon.
        assert decode(to, damaged) == data
        assert to.trailers == {"x-amz-checksum-crc32": checksum(data)}


def code(data: bytes, size: int, *, signed: bool) -> bytes:
    signer = ChunkSigner(KEY, TIMESTAMP, SCOPE, "0" * 64)
    out = []
    for piece in [data[at : at + size] for at in range(0, len(data), size)] + [b""]:
        signature = b";chunk-signature=" + signer.chunk(sha256(piece).hexdigest()).encode() if signed else b""
        out.append(b"%x%s\r\n%s\r\n" % (len(piece), signature, piece))
    trailer = b"x-amz-checksum-crc32:" + checksum(data).encode()
    out[-1] = out[-1][:-2] + trailer + b"\r\n"
    if signed:
        out.append(b"x-amz-trailer-signature:" + signer.trailer(trailer + b"\n").encode() + b"\r\n")
    return b"".join(out) + b"\r\n"


def checksum(data: bytes) -> str:
    return b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


@pytest.mark.parametrize("size", [0, 1, 8191, 8192, 100_000])
def test_botocore_codes_so(size: int) -> None:
    data = bytes(i % 251 for i in range(size))
    with_trailer = AwsChunkedWrapper(
        BytesIO(data), checksum_cls=Crc32Checksum, checksum_name="x-amz-checksum-crc32", chunk_size=8192
    )
    to = decoder(size)
    assert decode(to, with_trailer.read()) == data
    assert to.trailers == {"x-amz-checksum-crc32": checksum(data)}
    assert decode(decoder(size), AwsChunkedWrapper(BytesIO(data), chunk_size=8192).read()) == data


BROKEN = [
    b"A\ndummy data\r\n0\r\n\r\n",
    b"A\r\ndummy data0\r\n\r\n",
    b"A\r\nXYZ\r\ndummy data\r\n0\r\n\r\n",
    b"A\r\ndummy data\r\n0\r\n",
    b"A\r\ndummy data\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n",
    b"A\r\n",
    b"",
    b"\r\n",
    b"A\r\nA\r\ndummy data\r\n0\r\n\r\n",
    b"size\r\ndummy data\r\n0\r\n\r\n",
    b"0xA\r\ndummy data\r\n0\r\n\r\n",
    b"+A\r\ndummy data\r\n0\r\n\r\n",
    b"-A\r\ndummy data\r\n0\r\n\r\n",
    b"A \r\ndummy data\r\n0\r\n\r\n",
    b"1_0\r\ndummy data\r\n0\r\n\r\n",
    b"A;name=value\r\ndummy data\r\n0\r\n\r\n",
    b"A;chunk-signature=" + b"0" * 64 + b"\r\ndummy data\r\n0\r\n\r\n",
    b"A\r\ndummy data\r\n0\r\n\r\nmore",
    b"A\r\ndummy data\r\n0\r\n\r\n\r\n",
    b"A" * 1000 + b"\r\n",
    b"00000000000000000A\r\ndummy data\r\n0\r\n\r\n",
    b"B\r\ndummy datas\r\n0\r\n\r\n",
    b"9\r\ndummy dat\r\n0\r\n\r\n",
    b"FFFFFFFFFFFFFFFF\r\n",
    b"5\r\ndummy\r\n6\r\n data!\r\n0\r\n\r\n",
]


@pytest.mark.parametrize("body", BROKEN)
def test_broken(body: bytes) -> None:
    for pieces in ([body], [body[i : i + 1] for i in range(len(body))]):
        error = fault(decoder(10), *pieces)
        assert (error.code, error.status) == ("IncompleteBody", 400)


@pytest.mark.parametrize(
    "trailer",
    [
        b":M3eFcAZSQlc=",
        b"name",
        b"na me:x",
        b"name :x",
        b"name:x\x00",
        b"name:x\r",
        b"name:\xff",
        b"a:1\r\na:2",
        b"a:1\nb:2",
        b"\n",
        b"x-amz-trailer-signature:" + b"0" * 64,
        b"a:" + b"x" * 5000,
        b"\r\n".join(b"a%d:1" % i for i in range(20)),
    ],
)
def test_bad_trailers(trailer: bytes) -> None:
    assert fault(decoder(2), b"2\r\nab\r\n0\r\n" + trailer + b"\r\n\r\n").code == "MalformedTrailerError"


def test_trailer_where_the_mode_has_none() -> None:
    assert fault(decoder(2, trailer=False), b"2\r\nab\r\n0\r\nx-a:b\r\n\r\n").code == "MalformedTrailerError"


def test_unsigned_chunks_in_a_signed_body() -> None:
    assert fault(decoder(2, "0" * 64), b"2\r\nab\r\n0\r\n\r\n").code == "IncompleteBody"


def test_a_few_small_chunks_pass_and_a_flood_does_not() -> None:
    few = b"".join([b"1\r\nx\r\n"] * 1000)
    assert decode(decoder(1000), few + b"0\r\n\r\n") == b"x" * 1000
    error = fault(decoder(3000), b"1\r\nx\r\n" * 3000 + b"0\r\n\r\n")
    assert (error.code, error.status) == ("InvalidChunkSizeError", 400)


def test_unsigned_bytes_flow_at_once() -> None:
    to = decoder(1 << 30)
    assert to.feed(b"40000000\r\nabc") == [b"abc"]
    assert to.feed(b"def") == [b"def"]


def test_repr_holds_no_key() -> None:
    signer = ChunkSigner(KEY, TIMESTAMP, SCOPE, "5" * 64)
    assert repr(signer) == "ChunkSigner(***)"
    assert KEY.hex() not in repr(ChunkDecoder(1, signer=signer))
