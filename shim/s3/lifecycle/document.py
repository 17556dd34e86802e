"""The document of a bucket's lifecycle rules: checked as S3 checks it, stored as JSON, and returned as it was put.

The codes and sentences are those that AWS gives, as users and other projects quote them; AWS documents few of them.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, time
from itertools import pairwise
from typing import Any, Final

from shim.protocol.restparse import malformed_xml
from shim.s3.errors import invalid_argument, invalid_request
from shim.s3.lifecycle.transitions import check_noncurrent_transitions, check_transitions

MOST_RULES: Final = 1000  # "An S3 Lifecycle configuration can have up to 1,000 rules per bucket"
ID_LENGTH: Final = 255
MOST_KEPT: Final = 100  # "You can specify up to 100 noncurrent versions to retain" (NoncurrentVersionExpiration)

ACTIONS: Final = ("Expiration", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload")
_TRANSITIONS: Final = ("Transitions", "NoncurrentVersionTransitions")  # checked, then refused
_PREDICATES: Final = ("Prefix", "Tag", "ObjectSizeGreaterThan", "ObjectSizeLessThan", "And")
_EXPIRY: Final = ("Days", "Date", "ExpiredObjectDeleteMarker")
_LARGEST: Final = 1_099_511_627_776_000

Rule = Mapping[str, Any]


def checked(configuration: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rules of a request as they are stored, with an id for each; raise what AWS answers to wrong ones."""
    rules = configuration.get("Rules") or []
    if not 1 <= len(rules) <= MOST_RULES:
        raise malformed_xml()
    for rule in rules:
        for check in _CHECKS:
            check(rule)
    _check_ids(rules)
    _check_generation(rules)
    return [_stored(rule) for rule in rules]


def shown(rules: Iterable[Rule]) -> list[dict[str, Any]]:
    """Return stored rules as members of an answer."""
    return [{**rule, "Expiration": _shown_expiration(rule)} if "Expiration" in rule else dict(rule) for rule in rules]


def predicates(rule: Rule) -> Mapping[str, Any]:
    """Return a rule's predicates in one mapping, with all tags in `Tags`."""
    filtered: Mapping[str, Any] = rule.get("Filter") or {}
    found = dict(filtered.get("And") or {})
    found.update({name: filtered[name] for name in _PREDICATES if name != "And" and filtered.get(name) is not None})
    if "Tag" in found:
        found["Tags"] = [found.pop("Tag")]
    if rule.get("Prefix") is not None:
        found["Prefix"] = rule["Prefix"]
    return found


def _stored(rule: Rule) -> dict[str, Any]:
    kept = {**_without_none(rule), "ID": rule.get("ID") or _new_id()}
    expiration = kept.get("Expiration") or {}
    if isinstance(expiration.get("Date"), datetime):
        kept["Expiration"] = {**expiration, "Date": expiration["Date"].isoformat()}
    return kept


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_none(one) for name, one in value.items() if one is not None}
    return [_without_none(one) for one in value] if isinstance(value, list) else value


def _shown_expiration(rule: Rule) -> dict[str, Any]:
    expiration = dict(rule["Expiration"])
    if "Date" in expiration:
        expiration["Date"] = datetime.fromisoformat(expiration["Date"])
    return expiration


def _new_id() -> str:
    """Return an id such as AWS gives to a rule without one: base64 of a random UUID's text, 48 characters."""
    return base64.b64encode(str(uuid.uuid4()).encode()).decode()


def _check_status(rule: Rule) -> None:
    if rule.get("Status") not in ("Enabled", "Disabled"):
        raise malformed_xml()


def _check_filter(rule: Rule) -> None:
    """Refuse a rule without a filter or with two, and a filter with several predicates that are not in an And."""
    told, legacy = rule.get("Filter"), rule.get("Prefix")
    if (told is None) == (legacy is None):
        raise malformed_xml()
    if told is None:
        return
    given = [name for name in _PREDICATES if told.get(name) is not None]
    if len(given) > 1:
        raise malformed_xml()
    both = told.get("And")
    if both is not None:
        tags = both.get("Tags") or []
        if len(tags) + sum(both.get(name) is not None for name in _PREDICATES) < 2:
            raise malformed_xml()
        keys = [tag.get("Key") for tag in tags]
        if len(set(keys)) < len(keys):
            raise invalid_request("Duplicate Tag Keys are not allowed.")


def _check_sizes(rule: Rule) -> None:
    found = predicates(rule)
    larger, smaller = found.get("ObjectSizeGreaterThan"), found.get("ObjectSizeLessThan")
    if larger is not None and not 0 <= larger <= _LARGEST:
        raise invalid_request(f"'ObjectSizeGreaterThan' should be between 0 and {_LARGEST}.")
    if smaller is not None and not 1 <= smaller <= _LARGEST:
        raise invalid_request(f"'ObjectSizeLessThan' should be between 1 and {_LARGEST}.")
    if larger is not None and smaller is not None and larger >= smaller:
        raise invalid_request("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.")


