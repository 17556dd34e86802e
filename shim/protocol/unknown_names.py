"""Headers and query parameters that an operation does not take: which are ignored, and which are refused by name.

AWS ignores what it does not know, and clients rely on it: SDKs add headers of their own, and `?x-user=joe` marks a
line of the access log (Amazon S3 User Guide, "Amazon S3 server access log format", "Custom access log information").
But a name that AWS does know changes what the request means, so it is refused where it is not honoured.  The rule:

- a name that the model knows, of any operation, is refused by every operation that does not take it;
- on GET and HEAD any other name is ignored;
- on methods that change something an unknown query parameter without a value is refused, as it looks like a
  sub-resource that is younger than our model, and so is an unknown `x-amz-*` header, unless `HARMLESS` lists it;
- query parameters that begin with `x-` are ignored, but `x-amz-*` there are headers that a presigned URL has moved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

READS: Final = frozenset({"GET", "HEAD"})
AMZ: Final = "x-amz-"

_SIGV4 = "Amazon S3 API reference, Authenticating Requests (AWS Signature Version 4): part of the signature"
_CHUNKED = "Amazon S3 API reference, Transferring Payload in Multiple Chunks: part of the body's coding"
_CHECKSUM = "Amazon S3 User Guide, Checking object integrity: verified with the body, or asks for what needs no asking"

# `x-amz-*` headers that change nothing about what an operation does, each with the source that says so.
HARMLESS: Final[Mapping[str, str]] = {
    "x-amz-algorithm": _SIGV4,
    "x-amz-api-version": "AWS SDK for C++, S3Request.cpp: every request bears it, with the date of the API",
    "x-amz-cf-id": "Amazon CloudFront Developer Guide, Add custom headers to origin requests: its request id",
    "x-amz-checksum-algorithm": _CHECKSUM,
    "x-amz-checksum-mode": _CHECKSUM,
    "x-amz-content-sha256": _SIGV4,
    "x-amz-date": _SIGV4,
    "x-amz-decoded-content-length": _CHUNKED,
    "x-amz-request-payer": "Amazon S3 User Guide, Using Requester Pays buckets: ignored where the owner pays",
    "x-amz-sdk-checksum-algorithm": _CHECKSUM,
    "x-amz-security-token": _SIGV4,
    "x-amz-te": "AWS SDK for Java, EnableTrailingChecksumInterceptor: an offer, the answer says whether it was taken",
    "x-amz-trailer": _CHUNKED,
    "x-amz-user-agent": "AWS SDK for JavaScript, middleware-user-agent: browsers do not let it set User-Agent",
}
# Metadata means something only where an object is written, and those operations model it.
METADATA: Final = "x-amz-meta-"

# Preconditions of RFC 9110, 13.1, that would have to hold before anything is changed: an operation that does not
# evaluate them must not act.  `If-Modified-Since` is not among them: "A recipient MUST ignore [it] if [...] the
# request method is neither GET nor HEAD".
PRECONDITIONS: Final = frozenset({"if-match", "if-none-match", "if-unmodified-since"})


class Known(NamedTuple):
    """Every name that a service's model knows, of whatever operation: headers in lower case, query parameters."""

    headers: frozenset[str]
    queries: frozenset[str]


@lru_cache(maxsize=16)
def known(service_model: Any) -> Known:
    """Return the names that a service's model has; called once for each service."""
    headers: set[str] = set()
    queries: set[str] = set()
    for name in service_model.operation_names:
        operation = service_model.operation_model(name)
        queries.update(_uri_keys(operation.http["requestUri"]))
        for member, shape in operation.input_shape.members.items() if operation.input_shape else ():
            location, outside = shape.serialization.get("location"), str(shape.serialization.get("name", member))
            if location == "header":
                headers.add(outside.lower())
            elif location == "querystring" and shape.type_name != "map":
                queries.add(outside)
    return Known(frozenset(headers), frozenset(queries))


def _uri_keys(uri: str) -> Iterable[str]:
    """Return the query keys in an operation's URI: `lifecycle` of `/{Bucket}?lifecycle`."""
    return (pair.partition("=")[0] for pair in uri.partition("?")[2].split("&") if pair)


def ignores_header(name: str, method: str, names: Known) -> bool:
    """Tell whether a header, which the operation does not take, is ignored; by its lower-case name.  Else refuse it."""
    if not name.startswith(AMZ):
        # HTTP's own headers describe the message or its sender; of those in the model, only preconditions must not be
        # ignored.
        return name not in PRECONDITIONS or method in READS
    if name in HARMLESS or name.startswith(METADATA):
        return True
    return name not in names.headers and method in READS


def ignores_query(name: str, value: str, method: str, names: Known) -> bool:
    """Tell whether a query parameter, which no header has been moved to, is ignored unless the operation takes it."""
    if name in names.queries:
        return False
    return method in READS or bool(value) or name[:2].lower() == "x-"
