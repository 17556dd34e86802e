"""Keep bodies and secrets out of a recording: what stands there instead, and what is a secret.

A secret is `{"$hidden": 3, "length": 44}`: equal secrets of one recording have the same number, so that a replay can
use one generated value for all of them.  A body is `{"$bytes": 1048576}`, its length.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

HIDDEN: Final = "$hidden"
BYTES: Final = "$bytes"

# Secrets that AWS's models do not call sensitive (botocore 1.44).
_NAMES: Final = frozenset(
    # `Output` is a console's, and `ImageData` its picture: systems print passwords and keys there.
    {
        "ContextAssertion", "ImageData", "Output", "PreSharedKey", "SessionToken", "SourceIdentityToken", "Token",
        "UserData",
    }
)  # fmt: skip
# The signature of a presigned URL, of versions 4 and 2, opens what the URL names.
_SIGNED_URL: Final = re.compile(r"[?&](?:X-Amz-Signature|X-Amz-Security-Token|Signature)=", re.IGNORECASE)


def is_secret(shape: Any, name: str = "") -> bool:
    """Tell whether a value is secret by AWS's model, by its name, or because it is bytes that a caller chose."""
    return bool(shape.metadata.get("sensitive")) or shape.type_name == "blob" or name in _NAMES


def is_mark(value: Any) -> bool:
    """Tell whether a value stands in place of a secret or a body."""
    return isinstance(value, Mapping) and (HIDDEN in value or BYTES in value)


class Hider:
    """Replaces the secrets of a recording; it numbers them as they come."""

    def __init__(self) -> None:
        self._numbers: dict[str | bytes, int] = {}

    def kept(self, value: Any, shape: Any, name: str = "", secret: bool = False) -> Any:
        """Return what is kept of a value of the model, as JSON can hold it."""
        secret = secret or is_secret(shape, name)
        if isinstance(value, Mapping):
            return self._members(value, shape, secret)
        if isinstance(value, list | tuple):
            item = shape.member if shape.type_name == "list" else shape
            return [self.kept(one, item, name, secret) for one in value]
        if isinstance(value, datetime):
            return value.isoformat()
        text = value if isinstance(value, str | bytes) else str(value)
        if isinstance(value, bytes) or secret or (isinstance(value, str) and _SIGNED_URL.search(value)):
            return {HIDDEN: self._numbers.setdefault(text, len(self._numbers) + 1), "length": len(text)}
        return value

    def _members(self, value: Mapping[str, Any], shape: Any, secret: bool) -> dict[str, Any]:
        if is_mark(value):
            return dict(value)
        if shape.type_name == "map":
            return {str(key): self.kept(one, shape.value, str(key), secret) for key, one in value.items()}
        members = shape.members if shape.type_name == "structure" else {}
        return {key: self.kept(one, members[key], key, secret) for key, one in value.items() if key in members}
