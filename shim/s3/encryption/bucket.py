"""A bucket's default encryption, and whether it blocks SSE-C: PutBucketEncryption and its Get and Delete.

A bucket encrypts new objects only where that is configured: objects in other buckets can be read by Swift's own
clients.  So a new bucket says that it has no configuration, as AWS did before it encrypted everything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from shim.context import Call
from shim.errors import AwsError
from shim.protocol.restparse import malformed_xml
from shim.protocol.s3_router import not_implemented
from shim.protocol.values import Values, only
from shim.s3 import names
from shim.s3.config import documents
from shim.s3.config.configuration import configuration
from shim.s3.errors import invalid_argument, no_such_configuration
from shim.s3.service import action

STORE_ALGORITHM: Final = "AES256"
SETTING: Final = "encryption"  # an item of the bucket's configuration: short enough never to be an object
_RULE: Final = "ApplyServerSideEncryptionByDefault"
_NO_KMS: Final = "Server side encryption with AWS KMS managed keys is not available: this cloud has no key manager."


def no_kms() -> Values:
    """Return the values of a member that names an algorithm: SSE-KMS and its relatives are refused."""
    return only(STORE_ALGORITHM, code="InvalidArgument", message=_NO_KMS)


@action(
    supports="Bucket ServerSideEncryptionConfiguration ChecksumAlgorithm ExpectedBucketOwner",
    values={f"ServerSideEncryptionConfiguration.Rules.{_RULE}.SSEAlgorithm": no_kms()},
)
async def put_bucket_encryption(call: Call, req: Mapping[str, Any]) -> None:
    """Set the encryption of new objects."""
    bucket, rules = names.bucket(call, req), req["ServerSideEncryptionConfiguration"]["Rules"]
    if len(rules) != 1:
        raise malformed_xml()
    (rule,) = rules
    default, blocked = rule.get(_RULE) or {}, rule.get("BlockedEncryptionTypes") or {}
    if default.get("KMSMasterKeyID"):
        raise invalid_argument(
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse", _RULE
        )
    if not default and not blocked:
        raise malformed_xml()
    if default and call.keys is None:
        raise not_implemented(STORE_ALGORITHM, "Parameter")
    kept: dict[str, Any] = {"key": bool(rule.get("BucketKeyEnabled"))}
    if default:
        kept["algorithm"] = STORE_ALGORITHM
    if blocked:
        kept["blocked"] = sorted(set(blocked.get("EncryptionType") or ()))
    await documents.write(call, bucket, SETTING, kept)


@action(supports="Bucket ExpectedBucketOwner")
async def get_bucket_encryption(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the encryption of new objects."""
    kept = await documents.current(call, names.bucket(call, req), SETTING)
    if kept is None:
        raise no_such_configuration(
            req,
            "ServerSideEncryptionConfigurationNotFoundError",
            "The server side encryption configuration was not found",
        )
    rule: dict[str, Any] = {"BucketKeyEnabled": kept["key"]}
    if "algorithm" in kept:
        rule[_RULE] = {"SSEAlgorithm": kept["algorithm"]}
    if "blocked" in kept:
        rule["BlockedEncryptionTypes"] = {"EncryptionType": kept["blocked"]}
    return {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}


@action(supports="Bucket ExpectedBucketOwner")
async def delete_bucket_encryption(call: Call, req: Mapping[str, Any]) -> None:
    """Encrypt new objects no more; objects that are encrypted stay so."""
    await documents.delete(call, names.bucket(call, req), SETTING)


async def default(call: Call, bucket: str) -> str | None:
    """Return the algorithm of objects that are stored without one."""
    algorithm: str | None = (await _configured(call, bucket)).get("algorithm")
    return algorithm


async def check_not_blocked(call: Call, bucket: str) -> None:
    """Refuse a customer's key where the bucket blocks SSE-C."""
    if "SSE-C" in (await _configured(call, bucket)).get("blocked", ()):
        raise AwsError(
            "AccessDenied",
            "This bucket has blocked upload requests that specify Server Side Encryption with Customer provided keys "
            "(SSE-C). Please specify a different server-side encryption type",
            403,
        )


async def _configured(call: Call, bucket: str) -> Mapping[str, Any]:
    item = (await configuration(call, bucket)).get(SETTING)
    if not item:
        return {}
    try:
        found = json.loads(item)
    except ValueError:
        found = None
    if not isinstance(found, dict):  # nothing is stored plain because a setting was damaged through Swift
        raise AwsError("InternalError", "The bucket's configuration cannot be read.", 500)
    return found
