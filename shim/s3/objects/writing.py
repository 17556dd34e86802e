"""Parses the parameters of a request that stores an object: location, description and condition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from adapters.types.objects import Description
from shim.context import Call
from shim.s3 import names
from shim.s3.objects import conditions, records
from shim.s3.objects.headers import ACL, DEFAULT_TYPE, DESCRIBING, description, typed
from shim.s3.placement import storage_classes

# Members that need parsing; most requests have none of them.
_OPTIONAL: Final = (frozenset(DESCRIBING.split()) | conditions.WRITING) - {"ContentType"}
_NOTHING: Final[records.Items] = {}


class ObjectWrite(NamedTuple):
    """An object to be stored; `condition` is None if the request has none; `spilled` is what goes to its record."""

    bucket: str
    key: str
    description: Description
    condition: conditions.WriteCondition | None
    spilled: records.Items


def object_write(call: Call, req: Mapping[str, Any]) -> ObjectWrite:
    """Parse and check a request that stores an object, except its body."""
    bucket, key = names.bucket(call, req), req["Key"]
    names.check_key(key)
    if not call.acl and _OPTIONAL.isdisjoint(req):
        return ObjectWrite(bucket, key, Description(typed(req.get("ContentType") or DEFAULT_TYPE)), None, _NOTHING)
    storage_classes.check(call, req)
    told = description(req, internal={ACL: call.acl} if call.acl else None)
    described, spilled = records.fitted(told, call.cloud.objects.last_limits)
    return ObjectWrite(bucket, key, described, conditions.on_write(req), spilled)
