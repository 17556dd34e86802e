"""Reads what an upload's headers declare about its body: length, checksum, MD5.  `body` checks them."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from typing import NamedTuple

from shim.auth.checksums import ALGORITHMS, BY_HEADER, Algorithm, is_checksum_header
from shim.auth.chunked import wrong_length
from shim.auth.errors import printable
from shim.errors import AwsError
from shim.protocol.message import Head
from shim.protocol.s3_router import not_implemented

_SDK = "x-amz-sdk-checksum-algorithm"
_DECODED = "x-amz-decoded-content-length"
_KNOWN = frozenset(BY_HEADER)


class ExpectedChecksum(NamedTuple):
    """The checksum that a request gives for its body: its algorithm, and the value in base64 and in bytes.

    The value is None where it follows the body in a trailer.  `in_trailer` says that a trailer may hold it; with a
    value in a header too, the trailer may be left out.
    """

    algorithm: str
    value: str | None
    raw: bytes | None
    in_trailer: bool


def expected_checksum(head: Head, *, trailer: bool, headers: bool = True) -> ExpectedChecksum | None:
    """Return the checksum that a request gives for its body, or None.

    `trailer` tells whether the body's coding ends with trailers.  Without `headers` only trailers are read: the
    checksum headers of some operations (CompleteMultipartUpload) are about an object and not about their own body.
    """
    first = head.first
    names = list(filter(is_checksum_header, first)) if headers else []
    trailers = list(filter(None, map(str.strip, first.get("x-amz-trailer", "").lower().split(","))))
    found = _only(names, trailers, trailer=trailer) if names or trailers else None
    if headers and _SDK in first:
        _check_named(first[_SDK], found)
    if found is None:
        return None
    if not names:
        return ExpectedChecksum(found.name, None, None, in_trailer=True)
    value = first[found.header]
    raw = found.decode(value)
    if raw is None:
        raise _invalid(f"Value for {found.header} header is invalid.")
    return ExpectedChecksum(found.name, value, raw, in_trailer=bool(trailers))


def _only(names: list[str], trailers: list[str], *, trailer: bool) -> Algorithm:
    """Return the one algorithm that the checksum headers and trailers have; raise AwsError if they differ.

    The AWS SDK for Java names in `x-amz-trailer` even a checksum whose value it sends in a header.
    """
    if not _KNOWN.issuperset(names):
        raise _invalid("The algorithm type you specified in x-amz-checksum- header is invalid.")
    if not _KNOWN.issuperset(trailers) or (trailers and not trailer and trailers != names):
        raise _invalid("The value specified in the x-amz-trailer header is not supported")
    if len(trailers) > 1 or len({*names, *trailers}) > 1:
        raise _invalid("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
    return BY_HEADER[(names or trailers)[0]]


def _check_named(named: str, found: Algorithm | None) -> None:
    if named.upper() not in ALGORITHMS:
        valid = ", ".join(sorted(ALGORITHMS))
        raise _invalid(
            f"Checksum algorithm provided is unsupported. Please try again with any of the valid types: [{valid}]"
        )
    if found is None:
        raise _invalid(
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers "
            "were found."
        )
    if named.upper() != found.name:
        raise _invalid(f"Value for {_SDK} header is invalid.")


def expected_md5(head: Head) -> bytes | None:
    """Return the MD5 in `Content-MD5` (16 bytes), or None where there is no such header."""
    if "content-md5" not in head.first:
        return None
    value = head.header("content-md5").strip()
    try:
        raw = b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 16 or b64encode(raw).decode() != value:
        sentence = "The Content-MD5 you specified was invalid."
        raise AwsError("InvalidDigest", sentence, extra={"Content-MD5": printable(value)})
    return raw


def expected_length(head: Head, *, chunked: bool) -> int | None:
    """Return the length in bytes that the decoded body will have; None where the headers do not tell.

    `chunked` says that the body is aws-chunked: it must declare its decoded length, and is longer as sent.
    """
    first = head.first
    coding = first.get("transfer-encoding")
    if coding is not None and coding.strip().lower() != "chunked":
        # Any other coding would be stored as if it were the object (RFC 9112, 6.1, requires a 501).
        raise not_implemented("Transfer-Encoding")
    # RFC 9112, 6.3: Transfer-Encoding overrides Content-Length.
    told = coding is None and "content-length" in first
    sent = _number(first["content-length"]) if told else None
    decoded = _number(first[_DECODED]) if _DECODED in first else None
    if not chunked:
        if decoded is not None and sent is not None and decoded != sent:
            raise wrong_length(decoded, sent)
        return sent if sent is not None else decoded
    if decoded is None:
        raise missing_length()
    if sent is not None and sent <= decoded:
        raise wrong_length(decoded, sent)
    return decoded


def missing_checksum() -> AwsError:
    """Return the error for a body without a checksum where the operation's model requires one."""
    return _invalid("Missing required header for this request: Content-MD5 OR x-amz-checksum-*")


def missing_length() -> AwsError:
    """Return the error for an upload that does not say how long it is."""
    return AwsError("MissingContentLength", "You must provide the Content-Length HTTP header.", 411)


def _number(text: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise missing_length()
    return int(text)


def _invalid(sentence: str) -> AwsError:
    return AwsError("InvalidRequest", sentence)
