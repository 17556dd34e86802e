"""Customers' keys for the tests, as boto3 takes them."""

import base64
import hashlib
from typing import Any


def headers(key: bytes, prefix: str = "x-amz-server-side-encryption-customer") -> dict[str, str]:
    """The three headers for a key."""
    return {
        f"{prefix}-algorithm": "AES256",
        f"{prefix}-key": base64.b64encode(key).decode(),
        f"{prefix}-key-md5": base64.b64encode(hashlib.md5(key, usedforsecurity=False).digest()).decode(),
    }


def given(key: bytes, prefix: str = "SSECustomer") -> dict[str, Any]:
    """boto3's parameters for a key, all three spelled out, since it fills them in for some operations only."""
    return {
        f"{prefix}Algorithm": "AES256",
        f"{prefix}Key": base64.b64encode(key).decode(),
        f"{prefix}KeyMD5": base64.b64encode(hashlib.md5(key, usedforsecurity=False).digest()).decode(),
    }


def source(key: bytes) -> dict[str, Any]:
    """boto3's parameters for the key of a copy's source."""
    return given(key, "CopySourceSSECustomer")


ONE = bytes(range(32))
OTHER = bytes(range(1, 33))
