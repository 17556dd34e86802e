"""AWS Signature Version 4: whether a signature is the one that the holder of the secret would make of this request.

Pure functions over a Head; see "Create a signed AWS API request" (IAM user guide) and "Authenticating Requests (AWS
Signature Version 4)" (S3 API reference) for the rules.
"""

from __future__ import annotations

import hmac
import posixpath
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b, sha256
from itertools import product
from urllib.parse import quote_from_bytes, unquote_to_bytes

from shim.auth.claims import ALGORITHM, TIMESTAMP, Claim, Method, Scope
from shim.auth.refusals import Doubt, refuse
from shim.errors import AwsError
from shim.protocol.message import Head

_KEYS_KEPT = 4096
# Text that is in the canonical encoding: unreserved characters (RFC 3986, 2.3) as they are, others as %XX in capitals.
_ENCODED = rb"(?:[A-Za-z0-9._~-]|%(?:[0189A-F][0-9A-F]|2[0-9A-CF]|3[A-F]|40|5[B-E]|60|7[BCDF]))*"
_CANONICAL = re.compile(_ENCODED)
_CANONICAL_QUERY = re.compile(rb"%(e)s=%(e)s(?:&%(e)s=%(e)s)*" % {b"e": _ENCODED})
_MASKED = frozenset(
    (
        b"x-amz-security-token",
        b"x-amz-server-side-encryption-customer-key",
        b"x-amz-copy-source-server-side-encryption-customer-key",
    )
)


@dataclass(frozen=True, slots=True)
class Verified:
    """A claim that held, with what the decoder of a signed body needs to go on from it."""

    claim: Claim
    service: str
    payload: str  # the digest or mode of the body that was signed; '' where nothing was
    scope: str = ""  # date/region/service/aws4_request; '' for version 2
    timestamp: str = ""
    signing_key: bytes = field(default=b"", repr=False)
    seed_signature: str = field(default="", repr=False)


