"""AWS Signature Version 4: verifies that the holder of the secret has signed the request.

Pure functions over a Head; see "Create a signed AWS API request" (IAM user guide) and "Authenticating Requests (AWS
Signature Version 4)" (S3 API reference) for the rules.
"""

from __future__ import annotations

import hmac
import posixpath
import re
from collections import OrderedDict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b, sha256
from itertools import chain, product, repeat
from operator import methodcaller
from urllib.parse import quote_from_bytes, unquote_to_bytes

from shim.auth.errors import AuthFault, auth_error
from shim.auth.request_signature import ALGORITHM, TIMESTAMP, Method, RequestSignature, Scope
from shim.errors import AwsError
from shim.protocol.message import Head

_KEYS_KEPT = 4096
_LONGEST_SCOPE = 255  # characters of the scope of a cached key; clients choose the region in it
# Text that is in the canonical encoding: unreserved characters (RFC 3986, 2.3) as they are, others as %XX in capitals.
_ENCODED = rb"[A-Za-z0-9._~-]*+(?:%(?:[0189A-F][0-9A-F]|2[0-9A-CF]|3[A-F]|40|5[B-E]|60|7[BCDF])[A-Za-z0-9._~-]*+)*+"
_CANONICAL = re.compile(_ENCODED)
_CANONICAL_QUERY = re.compile(rb"%(e)s=%(e)s(?:&%(e)s=%(e)s)*+" % {b"e": _ENCODED})
# A name and a value of a query, still encoded; an empty piece (`a=b&&c`) and the signature itself do not match.
_SIGNED_PAIR = re.compile(rb"(?<![^&])(?=[^&])(?!X-Amz-Signature(?![^=&]))([^&=]*+)=?([^&]*+)")
_MASKED = frozenset(
    (
        b"x-amz-security-token",
        b"x-amz-server-side-encryption-customer-key",
        b"x-amz-copy-source-server-side-encryption-customer-key",
    )
)


# Trims white space in header values, in one of the ways that clients do.
_Trim = Callable[[Iterable[bytes]], Iterable[bytes]]


@dataclass(slots=True)
class Verified:
    """A verified signature, with what the decoder of a signed body needs."""

    sig: RequestSignature
    payload: str  # the digest or mode of the body that was signed; '' where nothing was
    signing_key: bytes = field(default=b"", repr=False)
    seed_signature: str = field(default="", repr=False)


class _SigningKeys:
    """A cache of signing keys: a key is valid for a day, and deriving it takes four HMACs.

    Entries are found by a digest of the secret, so that the table holds no secret.  A secret has one entry for each
    service: a client that signs for thousands of regions replaces its own entry and no other client's.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._keys: OrderedDict[tuple[bytes, str], tuple[str, bytes]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many keys are kept."""
        return len(self._keys)

    def get(self, secret: str, scope: Scope) -> bytes:
        """Return the signing key of a secret for a scope."""
        raw = secret.encode()
        index = (blake2b(raw, digest_size=16).digest(), scope.service)
        found = self._keys.get(index)
        if found is not None and found[0] == scope.text:
            self._keys.move_to_end(index)
            return found[1]
        key = b"AWS4" + raw
        for step in (scope.date, scope.region, scope.service, "aws4_request"):
            key = hmac.digest(key, step.encode(), "sha256")
        if len(scope.text) > _LONGEST_SCOPE:
            return key
        self._keys[index] = (scope.text, key)
        if len(self._keys) > self._size:
            self._keys.popitem(last=False)
        return key


signing_keys = _SigningKeys(_KEYS_KEPT)


