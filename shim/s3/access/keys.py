"""The condition keys of a request, as a bucket's policy sees them.

What decides comes from the same parsed parameters that the action obeys, so that no request can show one value to the
policy and another to the action.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from shim.auth.sigv4 import Verified
from shim.authz.patterns import Context
from shim.authz.principal import Principal, Proof
from shim.context import Call, Caller
from shim.errors import AwsError
from shim.protocol.message import Head
from shim.s3 import tags
from shim.s3.objects.copying import parse_source

_MEMBERS: Final[Mapping[str, str]] = {
    "ACL": "s3:x-amz-acl",
    "Delimiter": "s3:delimiter",
    "GrantFullControl": "s3:x-amz-grant-full-control",
    "GrantRead": "s3:x-amz-grant-read",
    "GrantReadACP": "s3:x-amz-grant-read-acp",
    "GrantWrite": "s3:x-amz-grant-write",
    "GrantWriteACP": "s3:x-amz-grant-write-acp",
    "IfMatch": "s3:if-match",
    "IfNoneMatch": "s3:if-none-match",
    "MaxKeys": "s3:max-keys",
    "MetadataDirective": "s3:x-amz-metadata-directive",
    "ObjectLockLegalHoldStatus": "s3:object-lock-legal-hold",
    "ObjectLockMode": "s3:object-lock-mode",
    "ObjectLockRetainUntilDate": "s3:object-lock-retain-until-date",
    "ObjectOwnership": "s3:x-amz-object-ownership",
    "Prefix": "s3:prefix",
    "SSECustomerAlgorithm": "s3:x-amz-server-side-encryption-customer-algorithm",
    "SSEKMSKeyId": "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "ServerSideEncryption": "s3:x-amz-server-side-encryption",
    "StorageClass": "s3:x-amz-storage-class",
    "WebsiteRedirectLocation": "s3:x-amz-website-redirect-location",
}
_SOURCE: Final = "s3:x-amz-copy-source"
_REQUEST_TAG: Final = "s3:requestobjecttag/"
_REQUEST_TAG_KEYS: Final = "s3:requestobjecttagkeys"
# What a request's body holds is not known before it is read.
_IN_BODY: Final[Mapping[str, tuple[str, ...]]] = {
    "PutObjectTagging": (_REQUEST_TAG_KEYS,),
    "PutObjectRetention": ("s3:object-lock-mode", "s3:object-lock-retain-until-date"),
    "PutObjectLegalHold": ("s3:object-lock-legal-hold",),
    "CreateBucket": ("s3:locationconstraint",),
}
# Keys that the gateway never knows.
_UNKNOWN: Final = ("s3:object-lock-remaining-retention-days", "s3:objectcreationoperation")
_UNKNOWN_TAGS: Final = ("s3:buckettag/", "aws:resourcetag/")


def keys(
    call: Call,
    requester: Caller,
    principal: Principal,
    verified: Verified | None,
    head: Head,
    params: Mapping[str, Any],
    asked: Iterable[str],
) -> Context:
    """Return the values of a request's condition keys; `asked` are the keys that the policy looks at."""
    now = datetime.now(UTC)
    found: dict[str, tuple[str, ...] | None] = {
        "aws:currenttime": (_written(now),),
        "aws:epochtime": (str(int(now.timestamp())),),
        "aws:principalisawsservice": ("false",),
        "aws:requestedregion": (call.region,),
        "aws:resourceaccount": (call.caller.account_id,),
        "aws:securetransport": ("true" if head.scheme == "https" else "false",),
        "aws:sourceip": (head.client,),
        "aws:viaawsservice": ("false",),
        "s3:resourceaccount": (call.caller.account_id,),
        **_signer(requester, principal, verified, now),
        **dict.fromkeys(_UNKNOWN),
    }
    if head.scheme == "https":
        found["s3:tlsversion"] = None  # a proxy may have ended TLS
    for header, key in (("user-agent", "aws:useragent"), ("referer", "aws:referer")):
        if header in head.first:
            found[key] = (head.first[header],)
    if "x-amz-content-sha256" in head.first:
        found["s3:x-amz-content-sha256"] = (head.first["x-amz-content-sha256"],)
    for member, key in _MEMBERS.items():
        value = params.get(member)
        if value is not None:
            found[key] = (_written(value),)
    found |= _source(params.get("CopySource")) | _tags(params.get("Tagging"), asked)
    found |= dict.fromkeys(_IN_BODY.get(call.operation, ()))
    for key in asked:
        if key.startswith(_UNKNOWN_TAGS) or (call.operation == "PutObjectTagging" and key.startswith(_REQUEST_TAG)):
            found[key] = None
    return found


def _signer(
    requester: Caller, principal: Principal, verified: Verified | None, now: datetime
) -> dict[str, tuple[str, ...] | None]:
    if principal.proof is Proof.NOTHING:
        return {"aws:principaltype": ("Anonymous",), "aws:userid": ("anonymous",)}
    found: dict[str, tuple[str, ...] | None] = {
        "aws:principalaccount": (requester.account_id,),
        "aws:principalarn": (requester.arn,),
        "aws:principaltype": ("User",),
        "aws:userid": (requester.user_id,),
        "aws:username": (requester.user_name,),
        "s3:authtype": ("POST",),
        "s3:signatureversion": ("AWS4-HMAC-SHA256",),
    }
    if verified is None:  # a form, of either version
        found["s3:signatureversion"] = None
        return found
    found["s3:authtype"] = ("REST-QUERY-STRING" if verified.sig.presigned else "REST-HEADER",)
    if verified.sig.scope is None:
        found["s3:signatureversion"] = ("AWS",)
    if verified.sig.time is not None:
        found["s3:signatureage"] = (str(max(0, int((now - verified.sig.time).total_seconds() * 1000))),)
    return found


def _source(header: Any) -> dict[str, tuple[str, ...] | None]:
    """Return a copy's source as `bucket/key`, decoded as the copy decodes it."""
    if not isinstance(header, str):
        return {}
    try:
        bucket, key, _ = parse_source(header)
    except AwsError:  # the copy is refused too
        return {_SOURCE: None}
    return {_SOURCE: (f"{bucket}/{key}",)}


def _tags(text: Any, asked: Iterable[str]) -> dict[str, tuple[str, ...] | None]:
    """Return the tags that a request gives an object; those of a header that the upload refuses are unknown."""
    if not isinstance(text, str):
        return {}
    try:
        return request_tags(tags.of_header(text), asked)
    except AwsError:
        return request_tags(None, asked)


def request_tags(given: Mapping[str, str] | None, asked: Iterable[str]) -> dict[str, tuple[str, ...] | None]:
    """Return the condition keys of the tags that an object gets by a request; None: they cannot be known."""
    if given is None:
        return dict.fromkeys((_REQUEST_TAG_KEYS, *(key for key in asked if key.startswith(_REQUEST_TAG))))
    return {_REQUEST_TAG_KEYS: tuple(given), **{f"{_REQUEST_TAG}{name}": (value,) for name, value in given.items()}}


def is_of_request_tags(key: str) -> bool:
    """Tell whether a condition key is about the tags that an object gets by a request."""
    return key == _REQUEST_TAG_KEYS or key.startswith(_REQUEST_TAG)


def _written(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value).lower() if isinstance(value, bool) else str(value)
