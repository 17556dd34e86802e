"""Reads the signature of a request: who signed, what, when, and by which version.  `verification` verifies it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import NamedTuple

from shim.auth.errors import AuthFault, auth_error
from shim.errors import AwsError
from shim.protocol.message import Head
from shim.protocol.routing import service_for

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
TIMESTAMP = "%Y%m%dT%H%M%SZ"
WEEK = 604_800  # seconds; the longest life of a presigned URL of version 4

_DAY = re.compile("[0-9]{8}", re.ASCII)
_NUMBER = re.compile("-?[0-9]{1,20}", re.ASCII)
_BASIC_TIME = re.compile("[0-9]{8}T[0-9]{6}Z", re.ASCII)
# A field of the Authorization header; possessive, so that no header makes it backtrack.
_FIELD = re.compile(r"(?:\A|,)\s*+([^=,]*+)=([^,]*+)")
_V4_QUERY = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Signature")
_V2_QUERY = ("AWSAccessKeyId", "Signature", "Expires")
_EXPECTED = 'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'


class Method(Enum):
    """Where a signature is (header or query) and its version."""

    V4_HEADER = "v4-header"
    V4_QUERY = "v4-query"
    V2_HEADER = "v2-header"
    V2_QUERY = "v2-query"


class Scope(NamedTuple):
    """The credential scope of a signature of version 4."""

    date: str  # yyyymmdd
    region: str
    service: str
    text: str  # date/region/service/aws4_request


@dataclass(slots=True)
class RequestSignature:
    """A signature as the request carries it, not yet verified.

    `value` is the signature itself.  `time` is when it was signed (None for V2_QUERY), `timestamp` the same in the
    spelling that is signed.  `expires` is seconds after `time` for V4_QUERY, seconds since 1970 for V2_QUERY, else
    None.  `payload` is the signed digest or mode of the body (`x-amz-content-sha256`), '' where the request names
    none.  `scope` is None in version 2.
    """

    method: Method
    access_key: str
    value: str = field(repr=False)
    scope: Scope | None = None
    signed_headers: tuple[str, ...] = ()
    time: datetime | None = None
    timestamp: str = ""
    expires: int | None = None
    payload: str = ""
    token: str = field(default="", repr=False)

    @property
    def presigned(self) -> bool:
        """Tell whether the signature stands in the query."""
        return self.method in {Method.V4_QUERY, Method.V2_QUERY}


def parse_signature(head: Head, service: str | None = None) -> RequestSignature | None:
    """Read the signature of a request; return None for an anonymous request.

    A malformed signature raises the error of `service`; without it, that of the service for which the request is.
    """
    service = service or service_for(head)
    names = head.query_names
    v4 = not names.isdisjoint(_V4_QUERY)
    v2 = not v4 and not names.isdisjoint(_V2_QUERY[:2])
    if "authorization" in head.first:
        if v4 or v2:
            raise _both_ways(service)
        return _from_header(head, service)
    if v4:
        return _from_query_v4(head, service)
    if v2:
        return _from_query_v2(head, service)
    return None


def _both_ways(service: str) -> AwsError:
    if service == "s3":
        return AwsError(
            "InvalidArgument",
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string "
            "parameter or the Authorization header should be specified",
            extra={"ArgumentName": "Authorization"},
        )
    return auth_error(
        service, AuthFault.MALFORMED, "Only one of the Authorization header and query parameters may sign."
    )


def _from_header(head: Head, service: str) -> RequestSignature:
    # `first` is as long as `headers` where none is repeated.
    once = len(head.first) == len(head.headers) or [name for name, _ in head.headers].count("authorization") == 1
    scheme, _, rest = head.first["authorization"].strip().partition(" ")
    if once and scheme == ALGORITHM:
        return _header_v4(head, rest, service)
    if once and scheme == "AWS" and rest:
        return _header_v2(head, rest, service)
    if service != "s3":
        raise auth_error(service, AuthFault.MALFORMED, f"Unsupported Authorization: expecting {ALGORITHM}.")
    if not once or not rest:
        sentence = "Authorization header is invalid -- one and only one ' ' (space) required"
        raise AwsError("InvalidArgument", sentence, extra={"ArgumentName": "Authorization"})
    if scheme.startswith("AWS4-"):
        raise auth_error(service, AuthFault.VERSION_2)
    raise AwsError("InvalidArgument", "Unsupported Authorization Type", extra={"ArgumentName": "Authorization"})


def _header_v4(head: Head, rest: str, service: str) -> RequestSignature:
    fields: dict[str, str] = dict(_FIELD.findall(rest))
    if len(fields) != rest.count(",") + 1:  # a piece without `=`, or a name twice
        # The piece itself is not quoted: it may hold the signature.
        raise auth_error(service, AuthFault.MALFORMED, "an authorization component is malformed.")
    credential = fields.get("Credential", "").rstrip()
    signed_headers = fields.get("SignedHeaders", "").rstrip()
    signature = fields.get("Signature", "").rstrip()
    if not (credential and signed_headers and signature):
        name = "Credential" if not credential else "Signature" if signed_headers else "SignedHeaders"
        said = f"missing {name}." if service == "s3" else f"Authorization header requires '{name}' parameter."
        raise auth_error(service, AuthFault.MALFORMED, said)
    access_key, scope = read_credential(credential, service, AuthFault.MALFORMED)
    first = head.first
    timestamp = first.get("x-amz-date", "")
    time = _basic_time(timestamp)
    if time is None:
        time = _time(head, service)
        timestamp = time.strftime(TIMESTAMP)
    if timestamp[:8] != scope.date:
        raise _other_day(scope, timestamp, service, AuthFault.WRONG_SCOPE)
    return RequestSignature(
        Method.V4_HEADER,
        access_key,
        signature,
        scope,
        _names(signed_headers),
        time,
        timestamp,
        None,
        first.get("x-amz-content-sha256", ""),
        first.get("x-amz-security-token", ""),
    )


def _header_v2(head: Head, rest: str, service: str) -> RequestSignature:
    access_key, colon, signature = rest.strip().rpartition(":")
    if service != "s3":
        raise auth_error(service, AuthFault.VERSION_2)
    if not colon or not access_key or not signature:
        raise AwsError(
            "InvalidArgument",
            "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature",
            extra={"ArgumentName": "Authorization"},
        )
    return RequestSignature(
        Method.V2_HEADER,
        access_key,
        signature,
        time=_time(head, service),
        payload=head.header("x-amz-content-sha256"),
        token=head.header("x-amz-security-token"),
    )


def _from_query_v4(head: Head, service: str) -> RequestSignature:
    query, first = _once(head, service), head.first
    algorithm, credential, date, names, value = map(query.get, _V4_QUERY)
    expires = query.get("X-Amz-Expires", "")
    if not (algorithm and credential and date and names and value and (expires or service != "s3")):
        raise auth_error(
            service,
            AuthFault.MALFORMED_QUERY,
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
            "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
        )
    if algorithm != ALGORITHM:
        raise auth_error(service, AuthFault.MALFORMED_QUERY, f'X-Amz-Algorithm only supports "{ALGORITHM}"')
    access_key, scope = read_credential(credential, service, AuthFault.WRONG_SCOPE_QUERY)
    time = _basic_time(date)
    if time is None:
        sentence = "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
        raise auth_error(service, AuthFault.MALFORMED_QUERY, sentence)
    if date[:8] != scope.date:
        raise _other_day(scope, date, service, AuthFault.MALFORMED_QUERY)
    signed = _names(names)
    sent = first.get("x-amz-content-sha256", "") if "x-amz-content-sha256" in signed else ""
    return RequestSignature(
        Method.V4_QUERY,
        access_key,
        value,
        scope,
        signed,
        time,
        date,
        _expires(expires, service) if "X-Amz-Expires" in query else None,
        sent or query.get("X-Amz-Content-Sha256") or UNSIGNED,
        query.get("X-Amz-Security-Token") or first.get("x-amz-security-token", ""),
    )


def _from_query_v2(head: Head, service: str) -> RequestSignature:
    if service != "s3":
        raise auth_error(service, AuthFault.VERSION_2)
    query = _once(head, service)
    if not all(map(query.get, _V2_QUERY)):
        sentence = "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
        raise AwsError("AccessDenied", sentence, 403)
    if not re.fullmatch("[0-9]{1,12}", query["Expires"], re.ASCII):
        raise AwsError("AccessDenied", "Invalid date (should be seconds since epoch)", 403)
    return RequestSignature(
        Method.V2_QUERY,
        query["AWSAccessKeyId"],
        query["Signature"],
        expires=int(query["Expires"]),
        payload=head.header("x-amz-content-sha256"),
        token=query.get("x-amz-security-token") or head.header("x-amz-security-token"),
    )


def _once(head: Head, service: str) -> Mapping[str, str]:
    """Return the query as a mapping; raise AwsError if a parameter of the signature is repeated."""
    if len(head.values) != len(head.query):
        seen = set()
        for name, _ in head.query:
            if name in seen and (name.startswith("X-Amz-") or name in _V2_QUERY):
                raise auth_error(service, AuthFault.MALFORMED_QUERY, f"{name} must be given once.")
            seen.add(name)
    return head.values


def read_credential(text: str, service: str, fault: AuthFault) -> tuple[str, Scope]:
    """Split `AKID/date/region/service/aws4_request`; raise the service's error for any other text."""
    parts = text.rsplit("/", 4)
    if len(parts) != 5 or not parts[0]:
        said = _EXPECTED if service == "s3" else "Credential must have exactly 5 slash-delimited elements."
        raise auth_error(service, fault, said)
    access_key, date, region, named, terminal = parts
    if terminal != "aws4_request":
        raise auth_error(service, fault, f'incorrect terminal "{terminal}". This endpoint uses "aws4_request".')
    if not _DAY.fullmatch(date):
        said = f'incorrect date format "{date}". This date in the credential must be in the format "yyyyMMdd".'
        raise auth_error(service, fault, said)
    return access_key, Scope(date, region, named, text[len(access_key) + 1 :])


