"""Reads scalars from text, strictly, and writes them as AWS does."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

from shim.protocol.constraints import check
from shim.protocol.parameter_error import ParameterError, Problem

Read = Callable[[str], Any]
Text = Callable[[Any], str]

_INTEGER = re.compile(r"[+-]?[0-9]{1,30}", re.ASCII)
_FLOAT = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
_SPECIAL = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_BITS = {"byte": 8, "short": 16, "integer": 32, "long": 64}


def reader(shape: Any, timestamps: str) -> Read:
    """Return the strict reader of a scalar shape, constraints included; it raises ParameterError.

    `timestamps` is the format where the model names none: iso8601, rfc822 or unixtimestamp.
    """
    read = _reader(shape, timestamps)
    demand = check(shape)
    if demand is None:
        return read

    def checked(text: str) -> Any:
        value = read(text)
        demand(value)
        return value

    return checked


def _reader(shape: Any, timestamps: str) -> Read:
    kind = shape.type_name
    if kind in _BITS:
        return _integer(_BITS[kind])
    if kind == "timestamp":
        return _TIMESTAMPS[_format(shape, timestamps)][0]
    return _READERS[kind]


def _string(text: str) -> str:
    if text.isascii() or not _SURROGATE.search(text):
        return text
    raise ParameterError(Problem.CHARACTER, "is not valid UTF-8")


_SURROGATE = re.compile("[\ud800-\udfff]")
# XML 1.0, 2.2: characters that may not occur, not even as a reference.
_NOT_IN_XML = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def form_reader(shape: Any) -> Read:
    """Return the reader of a scalar in a form, whose texts are stored and returned in XML later.

    It refuses texts that XML cannot carry, as no answer could return them.
    """
    read = reader(shape, "iso8601")
    if shape.type_name not in ("string", "character"):
        return read

    def in_xml(text: str) -> Any:
        if not text.isprintable() and _NOT_IN_XML.search(text):
            raise ParameterError(Problem.CHARACTER, "XML cannot carry")
        return read(text)

    return in_xml


def _boolean(text: str) -> bool:
    lower = text.lower()
    if lower in ("true", "false"):
        return lower == "true"
    raise ParameterError(Problem.TYPE, "Expected 'true' or 'false'", text)


def _integer(bits: int) -> Read:
    least, most = -(1 << bits - 1), (1 << bits - 1) - 1

    def read(text: str) -> int:
        if not _INTEGER.fullmatch(text):
            raise ParameterError(Problem.TYPE, "Expected an integer", text)
        value = int(text)
        if not least <= value <= most:
            raise ParameterError(Problem.TYPE, f"Expected an integer of {bits} bits", text)
        return value

    return read


def _float(text: str) -> float:
    if text in _SPECIAL:
        return _SPECIAL[text]
    if not _FLOAT.fullmatch(text):
        raise ParameterError(Problem.TYPE, "Expected a number", text)
    return float(text)


def _blob(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ParameterError(Problem.TYPE, "Expected base64", text) from None


_READERS: dict[str, Read] = {
    "string": _string,
    "character": _string,
    "boolean": _boolean,
    "float": _float,
    "double": _float,
    "blob": _blob,
}


def _iso8601(text: str) -> datetime:
    try:
        value = datetime.fromisoformat(text)
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ParameterError(Problem.TYPE, "Expected an ISO 8601 time, like 2020-01-31T23:59:59Z", text) from None


def _rfc822(text: str) -> datetime:
    try:
        value = parsedate_to_datetime(text)
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except (ValueError, OverflowError, IndexError):
        raise ParameterError(Problem.TYPE, "Expected a time like Fri, 31 Jan 2020 23:59:59 GMT", text) from None


def _unix(text: str) -> datetime:
    try:
        return datetime.fromtimestamp(_float(text), UTC)
    except (ValueError, OverflowError, OSError):
        raise ParameterError(Problem.TYPE, "Expected seconds since 1970", text) from None


def _aware(value: Any) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise TypeError(f"a timestamp must be a datetime with a time zone, not {value!r}")
    return value if value.tzinfo is UTC else value.astimezone(UTC)


class Iso8601(str):
    """A time as text (`2026-01-31T23:59:59.000Z`), so that a listing of a thousand rows makes no datetime objects."""

    __slots__ = ()


def iso8601_text(value: Any) -> str:
    """Write a time in ISO 8601."""
    if type(value) is Iso8601:
        return value
    # AWS writes milliseconds, even when they are zero.  Tables take a quarter of the time of isoformat(), and a listing
    # holds a thousand times.
    at = _aware(value)
    date = f"{at.year:04}-{_TWO[at.month]}-{_TWO[at.day]}"
    return f"{date}T{_TWO[at.hour]}:{_TWO[at.minute]}:{_TWO[at.second]}.{_THREE[at.microsecond // 1000]}Z"


_TWO = [f"{number:02}" for number in range(60)]
_THREE = [f"{number:03}" for number in range(1000)]
# The English names in HTTP's dates (RFC 9110, 5.6.7); strftime would use the locale's.
_DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
_MONTHS = ["", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


@lru_cache(maxsize=1024)  # what is read is often read again
def _rfc822_text(value: Any) -> str:
    at = _aware(value)
    date = f"{_DAYS[at.weekday()]}, {_TWO[at.day]} {_MONTHS[at.month]} {at.year:04}"
    return f"{date} {_TWO[at.hour]}:{_TWO[at.minute]}:{_TWO[at.second]} GMT"


def _unix_text(value: Any) -> str:
    seconds = _aware(value).timestamp()
    return str(int(seconds)) if seconds.is_integer() else repr(seconds)


_TIMESTAMPS: dict[str, tuple[Read, Text]] = {
    "iso8601": (_iso8601, iso8601_text),
    "rfc822": (_rfc822, _rfc822_text),
    "unixtimestamp": (_unix, _unix_text),
}


def _format(shape: Any, default: str) -> str:
    return str(shape.serialization.get("timestampFormat", default)).lower()


def _string_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise TypeError(f"expected a str, got {value!r}")


def _boolean_text(value: Any) -> str:
    if value is True:
        return "true"
    if value is False:
        return "false"
    raise TypeError(f"expected a bool, got {value!r}")


def integer_text(value: Any) -> str:
    """Write an integer."""
    if type(value) is int:
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(int(value))
    raise TypeError(f"expected an int, got {value!r}")


def _float_text(value: Any) -> str:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise TypeError(f"expected a number, got {value!r}")
    number = float(value)
    if number != number:
        return "NaN"
    if number in (float("inf"), float("-inf")):
        return "Infinity" if number > 0 else "-Infinity"
    return repr(number)


def _blob_text(value: Any) -> str:
    return base64.b64encode(value).decode("ascii")


_WRITERS: dict[str, Text] = {
    "string": _string_text,
    "character": _string_text,
    "boolean": _boolean_text,
    "byte": integer_text,
    "short": integer_text,
    "integer": integer_text,
    "long": integer_text,
    "float": _float_text,
    "double": _float_text,
    "blob": _blob_text,
}


def writer(shape: Any, timestamps: str) -> Text:
    """Return the function that writes a scalar shape's value as text, not escaped; TypeError is the caller's bug."""
    if shape.type_name == "timestamp":
        return _TIMESTAMPS[_format(shape, timestamps)][1]
    return _WRITERS[shape.type_name]
