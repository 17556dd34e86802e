"""The head of an answer: its status line, and its headers in AWS's spelling.

Header names are case-insensitive (RFC 9110, 5.1), but htslib (samtools) compares `ETag: "` byte by byte, and loses the
upload where it does not find it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection
from email.utils import formatdate
from http import HTTPStatus
from operator import add, itemgetter

Header = tuple[bytes, bytes]
END = b"\r\n\r\n"  # of a head
SERVER = b"Passerelle"

_STATUS = {one.value: b"HTTP/1.1 %d %s" % (one.value, one.phrase.encode()) for one in HTTPStatus}
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110, 5.6.2
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_name: Callable[[Header], bytes] = itemgetter(0)
_value: Callable[[Header], bytes] = itemgetter(1)

# AWS capitalises each word of a header's name, except in these names and in x-amz-*, which is lower case.
_IRREGULAR = {
    one.lower(): one
    for one in (
        b"ETag",
        b"Content-MD5",
        b"WWW-Authenticate",
        b"x-amz-server-side-encryption-customer-key-MD5",
        b"x-amzn-RequestId",
    )
}

# Clients choose names (`x-amz-meta-...`), so the number and the length of remembered names are bounded.
_REMEMBERED_NAMES, _REMEMBERED_BYTES = 1024, 64


def head_lines(status: int, headers: Collection[Header]) -> tuple[bytes, dict[bytes, bytes]]:
    """Return an answer's head without `END`, and the values of its headers by the start of their lines.

    Date and Server are added.  Raises RuntimeError for what would break the head: a name that is not a token, a value
    with a control character.
    """
    names = list(map(_LINES.__getitem__, map(_name, headers)))
    values = list(map(_value, headers))
    if _CONTROL.search(b"".join(values)):
        raise RuntimeError("a header's value holds a control character")
    line = _STATUS.get(status) or b"HTTP/1.1 %d " % status  # the reason may be empty (RFC 9112, 4)
    head = b"".join((line, _DATE.lines(time.time()), *map(add, names, values)))
    return head, dict(zip(names, values, strict=True))


def aws_spelling(name: bytes) -> bytes:
    """Return a header's name as AWS spells it: `ETag`, `Content-Length`, `x-amz-request-id`."""
    lower = name.lower()
    return _IRREGULAR.get(lower) or (lower if lower.startswith(b"x-amz-") else lower.title())


class _Lines(dict[bytes, bytes]):
    """The start of a header's line, CR LF and `ETag: `, by the name that the application gave."""

    def __missing__(self, name: bytes) -> bytes:
        if not _TOKEN.fullmatch(name):
            raise RuntimeError("a header's name is no token")
        line = b"\r\n%b: " % aws_spelling(name)
        if len(name) <= _REMEMBERED_BYTES and len(self) < _REMEMBERED_NAMES:
            self[name] = line
        return line


class _Date:
    """The lines of Date and Server, which every answer has; they are written once a second."""

    def __init__(self) -> None:
        self._second = -1
        self._lines = b""

    def lines(self, now: float) -> bytes:
        """Return Date and Server; the Date is never older than the second that `now` is in (RFC 9110, 6.6.1)."""
        second = int(now)
        if second != self._second:
            self._second = second
            self._lines = b"\r\nDate: %b\r\nServer: %b" % (formatdate(second, usegmt=True).encode(), SERVER)
        return self._lines


_LINES = _Lines()
_DATE = _Date()