def _names(text: str) -> tuple[str, ...]:
    names = set(map(str.strip, text.lower().split(";")))
    names.discard("")
    return tuple(sorted(names))


def _other_day(scope: Scope, timestamp: str, service: str, fault: AuthFault) -> AwsError:
    if service != "s3":
        return auth_error(
            service,
            AuthFault.WRONG_SCOPE,
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{scope.date}' != '{timestamp[:8]}', from '{timestamp}'.",
        )
    said = f'Invalid credential date "{scope.date}". This date is not the same as X-Amz-Date: "{timestamp[:8]}".'
    return auth_error(service, fault, said)


def _time(head: Head, service: str) -> datetime:
    """Return when a request was signed: `x-amz-date`, or `Date` where there is none.

    A header that is there and cannot be read is refused and never replaced by the other one: an unread date once let
    requests live for ever (CVE-2015-8466).
    """
    text = head.header("x-amz-date") if "x-amz-date" in head.first else head.header("date")
    time = _basic_time(text) or _http_time(text)
    if time is None or time.year < 1970:  # Unix time, which S3 keeps, begins there
        raise auth_error(service, AuthFault.NO_DATE)
    return time


def _basic_time(text: str) -> datetime | None:
    if not _BASIC_TIME.fullmatch(text):  # fromisoformat reads more forms than this one
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _http_time(text: str) -> datetime | None:
    try:
        time = parsedate_to_datetime(text)
        # RFC 5322, 3.3: "-0000" says UTC; Python reads it as a time without a zone.
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None


def _expires(text: str, service: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise auth_error(service, AuthFault.MALFORMED_QUERY, "X-Amz-Expires should be a number")
    seconds = int(text)
    if seconds < 1:
        raise auth_error(service, AuthFault.MALFORMED_QUERY, "X-Amz-Expires must be greater than 0")
    if seconds > WEEK:
        raise auth_error(
            service,
            AuthFault.MALFORMED_QUERY,
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than "
            "604800 seconds",
        )
    return seconds
