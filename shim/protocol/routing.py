"""Finds the service of a request, and for S3 its bucket and key.

All services share one endpoint, so the service comes from the credential scope.  Bucket and key come from Host and
path.  The path is decoded exactly once, so that keys keep their `//`, `..`, `%2F` and `+`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from shim.errors import AwsError
from shim.protocol.message import Address, Head

LONGEST_KEY = 1024  # bytes of UTF-8
LONGEST_HOST = 255  # a domain name's limit (RFC 1035, 2.3.4); longer ones are refused as they come in

_CREDENTIAL = re.compile(r"Credential\s*+=\s*+([^,\s]++)")
# The service in `<key>/<date>/<region>/<service>/aws4_request`; from the right, as a key may hold a slash.
_SCOPED = re.compile(r".*/[^/]*/[^/]*/([^/]*)/aws4_request", re.DOTALL)
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")

# The service of a query call without a credential scope (SigV2, or unsigned as AssumeRoleWithWebIdentity is).
_BY_VERSION = {"2011-06-15": "sts", "2010-05-08": "iam"}


def service_for(head: Head, form: Iterable[tuple[str, str]] = ()) -> str:
    """Return the service of a request: the one in its credential scope; without one, S3 unless it is a query call."""
    authorization = head.first.get("authorization", "")
    if authorization.startswith("AWS4-"):
        found = _CREDENTIAL.search(authorization)
        credential = found[1] if found else ""
    else:
        credential = head.values.get("X-Amz-Credential", "")
    scoped = _SCOPED.fullmatch(credential)
    if scoped and scoped[1]:
        return scoped[1]
    if authorization.startswith("AWS ") or head.raw_path.strip(b"/"):
        return "s3"
    words = {name: value for name, value in (*head.query, *form) if name in ("Action", "Version")}
    if "Action" not in words:
        return "sts" if _is_unread_query_call(head) else "s3"
    return _BY_VERSION.get(words.get("Version", ""), "ec2")


def _is_unread_query_call(head: Head) -> bool:
    """Tell whether a request is a query call whose form has the action: S3 takes no such form at its root.

    A form is not read before a signature is found, so such a call is refused, in the envelope that its client reads.
    """
    kind = head.first.get("content-type", "").partition(";")[0].strip().lower()
    return head.method == "POST" and not head.query and kind == "application/x-www-form-urlencoded"


def unsupported_service(name: str) -> AwsError:
    """Return the error for a service that the gateway lacks, to be written by `faults.query`."""
    return AwsError(
        "InvalidAction", f"The service {_shown(name)} is not supported at this endpoint.", 400, refused=_shown(name)
    )


def address(head: Head, s3_hosts: tuple[str, ...] = ()) -> Address:
    """Return the bucket and key of a request to S3; `s3_hosts` are the domains of virtual-host style requests."""
    bucket = bucket_in_host(head.first.get("host", ""), s3_hosts)
    path = head.raw_path.removeprefix(b"/")
    if not bucket:
        first, _, path = path.partition(b"/")
        if first:
            if len(first) > LONGEST_KEY:  # no bucket has so long a name, so it is not decoded
                raise _no_bucket(_shown(first))
            bucket = _decode(first)
        elif path:
            raise _no_bucket("")
    if len(path) > LONGEST_KEY:  # decoded, it can only be shorter
        _measure(path)
    return Address(bucket, _decode(path))


def bucket_in_host(host: str, s3_hosts: tuple[str, ...]) -> str:
    """Return the bucket of a virtual-host style Host header, or ''.  boto 2 repeats the port: `host:8080:8080`."""
    return "" if not s3_hosts or len(host) > LONGEST_HOST else _bucket_in_host(host, s3_hosts)


@lru_cache(maxsize=1024)
def _bucket_in_host(host: str, s3_hosts: tuple[str, ...]) -> str:
    """Split a Host header; its length is bounded before, so that the cache stays small."""
    name = host.partition(":")[0].rstrip(".").lower()
    if name in s3_hosts or host.startswith("["):
        return ""
    for base in sorted(s3_hosts, key=len, reverse=True):
        if name.endswith("." + base):
            return name[: -len(base) - 1]
    return ""


def website(host: str, website_hosts: tuple[str, ...]) -> str | None:
    """Return the bucket of a website's Host header, '' if the host is above all websites; None for another host."""
    bucket = bucket_in_host(host, website_hosts)
    return bucket if bucket or host.partition(":")[0].rstrip(".").lower() in website_hosts else None


def _no_bucket(shown: str) -> AwsError:
    return AwsError("InvalidBucketName", "The specified bucket is not valid.", 400, extra={"BucketName": shown})


def _measure(path: bytes) -> None:
    """Raise AwsError for a key that is too long; each escape is one byte of it, so it need not be decoded."""
    size = len(path) - 2 * path.count(b"%")
    if size > LONGEST_KEY:
        extra = {"Size": str(size), "MaxSizeAllowed": str(LONGEST_KEY)}
        raise AwsError("KeyTooLongError", "Your key is too long", 400, extra=extra)


def _decode(path: bytes) -> str:
    try:
        if b"%" not in path:
            return path.decode()
        if not _BAD_ESCAPE.search(path):
            return unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        pass
    raise AwsError("InvalidURI", "Couldn't parse the specified URI.", 400, extra={"URI": _shown(path)})


def _shown(text: bytes | str) -> str:
    return (text.decode("latin-1") if isinstance(text, bytes) else text.encode("utf-8", "replace").decode())[:1024]
