"""Reads heads of Swift's answers that HTTP does not allow; Swift's users may store such headers.

Swift stores and returns control characters in the values of an object's headers, and almost any character in the names
of its metadata; its own S3 middleware writes an underscore there as `=5F`.  RFC 9110, 5.1 and 5.5, allows none of this,
so httptools refuses the head.  This module reads it then, so that the object can still be read, replaced and deleted.
"""

from __future__ import annotations

import re
from typing import Final

from adapters.openstack.swift.headers import METADATA, UNREADABLE

_FRAMING: Final = re.compile(rb"\r\n(?:content-length|transfer-encoding|connection):[^\r\n]*+(?=\r\n)", re.IGNORECASE)
_TOKEN: Final = re.compile("[!#$%&'*+.^_`|~0-9a-z-]+")
_CONTROL: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f]")


def framing_headers(head: bytes) -> bytes:
    """Return a head with its status line and only the headers that say where the answer ends."""
    return b"%b%b\r\n\r\n" % (head[: head.index(b"\r\n")], b"".join(_FRAMING.findall(head)))


def readable_headers(head: bytes) -> dict[str, str]:
    """Return a head's headers by lower-case names, the first of each name.

    Metadata that HTTP cannot carry is left out and counted in the entry UNREADABLE; other headers lose their control
    characters.
    """
    found: dict[str, str] = {}
    unreadable = 0
    for line in head.decode("utf-8", "surrogateescape").split("\r\n")[1:]:
        name, colon, value = line.partition(":")
        name = name.lower()
        metadata = name.startswith(METADATA)
        if metadata:
            name = name.replace("=5f", "%5f")
        if not _TOKEN.fullmatch(name) or (metadata and _CONTROL.search(value)):
            unreadable += metadata
        elif colon:
            found.setdefault(name, _CONTROL.sub("", value).strip(" \t"))
    if unreadable:
        found[UNREADABLE] = str(unreadable)
    return found
