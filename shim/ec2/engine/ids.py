"""Convert between EC2 ids and OpenStack UUIDs by computation, so that no mapping has to be stored.

A volume's id is `vol-` and the 32 hex digits of its UUID: the id is reversible, and unique because the UUID is.  A
resource without a UUID (a key pair has a name within a user) gets a UUID version 5 (RFC 9562).
"""

from __future__ import annotations

import re
from functools import lru_cache
from uuid import UUID, uuid5

from shim.ec2.engine.resource_types import BY_PREFIX, ResourceType
from shim.errors import AwsError

# Never change it: every derived id that a client has stored would change.
NAMESPACE = UUID("6f2b8f1e-4c1d-5a0e-9a53-8c6a3f0d7b21")

# AWS's own ids have 8 or 17 digits, and AWS reads fewer as a number: it answers `vpc-0` as it answers `vpc-00000000`
# (OpenStack's acceptance tests of EC2, which ran against AWS, expect that).  Such an id names no resource here.
_SHAPE = re.compile(r"([a-z]+(?:-[a-z]+)*)-([0-9a-f]{1,17}|[0-9a-f]{32})")

_LONGEST = 64  # no prefix of AWS's is longer than 31 characters
_UUID = re.compile(r"[0-9a-fA-F]{8}(-?)[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}\1[0-9a-fA-F]{12}")


def aws(prefix: str, uuid: str) -> str:
    """Write a UUID (with or without dashes) as an EC2 id."""
    return f"{prefix}-{uuid.replace('-', '').lower()}"


def uuid(resource_type: ResourceType, id: str) -> str:
    """Read the UUID, with dashes, out of an EC2 id of one resource type.

    Raises the type's Malformed for any other text, and its NotFound for an id of AWS's own lengths or a shorter one.
    """
    check(resource_type, id)
    digits = id[len(resource_type.prefix) + 1 :]
    if len(digits) != 32:
        raise missing(resource_type, [id])
    return str(UUID(digits))


def check(resource_type: ResourceType, id: str) -> None:
    """Raise the type's Malformed unless the id is well formed; a type whose ids are names accepts any text."""
    if not resource_type.prefix:
        return
    shape = _shape(id)
    if shape is None or shape[1] != resource_type.prefix:
        raise AwsError(
            resource_type.malformed, f'Invalid id: "{id}" (expecting "{resource_type.prefix}-...")', refused=id
        )


def missing(resource_type: ResourceType, ids: list[str]) -> AwsError:
    """Return the type's NotFound error, which names every id that was not found."""
    sentence = resource_type.one if len(ids) == 1 else resource_type.many
    return AwsError(resource_type.not_found, sentence.format(id=", ".join(ids)))


def arn(resource_type: ResourceType, id: str, region: str, account: str) -> str:
    """Write a resource's ARN."""
    return f"arn:aws:ec2:{region}:{account}:{resource_type.name}/{id}"


def type_of_id(id: str) -> ResourceType | None:
    """Return the resource type of a well-formed id by its prefix; None for any other text."""
    shape = _shape(id)
    return BY_PREFIX.get(shape[1]) if shape else None


def _shape(id: str) -> re.Match[str] | None:
    return _SHAPE.fullmatch(id) if len(id) <= _LONGEST else None


def derived(prefix: str, *parts: str) -> str:
    """Compute the id of a resource that has no UUID: the same parts give the same id on every replica."""
    # A length before each part distinguishes ("ab", "c") from ("a", "bc").
    return aws(prefix, uuid5(NAMESPACE, "".join(f"{len(part)}:{part}" for part in (prefix, *parts))).hex)


def is_uuid(text: str) -> bool:
    """Tell whether a text is a UUID in one of the forms OpenStack uses (with dashes, or 32 digits)."""
    # Check the length first: clients send texts of any length, and the cache may keep only short ones.
    return len(text) in (32, 36) and _is_uuid(text)


@lru_cache(maxsize=4096)
def _is_uuid(text: str) -> bool:
    return _UUID.fullmatch(text) is not None
