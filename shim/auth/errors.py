"""How each service words its doubts about a request: the same fault has another code at S3, EC2 and STS."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum, auto

from shim.errors import AwsError


class Doubt(Enum):
    """Why a request is not believed."""

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
    VERSION_2 = auto()  # signature version 2 where it is not spoken


# XML 1.0, 2.2: what is not a Char.
_UNPRINTABLE = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")

_Word = tuple[str, int, str]  # code, status, sentence

# S3 user guide, "Error responses"; the sentences are those S3 sends.
_S3: Mapping[Doubt, _Word] = {
    Doubt.UNKNOWN_KEY: (
        "InvalidAccessKeyId",
        403,
        "The AWS Access Key Id you provided does not exist in our records.",
    ),
    Doubt.MISMATCH: (
        "SignatureDoesNotMatch",
        403,
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method.",
    ),
    Doubt.MALFORMED: ("AuthorizationHeaderMalformed", 400, "The authorization header is malformed; {detail}"),
    Doubt.MALFORMED_QUERY: ("AuthorizationQueryParametersError", 400, "{detail}"),
    Doubt.WRONG_SCOPE: ("AuthorizationHeaderMalformed", 400, "The authorization header is malformed; {detail}"),
    Doubt.WRONG_SCOPE_QUERY: (
        "AuthorizationQueryParametersError",
        400,
        "Error parsing the X-Amz-Credential parameter; {detail}",
    ),
    Doubt.SKEWED: (
        "RequestTimeTooSkewed",
        403,
        "The difference between the request time and the current time is too large.",
    ),
    Doubt.EARLY: ("AccessDenied", 403, "Request is not valid yet"),
    Doubt.EXPIRED: ("AccessDenied", 403, "Request has expired"),
    Doubt.NO_DATE: ("AccessDenied", 403, "AWS authentication requires a valid Date or x-amz-date header"),
    Doubt.NOT_SIGNED: ("AccessDenied", 403, "There were headers present in the request which were not signed"),
    Doubt.BAD_TOKEN: ("InvalidToken", 400, "The provided token is malformed or otherwise invalid."),
    Doubt.VERSION_2: (
        "InvalidRequest",
        400,
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
    ),
}

# IAM and STS, "Common errors": the dialect of the query services that stand behind AWS's common front door.
_QUERY: Mapping[Doubt, _Word] = {
    Doubt.UNKNOWN_KEY: ("InvalidClientTokenId", 403, "The security token included in the request is invalid."),
    Doubt.MISMATCH: (
        "SignatureDoesNotMatch",
        403,
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
        "Key and signing method. Consult the service documentation for details.",
    ),
    Doubt.MALFORMED: ("IncompleteSignature", 400, "{detail}"),
    Doubt.MALFORMED_QUERY: ("IncompleteSignature", 400, "{detail}"),
    Doubt.WRONG_SCOPE: ("SignatureDoesNotMatch", 403, "{detail}"),
    Doubt.WRONG_SCOPE_QUERY: ("SignatureDoesNotMatch", 403, "{detail}"),
    Doubt.SKEWED: ("SignatureDoesNotMatch", 403, "{detail}"),
    Doubt.EARLY: ("SignatureDoesNotMatch", 403, "{detail}"),
    Doubt.EXPIRED: ("SignatureDoesNotMatch", 403, "{detail}"),
    Doubt.NO_DATE: (
        "IncompleteSignature",
        400,
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
    ),
    Doubt.NOT_SIGNED: ("SignatureDoesNotMatch", 403, "{detail} must be a 'SignedHeader' in the AWS Authorization."),
    Doubt.BAD_TOKEN: ("InvalidClientTokenId", 403, "The security token included in the request is invalid."),
    Doubt.VERSION_2: (
        "IncompleteSignature",
        400,
        "Signature Version 2 is not supported by this endpoint. Sign with AWS4-HMAC-SHA256 (Signature Version 4).",
    ),
}

_AUTH_FAILURE = "AWS was not able to validate the provided access credentials"

# EC2 user guide, "Error codes for the Amazon EC2 API": AuthFailure is 401, RequestExpired 400 and speaks of requests
# that are more than 15 minutes too old as well as too new.
_EC2: Mapping[Doubt, _Word] = {
    **_QUERY,
    Doubt.UNKNOWN_KEY: ("AuthFailure", 401, _AUTH_FAILURE),
    Doubt.MISMATCH: ("AuthFailure", 401, _AUTH_FAILURE),
    Doubt.WRONG_SCOPE: ("AuthFailure", 401, "{detail}"),
    Doubt.WRONG_SCOPE_QUERY: ("AuthFailure", 401, "{detail}"),
    Doubt.SKEWED: ("RequestExpired", 400, "Request has expired."),
    Doubt.EARLY: ("RequestExpired", 400, "Request has expired."),
    Doubt.EXPIRED: ("RequestExpired", 400, "Request has expired."),
    Doubt.NOT_SIGNED: ("AuthFailure", 401, "{detail} must be a 'SignedHeader' in the AWS Authorization."),
    Doubt.BAD_TOKEN: ("AuthFailure", 401, _AUTH_FAILURE),
    Doubt.VERSION_2: (
        "AuthFailure",
        401,
        "Signature Version 2 is not supported by this endpoint. Sign with AWS4-HMAC-SHA256 (Signature Version 4).",
    ),
}

_DIALECTS = {"s3": _S3, "ec2": _EC2}


def refuse(service: str, doubt: Doubt, detail: str = "", extra: Mapping[str, str] | None = None) -> AwsError:
    """Build the error by which `service` (a signing name: s3, ec2, sts, ...) tells of a doubt.

    `detail` fills the sentences that name what is wrong; `extra` are elements of S3's envelope, dropped elsewhere.
    """
    code, status, sentence = _DIALECTS.get(service, _QUERY)[doubt]
    shown = {name: plain(value) for name, value in (extra or {}).items()} if service == "s3" else None
    return AwsError(code, sentence.replace("{detail}", plain(detail)), status, extra=shown)


def plain(text: str) -> str:
    """Return a client's text with '?' for what no XML can carry, so that it can be told back in an error."""
    return _UNPRINTABLE.sub("?", text)


def unknown_key(service: str, access_key: str) -> AwsError:
    """Build the error for an access key that nobody has."""
    return refuse(service, Doubt.UNKNOWN_KEY, extra={"AWSAccessKeyId": access_key})
