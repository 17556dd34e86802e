"""Sub-resources of a bucket that are stored and returned as a document: one row of `_SETTINGS` each.

The effect of a sub-resource is implemented in its own module.  A row's `check` refuses values that have no effect here,
so that a bucket never reports a setting that is not in force.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from shim.context import Call
from shim.protocol.restparse import malformed_xml
from shim.protocol.values import Values, only
from shim.s3 import names, tags
from shim.s3.config import cors, documents, public_access, website
from shim.s3.errors import no_such_configuration
from shim.s3.service import action

BUCKET_TAGS: Final = 50
_TOO_MANY_TAGS: Final = "Bucket tag count cannot be greater than 50"


class Setting(NamedTuple):
    """One sub-resource.

    `operation` is the common part of the names of its Put, Get and Delete, `member` the parameter of Put with the
    document.  `check` returns the document to store, or raises.  `answer` makes Get's answer from a document.  Before
    the first Put the bucket has the document `default`, or the one that it makes from the gateway's settings.
    `missing` is the code and the message of Get's error without a document; only a sub-resource that has it can be
    deleted.  `values` are the values that Put accepts, if not all.
    """

    name: str
    operation: str
    member: str
    check: Callable[[Mapping[str, Any]], Any]
    answer: Callable[[Any], Mapping[str, Any]]
    missing: tuple[str, str] | None = None
    default: Any = None
    values: Mapping[str, Values] = MappingProxyType({})


def _tags(value: Mapping[str, Any]) -> Any:
    return tags.check(value["TagSet"], BUCKET_TAGS, _TOO_MANY_TAGS)


def _status(value: Mapping[str, Any]) -> Any:
    if not value.get("Status"):
        raise malformed_xml()
    return value


def _itself(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return value


_SETTINGS: Final = (
    Setting(
        "tagging",
        "bucket_tagging",
        "Tagging",
        _tags,
        lambda kept: {"TagSet": tags.tag_set(kept)},
        missing=("NoSuchTagSet", "The TagSet does not exist"),
    ),
    Setting(
        public_access.NAME,
        "public_access_block",
        "PublicAccessBlockConfiguration",
        public_access.checked,
        lambda kept: {"PublicAccessBlockConfiguration": kept},
        missing=("NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found"),
        # "S3 Block Public Access is enabled by default for all new buckets" (User Guide, Blocking public access).
        default=public_access.default,
    ),
    Setting(
        "accelerate",
        "bucket_accelerate_configuration",
        "AccelerateConfiguration",
        _status,
        _itself,
        values={"AccelerateConfiguration.Status": only("Suspended")},
        default={},
    ),
    Setting(
        "payment",
        "bucket_request_payment",
        "RequestPaymentConfiguration",
        _itself,
        _itself,
        values={"RequestPaymentConfiguration.Payer": only("BucketOwner")},
        default={"Payer": "BucketOwner"},
    ),
    Setting(
        cors.NAME,
        "bucket_cors",
        "CORSConfiguration",
        cors.check,
        lambda kept: {"CORSRules": kept},
        missing=("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
    ),
    Setting(
        website.NAME,
        "bucket_website",
        "WebsiteConfiguration",
        website.check,
        _itself,
        missing=("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"),
    ),
)


def _register(setting: Setting) -> None:
    """Make the actions of one row."""

    async def put(call: Call, req: Mapping[str, Any]) -> None:
        bucket = names.bucket(call, req)
        await documents.write(call, bucket, setting.name, setting.check(req[setting.member]))

    async def get(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
        kept = await documents.current(call, names.bucket(call, req), setting.name)
        default = setting.default(call.settings) if callable(setting.default) else setting.default
        found = default if kept is None else kept
        if not found and setting.missing:
            raise no_such_configuration(req, *setting.missing)
        return setting.answer(found)

    async def delete(call: Call, req: Mapping[str, Any]) -> None:
        bucket = names.bucket(call, req)
        if setting.default is None:
            await documents.delete(call, bucket, setting.name)
        else:  # a setting with a default is stored as deleted
            await documents.write(call, bucket, setting.name, {})

    put.__name__, get.__name__ = f"put_{setting.operation}", f"get_{setting.operation}"
    delete.__name__ = f"delete_{setting.operation}"
    action(supports=f"Bucket {setting.member} ExpectedBucketOwner", values=setting.values)(put)
    action(supports="Bucket ExpectedBucketOwner")(get)
    if setting.missing:
        action(supports="Bucket ExpectedBucketOwner")(delete)


for _setting in _SETTINGS:
    _register(_setting)
