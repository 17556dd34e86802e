"""PutBucketVersioning and GetBucketVersioning."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from adapters.errors import BackendError, Fault
from shim.context import Call
from shim.errors import AwsError
from shim.protocol.values import only
from shim.s3 import names
from shim.s3.config import configuration, documents, object_lock, versioning
from shim.s3.service import action


@action(supports="Bucket ExpectedBucketOwner")
async def get_bucket_versioning(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the status, or an empty document for a bucket that never had versioning, as S3 does."""
    state = versioning.state(await configuration.read(call, names.bucket(call, req)))
    return {"Status": state.status} if state.status else {}


@action(
    supports="Bucket VersioningConfiguration ChecksumAlgorithm ExpectedBucketOwner",
    values={"VersioningConfiguration.MFADelete": only("Disabled")},
    ignores={"MFA": "buckets have no MFA delete that it could unlock"},
)
async def put_bucket_versioning(call: Call, req: Mapping[str, Any]) -> None:
    """Enable or suspend versioning.  Swift keeps versions from the first change on, also while it is suspended.

    So what a native client of Swift writes is never lost, and a suspended bucket has delete markers.
    """
    bucket, status = names.bucket(call, req), req["VersioningConfiguration"].get("Status")
    if not status:
        raise AwsError(
            "IllegalVersioningConfigurationException",
            "The Versioning element must be specified",
            400,
        )
    await change(call, bucket, status)


async def change(call: Call, bucket: str, status: str) -> None:
    """Change the state of a bucket's versioning."""
    async with documents.alone(call, bucket):
        configured = await configuration.read(call, bucket)
        if status != versioning.ENABLED and object_lock.is_on(configured):
            raise AwsError(
                "InvalidBucketState",
                "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
                409,
                extra={"BucketName": bucket},
            )
        state = versioning.state(configured)
        if not state.kept:
            await _keep_versions(call, bucket)
        if state.status != status or not state.kept:
            item = versioning.changed(state, status, time.time())
            await configuration.configure(call, bucket, {versioning.ITEM: item})


async def _keep_versions(call: Call, bucket: str) -> None:
    try:
        await call.cloud.objects.keep_versions(bucket)
    except BackendError as error:
        if error.fault is Fault.UNSUPPORTED:
            raise AwsError(
                "NotImplemented",
                f"This cloud's Swift keeps no versions of objects: its proxy lacks the middleware {error.detail}.",
                501,
                refused="object_versioning",
            ) from error
        if error.fault is Fault.INVALID:  # a container with Swift's older kinds of versions, or that is synchronised
            raise AwsError(
                "InvalidBucketState",
                f"The request is not valid with the current state of the bucket: {error.detail}",
                409,
                extra={"BucketName": bucket},
            ) from error
        raise
