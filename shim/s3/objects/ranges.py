"""Byte ranges as S3 reads RFC 9110: one range is honoured; several, or a malformed one, return the whole object."""

from __future__ import annotations

import re
from typing import Final

from shim.errors import AwsError
from shim.s3.errors import invalid_argument, invalid_request

# Range units "are case-insensitive" (RFC 9110, 14.1), and a position may have any number of digits.
_ONE: Final = re.compile(r"bytes=([0-9]*+)-([0-9]*+)", re.IGNORECASE)
_COPY: Final = re.compile(r"bytes=([0-9]++)-([0-9]++)")
_DIGITS: Final = 18  # a position of more digits lies beyond any object
_BEYOND: Final = "9" * _DIGITS


def single(header: str | None) -> str:
    """Return the range to request from Swift, or '' for the whole object.

    "Amazon S3 doesn't support retrieving multiple ranges of data per GET request" (GetObject): it answers 200.
    """
    match = _ONE.fullmatch(header.strip()) if header else None
    if match is None:
        return ""
    first, last = map(_plain, match.groups())
    if not first and not last:
        return ""
    if first and last and (len(first), first) > (len(last), last):
        return ""  # RFC 9110, 14.1.1: such a range is invalid, and is ignored
    return f"bytes={_bounded(first)}-{_bounded(last)}"


def _plain(digits: str) -> str:
    """Return a number's digits without leading zeros."""
    return digits.lstrip("0") or digits[:1]


def _bounded(digits: str) -> str:
    """Return the number, or a number beyond any object's size if it has too many digits to parse."""
    return digits if len(digits) <= _DIGITS else _BEYOND


def all_of_nothing(span: str, size: int) -> bool:
    """Return whether a range asks for the last bytes of an empty object.

    RFC 9110, 14.1.2: a suffix longer than the representation means all of it, and a non-zero suffix is satisfiable.
    """
    return not size and span.startswith("bytes=-") and span != "bytes=-0"


def bounds(span: str, size: int) -> tuple[int, int]:
    """Return first and last byte of a range from `single` in an object of `size` bytes; raise InvalidRange outside."""
    first, last = span.removeprefix("bytes=").split("-")
    if not first:
        start, end = max(0, size - int(last)), size - 1
    else:
        start, end = int(first), min(int(last), size - 1) if last else size - 1
    if start > end or start >= size:
        raise unsatisfiable(span, size)
    return start, end


def unsatisfiable(span: str, size: int) -> AwsError:
    """Return InvalidRange for a range outside an object."""
    return AwsError(
        "InvalidRange",
        "The requested range is not satisfiable",
        416,
        extra={"RangeRequested": span, "ActualObjectSize": str(size)},
        headers={"Content-Range": f"bytes */{size}"},
    )


def copied(header: str, size: int) -> str:
    """Return the source range of UploadPartCopy; it must lie inside the source's `size` bytes."""
    match = _COPY.fullmatch(header)
    first, last = map(_plain, match.groups()) if match else ("", "")
    if match is None or (len(first), first) > (len(last), last):
        raise invalid_argument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the "
            "zero-based offsets of the first and last bytes to copy",
            "x-amz-copy-source-range",
            header,
        )
    first, last = _bounded(first), _bounded(last)
    if int(last) >= size:  # "The requested range cannot be satisfied" (the error responses)
        message = f"Range specified is not valid for source object of size: {size}"
        raise AwsError("InvalidRange", message, 416, extra={"RangeRequested": header, "ActualObjectSize": str(size)})
    return f"bytes={first}-{last}"


def both_range_and_part() -> AwsError:
    """Return the error for a request with both a range and a part number."""
    return invalid_request("Cannot specify both Range header and partNumber query parameter")