def verify(
    sig: RequestSignature,
    head: Head,
    *,
    secret: str,
    service: str,
    regions: Container[str],
    now: datetime,
    skew: timedelta,
    payload_hash: str,
    region: str = "",
) -> Verified:
    """Return the verified signature, or raise the error of `service`.

    `payload_hash` is the last line of the canonical request: the hex SHA-256 of the body where the caller has read
    it (EC2, STS), `sig.payload` for S3, whose body is checked as it flows.  `region` is the one to name to a client
    that signed for a region that is not ours.
    """
    scope = sig.scope
    assert scope is not None
    if scope.service != service or scope.region not in regions:
        query = sig.method is Method.V4_QUERY
        fault = AuthFault.WRONG_SCOPE_QUERY if query else AuthFault.WRONG_SCOPE
        raise wrong_scope(scope, service, region, fault)
    check_time(sig, service, now, skew)
    signed, headers = set(sig.signed_headers), head.first.keys()
    _check_signed_headers(signed, head, service, payload_hash)
    ordinary = canonical_request(sig, head, service, payload_hash)
    if headers >= signed:
        key = signing_keys.get(secret, scope)
        given = sig.value.encode("utf-8", "surrogateescape")
        for canonical in chain((ordinary,), _others(ordinary, sig, head, service, payload_hash)):
            expected = hmac.digest(key, string_to_sign(sig, canonical), "sha256").hex()
            if hmac.compare_digest(expected.encode(), given):
                return Verified(sig, payload_hash, key, expected)
    raise _mismatch(sig, service, ordinary)


def sign(secret: str, scope: Scope, text: bytes) -> str:
    """Return the signature of a text in hex."""
    return hmac.digest(signing_keys.get(secret, scope), text, "sha256").hex()


def wrong_scope(scope: Scope, service: str, ours: str, fault: AuthFault = AuthFault.WRONG_SCOPE) -> AwsError:
    """Return the error for a signature made for another service, or for a region that is not `ours`."""
    if scope.service != service:
        said = (
            f'incorrect service "{scope.service}". This endpoint belongs to "s3".'
            if service == "s3"
            else f"Credential should be scoped to correct service: '{service}'."
        )
        return auth_error(service, fault, said)
    if service != "s3":
        return auth_error(service, fault, f"Credential should be scoped to a valid region, not '{scope.region}'.")
    error = auth_error(service, fault, f"the region '{scope.region}' is wrong; expecting '{ours}'", {"Region": ours})
    # SDKs sign again for the region that the answer names; an answer to HEAD names it in this header alone.
    error.headers["x-amz-bucket-region"] = ours
    return error


def check_time(sig: RequestSignature, service: str, now: datetime, skew: timedelta) -> None:
    """Raise AwsError for a signature that is too old, expired, or from the future."""
    time = sig.time
    assert time is not None
    if time - now > skew:
        raise _untimely(sig, service, AuthFault.EARLY if sig.method is Method.V4_QUERY else AuthFault.SKEWED, now, skew)
    if sig.expires is None:
        if now - time > skew:
            raise _untimely(sig, service, AuthFault.SKEWED, now, skew)
    elif now - time > timedelta(seconds=sig.expires):
        raise _untimely(sig, service, AuthFault.EXPIRED, now, timedelta(seconds=sig.expires))


def _untimely(sig: RequestSignature, service: str, fault: AuthFault, now: datetime, span: timedelta) -> AwsError:
    assert sig.time is not None
    minutes = f"{span.total_seconds() / 60:g} min."
    early = sig.time > now
    edge = (now + span if early else now - span).strftime(TIMESTAMP)
    said = (
        f"Signature not yet current: {sig.timestamp} is still later than {edge} ({now:{TIMESTAMP}} + {minutes})"
        if early
        else f"Signature expired: {sig.timestamp} is now earlier than {edge} ({now:{TIMESTAMP}} - {minutes})"
    )
    iso = "%Y-%m-%dT%H:%M:%SZ"
    extra = {"ServerTime": now.strftime(iso)}
    if fault is AuthFault.EXPIRED:
        extra |= {"X-Amz-Expires": str(sig.expires), "Expires": (sig.time + span).strftime(iso)}
    elif fault is AuthFault.SKEWED:
        milliseconds = str(int(span.total_seconds() * 1000))
        extra |= {"RequestTime": sig.timestamp, "MaxAllowedSkewMilliseconds": milliseconds}
    return auth_error(service, fault, said, extra)