def _check_actions(rule: Rule) -> None:
    if not any(rule.get(name) for name in _TRANSITIONS) and all(rule.get(name) is None for name in ACTIONS):
        raise invalid_request("At least one action needs to be specified in a rule")


def _check_expiration(rule: Rule) -> None:
    told = rule.get("Expiration")
    if told is None:
        return
    if sum(told.get(name) is not None for name in _EXPIRY) != 1:
        raise malformed_xml()
    days, date = told.get("Days"), told.get("Date")
    if days is not None:
        _check_positive(days, "Days", "Expiration")
    if date is not None and date.timetz() != time(tzinfo=date.tzinfo):
        raise invalid_argument("'Date' must be at midnight GMT", "Date", date.isoformat())
    if told.get("ExpiredObjectDeleteMarker") is not None:
        _check_prefix_only(rule, "ExpiredObjectDeleteMarker")


def _check_noncurrent(rule: Rule) -> None:
    told = rule.get("NoncurrentVersionExpiration")
    if told is None:
        return
    days, newer = told.get("NoncurrentDays"), told.get("NewerNoncurrentVersions")
    if days is None:
        raise malformed_xml()
    _check_positive(days, "NoncurrentDays", "NoncurrentVersionExpiration")
    if newer is not None:
        if rule.get("Filter") is None:
            raise invalid_request("NewerNoncurrentVersions element can only be used in Lifecycle V2.")
        _check_positive(newer, "NewerNoncurrentVersions", "NoncurrentVersionExpiration")
        if newer > MOST_KEPT:
            message = f"'NewerNoncurrentVersions' for NoncurrentVersionExpiration action must not exceed {MOST_KEPT}"
            raise invalid_argument(message, "NewerNoncurrentVersions", newer)


def _check_abort(rule: Rule) -> None:
    told = rule.get("AbortIncompleteMultipartUpload")
    if told is None:
        return
    if told.get("DaysAfterInitiation") is None:
        raise malformed_xml()
    _check_positive(told["DaysAfterInitiation"], "DaysAfterInitiation", "AbortIncompleteMultipartUpload")
    _check_prefix_only(rule, "AbortIncompleteMultipartUpload")


def _check_positive(value: int, name: str, action: str) -> None:
    if value < 1:
        raise invalid_argument(f"'{name}' for {action} action must be a positive integer", name, value)


def _check_prefix_only(rule: Rule, action: str) -> None:
    """Refuse an action that works by prefix alone beside another predicate."""
    found = predicates(rule)
    if found.get("Tags"):
        raise invalid_request(f"{action} cannot be specified with Tags.")
    if "ObjectSizeGreaterThan" in found or "ObjectSizeLessThan" in found:
        raise invalid_request(f"{action} cannot be specified with Object Size.")


_CHECKS: Final[Sequence[Callable[[Rule], None]]] = (
    _check_status,
    _check_filter,
    _check_sizes,
    _check_actions,
    _check_expiration,
    _check_noncurrent,
    _check_abort,
    check_transitions,
    check_noncurrent_transitions,
)


def _check_ids(rules: Sequence[Rule]) -> None:
    ids = [rule["ID"] for rule in rules if rule.get("ID")]
    for one in ids:
        if len(one) > ID_LENGTH:
            raise invalid_argument(f"ID length should not exceed allowed limit of {ID_LENGTH}", "ID", one)
    if len(set(ids)) < len(ids):
        twice = next(one for number, one in enumerate(ids) if one in ids[:number])
        raise invalid_argument("Rule ID must be unique. Found same ID for more than one rule", "ID", twice)


def _check_generation(rules: Sequence[Rule]) -> None:
    """Refuse rules of both generations in one document, and overlapping prefixes of one action in the older one.

    A rule of the first generation has a Prefix of its own, one of the second a Filter.
    """
    legacy = [rule.get("Filter") is None for rule in rules]
    if all(legacy):
        for action in ACTIONS:
            _check_overlap(action, [rule["Prefix"] for rule in rules if rule.get(action) is not None])
    elif any(legacy):
        raise invalid_request(
            "Filter element can only be used in Lifecycle V2."
            if legacy[0]
            else "Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in the Filter."
        )


def _check_overlap(action: str, found: Sequence[str]) -> None:
    ordered = sorted(found)
    for before, after in pairwise(ordered):
        if after.startswith(before):  # in sorted order a prefix stands directly before what begins with it
            raise invalid_request(
                f"Found overlapping prefixes '{before}' and '{after}' for same action type '{action}'"
            )
