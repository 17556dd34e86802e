"""Storage classes: kept with an object and told by reads and listings; all objects can be read at once.

Behind a class is the storage policy that the operator maps it to, else that of the bucket's container.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from shim.context import Call
from shim.errors import AwsError
from shim.protocol.values import but, depends

STANDARD: Final = "STANDARD"
ARCHIVAL: Final = ("GLACIER", "DEEP_ARCHIVE")
_CODE: Final = "InvalidStorageClass"
_REFUSED: Final = "The storage class you specified is not valid"

# Classes of AWS's other services and sorts of buckets, which no general purpose bucket takes either.
ELSEWHERE: Final = but(
    "AWS_BACKUP_LOW_COST_WARM",
    "AWS_BACKUP_WARM",
    "EXPRESS_ONEZONE",
    "FSX_ONTAP",
    "FSX_OPENZFS",
    "OUTPOSTS",
    "SNOW",
    code=_CODE,
    message=_REFUSED,
)
# Classes that the operator may map.
MAPPED: Final = depends(
    *ARCHIVAL,
    when="the operator maps the class (`PASSERELLE_S3_STORAGE_CLASSES`, `PASSERELLE_S3_ARCHIVE_CLASSES`)",
)


def check(call: Call, req: Mapping[str, Any]) -> None:
    """Refuse an archival class unless the operator maps it: nothing here has to be restored before it is read."""
    asked = req.get("StorageClass")
    if asked in ARCHIVAL and asked not in (*call.settings.s3_archive_classes, *call.settings.s3_storage_classes):
        raise AwsError(_CODE, _REFUSED, 400, extra={"StorageClassRequested": str(asked)})


async def policy(call: Call, req: Mapping[str, Any]) -> str:
    """Return the storage policy that the operator maps the class of a request to, '' for the bucket's own.

    Refuse a class whose policy Swift does not have: its bytes would lie elsewhere than the operator says.  Also where
    Swift does not show manifests: the segment of the object could not be found again.
    """
    mapped: Mapping[Any, str] = call.settings.s3_storage_classes
    found = mapped.get(req.get("StorageClass"), "")
    if not found:
        return ""
    limits = await call.cloud.objects.limits()
    if not limits.manifests or (limits.policies and found not in limits.policies):
        raise AwsError(_CODE, _REFUSED, 400, extra={"StorageClassRequested": str(req["StorageClass"])})
    return found