def _check_signed_headers(signed: set[str], head: Head, service: str, payload_hash: str) -> None:
    """Refuse a request whose `host`, or any of whose `x-amz-*`, the signature does not cover.

    S3 API reference: "you must include the host header ... and any x-amz-* headers in the request".  Otherwise
    whoever holds a presigned URL could add x-amz-copy-source or x-amz-acl to it.  x-amz-content-sha256 may stand
    outside, as S3 lets it, where its value is the canonical request's last line and so is signed all the same.
    """
    if "host" not in signed:
        raise auth_error(service, AuthFault.NOT_SIGNED, "'Host' or ':authority'", {"HeadersNotSigned": "host"})
    unsigned = head.first.keys() - signed
    if "x-amz-" not in "\n".join(unsigned):
        return
    loose = sorted(name for name in unsigned if name.startswith("x-amz-"))
    if "x-amz-content-sha256" in loose and head.header("x-amz-content-sha256") == payload_hash:
        loose.remove("x-amz-content-sha256")
    if loose:
        quoted = ", ".join(f"'{name}'" for name in loose)
        raise auth_error(service, AuthFault.NOT_SIGNED, quoted, {"HeadersNotSigned": ", ".join(loose)})


def string_to_sign(sig: RequestSignature, canonical: bytes) -> bytes:
    """Return the text that the signing key signs."""
    assert sig.scope is not None
    return f"{ALGORITHM}\n{sig.timestamp}\n{sig.scope.text}\n{sha256(canonical).hexdigest()}".encode()


def canonical_request(sig: RequestSignature, head: Head, service: str, payload_hash: str) -> bytes:
    """Return the canonical request as AWS documents it."""
    path = _PATHS.get(service, _PLAIN)[0](head.raw_path or b"/")
    headers = _headers(sig.signed_headers, head.first, _fold)
    query = _query(head.raw_query) if head.raw_query else b""
    return _request(sig, head, path, query, headers, payload_hash)


def _others(ordinary: bytes, sig: RequestSignature, head: Head, service: str, payload_hash: str) -> Iterator[bytes]:
    """Yield the other canonical requests that clients make of the same request.

    All of them are computed from the same bytes, so accepting them does not help a forger.  Clients differ in how they
    encode, fold headers and write the port.
    """
    folds = [value for name in sig.signed_headers if "  " in (value := head.header(name)) or "\t" in value]
    trims = (_fold, _strip) if folds else (_fold,)
    # Each part is computed once: these computations are the cost of a wrong signature.
    headers = [
        _headers(sig.signed_headers, {**head.first, "host": host}, trim) for host, trim in product(_hosts(head), trims)
    ]
    queries = [query(head.raw_query) for query in (_query, _as_sent_query)]
    paths = [path(head.raw_path or b"/") for path in _PATHS.get(service, _PLAIN)]
    for lines, query, path in product(*map(dict.fromkeys, (headers, queries, paths))):
        canonical = _request(sig, head, path, query, lines, payload_hash)
        if canonical != ordinary:
            yield canonical


def _request(sig: RequestSignature, head: Head, path: bytes, query: bytes, headers: bytes, payload_hash: str) -> bytes:
    tail = f"{';'.join(sig.signed_headers)}\n{payload_hash}".encode("latin-1", "replace")
    return b"\n".join((head.method.encode(), path, query, headers, tail))


def _headers(names: tuple[str, ...], values: Mapping[str, str], trim: _Trim) -> bytes:
    """Return a line `name:value` for each signed header; the values of a repeated one are joined by a comma."""
    sent = map(values.get, names, repeat(""))
    lines = map(b":".join, zip(map(_latin, names), trim(map(_latin, sent)), strict=True))
    return b"\n".join(lines) + b"\n"


