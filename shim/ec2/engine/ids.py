"""EC2's ids, computed from OpenStack's and back, so that nobody has to remember them.

`vol-` and the 32 hex digits of the volume's UUID: reversible, and unique because the UUID is.  What has no UUID of
its own (a key pair: a name below a user) gets one by UUID version 5 (RFC 9562) in a namespace of the gateway's own.
"""

from __future__ import annotations

import re
from functools import lru_cache
from uuid import UUID, uuid5

from shim.ec2.engine.resource_types import BY_PREFIX, Kind
from shim.errors import AwsError

# Fixed for ever: changing it changes every derived id that a client has written down.
NAMESPACE = UUID("6f2b8f1e-4c1d-5a0e-9a53-8c6a3f0d7b21")

# AWS's own ids have 8 or 17 digits: such an id is well formed, it only names nothing here.
_SHAPE = re.compile(r"([a-z]+(?:-[a-z]+)*)-([0-9a-f]{8}|[0-9a-f]{17}|[0-9a-f]{32})")

_LONGEST = 64  # no prefix of AWS's is longer than 31 characters
_UUID = re.compile(r"[0-9a-fA-F]{8}(-?)[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}\1[0-9a-fA-F]{12}")


def aws(prefix: str, uuid: str) -> str:
    """Write a UUID (with or without dashes) as an EC2 id."""
    return f"{prefix}-{uuid.replace('-', '').lower()}"


def uuid(kind: Kind, id: str) -> str:
    """Read the UUID, with dashes, out of an EC2 id of one kind.

    Raises the kind's Malformed for what is no such id, its NotFound for a well-formed id of AWS's own lengths.
    """
    check(kind, id)
    digits = id[len(kind.prefix) + 1 :]
    if len(digits) != 32:
        raise missing(kind, [id])
    return str(UUID(digits))


def check(kind: Kind, id: str) -> None:
    """Raise the kind's Malformed unless this could be an id of that kind; kinds named by a name take any."""
    if not kind.prefix:
        return
    shape = _shape(id)
    if shape is None or shape[1] != kind.prefix:
        raise AwsError(kind.malformed, f'Invalid id: "{id}" (expecting "{kind.prefix}-...")')


def missing(kind: Kind, ids: list[str]) -> AwsError:
    """Make the kind's NotFound, naming every id that was asked for in vain."""
    sentence = kind.one if len(ids) == 1 else kind.many
    return AwsError(kind.not_found, sentence.format(id=", ".join(ids)))


def arn(kind: Kind, id: str, region: str, account: str) -> str:
    """Write a resource's ARN."""
    return f"arn:aws:ec2:{region}:{account}:{kind.resource_type}/{id}"


def kind_of(id: str) -> Kind | None:
    """Tell the kind of a well-formed id by its prefix; None for anything else (a tag's ResourceId may be anything)."""
    shape = _shape(id)
    return BY_PREFIX.get(shape[1]) if shape else None


def _shape(id: str) -> re.Match[str] | None:
    return _SHAPE.fullmatch(id) if len(id) <= _LONGEST else None


def derived(prefix: str, *parts: str) -> str:
    """Compute the id of a thing that OpenStack names by words: the same parts give the same id on every replica."""
    # A length before each part: ("ab", "c") and ("a", "bc") are different things.
    return aws(prefix, uuid5(NAMESPACE, "".join(f"{len(part)}:{part}" for part in (prefix, *parts))).hex)


def is_uuid(text: str) -> bool:
    """Tell whether a text is a UUID in one of the forms OpenStack uses (with dashes, or 32 digits)."""
    # The length comes first: texts of any length arrive here, and only short ones may be kept by the cache.
    return len(text) in (32, 36) and _is_uuid(text)


@lru_cache(maxsize=4096)
def _is_uuid(text: str) -> bool:
    return _UUID.fullmatch(text) is not None
