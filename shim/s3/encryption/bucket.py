"""A bucket's default encryption, and whether it blocks SSE-C: PutBucketEncryption and its Get and Delete.

A bucket encrypts new objects only where that is configured: objects in other buckets can be read by Swift's own
clients.  So a new bucket says that it has no configuration, as AWS did before it encrypted everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from shim.context import Call
from shim.errors import AwsError
from shim.protocol.restparse import malformed_xml
from shim.protocol.s3_router import not_implemented
from shim.protocol.values import Values, depends, only
from shim.s3 import names
from shim.s3.config import documents
from shim.s3.encryption import kms
from shim.s3.encryption.opening import STORE_ALGORITHM
from shim.s3.errors import invalid_argument, no_such_configuration
from shim.s3.service import action

SETTING: Final = "encryption"  # an item of the bucket's configuration
_RULE: Final = "ApplyServerSideEncryptionByDefault"


def algorithms() -> tuple[Values, ...]:
    """Return the values of a member that names an algorithm."""
    return (
        only(
            STORE_ALGORITHM,
            kms.ALGORITHM,
            code="InvalidArgument",
            message="The encryption method specified is not available here.",
        ),
        depends(STORE_ALGORITHM, when="the operator has made keys for it (`PASSERELLE_SSE_KEY_FILE`)"),
        depends(kms.ALGORITHM, when="the cloud has a key manager (Barbican)"),
    )


@action(
    supports="Bucket ServerSideEncryptionConfiguration ChecksumAlgorithm ExpectedBucketOwner",
    values={f"ServerSideEncryptionConfiguration.Rules.{_RULE}.SSEAlgorithm": algorithms()},
)
async def put_bucket_encryption(call: Call, req: Mapping[str, Any]) -> None:
    """Set the encryption of new objects."""
    bucket, rules = names.bucket(call, req), req["ServerSideEncryptionConfiguration"]["Rules"]
    if len(rules) != 1:
        raise malformed_xml()
    (rule,) = rules
    default, blocked = rule.get(_RULE) or {}, rule.get("BlockedEncryptionTypes") or {}
    algorithm, master = default.get("SSEAlgorithm"), default.get("KMSMasterKeyID")
    if master and algorithm != kms.ALGORITHM:
        raise invalid_argument(
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse", _RULE
        )
    if not default and not blocked:
        raise malformed_xml()
    if algorithm == kms.ALGORITHM:
        kms.check_available(call)
    elif default and call.keys is None:
        raise not_implemented(STORE_ALGORITHM, "Parameter")
    kept: dict[str, Any] = {"key": bool(rule.get("BucketKeyEnabled"))}
    if default:
        kept["algorithm"] = algorithm
    if master:
        kept["master"] = master
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
        rule[_RULE] = {"SSEAlgorithm": kept["algorithm"], "KMSMasterKeyID": kept.get("master")}
    if "blocked" in kept:
        rule["BlockedEncryptionTypes"] = {"EncryptionType": kept["blocked"]}
    return {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}


@action(supports="Bucket ExpectedBucketOwner")
async def delete_bucket_encryption(call: Call, req: Mapping[str, Any]) -> None:
    """Encrypt new objects no more; objects that are encrypted stay so."""
    await documents.delete(call, names.bucket(call, req), SETTING)


async def default(call: Call, bucket: str) -> tuple[str | None, str | None]:
    """Return the algorithm of objects that are stored without one, and the KMS key that is configured with it."""
    configured = await _configured(call, bucket)
    return configured.get("algorithm"), configured.get("master")


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
    _, found = await documents.recent(call, bucket, SETTING)
    if found is None:
        return {}
    if not isinstance(found, dict):  # nothing is stored plain because a setting was damaged through Swift
        raise documents.unreadable(bucket, SETTING, "it is no object")
    return found
