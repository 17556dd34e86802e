"""Pages of listings: number of rows, encoding of names, continuation tokens."""

from __future__ import annotations

import binascii
import string
from base64 import b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from adapters.ports.objects import ObjectStore
from adapters.types.objects import Listing, ObjectRow
from shim.s3 import names
from shim.s3.errors import invalid_argument

MOST_KEYS: Final = 1000

# Most names have only these characters, and checking that takes a fifth of the time of percent-encoding.
_UNCODED: Final = (string.ascii_letters + string.digits + "_.-~/").encode()


async def pages(store: ObjectStore, container: str, prefix: str = "") -> AsyncIterator[list[ObjectRow]]:
    """Yield all objects of a container below a prefix, at most MOST_KEYS at a time.

    Parsing Swift's own page of 10,000 rows takes 10 ms, in which no other request is served.
    """
    want = Listing(prefix=prefix, limit=MOST_KEYS)
    while rows := await store.objects(container, want):
        yield rows
        if len(rows) < MOST_KEYS:
            return
        want = replace(want, marker=rows[-1]["name"])


def max_keys(asked: int | None, name: str = "max-keys") -> int:
    """Return how many rows a page may have: the number asked for, at most a thousand."""
    return MOST_KEYS if asked is None else min(not_below_zero(asked, name), MOST_KEYS)


def not_below_zero(asked: int | None, name: str) -> int:
    """Return a number of a request, 0 if absent; raise AwsError for a negative one."""
    if asked is not None and asked < 0:
        raise invalid_argument(f"Argument {name} must be an integer between 0 and 2147483647", name, asked)
    return asked or 0


def check_prefix(req: Mapping[str, Any]) -> None:
    """Raise AwsError for a prefix that is longer than any key, as S3 does."""
    names.check_key(req.get("Prefix") or "")


def coder(req: Mapping[str, Any]) -> Any:
    """Return the function that encodes one name as the request asks: unchanged, or percent-encoded."""
    return _percent_encoded if req.get("EncodingType") == "url" else str


def _percent_encoded(name: str) -> str:
    raw = name.encode("utf-8", "surrogateescape")
    return quote(raw, safe="/~") if raw.translate(None, _UNCODED) else name


def column_coder(req: Mapping[str, Any]) -> Any:
    """Return the function that encodes many names as the request asks."""
    return _all_percent_encoded if req.get("EncodingType") == "url" else list


def _all_percent_encoded(names: list[str]) -> list[str]:
    # `/` is not encoded, so names joined by it need encoding only if one of them does.
    if "/".join(names).encode("utf-8", "surrogateescape").translate(None, _UNCODED):
        return list(map(_percent_encoded, names))
    return names


def sealed(name: str) -> str:
    """Return the continuation token for a name."""
    return urlsafe_b64encode(name.encode("utf-8", "surrogateescape")).decode()


def opened(token: str | None) -> str:
    """Return the name in a continuation token, '' for None; raise InvalidArgument for other text."""
    if not token:
        return ""
    try:
        # Strict decoding: a damaged token would otherwise start the listing again.
        return b64decode(token.encode("ascii"), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid_argument("The continuation token provided is incorrect", "continuation-token") from None
