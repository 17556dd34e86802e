"""The policy of a browser's form: the conditions that its signer set for the upload.

See "Creating a POST policy" (S3 API reference).  The sentences are those that S3 sends.
"""

from __future__ import annotations

import binascii
import json
import re
from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from shim.auth.errors import printable
from shim.errors import AwsError

# Fields that a policy need not name: "x-amz-signature, file, policy, and field names that have an x-ignore- prefix",
# and those of a signature of version 2.
_FREE = frozenset(("x-amz-signature", "file", "policy", "awsaccesskeyid", "signature"))
_FREE_PREFIX = "x-ignore-"
_EXPIRATION = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", re.ASCII)
# Escapes that a policy may use and JSON does not have: a dollar sign, a vertical tab.
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_OWN_ESCAPES = {"$": "$", "v": "\\u000b"}


class Condition(NamedTuple):
    """What one field must hold: `operation` is `eq` or `starts-with`, `field` its name in lower case."""

    operation: str
    field: str
    value: str

    def holds(self, value: str) -> bool:
        """Tell whether a field's value meets the condition."""
        if self.operation == "eq":
            return value == self.value
        if self.field != "content-type":
            return value.startswith(self.value)
        # "Content-Types values for a starts-with condition that include commas are interpreted as lists."
        return all(one.lstrip(" ").startswith(self.value) for one in value.split(","))


class Policy(NamedTuple):
    """A policy; `sizes` are the smallest and largest number of bytes of the file, None where it sets none."""

    expiration: datetime
    conditions: tuple[Condition, ...]
    sizes: tuple[int, int] | None

    def check(self, fields: Mapping[str, str], now: datetime) -> None:
        """Raise AwsError unless the policy allows a form with these fields: lower-case names, and the bucket."""
        if now >= self.expiration:
            raise _against("Policy expired.")
        for condition in self.conditions:
            # S3 requires every field that a condition names, even if the condition is `starts-with` the empty string.
            if condition.field not in fields or not condition.holds(fields[condition.field]):
                said = json.dumps([condition.operation, f"${condition.field}", condition.value], ensure_ascii=False)
                raise _against(f"Policy Condition failed: {printable(said)}")
        extra = set(fields) - {condition.field for condition in self.conditions} - _FREE
        named = sorted(name for name in extra if not name.startswith(_FREE_PREFIX))
        if named:
            raise _against(f"Extra input fields: {printable(', '.join(named))}")


def read(text: str) -> Policy:
    """Read a form's `policy`, a JSON document in base64; raise AwsError if it is malformed."""
    try:
        document = json.loads(_ESCAPE.sub(_escape, b64decode(text, validate=True).decode()))
    except (binascii.Error, ValueError, RecursionError):
        raise _invalid("Invalid JSON.") from None
    if not isinstance(document, dict):
        raise _invalid("Invalid JSON.")
    for name in document:
        if name not in ("expiration", "conditions"):
            raise _invalid(f"Unexpected: '{printable(name)}'.")
    conditions = document.get("conditions")
    if not isinstance(conditions, list) or not conditions:
        raise _invalid("Policy missing conditions.")
    sizes: tuple[int, int] | None = None
    found = []
    for one in conditions:
        if isinstance(one, list) and one and _word(one[0]) == "content-length-range":
            least, most = _sizes(one)
            # Every condition must hold, so several ranges are intersected.
            sizes = (max(least, sizes[0]), min(most, sizes[1])) if sizes else (least, most)
        else:
            found.append(_condition(one))
    return Policy(_expiration(document.get("expiration")), tuple(found), sizes)


def _escape(found: re.Match[str]) -> str:
    return _OWN_ESCAPES.get(found[1], found[0])


def _expiration(value: Any) -> datetime:
    if value is None:
        raise _invalid("Policy missing expiration.")
    if isinstance(value, str) and _EXPIRATION.fullmatch(value):
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except ValueError:
            pass
    raise _invalid(f"Invalid 'expiration' value: '{printable(str(value))}'")


def _condition(one: Any) -> Condition:
    if isinstance(one, dict):
        if len(one) != 1:
            raise _invalid("Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.")
        ((field, value),) = one.items()
        if isinstance(value, str):
            return Condition("eq", field.lower(), value)
        raise _invalid("Invalid Simple-Condition: value must be a string.")
    if isinstance(one, list) and len(one) == 3 and all(isinstance(part, str) for part in one):
        operation, field, value = one
        if operation.lower() not in ("eq", "starts-with"):
            raise _invalid(f"Unknown operation '{printable(operation)}'")
        if not field.startswith("$"):
            raise _invalid(f"Invalid condition: field names begin with $, '{printable(field)}' does not")
        return Condition(operation.lower(), field[1:].lower(), value)
    raise _invalid("Conditions must be objects of one property or lists of an operation and its two arguments.")


def _sizes(condition: list[Any]) -> tuple[int, int]:
    try:
        _, least, most = condition
        least, most = (_size(bound) for bound in (least, most))
    except ValueError:
        raise _invalid("Invalid content-length-range: it takes two whole numbers.") from None
    return least, most


def _size(bound: Any) -> int:
    if isinstance(bound, bool) or not isinstance(bound, int | str) or not str(bound).isascii():
        raise ValueError(bound)
    if not str(bound).isdecimal() or len(str(bound)) > 19:
        raise ValueError(bound)
    return int(bound)


def _word(value: Any) -> str:
    return value.lower() if isinstance(value, str) else ""


def _invalid(sentence: str) -> AwsError:
    return AwsError("InvalidPolicyDocument", f"Invalid Policy: {sentence}")


def _against(sentence: str) -> AwsError:
    return AwsError("AccessDenied", f"Invalid according to Policy: {sentence}", 403)
