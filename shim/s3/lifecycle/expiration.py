"""x-amz-expiration: when, and by which rule, the current version of an object expires."""

from __future__ import annotations

import logging
import re
from datetime import datetime
from email.utils import format_datetime
from typing import Final
from urllib.parse import quote

from adapters.errors import BackendError
from shim.context import Call
from shim.errors import AwsError
from shim.s3 import tags
from shim.s3.lifecycle import rules
from shim.s3.lifecycle.evaluation import Days, Due, Version, expiry

log = logging.getLogger(__name__)

_NOT_PLAIN: Final = re.compile(r"[^ !#-$&-\[\]-~]+")


def may_be_told(call: Call, bucket: str) -> bool:
    """Return whether the bucket has rules, as far as this request has read the bucket's configuration.

    The decision whether the request is allowed has read it, so nothing is read here, and buckets without rules pay
    nothing.
    """
    return rules.NAME in call.configurations.get(bucket, ())


async def members(
    call: Call, bucket: str, key: str, size: int, modified: datetime, tagging: str = ""
) -> dict[str, str]:
    """Return the answer's member for an object, none if no rule expires it; `tagging` are its tags as they are kept.

    The member is optional, and the object may just have been written, so no failure to read the rules is raised.
    """
    try:
        wanted = await rules.recent(call, bucket)
    except AwsError:  # damaged through Swift, which Get tells; the object is there all the same
        return {}
    except BackendError as error:
        log.warning("request %s: no expiration is told in %s: %s", call.request_id, bucket, error)
        return {}
    version = Version(key, size, modified, tags.of_stored(tagging))
    found = expiry(wanted, version, Days(call.settings.lifecycle_day_seconds))
    return {"Expiration": header(found)} if found else {}


def header(due: Due) -> str:
    """Write the header's value.

    "The value of the rule-id is URL-encoded" (GetObject), but S3 writes spaces as they are: so only what a quoted
    string in a header cannot hold is encoded.
    """
    rule_id = _NOT_PLAIN.sub(lambda match: quote(match[0], safe=""), due.rule_id)
    return f'expiry-date="{format_datetime(due.at, usegmt=True)}", rule-id="{rule_id}"'
