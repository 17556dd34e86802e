"""Sub-resources of a bucket that cannot be configured yet: Get answers as AWS does if none is set.

Clients read them without setting them: Terraform reads every sub-resource of a bucket that it has created.  Put is
refused as not implemented.  Delete succeeds, as at AWS when there is nothing to delete.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from shim.context import Call
from shim.s3 import names
from shim.s3.config import configuration
from shim.s3.errors import no_such_configuration
from shim.s3.service import action


class Says(NamedTuple):
    """AWS's answer to a Get of a sub-resource that is not configured."""

    code: str
    message: str


_NO_ID: Final = Says("NoSuchConfiguration", "The specified configuration does not exist.")
_NO_METADATA_TABLE: Final = Says("MetadataConfigurationNotFound", "The metadata configuration was not found")
_LISTED: Final = ("analytics", "intelligent_tiering", "inventory", "metrics")  # several per bucket, each with an id

_MISSING: Final[Mapping[str, Says]] = {
    "get_bucket_replication": Says(
        "ReplicationConfigurationNotFoundError", "The replication configuration was not found"
    ),
    "get_bucket_metadata_configuration": _NO_METADATA_TABLE,
    "get_bucket_metadata_table_configuration": _NO_METADATA_TABLE,
    **{f"get_bucket_{sort}_configuration": _NO_ID for sort in _LISTED},
    **{f"delete_bucket_{sort}_configuration": _NO_ID for sort in _LISTED},
}

# Delete answers 204 where there is nothing to delete, as the model has it.
_NOTHING_TO_DELETE: Final = (
    "delete_bucket_metadata_configuration",
    "delete_bucket_metadata_table_configuration",
    "delete_bucket_replication",
)


_BUCKET: Final = "Bucket ExpectedBucketOwner"


def _register(operation: str, supports: str, answer: Mapping[str, Any] | Says | None = None) -> None:
    """Register an action that gives the same answer, or raises the same error, for every bucket."""

    async def handler(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any] | None:
        await configuration.read(call, names.bucket(call, req))
        if isinstance(answer, Says):
            raise no_such_configuration(req, answer.code, answer.message)
        return answer

    handler.__name__ = operation
    action(supports=supports)(handler)


for _operation, _says in _MISSING.items():
    _register(_operation, f"{_BUCKET} Id" if _says is _NO_ID else _BUCKET, _says)
for _sort in _LISTED:
    _register(f"list_bucket_{_sort}_configurations", f"{_BUCKET} ContinuationToken", {"IsTruncated": False})
for _operation in _NOTHING_TO_DELETE:
    _register(_operation, _BUCKET)
_register("get_bucket_abac", _BUCKET, {"AbacStatus": {"Status": "Disabled"}})
