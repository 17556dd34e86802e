"""Write events as CloudTrail writes them."""

from typing import Any


def event(source: str, name: str, params: Any = None, **more: Any) -> dict[str, Any]:
    """Return an event of a call to a service."""
    return {
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "accountId": "111122223333"},
        "eventSource": f"{source}.amazonaws.com",
        "eventName": name,
        "eventType": "AwsApiCall",
        "requestParameters": params,
        **more,
    }


def spelled(shape: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Write EC2's parameters in CloudTrail's spelling."""
    found = {}
    for name, value in params.items():
        below = shape.members[name]
        outside = _lowered(str(below.serialization.get("name", name)))
        found[f"{outside}Set" if below.type_name == "list" else outside] = _value(below, value, outside)
    return found


def _value(shape: Any, value: Any, name: str) -> Any:
    if shape.type_name == "structure":
        return spelled(shape, value)
    if shape.type_name != "list":
        return value
    if shape.member.type_name == "structure":
        return {"items": [spelled(shape.member, item) for item in value]}
    return {"items": [{name: item} for item in value]}


def _lowered(name: str) -> str:
    return name[:1].lower() + name[1:]
