"""How an object is encrypted, as a parameter of its content type: `; s3_sse=1.c.<salt>.<check>`.

It is written in the same PUT as the bytes, and listings include it, which must show plain sizes.  Swift's own clients
keep a content type when they replace an object's metadata.  The fields, after the version of the format:

    c    SSE-C: a salt, and a check value of the customer's key (`customer.py`)
    s    SSE-S3: the id of the key in the key store, and the object's wrapped data key
    k    SSE-KMS: the key manager's key, and the object's wrapped data key (`kms.py`)

A multipart object has two more: its plain size, and the seal of the list of its parts (`parts.py`).
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final, NamedTuple

from shim.s3.encryption.blocks import TamperedError, plain_size

MARK: Final = "s3_sse"
CUSTOMER: Final = "c"
STORE: Final = "s"
MANAGED: Final = "k"
_VERSION: Final = "1"
_PARAMETER: Final = re.compile(r';\s*s3_sse="?([0-9A-Za-z._-]*)"?')
# Of SSE-S3: without an `s3_etag` the MD5 was not known in time.
has_no_md5: Final = re.compile(rf';\s*{MARK}="?1\.{STORE}').search
_FIELDS: Final = re.compile(
    r"1\.(?P<sort>[csk])\.(?P<name>[0-9A-Za-z_-]{1,64})\.(?P<value>[0-9A-Za-z_-]{1,128})"
    r"(?:\.(?P<size>[0-9]{1,19})\.(?P<seal>[0-9A-Za-z_-]{1,64}))?"
)


class Envelope(NamedTuple):
    """What the parameter says; `size` is that of a multipart object, else -1."""

    sort: str
    name: str
    value: str
    size: int = -1
    seal: str = ""

    @property
    def text(self) -> str:
        """The value of the parameter."""
        fields = (_VERSION, self.sort, self.name, self.value)
        return ".".join((*fields, str(self.size), self.seal) if self.seal else fields)


def of(content_type: str) -> Envelope | None:
    """Return what a content type says; None for a plain object, TamperedError for what this gateway cannot read."""
    found = _PARAMETER.search(content_type)
    if found is None:
        return None
    fields = _FIELDS.fullmatch(found[1])
    if fields is None:
        raise TamperedError("the parameter s3_sse of the content type is not one of this version")
    size = int(fields["size"]) if fields["size"] else -1
    return Envelope(fields["sort"], fields["name"], fields["value"], size, fields["seal"] or "")


def enclosed(content_type: str, envelope: Envelope) -> str:
    """Return a content type with the parameter."""
    return f"{content_type}; {MARK}={envelope.text}"


def size_of(content_type: str, stored: int) -> int:
    """Return the plain size of an object whose content type has the mark, from the bytes that it takes in Swift.

    Of an object that cannot be read, as its parameter was damaged, this is what it takes in Swift.
    """
    try:
        envelope = of(content_type)
    except TamperedError:
        return stored
    if envelope is None:  # the mark is no parameter
        return stored
    return envelope.size if envelope.seal else size_of_stream(stored)


def size_of_stream(stored: int) -> int:
    """Return the plain size of a stream, or `stored` if no stream takes so many bytes."""
    try:
        return plain_size(stored)
    except TamperedError:
        return stored


def coded(raw: bytes) -> str:
    """Return bytes as text of the parameter."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Return the bytes of such a text; the pattern of the parameter has checked its characters."""
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise TamperedError("a field of the parameter s3_sse is cut off") from None
