"""AWS's restrictions on tags, and the TagSpecifications of requests that create resources.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from shim.errors import AwsError

MOST = 50
KEY_CHARACTERS = 128
VALUE_CHARACTERS = 256
RESERVED = "aws:"


def specified(req: Mapping[str, Any], *types: str) -> dict[str, str]:
    """Return the tags of `TagSpecifications` for the first of `types`; a type that is not in `types` is refused.

    Raises InvalidParameterValue and TagLimitExceeded as `checked` does.
    """
    tags: list[Mapping[str, str]] = []
    seen: set[str] = set()
    for one in req.get("TagSpecifications") or ():
        about = one.get("ResourceType", "")
        if about not in types:
            raise AwsError(
                "InvalidParameterValue",
                f"'{about}' is not a valid taggable resource type for this operation.",
                refused="TagSpecifications",
            )
        if about in seen:
            raise AwsError(
                "InvalidParameterValue",
                f"Tag specification resource type '{about}' is given twice.",
                refused="TagSpecifications",
            )
        seen.add(about)
        if about == types[0]:
            tags = one.get("Tags") or []
    return checked(tags)


def checked(tags: Iterable[Mapping[str, str]], present: Mapping[str, str] | None = None) -> dict[str, str]:
    """Check a request's tags against AWS's rules and return key → value; `present` are the resource's own tags."""
    found: dict[str, str] = {}
    for tag in tags:
        key, value = tag.get("Key", ""), tag.get("Value", "")
        if key in found:
            raise AwsError(
                "InvalidParameterValue", f"Duplicate tag key '{key}' specified.", refused="TagSpecifications"
            )
        if not key or len(key) > KEY_CHARACTERS:
            raise AwsError(
                "InvalidParameterValue",
                f"Tag keys must be between 1 and {KEY_CHARACTERS} characters in length.",
                refused="TagSpecifications",
            )
        if len(value) > VALUE_CHARACTERS:
            raise AwsError(
                "InvalidParameterValue",
                f"Tag values must be at most {VALUE_CHARACTERS} characters long.",
                refused="TagSpecifications",
            )
        if key.lower().startswith(RESERVED):
            raise AwsError(
                "InvalidParameterValue",
                "Tag keys starting with 'aws:' are reserved for internal use",
                refused="TagSpecifications",
            )
        found[key] = value
    # "Maximum number of tags per resource – 50"; those with the prefix aws: do not count.
    if sum(not key.startswith(RESERVED) for key in {*found, *(present or ())}) > MOST:
        raise limit_exceeded()
    return found


def limit_exceeded() -> AwsError:
    """Return the error for more tags than AWS allows or the resource's store holds."""
    return AwsError("TagLimitExceeded", "The maximum number of Tags for this resource has been reached.")


def shown(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Write tags as the tag list of a Describe answer."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
