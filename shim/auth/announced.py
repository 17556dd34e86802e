"""What the headers of an upload promise of its body: its length, its checksum, its MD5."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from dataclasses import dataclass

from shim.auth.checksums import ALGORITHMS, BY_HEADER, Algorithm, is_checksum_header
from shim.auth.chunked import wrong_length
from shim.auth.refusals import plain
from shim.errors import AwsError
from shim.protocol.message import Head

_SDK = "x-amz-sdk-checksum-algorithm"


@dataclass(frozen=True, slots=True)
class Announced:
    """The checksum that a request promises: its base64 value, or None where that follows the body in a trailer."""

    algorithm: str
    value: str | None
    in_trailer: bool


def announced_checksum(head: Head, *, trailer: bool, headers: bool = True) -> Announced | None:
    """Return the checksum that a request promises for its body, or None.

    `trailer` tells whether the body's coding ends with trailers.  Without `headers` only those count: there are
    operations (CompleteMultipartUpload) whose checksum headers speak of an object and not of their own body.
    """
    names = [name for name in head.first if is_checksum_header(name)] if headers else []
    trailers = [name.strip().lower() for name in head.header("x-amz-trailer").split(",") if name.strip()]
    if any(name not in BY_HEADER for name in names):
        raise _invalid("The algorithm type you specified in x-amz-checksum- header is invalid.")
    if any(name not in BY_HEADER for name in trailers) or (trailers and not trailer):
        raise _invalid("The value specified in the x-amz-trailer header is not supported")
    if len(names) + len(trailers) > 1:
        raise _invalid("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
    found = BY_HEADER[(names + trailers)[0]] if names or trailers else None
    if headers and _SDK in head.first:
        _check_named(head.header(_SDK), found)
    if found is None:
        return None
    if trailers:
        return Announced(found.name, None, in_trailer=True)
    value = head.header(found.header)
    if found.decode(value) is None:
        raise _invalid(f"Value for {found.header} header is invalid.")
    return Announced(found.name, value, in_trailer=False)


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


def announced_md5(head: Head) -> bytes | None:
    """Return the MD5 that `Content-MD5` promises (16 bytes), or None where there is no such header."""
    if "content-md5" not in head.first:
        return None
    value = head.header("content-md5").strip()
    try:
        raw = b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 16 or b64encode(raw).decode() != value:
        sentence = "The Content-MD5 you specified was invalid."
        raise AwsError("InvalidDigest", sentence, extra={"Content-MD5": plain(value)})
    return raw


def announced_length(head: Head, *, chunked: bool) -> int | None:
    """Return the length in bytes that the decoded body will have; None where nothing says so.

    `chunked` tells of aws-chunked, whose body must say its decoded length and is longer than that as sent.
    """
    # RFC 9112, 6.3: Transfer-Encoding overrides Content-Length.
    sent = None if "transfer-encoding" in head.first else _number(head, "content-length")
    decoded = _number(head, "x-amz-decoded-content-length")
    if not chunked:
        if decoded is not None and sent is not None and decoded != sent:
            raise wrong_length(decoded, sent)
        return sent if sent is not None else decoded
    if decoded is None:
        raise missing_length()
    if sent is not None and sent <= decoded:
        raise wrong_length(decoded, sent)
    return decoded


def missing_length() -> AwsError:
    """Build the error for an upload that does not say how long it is."""
    return AwsError("MissingContentLength", "You must provide the Content-Length HTTP header.", 411)


def _number(head: Head, name: str) -> int | None:
    if name not in head.first:
        return None
    text = head.header(name).strip()
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise missing_length()
    return int(text)


def _invalid(sentence: str) -> AwsError:
    return AwsError("InvalidRequest", sentence)
