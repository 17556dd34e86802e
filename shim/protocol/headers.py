"""Reads and writes the members of requests and answers that are headers, by tables compiled from the model."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from shim.protocol import scalars
from shim.protocol.parameter_error import ParameterError, Problem

Binding = tuple[str, Callable[[str], Any]]  # member, reader of the header's text

# Possessive quantifiers, so that no text makes it backtrack.
_QUOTED = re.compile(r'\s*+(?:"((?:[^"\\]|\\.)*+)"\s*+|([^,]*+))(?:,|$)')
# An encoded word (RFC 2047, 2): charset, encoding and text.  The blanks between two of them are no text (6.2).
_ENCODED_WORD = re.compile(r"=\?([A-Za-z0-9_-]{1,40}+)\?([bBqQ])\?([!->@-~]*+)\?=(?:[ \t]++(?==\?))?")
# How an encoded word begins: its charset is known without a look at its text, which may be long.
_BEGINNING = re.compile(r"=\?([A-Za-z0-9_-]{1,40}+)\?[bBqQ]\?")
_Q_ENCODED = re.compile(r"(?:[!-<>-~]|=[0-9A-Fa-f]{2})*+")
_CHARSETS: Final = {"utf-8": "utf-8", "us-ascii": "ascii", "iso-8859-1": "latin-1"}
_CONTROL = re.compile("[\x00-\x1f\x7f]")


def reader(shape: Any) -> Callable[[str], Any]:
    """Return the reader of one header's text; lists are separated by commas, items with commas are quoted."""
    if shape.type_name != "list":
        return scalars.reader(shape, "rfc822")
    item = scalars.reader(shape.member, "rfc822")
    if shape.member.type_name == "timestamp":
        # An HTTP date has a comma of its own, so each second comma parts two dates.
        return lambda text: [item(pair) for pair in _pairs(text)]
    return lambda text: [item(piece) for piece in split_list(text)]


def split_list(text: str) -> list[str]:
    """Split a header's list at the commas outside quotes."""
    found: list[str] = []
    at = 0
    while at < len(text):
        match = _QUOTED.match(text, at)
        assert match is not None  # a quote that is not closed is an ordinary character
        quoted, plain = match.groups()
        found.append(re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain.rstrip())
        at = match.end()
    return found


def _pairs(text: str) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    return [f"{day}, {rest}" for day, rest in zip(parts[::2], parts[1::2], strict=False)]


def decoded(text: str) -> str:
    """Read a metadata value: "values of such headers are character decoded as per RFC 2047 before storing".

    (Amazon S3 User Guide, "Working with object metadata".)  What does not decode, is in another charset than UTF-8,
    US-ASCII or ISO-8859-1, or decodes to control characters, stays as it came.
    """
    charsets = _BEGINNING.findall(text) if "=?" in text else ()
    if not charsets or any(one.lower() not in _CHARSETS for one in charsets):
        return text
    try:
        found = _ENCODED_WORD.sub(_word, text)
    except ValueError:
        return text
    return text if _CONTROL.search(found) else found


def _word(match: re.Match[str]) -> str:
    """Decode one encoded word of a known charset; raise ValueError for a wrong encoding."""
    charset, encoding, text = match.groups()
    known = _CHARSETS[charset.lower()]
    if encoding in "bB":
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode(known)  # often without padding
    if not _Q_ENCODED.fullmatch(text):
        raise ValueError(text)
    return binascii.a2b_qp(text, header=True).decode(known)


def encoded(text: str) -> str:
    """Write a metadata value: ASCII as it is, all else "encoded as per RFC 2047 to make them mail-safe"."""
    if text.isascii() and not _CONTROL.search(text):
        return text
    return f"=?UTF-8?B?{base64.b64encode(text.encode('utf-8', 'replace')).decode('ascii')}?="


def safe(text: str) -> str:
    """Return text for a header without the characters that would break the head or cannot be encoded."""
    if text.isascii() and text.isprintable():
        return text
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return encoded(text)
    return encoded(text) if _CONTROL.search(text) else text


def response_text(text: str) -> str:
    """Check a value that the client wants back as a header (response-content-type, ...)."""
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        raise ParameterError(Problem.TYPE, "Header value cannot be represented using ISO-8859-1.", text) from None
    if _CONTROL.search(text):
        raise ParameterError(Problem.TYPE, "Header value cannot be represented using ISO-8859-1.")
    return text


def writer(shape: Any) -> Callable[[Any], str]:
    """Return the function that writes one header's value as text."""
    if shape.type_name == "list":
        item = scalars.writer(shape.member, "rfc822")
        return lambda value: ",".join(safe(_quoted(item(one))) for one in value)
    return scalars.writer(shape, "rfc822")


def _quoted(text: str) -> str:
    if '"' in text or ("," in text and not _HTTP_DATE.fullmatch(text)):
        return '"' + text.replace('"', '\\"') + '"'
    return text


_HTTP_DATE = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")


def _either(text: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda value: safe(value) if isinstance(value, str) else text(value)


def bindings(shape: Any) -> tuple[dict[str, Binding], dict[str, str]]:
    """Return a request shape's header tables: lower-case name → binding, and prefix → member."""
    names: dict[str, Binding] = {}
    prefixes: dict[str, str] = {}
    for name, member in shape.members.items():
        location = member.serialization.get("location")
        if location == "header":
            names[str(member.serialization.get("name", name)).lower()] = (name, reader(member))
        elif location == "headers":
            prefixes[str(member.serialization.get("name", "")).lower()] = name
    return names, prefixes


class Emitters(NamedTuple):
    """The header tables of an answer, each by its members."""

    strings: Mapping[str, str]  # member to header; the text is sent as it is, made safe
    others: Mapping[str, tuple[str, Callable[[Any], str]]]  # member to the header and its writer
    prefixes: Mapping[str, str]  # member, a map, to the prefix of its headers


def emitters(members: Mapping[str, Any]) -> Emitters:
    """Return the header tables of an answer's members."""
    strings: dict[str, str] = {}
    others: dict[str, tuple[str, Callable[[Any], str]]] = {}
    prefixes: dict[str, str] = {}
    for name, member in members.items():
        location, outside = member.serialization.get("location"), str(member.serialization.get("name", name))
        if location == "headers":
            prefixes[name] = outside
        elif location == "header" and member.type_name in ("string", "character"):
            strings[name] = outside
        elif location == "header":
            text = writer(member)
            others[name] = (outside, _either(text) if name == "Expires" else text)  # kept as the client once wrote it
    return Emitters(strings, others, prefixes)