_latin = methodcaller("encode", "latin-1", "replace")


def _fold(values: Iterable[bytes]) -> Iterable[bytes]:
    # On bytes, not on text: str.split() would also split at U+00A0, the second byte of many a UTF-8 letter.
    return map(b" ".join, map(bytes.split, values))


def _strip(values: Iterable[bytes]) -> Iterable[bytes]:
    return map(bytes.strip, values)


def _hosts(head: Head) -> list[str]:
    """Return the spellings of the Host header that clients sign: with a default port or none, or one port twice.

    boto 2 appends a port to a host that has one already, and not always on both the wire and in the signature.
    """
    host = head.header("host")
    name, colon, port = host.rpartition(":")
    if colon and port.isdecimal():
        single = name.removesuffix(f":{port}")
        hosts = [host, f"{single}:{port}", f"{single}:{port}:{port}"]
        if port in {"80", "443"}:
            hosts.append(single)
    else:
        hosts = [host, f"{host}:{443 if head.scheme == 'https' else 80}"]
    return hosts


def _query(raw: bytes) -> bytes:
    """Return the canonical query: every name and value decoded and encoded anew, sorted."""
    pairs = _SIGNED_PAIR.findall(raw)
    if not _CANONICAL_QUERY.fullmatch(raw):
        pairs = [(_recode(name), _recode(value)) for name, value in pairs]
    return b"&".join(map(b"=".join, sorted(pairs)))


def _as_sent_query(raw: bytes) -> bytes:
    """Return the query sorted and otherwise as it was sent, which is what botocore signs."""
    return b"&".join(map(b"=".join, sorted(_SIGNED_PAIR.findall(raw))))


def _recode(raw: bytes) -> bytes:
    if _CANONICAL.fullmatch(raw):
        return raw
    return quote_from_bytes(unquote_to_bytes(raw.replace(b"+", b" ")), safe="-_.~").encode()


def _once(path: bytes) -> bytes:
    return quote_from_bytes(unquote_to_bytes(path), safe="/-_.~").encode()


def _normal(path: bytes) -> bytes:
    normal = posixpath.normpath(re.sub(b"/+", b"/", path))
    return normal + b"/" if path.endswith(b"/") and normal != b"/" else normal


def _twice(path: bytes) -> bytes:
    return quote_from_bytes(_normal(path), safe="/-_.~").encode()


# The canonical path: for S3 as sent ("you do not normalize URI paths for requests to Amazon S3": keys may hold // and
# ..), or encoded anew; for other services normalised and encoded once more, or in the ways of clients that do less.
# `bytes` gives back the very path that it is given.
_PATHS: Mapping[str, tuple[Callable[[bytes], bytes], ...]] = {"s3": (bytes, _once)}
_PLAIN = (_twice, _normal, _once, bytes)


def _mismatch(sig: RequestSignature, service: str, canonical: bytes) -> AwsError:
    """Return SignatureDoesNotMatch; for S3 with the canonical request and the string to sign, as S3 sends them."""
    text = string_to_sign(sig, canonical)
    shown = masked(canonical)
    extra = {
        "AWSAccessKeyId": sig.access_key,
        "StringToSign": text.decode(),
        "SignatureProvided": sig.value,
        "StringToSignBytes": text.hex(" "),
        "CanonicalRequest": shown.decode("utf-8", "replace"),
        "CanonicalRequestBytes": shown.hex(" "),
    }
    return auth_error(service, AuthFault.MISMATCH, extra=extra)


def masked(text: bytes) -> bytes:
    """Return a text of header lines that may be sent back: without encryption keys and session tokens."""
    return b"\n".join(map(_mask, text.split(b"\n")))


def _mask(line: bytes) -> bytes:
    name, _, _ = line.partition(b":")
    return name + b":***" if name in _MASKED else line
