"""Tags as S3 checks them: what a bucket or an object may be tagged with, and the sentences of the refusals.

Limits: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html (10 for an object) and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/CostAllocTagging.html (50 for a bucket).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from shim.errors import AwsError
from shim.s3.errors import invalid_argument

KEY_LENGTH: Final = 128  # "A tag key can be up to 128 Unicode characters in length"
VALUE_LENGTH: Final = 256  # "and tag values can be up to 256 Unicode characters in length"

# "Characters can be letters, white space, and numbers, plus the following: + - = . _ : / @" (both pages)
# White space is Unicode's space separators: control characters and line breaks are refused.
_SPACES: Final = " \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_CHARACTERS: Final = re.compile(rf"[\w{_SPACES}+\-=.:/@]*")
_SYSTEM: Final = "aws:"
_SYSTEM_REFUSED: Final = "System tags cannot be added/updated by requester"
OBJECT_TAGS: Final = 10  # "You can associate up to 10 tags with an object"
_NOT_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


def check_object(tags: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return an object's tags by key; refuse what S3 refuses."""
    return check(
        tags,
        OBJECT_TAGS,
        f"Object tags cannot be greater than {OBJECT_TAGS}",
        system="Your TagKey cannot be prefixed with aws:",
    )


def of_header(text: str) -> dict[str, str]:
    """Return an object's tags from x-amz-tagging: "The tag-set must be encoded as URL Query parameters" (PutObject).

    They are sorted by key, as S3 then returns them.

    >>> of_header("d=x+y&a=1&b%20c")
    {'a': '1', 'b c': '', 'd': 'x y'}
    """
    tags: list[dict[str, str]] = []
    seen: set[str] = set()
    for pair in text.split("&"):
        if not pair:
            continue
        key, _, value = pair.partition("=")
        tag = {"Key": _decoded(key, text), "Value": _decoded(value, text)}
        if not tag["Key"] or tag["Key"] in seen:
            raise _not_a_query(text)
        seen.add(tag["Key"])
        tags.append(tag)
    return dict(sorted(check_object(tags).items()))


def _decoded(text: str, header: str) -> str:
    if _NOT_PERCENT.search(text):
        raise _not_a_query(header)
    try:  # header text is latin-1
        return unquote_to_bytes(text.replace("+", " ").encode("latin-1")).decode()
    except UnicodeError as error:
        raise _not_a_query(header) from error


def _not_a_query(header: str) -> AwsError:
    return invalid_argument(
        "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name "
        "duplicates.",
        "x-amz-tagging",
        header,
    )


def stored(tags: Mapping[str, str]) -> str:
    """Return the text under which an object's tags are kept; '' if there are none."""
    return json.dumps(tags, ensure_ascii=False, separators=(",", ":")) if tags else ""


def of_stored(text: str) -> dict[str, str]:
    """Return the tags of such a text; none of a text that Swift's own users damaged."""
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return {key: value for key, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}


def check(
    tags: Sequence[Mapping[str, Any]], most: int, too_many: str, *, system: str = _SYSTEM_REFUSED
) -> dict[str, str]:
    """Return tags by key; refuse more than `most` of them with the sentence `too_many`, and any tag that S3 refuses.

    `system` is the sentence for the prefix that is AWS's own.
    """
    if len(tags) > most:
        raise AwsError("InvalidTag", too_many, 400)  # "the tag did not pass input validation" (PutObjectTagging)
    checked: dict[str, str] = {}
    for tag in tags:
        key, value = tag.get("Key") or "", tag.get("Value") or ""
        if not 1 <= len(key) <= KEY_LENGTH or not _CHARACTERS.fullmatch(key):
            raise _invalid("The TagKey you have provided is invalid", "TagKey", key)
        if len(value) > VALUE_LENGTH or not _CHARACTERS.fullmatch(value):
            raise _invalid("The TagValue you have provided is invalid", "TagValue", value)
        if key.startswith(_SYSTEM):
            raise _invalid(system, "TagKey", key)
        if key in checked:
            raise _invalid("Cannot provide multiple Tags with the same key", "TagKey", key)
        checked[key] = value
    return checked


def tag_set(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as the model's TagSet."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _invalid(message: str, element: str, value: str) -> AwsError:
    return AwsError("InvalidTag", message, 400, extra={element: value[: 2 * VALUE_LENGTH]})
