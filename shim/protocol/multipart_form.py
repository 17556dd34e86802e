"""Reads multipart/form-data, a browser's upload (RFC 7578), piece by piece: first the fields, then the file's bytes.

It does no I/O: the caller feeds it the body.  `protocol.urlencoded_form` reads the other forms, those of the query
protocols.
"""

from __future__ import annotations

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from shim.errors import AwsError


def is_form(content_type: str) -> bool:
    """Tell whether a Content-Type is that of a form with files."""
    return content_type.lower().startswith("multipart/form-data")


class FormData:
    """One form whose file is the part named `file`; parts behind it are ignored, as S3 ignores them.

    `fields` are the parts in front of the file, names in lower case as S3 compares them, of a repeated one the last;
    `filename` is the file's name at the client; `has_file` says that the file has begun, `whole` that the form has
    ended.  `limit` is how many bytes may precede the file.  Raises S3's errors.
    """

    def __init__(self, content_type: str, limit: int, file: str = "file") -> None:
        self.fields: dict[str, str] = {}
        self.filename = ""
        self.has_file = False
        self.whole = False
        self._file = file
        self._left = limit
        self._to_come = 4 * limit  # bytes that may come until the file begins, boundaries and headers of parts included
        self._in_file = False
        self._header = self._headers = b""
        self._disposition = ""
        self._value = b""
        self._found: list[bytes] = []
        boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
        if not boundary:
            raise malformed()
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._name,
                    "on_header_value": self._content,
                    "on_header_end": self._close_header,
                    "on_headers_finished": self._open,
                    "on_part_data": self._data,
                    "on_part_end": self._end,
                    "on_end": self._finish,
                },
            )
        except FormParserError:
            raise malformed() from None

    def feed(self, data: bytes) -> bytes:
        """Read the next piece of the body; return the bytes of the file in it."""
        try:
            self._parser.write(data)
        except FormParserError:
            raise malformed() from None
        self._to_come -= len(data)
        if self._to_come < 0 and not self.has_file:
            raise too_much()
        found, self._found = b"".join(self._found), []
        return found

    def finish(self) -> None:
        """Raise AwsError for a form that is incomplete or has no file; to be called at the end of the body."""
        if not self.whole:
            raise malformed()
        if not self.has_file:
            raise _one_file()

    def _begin(self) -> None:
        self._header, self._headers, self._disposition, self._value = b"", b"", "", b""

    def _name(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._header += data[start:end]

    def _content(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._headers += data[start:end]

    def _close_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._headers.decode("utf-8", "replace")
        self._header, self._headers = b"", b""

    def _open(self) -> None:
        options = parse_options_header(self._disposition.encode())[1]
        if b"name" not in options:
            raise malformed()
        self._part = options[b"name"].decode("utf-8", "replace").lower()
        if self._part != self._file:
            return
        if self.has_file:
            raise _one_file()
        self.has_file = self._in_file = True
        self.filename = options.get(b"filename", b"").decode("utf-8", "replace")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._found.append(data[start:end])
        elif not self.has_file:
            self._count(end - start)
            self._value += data[start:end]

    def _end(self) -> None:
        if not self.has_file:
            try:
                self.fields[self._part] = self._value.decode()
            except UnicodeDecodeError:
                raise malformed() from None
        self._in_file = False

    def _finish(self) -> None:
        self.whole = True

    def _count(self, size: int) -> None:
        if self.has_file:
            return
        self._left -= size
        if self._left < 0:
            raise too_much()


def malformed() -> AwsError:
    """Return the error for a form that cannot be read."""
    return AwsError("MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.")


def _one_file() -> AwsError:
    return AwsError("IncorrectNumberOfFilesInPostRequest", "POST requires exactly one file upload per request.")


def too_much() -> AwsError:
    """Return the error for fields that are too large."""
    return AwsError(
        "MaxPostPreDataLengthExceeded", "Your POST request fields preceding the upload file were too large."
    )
