"""Tags as S3 checks them: what a bucket or an object may be tagged with, and the sentences of the refusals.

Limits: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html (10 for an object) and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/CostAllocTagging.html (50 for a bucket).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from shim.errors import AwsError

KEY_LENGTH: Final = 128  # "A tag key can be up to 128 Unicode characters in length"
VALUE_LENGTH: Final = 256  # "and tag values can be up to 256 Unicode characters in length"

# "Characters can be letters, white space, and numbers, plus the following: + - = . _ : / @" (both pages)
# White space is Unicode's space separators: control characters and line breaks are refused.
_SPACES: Final = " \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_CHARACTERS: Final = re.compile(rf"[\w{_SPACES}+\-=.:/@]*")
_SYSTEM: Final = "aws:"


def check(tags: Sequence[Mapping[str, Any]], most: int, too_many: str) -> dict[str, str]:
    """Return tags by key; refuse more than `most` of them with the sentence `too_many`, and any tag that S3 refuses."""
    if len(tags) > most:
        raise AwsError("BadRequest", too_many, 400)
    checked: dict[str, str] = {}
    for tag in tags:
        key, value = tag.get("Key") or "", tag.get("Value") or ""
        if not 1 <= len(key) <= KEY_LENGTH or not _CHARACTERS.fullmatch(key):
            raise _invalid("The TagKey you have provided is invalid", "TagKey", key)
        if len(value) > VALUE_LENGTH or not _CHARACTERS.fullmatch(value):
            raise _invalid("The TagValue you have provided is invalid", "TagValue", value)
        if key.startswith(_SYSTEM):
            raise _invalid("System tags cannot be added/updated by requester", "TagKey", key)
        if key in checked:
            raise _invalid("Cannot provide multiple Tags with the same key", "TagKey", key)
        checked[key] = value
    return checked


def tag_set(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as the model's TagSet."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _invalid(message: str, element: str, value: str) -> AwsError:
    return AwsError("InvalidTag", message, 400, extra={element: value[: 2 * VALUE_LENGTH]})
