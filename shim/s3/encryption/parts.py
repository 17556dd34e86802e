"""The seal of a multipart object's list of parts: a MAC under a key that is derived from the object's root key.

Without it somebody who may write the container could leave out parts, or bring back an earlier upload of a part: each
part would still decrypt.  The list is Swift's manifest, and Swift compares each segment with its ETag there.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from shim.s3.encryption.blocks import Place, Stream, TamperedError, derived, plain_size
from shim.s3.encryption.envelope import coded

_LABEL: Final = b"passerelle parts 1"


class StoredPart(NamedTuple):
    """A part as Swift has it: its number, the bytes that it takes, and Swift's ETag."""

    number: int
    stored: int
    etag: str


def seal(root: bytes, upload: Place, parts: Iterable[StoredPart]) -> str:
    """Return the seal of a list of parts; `upload` is the place of the upload, whose number is 0."""
    key = derived(root, b"", _LABEL + upload.encoded())
    listed = (f"{part.number},{part.stored},{part.etag};" for part in parts)
    return coded(hmac.digest(key, "".join(listed).encode(), "sha256"))


def check_seal(root: bytes, upload: Place, parts: Sequence[StoredPart], told: str) -> None:
    """Raise TamperedError for a list of parts that is not the sealed one."""
    if not hmac.compare_digest(seal(root, upload, parts), told):
        raise TamperedError("the list of parts is not the completed one")


def streams(upload: Place, parts: Iterable[StoredPart]) -> list[Stream]:
    """Return the streams of a multipart object."""
    return [Stream(upload._replace(number=part.number), plain_size(part.stored)) for part in parts]
