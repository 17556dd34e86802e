"""The headers that describe a body: contradictions are refused before a byte is read, wrong values at its end."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from shim.auth import Body, Method, RequestSignature, Verified, open_body
from shim.auth.checksums import ALGORITHMS
from shim.errors import AwsError
from tests.auth.bodies import (
    DATA,
    SIGNED,
    SIGNED_TRAILER,
    UNSIGNED,
    UNSIGNED_TRAILER,
    coded,
    consume,
    cut,
    events,
    fails,
    head,
    opened,
    refused,
    value,
    verified,
)


class TestMd5:
    def test_good(self) -> None:
        body = opened(UNSIGNED, DATA, headers={"content-md5": value("MD5")})
        assert body.md5 == hashlib.md5(DATA, usedforsecurity=False).hexdigest()
        assert consume(body) == (DATA, None)

    def test_wrong(self) -> None:
        error = fails(opened(UNSIGNED, DATA, headers={"content-md5": value("MD5", b"other")}))
        assert (error.code, error.status) == ("BadDigest", 400)
        assert error.message == "The Content-MD5 you specified did not match what we received."

    @pytest.mark.parametrize("text", ["", "x", "AAAA", value("SHA1"), value("MD5")[:-1], value("MD5") + "=", "é" * 22])
    def test_malformed(self, text: str) -> None:
        error = refused(UNSIGNED, content_md5=text)
        assert (error.code, error.status) == ("InvalidDigest", 400)


class TestChecksumHeaders:
    """Headers that contradict each other are refused before a byte is read."""

    def test_unknown_checksum(self) -> None:
        assert refused(UNSIGNED, x_amz_checksum_crc16="AAA=").message == (
            "The algorithm type you specified in x-amz-checksum- header is invalid."
        )

    @pytest.mark.parametrize("text", ["", "x", "AAAA", "AAAAAAA=", value("CRC32") + "-2", " " + value("CRC32")])
    def test_malformed_value(self, text: str) -> None:
        error = refused(UNSIGNED, x_amz_checksum_crc32=text)
        assert (error.code, error.status) == ("InvalidRequest", 400)
        assert error.message == "Value for x-amz-checksum-crc32 header is invalid."

    def test_several(self) -> None:
        said = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        crc, sha = value("CRC32"), value("SHA1")
        assert refused(UNSIGNED, x_amz_checksum_crc32=crc, x_amz_checksum_sha1=sha).message == said
        length = str(len(DATA) - 9)
        both = {"x_amz_trailer": "x-amz-checksum-crc32", "x_amz_decoded_content_length": length}
        assert refused(UNSIGNED_TRAILER, x_amz_checksum_sha1=sha, **both).message == said
        twice = {**both, "x_amz_trailer": "x-amz-checksum-crc32, x-amz-checksum-crc32"}
        assert refused(UNSIGNED_TRAILER, **twice).message == said
        both["x_amz_trailer"] += ",x-amz-checksum-sha1"
        assert refused(UNSIGNED_TRAILER, **both).message == said

    @pytest.mark.parametrize("mode", [UNSIGNED, SIGNED, UNSIGNED_TRAILER])
    def test_unsupported_trailer(self, mode: str) -> None:
        name = "x-amz-meta-a" if mode.endswith("TRAILER") else "x-amz-checksum-crc32"
        length = "5" if mode.startswith("STREAMING") else str(len(DATA))
        error = refused(mode, x_amz_trailer=name, x_amz_decoded_content_length=length)
        assert error.message == "The value specified in the x-amz-trailer header is not supported"

    @pytest.mark.parametrize(
        ("named", "said"),
        [
            ("SHA1", "Value for x-amz-sdk-checksum-algorithm header is invalid."),
            (
                "CRC16",
                "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, ",
            ),
        ],
    )
    def test_named_algorithm(self, named: str, said: str) -> None:
        error = refused(UNSIGNED, x_amz_sdk_checksum_algorithm=named, x_amz_checksum_crc32=value("CRC32"))
        assert error.message.startswith(said)

    def test_named_algorithm_without_value(self) -> None:
        assert refused(UNSIGNED, x_amz_sdk_checksum_algorithm="CRC32").message.startswith(
            "x-amz-sdk-checksum-algorithm specified, but no corresponding"
        )

    def test_named_algorithm_that_fits(self) -> None:
        headers = {"x-amz-sdk-checksum-algorithm": "crc32", "x-amz-checksum-crc32": value("CRC32")}
        assert consume(opened(UNSIGNED, DATA, headers=headers)) == (DATA, None)

    def test_headers_that_speak_of_something_else(self) -> None:
        told = {"x-amz-checksum-crc32": "AAAAAA==-2", "x-amz-checksum-type": "COMPOSITE", "content-length": "1"}
        body = open_body(head(**told), events(b"x"), verified(UNSIGNED), checked=False)
        assert body.expected_checksum is None
        assert asyncio.run(body.read(1)) == b"x"

    @pytest.mark.parametrize("mode", [SIGNED, SIGNED_TRAILER])
    def test_signed_chunks_of_nobody(self, mode: str) -> None:
        told = head(**{"x-amz-content-sha256": mode, "x-amz-decoded-content-length": "3", "content-length": "99"})
        nobody = Verified(RequestSignature(Method.V2_HEADER, "AK", "x", payload=mode), mode)
        for who in (None, nobody):
            with pytest.raises(AwsError, match="InvalidRequest: Anonymous requests"):
                open_body(told, events(), who)


class TestHeaderAndTrailer:
    """The AWS SDK for Java names in x-amz-trailer a checksum whose value it sends in a header."""

    NAME = "x-amz-checksum-crc32"

    def body(self, mode: str, said: str, trailer: str = "", data: bytes = DATA) -> Body:
        told = {"x-amz-trailer": self.NAME, self.NAME: said, "x-amz-decoded-content-length": str(len(DATA))}
        return opened(mode, coded(data, mode, trailer), headers=told)

    @pytest.mark.parametrize("mode", [SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER])
    def test_the_headers_value_is_verified_where_no_trailer_is_sent(self, mode: str) -> None:
        body = self.body(mode, value("CRC32"))
        assert consume(body) == (DATA, None)
        assert body.checksums == {"CRC32": value("CRC32")}
        assert fails(self.body(mode, value("CRC32", b"other"))).code == "BadDigest"
        assert fails(self.body(mode, value("CRC32"), data=DATA[::-1])).code == "BadDigest"

    @pytest.mark.parametrize("mode", [SIGNED_TRAILER, UNSIGNED_TRAILER])
    def test_a_trailer_that_is_sent_must_agree(self, mode: str) -> None:
        good, bad = value("CRC32"), value("CRC32", b"other")
        assert consume(self.body(mode, good, f"{self.NAME}:{good}")) == (DATA, None)
        for said, sent in ((good, bad), (bad, good), (bad, bad)):
            assert fails(self.body(mode, said, f"{self.NAME}:{sent}")).code == "BadDigest"
        assert fails(self.body(mode, good, f"x-amz-checksum-sha1:{value('SHA1')}")).code == "MalformedTrailerError"

    def test_a_trailer_that_no_header_names_is_refused(self) -> None:
        told = {self.NAME: value("CRC32"), "x-amz-decoded-content-length": str(len(DATA))}
        data = coded(DATA, SIGNED_TRAILER, f"{self.NAME}:{value('CRC32')}")
        assert fails(opened(SIGNED_TRAILER, data, headers=told)).code == "MalformedTrailerError"

    def test_without_chunks(self) -> None:
        told = {"x-amz-trailer": self.NAME, self.NAME: value("CRC32")}
        assert consume(opened(UNSIGNED, DATA, headers=told)) == (DATA, None)
        assert fails(opened(UNSIGNED, DATA[::-1], headers=told)).code == "BadDigest"


class TestRequired:
    """Operations whose model requires a checksum take no body without one."""

    def opened(self, **told: str) -> Body:
        headers = {"content-length": str(len(DATA)), **{name.replace("_", "-"): text for name, text in told.items()}}
        return open_body(head(**headers), events(*cut(DATA)), verified(UNSIGNED), required=True)

    @pytest.mark.parametrize("told", [{}, {"x_amz_meta_a": "1"}, {"x_amz_checksum_type": "FULL_OBJECT"}])
    def test_without(self, told: dict[str, str]) -> None:
        with pytest.raises(AwsError) as caught:
            self.opened(**told)
        assert (caught.value.status, caught.value.code) == (400, "InvalidRequest")
        assert caught.value.message == "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"

    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    def test_with_any_algorithm(self, algorithm: str) -> None:
        assert consume(self.opened(**{f"x_amz_checksum_{algorithm.lower()}": value(algorithm)})) == (DATA, None)
        assert fails(self.opened(**{f"x_amz_checksum_{algorithm.lower()}": value(algorithm, b"")})).code == "BadDigest"

    def test_with_md5(self) -> None:
        assert consume(self.opened(content_md5=value("MD5"))) == (DATA, None)
        assert fails(self.opened(content_md5=value("MD5", b"other"))).code == "BadDigest"
        with pytest.raises(AwsError, match="InvalidDigest"):
            self.opened(content_md5="")

    def test_with_a_trailer(self) -> None:
        told = {"x-amz-decoded-content-length": str(len(DATA)), "x-amz-trailer": "x-amz-checksum-crc32"}
        pieces = cut(coded(DATA, SIGNED_TRAILER, f"x-amz-checksum-crc32:{value('CRC32')}"))
        assert consume(open_body(head(**told), events(*pieces), verified(SIGNED_TRAILER), required=True)) == (
            DATA,
            None,
        )

    def test_nothing_needs_none(self) -> None:
        assert (
            consume(open_body(head(**{"content-length": "0"}), events(), verified(UNSIGNED), required=True))[1] is None
        )


class TestLength:
    @pytest.mark.parametrize("text", [None, "", "abc", "12x", "-1", "+5", "1e3", "٣", "9" * 30])
    def test_decoded_length_missing_or_malformed(self, text: str | None) -> None:
        headers = {} if text is None else {"x_amz_decoded_content_length": text}
        error = refused(UNSIGNED_TRAILER, **headers)
        assert (error.code, error.status) == ("MissingContentLength", 411)

    def test_decoded_length_that_cannot_be(self) -> None:
        for length in (len(DATA), len(DATA) + 1):
            assert refused(UNSIGNED_TRAILER, x_amz_decoded_content_length=str(length)).code == "IncompleteBody"
        assert refused(UNSIGNED, x_amz_decoded_content_length="5").code == "IncompleteBody"

    @pytest.mark.parametrize("mode", [UNSIGNED_TRAILER, SIGNED, SIGNED_TRAILER])
    @pytest.mark.parametrize("off", [-1, 1, 50_000])
    def test_decoded_length_that_is_not(self, mode: str, off: int) -> None:
        told = {"x-amz-decoded-content-length": str(len(DATA) + off), "transfer-encoding": "chunked"}
        body = open_body(head(**told), events(*cut(coded(DATA, mode))), verified(mode))
        error = fails(body)
        assert (error.code, error.status) == ("IncompleteBody", 400)
        assert error.extra["NumberBytesExpected"] == str(len(DATA) + off)

    def test_transfer_encoding_with_decoded_length(self) -> None:
        # botocore sends trailers so.
        told = {"x-amz-decoded-content-length": str(len(DATA)), "transfer-encoding": "chunked"}
        body = open_body(head(**told), events(*cut(coded(DATA, SIGNED))), verified(SIGNED))
        assert body.require_length() == len(DATA)
        assert consume(body) == (DATA, None)

    def test_no_length_at_all(self) -> None:
        body = open_body(head(**{"transfer-encoding": "chunked"}), events(b"ab", b"c"), verified(UNSIGNED))
        with pytest.raises(AwsError, match="MissingContentLength"):
            body.require_length()
        assert asyncio.run(body.read(3)) == b"abc"

    @pytest.mark.parametrize("sent", [b"ab", b"abcd"])
    def test_content_length_that_is_not(self, sent: bytes) -> None:
        body = open_body(head(**{"content-length": "3"}), events(sent), verified(UNSIGNED))
        assert fails(body).code == "IncompleteBody"

    def test_no_body(self) -> None:
        body = open_body(head(), events(), verified(hashlib.sha256(b"").hexdigest()))
        assert asyncio.run(body.read(0)) == b""

    def test_an_upload_says_its_length(self) -> None:
        body = open_body(head(), events(), verified(UNSIGNED))
        with pytest.raises(AwsError, match="MissingContentLength"):
            body.require_length()
        assert open_body(head(**{"content-length": "0"}), events(), verified(UNSIGNED)).require_length() == 0
