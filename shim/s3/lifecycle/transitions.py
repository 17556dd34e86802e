"""Checks of the transitions in lifecycle rules, as S3 makes them.

No rule with a transition is taken (decision 20); but a wrong one is refused for what is wrong in it, as S3 refuses it.
The sentences are those of S3, as users and other projects quote them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import time
from typing import Any, Final

from shim.protocol.restparse import malformed_xml
from shim.s3.errors import invalid_argument, invalid_request

# "If the specified storage class is STANDARD_IA or ONEZONE_IA, valid values are positive integers greater than 30"
# (Transition); 30 itself is taken.
_LONGEST_IN_STANDARD: Final = ("STANDARD_IA", "ONEZONE_IA")
_LEAST_DAYS: Final = 30

Rule = Mapping[str, Any]


def check_transitions(rule: Rule) -> None:
    """Refuse transitions of current objects that S3 refuses."""
    told = rule.get("Transitions") or ()
    for one in told:
        days, date = one.get("Days"), one.get("Date")
        if (days is None) == (date is None) or not one.get("StorageClass"):
            raise malformed_xml()
        if date is not None and date.timetz() != time(tzinfo=date.tzinfo):
            raise invalid_argument("'Date' must be at midnight GMT", "Date", date.isoformat())
        if days is not None:
            _check_days(one["StorageClass"], days, "Days", "Transition")
    _check_classes(rule, told, "Transition")
    kinds = {name for one in told for name in ("Days", "Date") if one.get(name) is not None}
    if len(kinds) > 1:
        raise invalid_request(
            f"Found mixed 'Date' and 'Days' based Transition actions in lifecycle rule for {_filter(rule)}"
        )
    expiration = rule.get("Expiration") or {}
    for name in kinds:
        other = "Date" if name == "Days" else "Days"
        if expiration.get(other) is not None:
            raise invalid_request(
                "Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule for "
                f"{_filter(rule)}"
            )
        end = expiration.get(name)
        if end is not None and any(one[name] >= end for one in told):
            raise invalid_argument(
                f"'{name}' in the Expiration action for {_filter(rule)} must be greater than '{name}' in the "
                "Transition action",
                name,
                end,
            )


def check_noncurrent_transitions(rule: Rule) -> None:
    """Refuse transitions of noncurrent versions that S3 refuses."""
    told, action = rule.get("NoncurrentVersionTransitions") or (), "NoncurrentVersionTransition"
    for one in told:
        days = one.get("NoncurrentDays")
        if days is None or not one.get("StorageClass"):
            raise malformed_xml()
        _check_days(one["StorageClass"], days, "NoncurrentDays", action)
    _check_classes(rule, told, action)
    end = (rule.get("NoncurrentVersionExpiration") or {}).get("NoncurrentDays")
    if end is not None and any(one["NoncurrentDays"] >= end for one in told):
        raise invalid_argument(
            f"'NoncurrentDays' in the NoncurrentVersionExpiration action for {_filter(rule)} must be greater than "
            f"'NoncurrentDays' in the {action} action",
            "NoncurrentDays",
            end,
        )


def _check_days(storage: str, days: int, name: str, action: str) -> None:
    if days < 0:
        raise invalid_argument(f"'{name}' in {action} action must be nonnegative", name, days)
    if days < _LEAST_DAYS and storage in _LONGEST_IN_STANDARD:
        raise invalid_argument(
            f"'{name}' in {action} action must be greater than or equal to {_LEAST_DAYS} for storageClass '{storage}'",
            name,
            days,
        )


def _check_classes(rule: Rule, told: Sequence[Mapping[str, Any]], action: str) -> None:
    classes = [one["StorageClass"] for one in told]
    if len(set(classes)) < len(classes):
        raise invalid_request(
            f"'StorageClass' must be different for '{action}' actions in same 'Rule' with {_filter(rule)}"
        )


def _filter(rule: Rule) -> str:
    """Return a rule's filter in the words of S3's messages."""
    told = rule.get("Filter")
    if told is None:
        return f"prefix '{rule.get('Prefix') or ''}'"
    within = told.get("And") or told
    return f"filter '(prefix={within.get('Prefix') or ''})'"
