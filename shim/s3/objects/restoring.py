"""RestoreObject: no object is archived here, so there is nothing to restore."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shim.context import Call
from shim.errors import AwsError
from shim.s3 import names
from shim.s3.objects import records, versions
from shim.s3.service import action


@action(supports="Bucket Key VersionId RestoreRequest ChecksumAlgorithm ExpectedBucketOwner")
async def restore_object(call: Call, req: Mapping[str, Any]) -> None:
    """Refuse to restore an object, as S3 refuses it for every storage class of immediate access."""
    bucket = names.bucket(call, req)
    await records.head(call, bucket, req["Key"], version=versions.asked(req))
    raise AwsError("InvalidObjectState", "Restore is not allowed for the object's current storage class", 403)
