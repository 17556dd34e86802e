"""Find what a launch needs and nobody named: an image, an instance type and a zone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import jmespath

from conformance.endpoint import Endpoint, EndpointError, Refusal

_AVAILABLE: Final = {"Name": "state", "Values": ["available"]}
_NAMED: Final = {"Name": "name", "Values": ["al2023-ami-2023.*-x86_64"]}
_MACHINE: Final = [{"Name": "architecture", "Values": ["x86_64"]}, {"Name": "image-type", "Values": ["machine"]}]
_USUAL_TYPE: Final = "t3.micro"


class NoPlaceError(Exception):
    """The endpoint has nothing to launch; the text says which option names it."""


def find(endpoint: Endpoint, image: str, kind: str) -> Mapping[str, str]:
    """Return what `${image}`, `${type}` and `${zone}` stand for."""
    zones = _ask(endpoint, "DescribeAvailabilityZones", {}, "AvailabilityZones[?State=='available'].ZoneName")
    if not zones:
        raise NoPlaceError("the endpoint names no zone that is available")
    return {"image": image or _image(endpoint), "type": kind or _type(endpoint), "zone": zones[0]}


def _image(endpoint: Endpoint) -> str:
    """Return Amazon's own image, as AWS has it, else the newest machine image that may be used."""
    amazon = {"Owners": ["amazon"], "Filters": [_AVAILABLE, _NAMED]}
    for asked in (amazon, {"Filters": [_AVAILABLE, *_MACHINE]}, {"Filters": [_AVAILABLE]}):
        if found := _ask(endpoint, "DescribeImages", asked, "sort_by(Images, &CreationDate)[].ImageId"):
            return str(found[-1])
    raise NoPlaceError("the endpoint shows no image: name one by --image")


def _type(endpoint: Endpoint) -> str:
    """Return the usual small type, else the one with the least memory."""
    try:
        asked = {"InstanceTypes": [_USUAL_TYPE]}
        if _ask(endpoint, "DescribeInstanceTypes", asked, "InstanceTypes[].InstanceType"):
            return _USUAL_TYPE
    except NoPlaceError:
        pass  # it has no such type
    smallest = "sort_by(InstanceTypes, &MemoryInfo.SizeInMiB)[].InstanceType"
    if found := _ask(endpoint, "DescribeInstanceTypes", {}, smallest):
        return str(found[0])
    raise NoPlaceError("the endpoint shows no instance type: name one by --type")


def _ask(endpoint: Endpoint, operation: str, asked: Mapping[str, Any], path: str) -> list[Any]:
    try:
        answer = endpoint.call(endpoint.client("ec2"), operation, asked)
    except (Refusal, EndpointError) as error:
        raise NoPlaceError(f"{operation}: {error}") from None
    return jmespath.search(path, answer) or []
