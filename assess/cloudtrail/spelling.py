"""CloudTrail's spelling of parameters, read by botocore's models.

`requestParameters` has a spelling of its own.  For EC2 names begin with a small letter, and lists are structures:
`InstanceIds=["i-1"]` is `{"instancesSet": {"items": [{"instanceId": "i-1"}]}}`.  Younger operations of EC2 are
logged as `{"DescribeVpcEndpointsRequest": {"Filter": {"Name": "vpc-id", "Value": {"content": "vpc-1", "tag": 1}}}}`.
For S3 parameters have the names of headers, of query parameters and of elements of documents; a bucket is `bucketName`.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from shim.protocol import unknown_names

Path = tuple[str, Any]  # a member's name and its shape

# Names of S3's records that are no parameters.
_S3_CONTEXT: Final = frozenset({"Host", "x-id", "xmlns", "xmlns:xsi", "xsi:type"})
_LISTS: Final = ("items", "item", "member")


def operation(service: str, event: str, params: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    """Return AWS's name of the operation that an event tells.

    S3's events have names of their own: `PutBucketPublicAccessBlock` is PutPublicAccessBlock, and `ListObjects` may be
    ListObjectsV2.  Where S3 has a younger form of an operation, the log has the name of the older.
    """
    if service != "s3":
        return event
    if event == "ListObjects" and "list-type" in params:
        return "ListObjectsV2"
    bare = event.replace("Bucket", "", 1)
    verb = next((word for word in ("Get", "Put", "Delete") if event.startswith(word)), "")
    with_bucket = f"{verb}Bucket{event.removeprefix(verb)}" if verb else event
    names = [event, bare, with_bucket]
    return next((n for n in [*(f"{name}Configuration" for name in names), *names] if n in known), event)


def unwrapped(event: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the parameters themselves, if the log has them in `<event>Request`."""
    inner = params.get(f"{event}Request")
    return inner if type(inner) is dict else params


def is_context(service: str, name: str) -> bool:
    """Tell whether a name of a record is no parameter: a signature in a query, the host, an index of a list."""
    if service != "s3":
        return name == "tag"
    lower = name.lower()
    return name in _S3_CONTEXT or lower in unknown_names.HARMLESS or lower.startswith(("x-amz-signed", "x-amz-expires"))


def items(value: Any, shape: Any) -> list[Any]:
    """Return the items of a list in any of its spellings."""
    if type(value) is dict:
        names = (*_LISTS, str(shape.member.serialization.get("name", "member"))) if shape is not None else _LISTS
        inner = next((value[name] for name in names if name in value), None)
        if inner is not None and (len(value) == 1 or "items" in value):
            return items(inner, shape)
        return [value] if value else []
    return value if type(value) is list else [value]


def scalar(value: Any) -> Any:
    """Return a value that the log may have wrapped: `{"instanceId": "i-1"}`, `{"content": "x", "tag": 1}`."""
    if type(value) is dict:
        inner = {name: one for name, one in value.items() if name != "tag"}
        if len(inner) == 1:
            return next(iter(inner.values()))
    return value


def member(service: str, shape: Any, name: str, value: Any, *, top: bool) -> Path | None:
    """Return the member of a structure that a name of the log stands for, with its shape; None where there is none."""
    found = _s3(shape, name) if service == "s3" and top else None
    if found is None:
        found = _exact(shape, name) or _alike(shape, name, value)
    return (found, shape.members[found]) if found else None


def _exact(shape: Any, name: str) -> str:
    for one, below in shape.members.items():
        if _lowered(name) in {_lowered(word) for word in _words(one, below)}:
            return str(one)
    return ""


def _words(name: str, shape: Any) -> Iterator[str]:
    yield name
    for key in ("name", "queryName"):
        if key in shape.serialization:
            yield str(shape.serialization[key])


def _lowered(name: str) -> str:
    return name[:1].lower() + name[1:]


def _alike(shape: Any, name: str, value: Any) -> str:
    """Find a list by `instancesSet`, `groupSet`, `tagSet`: the noun of the member, or its end."""
    noun = _noun(name.removesuffix("Set"))
    some = [one for one, below in shape.members.items() if noun in {_noun(word) for word in _words(one, below)}]
    some = some or [
        one
        for one, below in shape.members.items()
        if below.type_name == "list" and any(_noun(word).endswith(noun) for word in _words(one, below))
    ]
    if len(some) > 1:  # `groupSet` of RunInstances: its items tell ids or names
        some = [one for one in some if has_ids(value) is (one.endswith(("Ids", "Id")))] or some
    return some[0] if some else ""


def _noun(name: str) -> str:
    """Return the noun of a name: `InstanceIds`, `instances` and `InstanceId` are `instance`."""
    for end in ("Ids", "Id", "s"):
        if name.endswith(end) and len(name) > len(end):
            name = name.removesuffix(end)
            break
    return name.lower().removesuffix("s")


def has_ids(value: Any) -> bool:
    """Tell whether the items of a list are ids."""
    while value and (type(value) is dict or type(value) is list):
        if type(value) is list:
            value = value[0]
            continue
        name = next(iter(value))
        if name not in _LISTS:
            return str(name)[-2:] == "Id"
        value = value[name]
    return False


def _s3(shape: Any, name: str) -> str | None:
    """Find a parameter of S3 by its header, its query parameter or the element of its document."""
    alias = {"bucketName": "Bucket", "key": "Key"}.get(name, "")
    if alias in shape.members:
        return alias
    lower = name.lower()
    for one, below in shape.members.items():
        location = below.serialization.get("location")
        outside = str(below.serialization.get("name", one))
        if location == "headers" and lower.startswith(outside.lower()):
            return str(one)
        if outside == name or (location == "header" and outside.lower() == lower):
            return str(one)
    return None
