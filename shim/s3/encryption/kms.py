"""SSE-KMS: an object's data key is wrapped by a key of the cloud's key manager.

A KMS key is a secret of Barbican's: an AES key of 256 bits.  Its id is the secret's, so its ARN is
`arn:aws:kms:<region>:<account>:key/<id of the secret>`.  It is read with the signer's own token, so that Barbican's
roles and ACLs decide who may use it.  The key that wraps is derived from it:

    HKDF-SHA256(KMS key, no salt, "passerelle kms 1", the id of the KMS key, the digest of the encryption context)

so a data key can be unwrapped only under the key and the context with which it was wrapped.  The wrap itself is that
of SSE-S3 (RFC 3394), which needs no nonce.
"""

from __future__ import annotations

import binascii
import hashlib
import json
import re
import secrets
from base64 import b64decode
from collections.abc import Awaitable, Mapping
from typing import Final, NamedTuple, TypeVar

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from adapters.errors import BackendError, Fault
from shim.context import NO_CLOUD, Call
from shim.errors import AwsError
from shim.s3.encryption.blocks import KEY, TamperedError, derived, encoded
from shim.s3.encryption.envelope import MANAGED, Envelope, coded, decoded
from shim.s3.errors import invalid_argument

ALGORITHM: Final = "aws:kms"
DEFAULT_NAME: Final = "aws/s3"  # the name of the secret that is a project's default key, as of AWS's own key for S3
_ALIAS: Final = f"alias/{DEFAULT_NAME}"
# How long a key that a user has read is used for its further reads.  New objects never rely on that: the key that wraps
# one was there when the object was written.
_KEEP_SECONDS: Final = 60.0
_SORT: Final = "kms"  # the name of these look-ups in the metrics
_LABEL: Final = b"passerelle kms 1"
_WRAPPED: Final = KEY + 8  # RFC 3394
_LONGEST_CONTEXT: Final = 8192  # "can have a maximum of 8192 characters" (KMS, quotas of an encryption context)
_HEADER: Final = "x-amz-server-side-encryption"
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ARN: Final = re.compile(r"arn:aws[a-z-]*:kms:(?P<region>[^:]+):(?P<account>[0-9]{12}):(?P<key>(?:key|alias)/.+)")


T = TypeVar("T")


class Name(NamedTuple):
    """A KMS key: the id of the secret, and the account under which its user names it."""

    id: str
    account: str

    def arn(self, call: Call) -> str:
        """Return its ARN."""
        return f"arn:aws:kms:{call.region}:{self.account}:key/{self.id}"

    @property
    def text(self) -> str:
        """The name in an envelope."""
        return f"{self.account}_{self.id}"


class Wrapped(NamedTuple):
    """A new data key, what is stored of it, and the members of an answer that tell it."""

    raw: bytes
    envelope: Envelope
    members: Mapping[str, str]

    def __repr__(self) -> str:
        """Show nothing of the key."""
        return "Wrapped()"


def is_available(call: Call) -> bool:
    """Return whether objects of SSE-KMS may be among those of a request."""
    return call.signer is not NO_CLOUD and call.signer.key_manager.available


def check_available(call: Call) -> None:
    """Refuse SSE-KMS where the cloud has no key manager, or the request no signature of version 4.

    "All GET and PUT requests for an object protected by AWS KMS fail if they're not made by using ... SigV4"
    (User Guide, "Using server-side encryption with AWS KMS keys").
    """
    if call.signer is NO_CLOUD:
        raise invalid_argument(
            "Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature Version 4.",
            "Authorization",
            "null",
        )
    if not call.signer.key_manager.available:
        raise AwsError(
            "InvalidArgument",
            "Server side encryption with AWS KMS managed keys is not available: this cloud has no key manager.",
            400,
            refused="ServerSideEncryption",
        )


async def new(call: Call, key: str | None, context: str | None) -> Wrapped:
    """Make a data key, wrapped by the key that is named; by the project's default key if none is."""
    check_available(call)
    digest = _digest(context)
    name = (_named(call, key) if key else None) or await _default(call)
    secret = await _read(call, name, "GenerateDataKey")
    raw = secrets.token_bytes(KEY)
    wrapped = aes_key_wrap(_wrapping(secret, name, digest), raw)
    envelope = Envelope(MANAGED, name.text, coded(wrapped + digest))
    told = {"SSEKMSEncryptionContext": context} if context else {}
    return Wrapped(raw, envelope, {**members(call, envelope), **told})


