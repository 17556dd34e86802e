"""Storage classes: kept with an object as a label and told by reads and listings.

All objects of a bucket lie in its container, and so under its storage policy, and all can be read at once.
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
MAPPED: Final = depends(*ARCHIVAL, when="the operator maps the class (`PASSERELLE_S3_ARCHIVE_CLASSES`)")


def check(call: Call, req: Mapping[str, Any]) -> None:
    """Refuse an archival class unless the operator maps it: nothing here has to be restored before it is read."""
    asked = req.get("StorageClass")
    if asked in ARCHIVAL and asked not in call.settings.s3_archive_classes:
        raise AwsError(_CODE, _REFUSED, 400, extra={"StorageClassRequested": str(asked)})
