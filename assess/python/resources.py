"""Boto3's resources by its own models: what each attribute of a resource is, and the call that it makes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Final

import boto3
from boto3.resources.model import ResourceModel
from boto3.resources.params import build_param_structure
from boto3.s3 import inject
from botocore import xform_name
from botocore.exceptions import DataNotFoundError
from botocore.loaders import Loader

from assess import sdk
from assess.python.values import NOT_KNOWN, Listed, Mapped, Resource, Some, const

_LOADER: Final = Loader(extra_search_paths=[f"{boto3.__path__[0]}/data"])

# Methods of S3 that boto3 adds to its models, with the functions whose parameters they have.
_TRANSFERS: Final[Mapping[tuple[str, str], Callable[..., Any]]] = {
    (of, name.removeprefix(f"{prefix}_") if prefix else name): getattr(inject, name)
    for of, prefix in (("", ""), ("Bucket", "bucket"), ("Object", "object"))
    for base in ("upload_file", "download_file", "copy", "upload_fileobj", "download_fileobj")
    for name in (f"{prefix}_{base}" if prefix else base,)
}
# What boto3 adds otherwise: the operation, and the parameter that holds the resource's id.
_ADDED: Final[Mapping[tuple[str, str, str], tuple[str, str]]] = {
    ("ec2", "ec2", "create_tags"): ("CreateTags", ""),
    ("ec2", "Instance", "delete_tags"): ("DeleteTags", "Resources"),
    ("s3", "Bucket", "load"): ("ListBuckets", ""),
    ("s3", "Bucket", "reload"): ("ListBuckets", ""),
    ("s3", "ObjectSummary", "load"): ("HeadObject", "Bucket Key"),
    ("s3", "ObjectSummary", "reload"): ("HeadObject", "Bucket Key"),
}


@cache
def _defined(service: str) -> Mapping[str, Any] | None:
    try:
        found: Mapping[str, Any] = _LOADER.load_service_model(service, "resources-1")
    except DataNotFoundError:
        return None
    return found


def exists(service: str) -> bool:
    """Tell whether boto3 has resources of a service."""
    return service in sdk.services() and _defined(service) is not None


@cache
def model(service: str, name: str) -> Any:
    """Return the model of a resource, with its names as boto3 makes them."""
    words = _defined(service)
    if words is None:
        return None
    own = words["service"] if name == service else words["resources"].get(name)
    if own is None:
        return None
    found = ResourceModel(name, own, words["resources"])
    found.load_rename_map(sdk.model(service).shape_for(found.shape) if found.shape else None)
    return found


@cache
def attributes(service: str, name: str) -> Mapping[str, tuple[str, Any]]:
    """Return what each attribute of a resource is: (`action`, its model), (`identifier`, name) and so on."""
    found = model(service, name)
    if found is None:
        return {}
    some: dict[str, tuple[str, Any]] = {}
    if found.shape:
        shape = sdk.model(service).shape_for(found.shape)
        some |= dict.fromkeys(found.get_attributes(shape), ("data", None))
    for sort, models in (
        ("waiter", found.waiters),
        ("collection", found.collections),
        ("reference", found.references),
        ("subresource", found.subresources),
        ("action", found.actions),
    ):
        some |= {one.name: (sort, one) for one in models}
    some |= {one.name: ("identifier", one.name) for one in found.identifiers}
    if found.load:
        some |= dict.fromkeys(("load", "reload"), ("action", found.load))
    for (owner, added), function in _TRANSFERS.items():
        if service == "s3" and owner == name:
            some[added] = ("transfer", function)
    for (of, owner, added), operation in _ADDED.items():
        if (of, owner) == (service, name):
            some[added] = ("added", operation)
    return some


def transfer_of(method: str) -> Callable[..., Any] | None:
    """Return the function of S3's client that transfers, by the name of the method."""
    return _TRANSFERS.get(("", method))


def parameters(function: Callable[..., Any]) -> list[str]:
    """Return the names of the parameters of a function, without the first."""
    return list(inspect.signature(function).parameters)[1:]


def asked(request: Any, owner: Resource) -> Mapped:
    """Return the parameters that a resource gives to its request."""
    params: dict[str, Any] = {}
    identifiers = dict(owner.identifiers)
    for one in request.params:
        if one.source == "identifier":
            value = identifiers.get(xform_name(one.name), NOT_KNOWN)
        elif one.source in ("string", "integer", "boolean"):
            value = const(one.value)
        elif one.source == "data":
            value = NOT_KNOWN
        else:
            continue
        build_param_structure(params, one.target, value, 0 if "[]" in one.target or "[*]" in one.target else None)
    found = next(iter(_some(params)))
    return found if isinstance(found, Mapped) else Mapped()


def _some(value: Any) -> Some:
    if isinstance(value, dict):
        return frozenset({Mapped(tuple((name, _some(below)) for name, below in value.items()))})
    if isinstance(value, list):
        return frozenset({Listed(tuple(_some(below) for below in value))})
    found: Some = value
    return found


def resource(owner: Resource, made: Any, given: list[Some], *, loaded: bool) -> Resource:
    """Return the resource that an attribute of another leads to; `given` are the identifiers that a caller names."""
    have, rest = dict(owner.identifiers), iter(given)
    found: dict[str, Some] = {}
    for one in made.identifiers:
        name = xform_name(one.target)
        if one.source == "identifier":
            found[name] = have.get(xform_name(one.name), NOT_KNOWN)
        elif one.source == "input":
            found[name] = next(rest, NOT_KNOWN)
        else:
            found[name] = NOT_KNOWN
    return Resource(owner.service, made.type, tuple(found.items()), loaded)


def batch(service: str, name: str) -> Iterator[Any]:
    """Yield the actions on all resources of a collection."""
    found = model(service, name)
    if found is not None:
        yield from found.batch_actions
