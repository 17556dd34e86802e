"""SSE-C: the customer's key as a request gives it, and how a wrong one is told from the right one.

Errors and their order are those that AWS answers; the User Guide, "Using server-side encryption with customer-provided
keys (SSE-C)", has the rules.  The key is never stored, and no error and no log line shows it.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, Final

from shim.context import Call
from shim.errors import AwsError
from shim.s3.encryption.blocks import KEY, derived
from shim.s3.encryption.envelope import CUSTOMER, Envelope, coded, decoded
from shim.s3.errors import invalid_argument, invalid_request

ALGORITHM: Final = "AES256"
MEMBERS: Final = frozenset(("SSECustomerAlgorithm", "SSECustomerKey", "SSECustomerKeyMD5"))
BY_CUSTOMER: Final = " ".join(sorted(MEMBERS))
SOURCE: Final = "CopySource"
SOURCE_MEMBERS: Final = frozenset(SOURCE + member for member in MEMBERS)
_SALT: Final = 16
_CHECK: Final = 16
_LABEL: Final = b"passerelle check 1"
_HEADER: Final = "x-amz-server-side-encryption"  # AWS names this argument for every mistake
_KEYS: Final = "Requests specifying Server Side Encryption with Customer provided keys must"


class CustomerKey:
    """A customer's key; `md5` is what the answers repeat of it."""

    __slots__ = ("md5", "raw")

    def __init__(self, raw: bytes, md5: str) -> None:
        self.raw, self.md5 = raw, md5

    def __repr__(self) -> str:
        """Show nothing of the key."""
        return "CustomerKey()"

    @property
    def members(self) -> dict[str, str]:
        """The members of an answer that say which key was used."""
        return {"SSECustomerAlgorithm": ALGORITHM, "SSECustomerKeyMD5": self.md5}

    def envelope(self) -> Envelope:
        """Return what is stored with a new object that this key encrypts."""
        salt = secrets.token_bytes(_SALT)
        return Envelope(CUSTOMER, coded(salt), coded(self._check(salt)))

    def fits(self, envelope: Envelope) -> bool:
        """Return whether an object was encrypted with this key."""
        return hmac.compare_digest(self._check(decoded(envelope.name)), decoded(envelope.value))

    def _check(self, salt: bytes) -> bytes:
        return derived(self.raw, salt, _LABEL)[:_CHECK]


def customer_key(call: Call, req: Mapping[str, Any], of: str = "", *, reading: bool = False) -> CustomerKey | None:
    """Return the key of a request, or None; `of` is SOURCE for that of a copy's source.

    A reader of an object need not give the MD5, and one with a key of a wrong length has a wrong key.
    """
    algorithm = req.get(f"{of}SSECustomerAlgorithm")
    key, md5 = req.get(f"{of}SSECustomerKey"), req.get(f"{of}SSECustomerKeyMD5")
    if not (algorithm or key or md5):
        return None
    if not algorithm:
        raise _refused(f"{_KEYS} provide a valid encryption algorithm.")
    if algorithm != ALGORITHM:
        raise AwsError(
            "InvalidEncryptionAlgorithmError",
            f"The Encryption request you specified is not valid. Supported value: {ALGORITHM}.",
            400,
            extra={"ArgumentName": _HEADER, "ArgumentValue": algorithm},
        )
    if not key:
        raise _refused(f"{_KEYS} provide an appropriate secret key.")
    if not md5 and not reading:
        raise _refused(f"{_KEYS} provide the client calculated MD5 of the secret key.")
    _check_connection(call)
    raw = _raw(key)
    calculated = b64encode(hashlib.md5(raw, usedforsecurity=False).digest()).decode()
    if md5 and not hmac.compare_digest(md5.encode(), calculated.encode()):
        raise _refused("The calculated MD5 hash of the key did not match the hash that was provided.")
    if len(raw) != KEY:
        raise wrong_key() if reading else _refused("The secret key was invalid for the specified algorithm.")
    return CustomerKey(raw, calculated)


def _raw(key: str) -> bytes:
    try:
        return b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        raise _refused("The secret key was invalid for the specified algorithm.") from None


def _check_connection(call: Call) -> None:
    """Refuse a key that came over a network unencrypted.

    "Amazon S3 rejects any requests made over HTTP when using SSE-C" (User Guide, SSE-C).
    """
    allowed = call.settings.sse_c_over_http
    if call.scheme == "https" or allowed == "always":
        return
    if allowed == "never" or not _is_loopback(call.client):
        raise _refused(f"{_KEYS} be made over a secure connection.")


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _refused(sentence: str) -> AwsError:
    return invalid_argument(sentence, _HEADER, "null")


def incompatible(algorithm: str) -> AwsError:
    """Return the error for a customer's key beside another sort of encryption."""
    return invalid_argument(
        "Server Side Encryption with Customer provided key is incompatible with the encryption method specified",
        _HEADER,
        algorithm,
    )


def missing_key() -> AwsError:
    """Return the error for a request without the key that the object was encrypted with."""
    return invalid_request(
        "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to "
        "retrieve the object."
    )


def wrong_key() -> AwsError:
    """Return the error for a request with another key than the object's."""
    return AwsError("AccessDenied", f"{_KEYS} provide the correct secret key.", 403)


def not_applicable() -> AwsError:
    """Return the error for a key for an object that was not encrypted with one."""
    return invalid_request("The encryption parameters are not applicable to this object.")
