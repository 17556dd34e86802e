"""Sign a request anew for its target: the host differs, and perhaps the credentials do.

What the client chose stays: the time of the signature, its scope, the life of a presigned URL, and the digest or the
mode of the body, so that the target checks the body just as it would without a recorder between them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes

from shim.auth.chunked import ChunkSigner
from shim.auth.request_signature import ALGORITHM, TIMESTAMP, UNSIGNED, WEEK, Method, RequestSignature, Scope
from shim.auth.sigv4 import canonical_request, sign, signing_keys, string_to_sign
from shim.protocol.message import Head

_OF_SIGNATURE: Final = frozenset(
    name.lower()
    for name in (
        "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature",
        "X-Amz-Security-Token", "AWSAccessKeyId", "Signature", "Expires",
    )
)  # fmt: skip
_REPLACED: Final = frozenset({"authorization", "x-amz-security-token", "x-amz-date", "host"})


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key, with the token where it is a session's."""

    access: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)


class Keyring:
    """The credentials that sign: those that were named for the target, and sessions' that the target gave out."""

    def __init__(self, named: Callable[[], Credentials]) -> None:
        self._named = named
        self._sessions: dict[str, Credentials] = {}

    def of(self, access_key: str) -> Credentials:
        """Return the credentials for what a client signed with an access key."""
        return self._sessions.get(access_key) or self._named()

    def learn(self, answer: Mapping[str, Any]) -> None:
        """Remember the session whose credentials an answer of STS holds."""
        given = answer.get("Credentials") or {}
        if given.get("SecretAccessKey"):
            found = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given.get("SessionToken", ""))
            self._sessions[found.access] = found


def signed(
    head: Head, sig: RequestSignature, service: str, payload: str, credentials: Credentials, region: str, now: datetime
) -> tuple[Head, ChunkSigner]:
    """Return a head whose host and path are the target's, signed, and what signs the chunks of its body.

    `payload` is the digest of the body, or its mode; `region` is for signatures of version 2, which name none.
    """
    expires = sig.expires
    if sig.method is Method.V2_QUERY:  # its end is a time, and a signature of version 4 has a beginning and a life
        end = datetime.fromtimestamp(sig.expires or 0, UTC)
        start = min(now, end - timedelta(seconds=1))
        expires = min(int((end - start).total_seconds()), WEEK)
    else:
        start = sig.time or now
    stamp = sig.timestamp if sig.scope else start.strftime(TIMESTAMP)
    scope = _scope(sig.scope, stamp, region, service)
    query = sig.presigned
    kept = tuple(pair for pair in head.headers if pair[0] not in _REPLACED or pair[0] == "host")
    added = () if query else (("x-amz-date", stamp), *_token(credentials))
    if service == "s3" and not query and "x-amz-content-sha256" not in head.first:
        added = (*added, ("x-amz-content-sha256", payload))
    prepared = replace(head, headers=kept + added)
    names = {name for name in sig.signed_headers if name in prepared.first} | {"host"}
    names |= (
        {name for name in prepared.first if name.startswith("x-amz-")} if sig.method is not Method.V4_QUERY else set()
    )
    new = replace(
        sig,
        method=Method.V4_QUERY if query else Method.V4_HEADER,
        access_key=credentials.access,
        scope=scope,
        signed_headers=tuple(sorted(names)),
        timestamp=stamp,
    )
    if query:
        prepared = replace(prepared, raw_query=_query(prepared.raw_query, new, credentials, expires))
    value = sign(credentials.secret, scope, string_to_sign(new, canonical_request(new, prepared, service, payload)))
    signer = ChunkSigner(signing_keys.get(credentials.secret, scope), stamp, scope.text, value)
    if query:
        return replace(prepared, raw_query=prepared.raw_query + b"&X-Amz-Signature=" + value.encode()), signer
    line = f"{ALGORITHM} Credential={credentials.access}/{scope.text}, SignedHeaders={';'.join(new.signed_headers)}, "
    return replace(prepared, headers=(*prepared.headers, ("authorization", f"{line}Signature={value}"))), signer


def payload_of(sig: RequestSignature) -> str:
    """Return what a request to S3 signs of its body: a digest, a mode, or nothing."""
    return sig.payload or UNSIGNED


def _scope(scope: Scope | None, stamp: str, region: str, service: str) -> Scope:
    day, region = stamp[:8], scope.region if scope else region
    return Scope(day, region, service, f"{day}/{region}/{service}/aws4_request")


def _token(credentials: Credentials) -> tuple[tuple[str, str], ...]:
    return (("x-amz-security-token", credentials.token),) if credentials.token else ()


def _query(raw: bytes, sig: RequestSignature, credentials: Credentials, expires: int | None) -> bytes:
    """Return a query with the parameters of the new signature, all but its value, in place of the old ones."""
    kept = [piece for piece in raw.split(b"&") if _name(piece) not in _OF_SIGNATURE]
    assert sig.scope is not None
    words = {
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{credentials.access}/{sig.scope.text}",
        "X-Amz-Date": sig.timestamp,
        "X-Amz-SignedHeaders": ";".join(sig.signed_headers),
    }
    words |= {"X-Amz-Expires": str(expires)} if expires is not None else {}
    words |= {"X-Amz-Security-Token": credentials.token} if credentials.token else {}
    new = [f"{name}={quote(value, safe='-_.~')}".encode() for name, value in words.items()]
    return b"&".join((*kept, *new))


def _name(piece: bytes) -> str:
    return unquote_to_bytes(piece.partition(b"=")[0]).decode("latin-1").lower()
