"""Errors of authentication: S3, EC2 and STS have different codes and messages for the same fault."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum, auto

from shim.errors import AwsError


class AuthFault(Enum):
    """Why a request is not authenticated."""

    UNKNOWN_KEY = auto()
    MISMATCH = auto()
    MALFORMED = auto()  # the Authorization header cannot be read
    MALFORMED_QUERY = auto()  # the X-Amz-* of a presigned URL cannot be read
    WRONG_SCOPE = auto()  # signed for another service, region or day
    WRONG_SCOPE_QUERY = auto()
    SKEWED = auto()
    EARLY = auto()  # a presigned URL from the future
    EXPIRED = auto()
    NO_DATE = auto()
    NOT_SIGNED = auto()  # a header that must be signed is not
    BAD_TOKEN = auto()
    EXPIRED_TOKEN = auto()  # a session token after its end
    VERSION_2 = auto()  # signature version 2 where it is not supported


# XML 1.0, 2.2: characters that may not occur.
_UNPRINTABLE = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")

_Word = tuple[str, int, str]  # code, status, sentence

# S3 user guide, "Error responses"; the sentences are those S3 sends.
_S3: Mapping[AuthFault, _Word] = {
    AuthFault.UNKNOWN_KEY: (
        "InvalidAccessKeyId",
        403,
        "The AWS Access Key Id you provided does not exist in our records.",
    ),
    AuthFault.MISMATCH: (
        "SignatureDoesNotMatch",
        403,
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method.",
    ),
    AuthFault.MALFORMED: ("AuthorizationHeaderMalformed", 400, "The authorization header is malformed; {detail}"),
    AuthFault.MALFORMED_QUERY: ("AuthorizationQueryParametersError", 400, "{detail}"),
    AuthFault.WRONG_SCOPE: ("AuthorizationHeaderMalformed", 400, "The authorization header is malformed; {detail}"),
    AuthFault.WRONG_SCOPE_QUERY: (
        "AuthorizationQueryParametersError",
        400,
        "Error parsing the X-Amz-Credential parameter; {detail}",
    ),
    AuthFault.SKEWED: (
        "RequestTimeTooSkewed",
        403,
        "The difference between the request time and the current time is too large.",
    ),
    AuthFault.EARLY: ("AccessDenied", 403, "Request is not valid yet"),
    AuthFault.EXPIRED: ("AccessDenied", 403, "Request has expired"),
    AuthFault.NO_DATE: ("AccessDenied", 403, "AWS authentication requires a valid Date or x-amz-date header"),
    AuthFault.NOT_SIGNED: ("AccessDenied", 403, "There were headers present in the request which were not signed"),
    AuthFault.BAD_TOKEN: ("InvalidToken", 400, "The provided token is malformed or otherwise invalid."),
    AuthFault.EXPIRED_TOKEN: ("ExpiredToken", 400, "The provided token has expired."),
    AuthFault.VERSION_2: (
        "InvalidRequest",
        400,
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
    ),
}

# IAM and STS, "Common errors": the errors that most query services share.
_QUERY: Mapping[AuthFault, _Word] = {
    AuthFault.UNKNOWN_KEY: ("InvalidClientTokenId", 403, "The security token included in the request is invalid."),
    AuthFault.MISMATCH: (
        "SignatureDoesNotMatch",
        403,
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
        "Key and signing method. Consult the service documentation for details.",
    ),
    AuthFault.MALFORMED: ("IncompleteSignature", 400, "{detail}"),
    AuthFault.MALFORMED_QUERY: ("IncompleteSignature", 400, "{detail}"),
    AuthFault.WRONG_SCOPE: ("SignatureDoesNotMatch", 403, "{detail}"),
    AuthFault.WRONG_SCOPE_QUERY: ("SignatureDoesNotMatch", 403, "{detail}"),
    AuthFault.SKEWED: ("SignatureDoesNotMatch", 403, "{detail}"),
    AuthFault.EARLY: ("SignatureDoesNotMatch", 403, "{detail}"),
    AuthFault.EXPIRED: ("SignatureDoesNotMatch", 403, "{detail}"),
    AuthFault.NO_DATE: (
        "IncompleteSignature",
        400,
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
    ),
    AuthFault.NOT_SIGNED: ("SignatureDoesNotMatch", 403, "{detail} must be a 'SignedHeader' in the AWS Authorization."),
    AuthFault.BAD_TOKEN: ("InvalidClientTokenId", 403, "The security token included in the request is invalid."),
    AuthFault.EXPIRED_TOKEN: ("ExpiredToken", 403, "The security token included in the request is expired"),
    AuthFault.VERSION_2: (
        "IncompleteSignature",
        400,
        "Signature Version 2 is not supported by this endpoint. Sign with AWS4-HMAC-SHA256 (Signature Version 4).",
    ),
}

_AUTH_FAILURE = "AWS was not able to validate the provided access credentials"

# EC2 user guide, "Error codes for the Amazon EC2 API": AuthFailure is 401, RequestExpired 400 and speaks of requests
# that are more than 15 minutes too old as well as too new.
_EC2: Mapping[AuthFault, _Word] = {
    **_QUERY,
    AuthFault.UNKNOWN_KEY: ("AuthFailure", 401, _AUTH_FAILURE),
    AuthFault.MISMATCH: ("AuthFailure", 401, _AUTH_FAILURE),
    AuthFault.WRONG_SCOPE: ("AuthFailure", 401, "{detail}"),
    AuthFault.WRONG_SCOPE_QUERY: ("AuthFailure", 401, "{detail}"),
    AuthFault.SKEWED: ("RequestExpired", 400, "Request has expired."),
    AuthFault.EARLY: ("RequestExpired", 400, "Request has expired."),
    AuthFault.EXPIRED: ("RequestExpired", 400, "Request has expired."),
    AuthFault.NOT_SIGNED: ("AuthFailure", 401, "{detail} must be a 'SignedHeader' in the AWS Authorization."),
    AuthFault.BAD_TOKEN: ("AuthFailure", 401, _AUTH_FAILURE),
    AuthFault.EXPIRED_TOKEN: ("RequestExpired", 400, "Request has expired."),
    AuthFault.VERSION_2: (
        "AuthFailure",
        401,
        "Signature Version 2 is not supported by this endpoint. Sign with AWS4-HMAC-SHA256 (Signature Version 4).",
    ),
}

_DIALECTS = {"s3": _S3, "ec2": _EC2}


def auth_error(service: str, fault: AuthFault, detail: str = "", extra: Mapping[str, str] | None = None) -> AwsError:
    """Return the error of `service` (a signing name: s3, ec2, sts, ...) for a fault.

    `detail` fills the sentences that name what is wrong; `extra` are elements of S3's envelope, dropped elsewhere.
    """
    code, status, sentence = _DIALECTS.get(service, _QUERY)[fault]
    shown = {name: printable(value) for name, value in (extra or {}).items()} if service == "s3" else None
    return AwsError(code, sentence.replace("{detail}", printable(detail)), status, extra=shown)


def printable(text: str) -> str:
    """Return a client's text with '?' for characters that XML cannot carry, to be repeated in an error."""
    return _UNPRINTABLE.sub("?", text)


def unknown_key(service: str, access_key: str) -> AwsError:
    """Return the error for an access key that does not exist."""
    return auth_error(service, AuthFault.UNKNOWN_KEY, extra={"AWSAccessKeyId": access_key})
