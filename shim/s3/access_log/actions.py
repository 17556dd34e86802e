"""PutBucketLogging and GetBucketLogging: where a bucket's access log goes.

The log is written by the gateway's own user, so it needs the service identity ("Acting for a bucket's owner" in
docs/running.md); without it a configuration is refused.  See decision 17.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from adapters.errors import BackendError, Fault, absent_is
from shim.context import Call
from shim.errors import AwsError
from shim.protocol.restparse import malformed_xml
from shim.s3 import names
from shim.s3.access.judge import access_denied
from shim.s3.access_log.permission import check_configuring
from shim.s3.config import configuration, documents
from shim.s3.service import action

NAME: Final = "logging"  # the item of the bucket's configuration
_LOG: Final = "BucketLoggingStatus.LoggingEnabled"
_LONGEST_SUFFIX: Final = "x" * 160  # of a key: account, region, bucket, date and a unique end

_LIKE_A_LOG: Final = "2006-03-01-00-00-00-0123456789ABCDEF"  # the rest of a key, for the target's policy

_NO_TARGET: Final = "The target bucket for logging does not exist"
_NO_ACCESS: Final = (
    "The log delivery service cannot write to the target bucket: the gateway's own user has no role on this project."
)


@action(
    supports=f"Bucket ExpectedBucketOwner {_LOG}.TargetBucket {_LOG}.TargetPrefix {_LOG}.TargetObjectKeyFormat",
)
async def put_bucket_logging(call: Call, req: Mapping[str, Any]) -> None:
    """Begin, change or end a bucket's access log."""
    bucket = names.bucket(call, req)
    if call.requester.project_id != call.caller.project_id:
        raise access_denied()  # the log is written in the name of the bucket's project, into its other buckets
    wanted = req["BucketLoggingStatus"].get("LoggingEnabled")
    if wanted is None:
        await documents.delete(call, bucket, NAME)
        return
    await configuration.read(call, bucket)
    _check_format(wanted.get("TargetObjectKeyFormat"))
    names.check_key(wanted["TargetPrefix"], behind=_LONGEST_SUFFIX)
    await _check_target(call, wanted["TargetBucket"])
    await check_configuring(call, wanted["TargetBucket"], f"{wanted['TargetPrefix']}{_LIKE_A_LOG}")
    await documents.write(call, bucket, NAME, wanted)


@action(supports="Bucket ExpectedBucketOwner")
async def get_bucket_logging(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return where a bucket's access log goes; nothing where it has none."""
    kept = await documents.current(call, names.bucket(call, req), NAME)
    return {"LoggingEnabled": kept} if kept else {}


def _check_format(wanted: Mapping[str, Any] | None) -> None:
    """Check the format of keys: "SimplePrefix" or "PartitionedPrefix", "only one of them"."""
    if wanted is None:
        return
    partitioned = wanted.get("PartitionedPrefix")
    if (partitioned is None) == (wanted.get("SimplePrefix") is None):
        raise malformed_xml()
    if partitioned is not None and not partitioned.get("PartitionDateSource"):
        raise malformed_xml()


async def _check_target(call: Call, target: str) -> None:
    """Raise AwsError unless the gateway's own user can write into the bucket, which is one of the same project."""
    if not names.is_bucket(target):
        raise _invalid_target(_NO_TARGET, target)
    try:
        cloud = await call.clouds.service(call.caller.project_id, call.request_id)
        found = await absent_is(None, cloud.objects.container(target))
    except BackendError as error:
        if error.fault in (Fault.FORBIDDEN, Fault.UNSUPPORTED, Fault.UNAUTHORIZED):
            raise _invalid_target(_NO_ACCESS, target) from error
        raise
    if found is None:
        raise _invalid_target(_NO_TARGET, target)


def _invalid_target(message: str, target: str) -> AwsError:
    return AwsError("InvalidTargetBucketForLogging", message, 400, extra={"TargetBucket": target})