class _SigningKeys:
    """The latest signing keys: a key serves a whole day, and deriving it is four HMACs.

    Entries are found by a digest of the secret, so that the table holds no secret.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._keys: OrderedDict[tuple[bytes, str], bytes] = OrderedDict()

    def get(self, secret: str, scope: Scope) -> bytes:
        """Return the signing key of a secret for a scope."""
        raw = secret.encode()
        index = (blake2b(raw, digest_size=16).digest(), str(scope))
        found = self._keys.get(index)
        if found is None:
            found = b"AWS4" + raw
            for step in (scope.date, scope.region, scope.service, "aws4_request"):
                found = hmac.digest(found, step.encode(), "sha256")
            self._keys[index] = found
            if len(self._keys) > self._size:
                self._keys.popitem(last=False)
        else:
            self._keys.move_to_end(index)
        return found


_signing_keys = _SigningKeys(_KEYS_KEPT)


def verify(
    claim: Claim,
    head: Head,
    *,
    secret: str,
    service: str,
    regions: frozenset[str],
    now: datetime,
    skew: timedelta,
    payload_hash: str,
    region: str = "",
) -> Verified:
    """Return what the signature proves, or raise AwsError in the words of `service`.

    `payload_hash` is the last line of the canonical request: the hex SHA-256 of the body where the caller has read
    it (EC2, STS), `claim.payload` for S3, whose body is checked as it flows.  `region` is the one to name to a client
    that signed for a region that is not ours.
    """
    scope = claim.scope
    assert scope is not None
    _check_scope(scope, claim, service, regions, region)
    check_time(claim, service, now, skew)
    _check_signed_headers(claim, head, service, payload_hash)
    if all(name in head.first for name in claim.signed_headers):
        key, named = _signing_keys.get(secret, scope), str(scope)
        given = claim.signature.encode("utf-8", "surrogateescape")
        for canonical in _candidates(claim, head, service, payload_hash):
            expected = hmac.digest(key, string_to_sign(claim, canonical), "sha256").hex()
            if hmac.compare_digest(expected.encode(), given):
                return Verified(claim, service, payload_hash, named, claim.timestamp, key, expected)
    raise _mismatch(claim, head, service, payload_hash)


def _check_scope(scope: Scope, claim: Claim, service: str, regions: frozenset[str], region: str) -> None:
    query = claim.method is Method.V4_QUERY
    doubt = Doubt.WRONG_SCOPE_QUERY if query else Doubt.WRONG_SCOPE
    if scope.service != service:
        said = (
            f'incorrect service "{scope.service}". This endpoint belongs to "s3".'
            if service == "s3"
            else f"Credential should be scoped to correct service: '{service}'."
        )
        raise refuse(service, doubt, said)
    if scope.region not in regions:
        ours = region or min(regions)
        said = (
            f"the region '{scope.region}' is wrong; expecting '{ours}'"
            if service == "s3"
            else f"Credential should be scoped to a valid region, not '{scope.region}'."
        )
        raise refuse(service, doubt, said, extra={"Region": ours})


def check_time(claim: Claim, service: str, now: datetime, skew: timedelta) -> None:
    """Refuse what was signed too long ago, or will be signed in the future."""
    assert claim.time is not None
    presigned = claim.method is Method.V4_QUERY
    if claim.time - now > skew:
        raise _untimely(claim, service, Doubt.EARLY if presigned else Doubt.SKEWED, now, skew)
    if claim.expires is not None and presigned:
        if now > claim.time + timedelta(seconds=claim.expires):
            raise _untimely(claim, service, Doubt.EXPIRED, now, timedelta(seconds=claim.expires))
    elif now - claim.time > skew:
        raise _untimely(claim, service, Doubt.SKEWED, now, skew)


def _untimely(claim: Claim, service: str, doubt: Doubt, now: datetime, span: timedelta) -> AwsError:
    assert claim.time is not None
    minutes = f"{span.total_seconds() / 60:g} min."
    early = claim.time > now
    edge = (now + span if early else now - span).strftime(TIMESTAMP)
    said = (
        f"Signature not yet current: {claim.timestamp} is still later than {edge} ({now:{TIMESTAMP}} + {minutes})"
        if early
        else f"Signature expired: {claim.timestamp} is now earlier than {edge} ({now:{TIMESTAMP}} - {minutes})"
    )
    iso = "%Y-%m-%dT%H:%M:%SZ"
    extra = {"ServerTime": now.strftime(iso)}
    if doubt is Doubt.EXPIRED:
        extra |= {"X-Amz-Expires": str(claim.expires), "Expires": (claim.time + span).strftime(iso)}
    elif doubt is Doubt.SKEWED:
        milliseconds = str(int(span.total_seconds() * 1000))
        extra |= {"RequestTime": claim.timestamp, "MaxAllowedSkewMilliseconds": milliseconds}
    return refuse(service, doubt, said, extra)


def _check_signed_headers(claim: Claim, head: Head, service: str, payload_hash: str) -> None:
    """Refuse a request whose `host`, or any of whose `x-amz-*`, the signature does not cover.

    S3 API reference: "you must include the host header ... and any x-amz-* headers in the request".  Otherwise
    whoever holds a presigned URL could add x-amz-copy-source or x-amz-acl to it.  x-amz-content-sha256 may stand
    outside, as S3 lets it, where its value is the canonical request's last line and so is signed all the same.
    """
    signed = claim.signed_headers
    if "host" not in signed:
        raise refuse(service, Doubt.NOT_SIGNED, "'Host' or ':authority'", {"HeadersNotSigned": "host"})
    loose = sorted(name for name in head.first if name.startswith("x-amz-") and name not in signed)
    if "x-amz-content-sha256" in loose and head.header("x-amz-content-sha256") == payload_hash:
        loose.remove("x-amz-content-sha256")
    if loose:
        quoted = ", ".join(f"'{name}'" for name in loose)
        raise refuse(service, Doubt.NOT_SIGNED, quoted, {"HeadersNotSigned": ", ".join(loose)})


def string_to_sign(claim: Claim, canonical: bytes) -> bytes:
    """Return the text that the signing key signs."""
    return f"{ALGORITHM}\n{claim.timestamp}\n{claim.scope}\n{sha256(canonical).hexdigest()}".encode()


def canonical_request(claim: Claim, head: Head, service: str, payload_hash: str) -> bytes:
    """Return the canonical request as AWS documents it."""
    return next(_candidates(claim, head, service, payload_hash))


def _candidates(claim: Claim, head: Head, service: str, payload_hash: str) -> Iterator[bytes]:
    """Yield the canonical requests that a client may have signed for these very bytes, AWS's own one first.

    Every one of them is a function of what came over the wire, so accepting the others lends nothing to a forger;
    they let in clients that encode, fold or name the port in their own way.
    """
    values: dict[str, list[bytes]] = {name: [] for name in claim.signed_headers}
    for name, value in head.headers:
        if name in values:
            values[name].append(value.encode("latin-1", "replace"))
    names = ";".join(claim.signed_headers).encode("latin-1", "replace")
    tail = names + b"\n" + payload_hash.encode("latin-1", "replace")
    method = head.method.encode()
    raw, paths = head.raw_path or b"/", _PATHS.get(service, _PLAIN)
    first = b"\n".join((method, paths[0](raw), _query(head), _headers(values, _fold), tail))
    yield first
    tried = {first}
    trims = (_fold, _strip) if any(b"  " in v or b"\t" in v for vs in values.values() for v in vs) else (_fold,)
    for host, trim, query, path in product(_hosts(head), trims, (_query, _sent_query), paths):
        values["host"] = [host]
        canonical = b"\n".join((method, path(raw), query(head), _headers(values, trim), tail))
        if canonical not in tried:
            tried.add(canonical)
            yield canonical


def _headers(values: dict[str, list[bytes]], trim: Callable[[bytes], bytes]) -> bytes:
    """Return a line `name:value` for each signed header; the values of a repeated one are joined by a comma."""
    lines = []
    for name, several in values.items():
        value = trim(several[0]) if len(several) == 1 else b",".join(map(trim, several))
        lines.append(name.encode("latin-1", "replace") + b":" + value + b"\n")
    return b"".join(lines)


def _fold(value: bytes) -> bytes:
    # On bytes, not on text: str.split() would also split at U+00A0, the second byte of many a UTF-8 letter.
    return b" ".join(value.split())


def _strip(value: bytes) -> bytes:
    return value.strip()


def _hosts(head: Head) -> list[bytes]:
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
    return [text.encode("latin-1", "replace") for text in hosts]


def _query(head: Head) -> bytes:
    """Return the canonical query: every name and value decoded and encoded anew, sorted."""
    if _CANONICAL_QUERY.fullmatch(head.raw_query):
        return _sent_query(head)
    return _joined((_recode(name), _recode(value)) for name, value in _query_pieces(head))


def _sent_query(head: Head) -> bytes:
    """Return the query sorted and otherwise as it was sent, which is what botocore signs."""
    return _joined((name, value) for name, value in _query_pieces(head))


def _query_pieces(head: Head) -> Iterator[tuple[bytes, bytes]]:
    for piece in head.raw_query.split(b"&") if head.raw_query else ():
        name, _, value = piece.partition(b"=")
        if piece and name != b"X-Amz-Signature":
            yield name, value


def _joined(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    return b"&".join([name + b"=" + value for name, value in sorted(pairs)])


def _recode(raw: bytes) -> bytes:
    if _CANONICAL.fullmatch(raw):
        return raw
    return quote_from_bytes(unquote_to_bytes(raw.replace(b"+", b" ")), safe="-_.~").encode()


def _as_sent(path: bytes) -> bytes:
    return path


def _once(path: bytes) -> bytes:
    return quote_from_bytes(unquote_to_bytes(path), safe="/-_.~").encode()


def _normal(path: bytes) -> bytes:
    normal = posixpath.normpath(re.sub(b"/+", b"/", path))
    return normal + b"/" if path.endswith(b"/") and normal != b"/" else normal


def _twice(path: bytes) -> bytes:
    return quote_from_bytes(_normal(path), safe="/-_.~").encode()


# The canonical path: for S3 as sent ("you do not normalize URI paths for requests to Amazon S3": keys may hold // and
# ..), or encoded anew; for other services normalised and encoded once more, or in the ways of clients that do less.
_PATHS = {"s3": (_as_sent, _once)}
_PLAIN = (_twice, _normal, _once, _as_sent)


def _mismatch(claim: Claim, head: Head, service: str, payload_hash: str) -> AwsError:
    """Build SignatureDoesNotMatch; for S3 with what the client should have signed, as S3 tells it."""
    canonical = canonical_request(claim, head, service, payload_hash)
    text = string_to_sign(claim, canonical)
    shown = masked(canonical)
    extra = {
        "AWSAccessKeyId": claim.access_key,
        "StringToSign": text.decode(),
        "SignatureProvided": claim.signature,
        "StringToSignBytes": text.hex(" "),
        "CanonicalRequest": shown.decode("utf-8", "replace"),
        "CanonicalRequestBytes": shown.hex(" "),
    }
    return refuse(service, Doubt.MISMATCH, extra=extra)


def masked(text: bytes) -> bytes:
    """Return a text of header lines as it may be told back: without encryption keys and session tokens."""
    return b"\n".join(map(_mask, text.split(b"\n")))


def _mask(line: bytes) -> bytes:
    name, _, _ = line.partition(b":")
    return name + b":***" if name in _MASKED else line
