"""Count a log's calls by operation and signature."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from assess.calls import Call, Found
from assess.cloudtrail import spelling
from assess.cloudtrail.records import Event
from assess.cloudtrail.signature import Signature, Structure, params, structure
from assess.verdicts import SERVICES

_MOST: Final = 50_000  # signatures; further ones of an operation are counted together
_LONGEST: Final = 128
_TOO_MANY: Final = (("too many different calls", None),)
# The customer called nothing: AWS's own events, and people who signed in.
_EVENTS: Final = frozenset({"AwsServiceEvent", "AwsConsoleSignIn", "AwsCloudTrailInsight", "AwsVpceEvent"})

Key = tuple[str, str, Signature | None]


class Counter:
    """The calls of one or more logs."""

    def __init__(self) -> None:
        self._calls: dict[Key, list[int]] = {}
        self._structures: dict[tuple[str, str, bool], tuple[str, Structure | None]] = {}
        self.events = self.not_calls = self.by_aws = self.omitted = self.broken = 0

    def add(self, found: Iterable[Event]) -> None:
        """Count the events of some records."""
        calls, most = self._calls, _MOST
        for record in found:
            try:
                key = self._key(record)
            except (KeyError, TypeError, AttributeError, ValueError):
                self.broken += 1
                continue
            if key is None:
                continue
            if key not in calls and len(calls) >= most:
                key = (key[0], key[1], _TOO_MANY)
            counted = calls.setdefault(key, [0, 0])
            counted[0] += 1
            if record.error_code:
                counted[1] += 1

    def _key(self, record: Event) -> Key | None:
        source, event = record.event_source, record.event_name
        if not source or not event:
            raise ValueError
        self.events += 1
        if record.event_type in _EVENTS:
            self.not_calls += 1
            return None
        who = record.user_identity
        if who is not None and (who.type == "AWSService" or str(who.invoked_by or "").endswith(".amazonaws.com")):
            self.by_aws += 1
            return None
        service = source.partition(".")[0]
        asked = record.request_parameters
        if service not in SERVICES:
            return service[:_LONGEST], event[:_LONGEST], None
        if asked is None:
            asked = {}
        elif "omitted" in asked or "requestParametersOmitted" in asked:
            self.omitted += 1
            return service, event[:_LONGEST], None
        elif len(asked) == 1:
            asked = spelling.unwrapped(event, asked)
        name, reader = self._reader(service, event[:_LONGEST], asked)
        return service, name, reader.read(asked) if reader else None

    def _reader(self, service: str, event: str, asked: Mapping[str, Any]) -> tuple[str, Structure | None]:
        key = service, event, "list-type" in asked
        found = self._structures.get(key)
        if found is None:
            operations = SERVICES[service].operations
            name = spelling.operation(service, event, asked, operations)
            found = name, structure(service, name) if name in operations else None
            if len(self._structures) < _MOST:
                self._structures[key] = found
        return found

    def calls(self) -> Iterator[Call]:
        """Yield the calls, the most frequent first."""
        for (service, operation, signature), (count, failed) in sorted(self._calls.items(), key=lambda one: -one[1][0]):
            asked = params(signature) if signature is not None else {}
            yield Call(service, operation, asked, complete=signature is not _TOO_MANY, count=count, failed=failed)

    def notes(self) -> Iterator[str]:
        """Yield what these logs do not hold."""
        yield "CloudTrail does not log the bodies of objects, passwords, or what it removes as sensitive (user data)."
        services = {service for service, _, _ in self._calls}
        if "s3" in services and not any(
            "Key" in dict(signature or ()) for service, _, signature in self._calls if service == "s3"
        ):
            yield (
                "These logs have no calls about objects of S3: a trail logs data events only where it is configured to."
            )
        if self.not_calls or self.by_aws:
            yield (
                f"Left out: {self.not_calls:,} events that are no calls, and {self.by_aws:,} calls that services of "
                "AWS made on the account's behalf."
            )
        if self.omitted:
            yield f"Of {self.omitted:,} calls the log has no parameters, because they were too long."
        if self.broken:
            yield f"{self.broken:,} records are not events of CloudTrail."


def found(counter: Counter) -> Found:
    """Return what some logs told."""
    return Found(list(counter.calls()), [], list(counter.notes()))
