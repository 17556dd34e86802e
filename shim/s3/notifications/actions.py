"""PutBucketNotificationConfiguration and GetBucketNotificationConfiguration.

The destinations are the operator's webhooks, which a client names by ARN.  See decision 22.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from shim.context import Call
from shim.notices.destinations import account
from shim.notices.segments import Notice
from shim.protocol.s3_router import not_implemented
from shim.protocol.values import depends, only
from shim.s3 import names
from shim.s3.config import configuration, documents
from shim.s3.notifications.document import SORTS, check
from shim.s3.notifications.noting import NAME
from shim.s3.notifications.record import test_event
from shim.s3.service import action

_GIVEN: Final = "NotificationConfiguration"
_WEBHOOKS: Final = "the operator has named webhooks (`PASSERELLE_NOTIFICATION_FILE`)"


@action(
    supports=f"Bucket ExpectedBucketOwner {_GIVEN} SkipDestinationValidation",
    values={
        f"{_GIVEN}.EventBridgeConfiguration": only(),
        **{f"{_GIVEN}.{sort}": depends(when=_WEBHOOKS) for sort in SORTS},
    },
)
async def put_bucket_notification_configuration(call: Call, req: Mapping[str, Any]) -> None:
    """Set which events of a bucket go to which destinations; an empty document ends all notifications."""
    bucket, wanted = names.bucket(call, req), req[_GIVEN]
    asked = next((name for name, value in wanted.items() if value is not None), "")
    if asked and call.notices is None:
        raise not_implemented(asked, "Parameter")
    kept = check(wanted, lambda arn: _may_name(call, arn))
    if not kept:
        await documents.delete(call, bucket, NAME)
        return
    await configuration.read(call, bucket)  # raises for a missing bucket
    await documents.write(call, bucket, NAME, kept)
    if not req.get("SkipDestinationValidation") and call.notices is not None:
        body = test_event(bucket, call.request_id, datetime.now(UTC))
        arns = dict.fromkeys(one[SORTS[name][0]] for name, some in kept.items() for one in some)
        await call.notices.put(call.caller.project_id, [Notice(arn, time.time(), body) for arn in arns])


@action(supports="Bucket ExpectedBucketOwner")
async def get_bucket_notification_configuration(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the document that was put, with the ids of its configurations; nothing where there is none."""
    return await documents.current(call, names.bucket(call, req), NAME) or {}


def _may_name(call: Call, arn: str) -> bool:
    """Tell whether the operator has named a webhook for an ARN, for the account of the bucket's owner or for all."""
    if call.notices is None or call.notices.destination(arn) is None:
        return False
    return account(arn) in ("", call.caller.account_id)
