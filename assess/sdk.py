"""What AWS's SDKs call: botocore's tables of methods, paginators and waiters, and the calls of S3's transfers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from botocore import xform_name
from botocore.exceptions import AliasConflictParameterError, DataNotFoundError
from botocore.handlers import BUILTIN_HANDLERS, ParameterAlias
from botocore.loaders import Loader
from botocore.model import ServiceModel

from assess.verdicts import SERVICES

_LOADER: Final = Loader()

# S3's transfers by the SDK's name for them: the calls of a small object, then those of a large one in parts.
# https://boto3.amazonaws.com/v1/documentation/api/latest/guide/s3.html
TRANSFERS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "upload": ("PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"),
        "download": ("HeadObject", "GetObject"),
        "copy": (
            "HeadObject",
            "CopyObject",
            "CreateMultipartUpload",
            "UploadPartCopy",
            "CompleteMultipartUpload",
        ),
    }
)
# What these calls have beside the parameters that a caller gives.
_OF_A_PART: Final = frozenset({"UploadPart", "UploadPartCopy", "CompleteMultipartUpload"})


@cache
def services() -> frozenset[str]:
    """Return botocore's names of all services."""
    return frozenset(_LOADER.list_available_services("service-2"))


@cache
def model(service: str) -> ServiceModel:
    """Return the model of a service."""
    known = SERVICES.get(service)
    return known.model if known else ServiceModel(_LOADER.load_service_model(service, "service-2"), service)


@cache
def methods(service: str) -> Mapping[str, str]:
    """Return the operations of a service by the names of a client's methods."""
    return {xform_name(name): str(name) for name in model(service).operation_names}


@cache
def paginated(service: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the paginators of a service by the names of methods: the operation, and the parameter of a page's size."""
    words = _words(service, "paginators-1").get("pagination", {})
    return {xform_name(name): {"operation": name, **one} for name, one in words.items()}


@cache
def awaited(service: str) -> Mapping[str, str]:
    """Return the operation that each waiter of a service polls, by the waiter's name in Python."""
    words = _words(service, "waiters-2").get("waiters", {})
    return {xform_name(name): str(one["operation"]) for name, one in words.items()}


def _words(service: str, sort: str) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = _LOADER.load_service_model(service, sort)
    except DataNotFoundError:  # most services have no waiters
        return {}
    return found


def transfer(kind: str, params: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the calls of a transfer, each with those of the parameters that it has."""
    for operation in TRANSFERS[kind]:
        shape = model("s3").operation_model(operation).input_shape
        members = shape.members if shape is not None else {}
        taken = {name: value for name, value in params.items() if name in members}
        if operation in _OF_A_PART:
            taken = {name: value for name, value in taken.items() if name not in ("ChecksumType", "MpuObjectSize")}
        yield operation, taken


_ALIASES: Final = [
    (entry[0].split(".")[1], entry[1])
    for entry in BUILTIN_HANDLERS
    if entry[0].startswith("before-parameter-build.") and isinstance(getattr(entry[1], "__self__", 0), ParameterAlias)
]


def unaliased(service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters with the names of the model: the SDK takes `Filters` where EC2's model has `Filter`."""
    found = dict(params)
    for of, replace_alias in _ALIASES:
        if of == service:
            with suppress(AliasConflictParameterError):
                replace_alias(params=found, model=model(service).operation_model(operation))
    return found
