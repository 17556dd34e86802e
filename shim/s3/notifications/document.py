"""The document of a bucket's notifications: S3's checks, and the rules that it means.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_plus

from shim.errors import AwsError
from shim.protocol.restparse import malformed_xml
from shim.protocol.s3_router import not_implemented
from shim.s3.errors import invalid_argument
from shim.s3.notifications.events import covered, is_known, is_sent

# The lists of the document: the member with the ARN, and the service and the noun of its destinations.
SORTS: Final[Mapping[str, tuple[str, str, str]]] = {
    "TopicConfigurations": ("TopicArn", "sns", "topic"),
    "QueueConfigurations": ("QueueArn", "sqs", "queue"),
    "LambdaFunctionConfigurations": ("LambdaFunctionArn", "lambda", "function"),
}
_MOST: Final = 100  # "Each bucket can have up to 100 event notification configurations" (User Guide, Restrictions)
_MOST_EVENTS: Final = 100  # of a configuration; AWS has some thirty names
_LONGEST_ID: Final = 255
_LONGEST_VALUE: Final = 1024
_ARN: Final = re.compile(r"arn:[a-z0-9-]+:([a-z0-9-]+):[a-z0-9-]*:[0-9]*:.+")

_OVERLAP: Final = "Configurations overlap. Configurations on the same bucket cannot share a common event type."
_AMBIGUOUS: Final = (
    "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are "
    "overlapping for the same event type."
)
_NO_DESTINATION: Final = "Unable to validate the following destination configurations"


class Rule(NamedTuple):
    """Which events of which keys go to a destination."""

    id: str
    destination: str
    events: frozenset[str]
    prefix: str
    suffix: str

    def covers(self, event: str, key: str) -> bool:
        """Tell whether an event of a key goes to the destination."""
        return event in self.events and key.startswith(self.prefix) and key.endswith(self.suffix)


def check(value: Mapping[str, Any], has_destination: Callable[[str], bool]) -> dict[str, Any]:
    """Return the document to store, in which each configuration has an id; raise AwsError for what S3 refuses."""
    if value.get("EventBridgeConfiguration") is not None:
        raise not_implemented("EventBridgeConfiguration", "Parameter")
    if sum(len(value.get(name) or ()) for name in SORTS) > _MOST:
        raise invalid_argument(f"A bucket can have up to {_MOST} notification configurations.")
    kept = {name: [_with_id(one) for one in value[name]] for name in SORTS if value.get(name)}
    entries = [(name, one) for name, some in kept.items() for one in some]
    ids = [one["Id"] for _, one in entries]
    if len(set(ids)) < len(ids):
        raise invalid_argument("Same ID used for multiple configurations. IDs must be unique")
    for name, one in entries:
        _check_one(name, one)
    _check_overlaps(list(rules(kept)))
    for name, one in entries:
        member, _, noun = SORTS[name]
        if not has_destination(one[member]):
            raise invalid_argument(_NO_DESTINATION, one[member], f"The destination {noun} does not exist")
    return kept


def rules(kept: Mapping[str, Any]) -> Iterator[Rule]:
    """Yield the rules of a stored document.

    Filters are matched with the key as S3 writes it in records: "you must enter them in URL-encoded format", and a
    plus means a space.
    """
    for name, (member, _, _) in SORTS.items():
        for one in kept.get(name) or ():
            ends = {"prefix": "", "suffix": ""}
            for filtering in _filter_rules(one):
                ends[filtering["Name"].lower()] = unquote_plus(filtering["Value"], errors="surrogateescape")
            yield Rule(one["Id"], one[member], covered(one["Events"]), ends["prefix"], ends["suffix"])


def _with_id(one: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with an id: "If you don't provide one, Amazon S3 will assign an ID" (NotificationId)."""
    return {**one, "Id": one.get("Id") or str(uuid.uuid4())}


def _filter_rules(one: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return ((one.get("Filter") or {}).get("Key") or {}).get("FilterRules") or []


def _check_one(name: str, one: Mapping[str, Any]) -> None:
    member, service, _ = SORTS[name]
    if len(one["Id"]) > _LONGEST_ID:
        raise invalid_argument(f"ID length should not exceed allowed limit of {_LONGEST_ID}", "Id", one["Id"])
    found = _ARN.fullmatch(one[member])
    if found is None or found[1] != service:
        raise invalid_argument("The ARN is not well formed", member, one[member])
    if not 1 <= len(one["Events"]) <= _MOST_EVENTS:
        raise malformed_xml()
    for event in one["Events"]:
        if not is_known(event):
            raise invalid_argument("A specified event is not supported for notifications.", "Event", event)
        if not is_sent(event):
            raise not_implemented(event, "Event")
    _check_filter(_filter_rules(one))


def _check_filter(given: list[Mapping[str, Any]]) -> None:
    seen = set[str]()
    for one in given:
        end, value = str(one.get("Name") or "").lower(), one.get("Value")
        if end not in ("prefix", "suffix"):
            raise invalid_argument(
                "filter rule name must be either prefix or suffix", "FilterRule.Name", one.get("Name") or ""
            )
        if value is None:
            raise malformed_xml()
        if end in seen:
            raise invalid_argument(f"Cannot specify more than one {end} rule in a filter.", "FilterRule.Name", end)
        seen.add(end)
        if len(value.encode("utf-8", "surrogatepass")) > _LONGEST_VALUE:
            raise invalid_argument(
                f"Size of filter rule value cannot exceed {_LONGEST_VALUE} bytes in UTF-8 representation",
                "FilterRule.Value",
                value,
            )


def _check_overlaps(given: list[Rule]) -> None:
    """Raise InvalidArgument if two rules would both cover an event of some key."""
    for one, other in combinations(given, 2):
        if (
            not one.events.isdisjoint(other.events)
            and (one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix))
            and (one.suffix.endswith(other.suffix) or other.suffix.endswith(one.suffix))
        ):
            filtered = any((one.prefix, one.suffix, other.prefix, other.suffix))
            raise _overlapping(_AMBIGUOUS if filtered else _OVERLAP)


def _overlapping(message: str) -> AwsError:
    return invalid_argument(message)