async def unwrapped(call: Call, envelope: Envelope) -> bytes:
    """Return the data key of an object; TamperedError where the key that is named did not wrap it."""
    check_available(call)
    name, value = _name(envelope), decoded(envelope.value)
    owner, kept = call.requester.project_id, (_SORT, call.requester.user_id, name.id)
    secret: bytes | None = call.cache.get(owner, kept)
    if secret is None:
        secret = await _read(call, name, "Decrypt")
        call.cache.put(owner, kept, secret, size=len(secret), seconds=_KEEP_SECONDS)
    try:
        return aes_key_unwrap(_wrapping(secret, name, value[_WRAPPED:]), value[:_WRAPPED])
    except (InvalidUnwrap, ValueError):
        raise TamperedError(f"the key {name.id!r} did not wrap its data key") from None


def members(call: Call, envelope: Envelope) -> dict[str, str]:
    """Return the members of an answer that say how an object is encrypted."""
    return {"ServerSideEncryption": ALGORITHM, "SSEKMSKeyId": _name(envelope).arn(call)}


def _name(envelope: Envelope) -> Name:
    account, _, key = envelope.name.partition("_")
    if not _UUID.fullmatch(key):
        raise TamperedError("the parameter s3_sse names no key")
    return Name(key, account)


def _named(call: Call, text: str) -> Name | None:
    """Return the key that a request names by its id or ARN; None for the project's default key, by its alias."""
    key, account = text, call.requester.account_id
    found = _ARN.fullmatch(text)
    if found is not None:
        if found["region"] not in call.regions and found["region"] != call.region:
            raise _no_key(f"Invalid arn {found['region']}")
        key, account = found["key"].removeprefix("key/"), found["account"]
    if key.startswith("alias/"):
        if key != _ALIAS or account != call.requester.account_id:
            raise _no_key(f"Alias arn:aws:kms:{call.region}:{account}:{key} is not found.")
        return None
    if not _UUID.fullmatch(key.lower()):
        raise _no_key(f"Invalid keyId '{text}'")
    return Name(key.lower(), account)


def _no_key(message: str) -> AwsError:
    return AwsError("KMS.NotFoundException", message, 400)


async def _default(call: Call) -> Name:
    """Return the default key of the signer's project, which is made when it is used for the first time.

    Of several the oldest is used.  None is ever deleted here: another gateway may have wrapped an object with it.
    """
    manager, requester = call.signer.key_manager, call.requester
    found = await _asked(call, manager.keys(DEFAULT_NAME), _ALIAS, "ListKeys")
    if not found:
        async with call.locks.hold("kms-default-key", requester.project_id):
            found = await _asked(call, manager.keys(DEFAULT_NAME), _ALIAS, "ListKeys")
            if not found:
                made = manager.create_key(DEFAULT_NAME, secrets.token_bytes(KEY))
                found = [await _asked(call, made, _ALIAS, "CreateKey")]
    return Name(found[0].lower(), requester.account_id)


async def _read(call: Call, name: Name, operation: str) -> bytes:
    """Read a KMS key."""
    secret = await _asked(call, call.signer.key_manager.key(name.id), name.arn(call), operation)
    if len(secret) != KEY:
        raise _unfit(name.arn(call))
    return secret


async def _asked(call: Call, answer: Awaitable[T], key: str, operation: str) -> T:
    """Await an answer of the key manager; its refusals become KMS's."""
    try:
        return await answer
    except BackendError as error:
        match error.fault:
            case Fault.NOT_FOUND:
                raise _no_key(f"Key '{key}' does not exist") from error
            case Fault.FORBIDDEN | Fault.UNAUTHORIZED:
                who = call.requester.arn
                denied = f"User: {who} is not authorized to perform: kms:{operation} on resource: {key}"
                raise AwsError("AccessDenied", denied, 403) from error
            case Fault.UNSUPPORTED | Fault.INVALID:  # a certificate, say, which has no bytes
                raise _unfit(key) from error
            case Fault.QUOTA:
                raise AwsError("KMS.LimitExceededException", "The quota of keys is reached.", 400) from error
        raise


def _unfit(key: str) -> AwsError:
    return AwsError("KMS.InvalidKeyUsageException", f"{key} is no AES key of 256 bits.", 400)


def _wrapping(secret: bytes, name: Name, digest: bytes) -> bytes:
    """Derive the key that wraps."""
    return derived(secret, b"", _LABEL + encoded((name.id, digest.hex())))


def _digest(context: str | None) -> bytes:
    """Return the digest of an encryption context, which is the same for all spellings of it; b"" without one."""
    if not context:
        return b""
    try:
        told = json.loads(b64decode(context, validate=True).decode()) if len(context) <= _LONGEST_CONTEXT else None
    except (binascii.Error, ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or not all(isinstance(value, str) for value in told.values()):
        raise invalid_argument(
            "The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string holding JSON which "
            "represents a string-string map",
            f"{_HEADER}-context",
            context[:_LONGEST_CONTEXT],
        )
    return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).digest()
