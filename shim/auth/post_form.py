"""Reads and verifies the signature of a browser's form, which is in the form's fields and covers its policy.

The form itself is read by `protocol.multipart_form`, its policy by `post_policy`.

See "Authenticating requests in browser-based uploads using POST" (AWS Signature Version 4), S3 API reference, and
"Browser-based uploads using POST" of the user guide for version 2.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from collections.abc import Container, Mapping
from dataclasses import dataclass, field

from shim.auth import sigv4
from shim.auth.errors import AuthFault, auth_error, printable
from shim.auth.request_signature import ALGORITHM, Scope, read_credential
from shim.errors import AwsError

_V4 = {"x-amz-signature": "X-Amz-Signature", "x-amz-credential": "X-Amz-Credential", "x-amz-date": "X-Amz-Date"}
_V2 = {"signature": "signature", "awsaccesskeyid": "AWSAccessKeyId"}
_SIGNING = frozenset(("policy", "x-amz-algorithm", "x-amz-security-token", *_V4, *_V2))
_TIME = re.compile("([0-9]{8})T[0-9]{6}Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class FormSignature:
    """The signature in a form's fields, not yet verified; `policy` is in base64, `scope` is None in version 2."""

    access_key: str
    policy: str
    value: str = field(repr=False)
    scope: Scope | None = None


def parse_signature(fields: Mapping[str, str]) -> FormSignature | None:
    """Read the signature in a form's fields, whose names are in lower case; None if they have no field of one."""
    if _SIGNING.isdisjoint(fields):
        return None
    v4 = "x-amz-algorithm" in fields or not _V4.keys().isdisjoint(fields)
    names = _V4 if v4 else _V2
    if "x-amz-security-token" in fields:  # sessions sign requests, not forms
        raise auth_error("s3", AuthFault.BAD_TOKEN)
    for name, shown in {"policy": "policy", **names}.items():
        if not fields.get(name):
            raise missing(shown)
    if not v4:
        return FormSignature(fields["awsaccesskeyid"], fields["policy"], fields["signature"])
    algorithm = fields.get("x-amz-algorithm", "")
    if algorithm != ALGORITHM:
        raise _argument(f'X-Amz-Algorithm only supports "{ALGORITHM}"', "X-Amz-Algorithm", algorithm)
    access_key, scope = read_credential(fields["x-amz-credential"], "s3", AuthFault.MALFORMED)
    day = _TIME.fullmatch(fields["x-amz-date"])
    if day is None or day[1] != scope.date:
        raise _argument(
            "X-Amz-Date must be in the format \"yyyyMMdd'T'HHmmss'Z'\" and of the credential's day",
            "X-Amz-Date",
            fields["x-amz-date"],
        )
    return FormSignature(access_key, fields["policy"], fields["x-amz-signature"], scope)


def verify(sig: FormSignature, *, secret: str, regions: Container[str], region: str) -> None:
    """Raise AwsError unless the policy is signed with this secret, for S3 and for one of these regions."""
    text, scope = sig.policy.encode(), sig.scope
    if scope is None:
        expected = b64encode(hmac.digest(secret.encode(), text, "sha1"))
    elif scope.service != "s3" or scope.region not in regions:
        raise sigv4.wrong_scope(scope, "s3", region)
    else:
        expected = sigv4.sign(secret, scope, text).encode()
    if not hmac.compare_digest(expected, sig.value.encode()):
        extra = {
            "AWSAccessKeyId": sig.access_key,
            "StringToSign": sig.policy,
            "SignatureProvided": sig.value,
            "StringToSignBytes": text.hex(" "),
        }
        raise auth_error("s3", AuthFault.MISMATCH, extra=extra)


def missing(name: str) -> AwsError:
    """Return the error for a form that lacks a field in front of its file."""
    sentence = (
        f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields."
    )
    return _argument(sentence, name, "")


def _argument(sentence: str, name: str, value: str) -> AwsError:
    return AwsError("InvalidArgument", sentence, extra={"ArgumentName": name, "ArgumentValue": printable(value)})
