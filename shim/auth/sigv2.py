"""AWS Signature Version 2 for S3: old clients still sign so, and boto3 presigns so for the old regions' names.

See "Signing and authenticating REST requests (AWS signature version 2)", S3 API reference.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from urllib.parse import quote_from_bytes, unquote_to_bytes

from shim.auth.errors import AuthFault, auth_error
from shim.auth.request_signature import Method, RequestSignature
from shim.auth.sigv4 import Verified, check_time, masked
from shim.errors import AwsError
from shim.protocol.message import Head

# Sub-resources that the reference and the signers of botocore and boto put into the signed resource.
_SIGNED_WORDS = """
accelerate acl analytics cors defaultObjectAcl delete inventory lifecycle location logging metrics notification
object-lock partNumber policy replication requestPayment restore select select-type storageClass tagging torrent
uploadId uploads versionId versioning versions website response-cache-control response-content-disposition
response-content-encoding response-content-language response-content-type response-expires
"""
# Sub-resources that are newer than version 2, so that its clients do not sign them.  A presigned URL must sign them
# nevertheless: they change the operation, and whoever has the URL could add them.
_LATER_WORDS = """
abac annotation annotationName attributes encryption intelligent-tiering legal-hold metadataAnnotationTable
metadataConfiguration metadataInventoryTable metadataJournalTable metadataTable ownershipControls policyStatus
publicAccessBlock renameObject retention session
"""
_SIGNED = frozenset(_SIGNED_WORDS.split())
SIGNED_IN_URLS = _SIGNED.union(_LATER_WORDS.split())


def verify(
    sig: RequestSignature, head: Head, *, secret: str, now: datetime, skew: timedelta, bucket_from_host: str = ""
) -> Verified:
    """Return the verified signature, or raise S3's error.

    `bucket_from_host` is the bucket of a virtual-host style request: it is signed as the first part of the path.
    """
    if sig.method is Method.V2_QUERY:
        _check_expiry(sig, now)
    else:
        check_time(sig, "s3", now, skew)
    given = sig.value.encode("utf-8", "surrogateescape")
    for text in _candidates(sig, head, bucket_from_host):
        expected = b64encode(hmac.digest(secret.encode(), text, "sha1"))
        if hmac.compare_digest(expected, given):
            return Verified(sig, sig.payload)
    text = masked(string_to_sign(sig, head, bucket_from_host))
    extra = {
        "AWSAccessKeyId": sig.access_key,
        "StringToSign": text.decode("utf-8", "replace"),
        "SignatureProvided": sig.value,
        "StringToSignBytes": text.hex(" "),
    }
    raise auth_error("s3", AuthFault.MISMATCH, extra=extra)


def _check_expiry(sig: RequestSignature, now: datetime) -> None:
    assert sig.expires is not None
    if now.timestamp() > sig.expires:
        iso = "%Y-%m-%dT%H:%M:%SZ"
        expires = datetime.fromtimestamp(sig.expires, UTC).strftime(iso)
        raise AwsError(
            "AccessDenied", "Request has expired", 403, extra={"Expires": expires, "ServerTime": f"{now:{iso}}"}
        )


def string_to_sign(sig: RequestSignature, head: Head, bucket_from_host: str = "") -> bytes:
    """Return the text that is signed with the secret, as the reference documents it."""
    return next(_candidates(sig, head, bucket_from_host))


def _candidates(sig: RequestSignature, head: Head, bucket: str) -> Iterator[bytes]:
    dates = [str(sig.expires)] if sig.method is Method.V2_QUERY else _dates(head)
    sets = [SIGNED_IN_URLS]
    if sig.method is Method.V2_HEADER:
        sets.append(_SIGNED)
    for date, path, names in product(dates, _paths(head.raw_path or b"/", bucket), sets):
        yield _front(sig, head, date) + path + _sub_resources(head, names)


def _paths(raw: bytes, bucket: str) -> list[bytes]:
    """Return the signed path: as sent, or encoded anew; botocore signs a bucket as `/bucket/` and sends `/bucket`."""
    prefix = b"/" + bucket.encode() if bucket else b""
    once = quote_from_bytes(unquote_to_bytes(raw), safe="/-_.~").encode()
    paths = [prefix + raw, prefix + once]
    if not bucket and raw.count(b"/") == 1 and raw != b"/":
        paths += [raw + b"/", once + b"/"]
    return list(dict.fromkeys(paths))


def _dates(head: Head) -> list[str]:
    """Return the possible Date lines: empty where x-amz-date is given; botocore signs `Date` even then."""
    date = head.header("date").strip()
    return ["", date] if "x-amz-date" in head.first else [date]


def _front(sig: RequestSignature, head: Head, date: str) -> bytes:
    """Return all but the resource: method, three standard headers, the date or expiry, the x-amz-* headers."""
    amz: dict[str, list[str]] = {}
    for name, value in head.headers:
        if name.startswith("x-amz-"):
            # "Unfold" long headers: a folded value counts as one line.
            amz.setdefault(name, []).append(" ".join(line.strip(" \t") for line in value.splitlines()))
    # A presigned URL carries x-amz-* that were signed as headers, where a browser could not send them.  They count as
    # headers in any request, so they must be signed in any: x-amz-copy-source turns an upload into a copy.
    for name, value in head.query:
        if name.lower().startswith("x-amz-"):
            amz.setdefault(name.lower(), [value.encode("utf-8", "surrogateescape").decode("latin-1")])
    lines = [head.method, head.header("content-md5").strip(), head.header("content-type").strip(), date]
    lines += [f"{name}:{','.join(amz[name])}" for name in sorted(amz)]
    return "\n".join(lines).encode("latin-1", "replace") + b"\n"


def _sub_resources(head: Head, names: frozenset[str]) -> bytes:
    """Return the signed part of the query, sorted by name, values decoded, `?a&b=c` or nothing.

    Names are decoded too, as `%75ploads` means what `uploads` means.
    """
    found = []
    for piece in head.raw_query.split(b"&"):
        name, equals, value = piece.partition(b"=")
        name = unquote_to_bytes(name)
        if name.decode("latin-1") in names:
            found.append((name, equals + unquote_to_bytes(value)))
    return b"?" + b"&".join(name + value for name, value in sorted(found)) if found else b""
