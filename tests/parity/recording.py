"""Record what a client sees during a scenario, and make two recordings comparable.

Ids, times, account numbers and the like differ by nature: they are replaced, ids by the order in which they first
appear, so that a wrong reference still shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError
from botocore.response import StreamingBody

_ID = re.compile(
    r"\b(?:i|vol|sg|sgr|ami|key|r|eni|eni-attach|eipalloc|eipassoc|subnet|vpc|snap|(?:vpc|subnet)-cidr-assoc)-[0-9a-f]{8,32}\b"
)
_ACCOUNT = re.compile(r"\b[0-9]{12}\b")
_IPV6 = re.compile(r"\b[2f][0-9a-f]{3}:(?:[0-9a-f]{1,4}:){0,6}:?(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?")
_ADDRESS = re.compile(r"\b(?:[0-9]{1,3}[.-]){3}[0-9]{1,3}\b(?!/)")

# Lists in no order that AWS promises, and the member to sort them by.
_UNORDERED = {"Tags": "Key", "SecurityGroupRules": "IsEgress"}


@dataclass
class Recording:
    """The answers of one endpoint, in order: (step, operation, path → value)."""

    boto: Callable[[str], Any]
    steps: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    _names: dict[str, str] = field(default_factory=dict)

    def __call__(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """Make one call, record its answer or its error, and return the raw answer ({} for an error)."""
        client = self.boto(service)
        try:
            answer: dict[str, Any] = getattr(client, operation)(**params)
        except ClientError as error:
            answer = {}
            told = error.response
            seen = {"error.code": told["Error"]["Code"], "error.status": told["ResponseMetadata"]["HTTPStatusCode"]}
        else:
            status = answer.pop("ResponseMetadata")["HTTPStatusCode"]
            if isinstance(answer.get("Body"), StreamingBody):
                answer["Body"] = answer["Body"].read()
            seen = {"status": status, **dict(self._flat("", answer))}
        self.steps.append((f"{len(self.steps)}", operation, seen))
        return answer

    def _flat(self, path: str, value: Any) -> Iterator[tuple[str, Any]]:
        if isinstance(value, Mapping):
            for name in sorted(value):
                yield from self._flat(f"{path}.{name}" if path else name, value[name])
        elif isinstance(value, list):
            order = _UNORDERED.get(path.rpartition(".")[2])
            if order:
                value = sorted(value, key=lambda one: str(one.get(order)))
            yield f"{path}#", len(value)
            for place, one in enumerate(value):
                yield from self._flat(f"{path}[{place}]", one)
        elif path.endswith("VersionId") and value != "null":
            yield path, self._symbol(f"version-{value}")
        else:
            yield path, self._plain(value)

    def _plain(self, value: Any) -> Any:
        if isinstance(value, datetime):
            return "<time>"
        if isinstance(value, str):
            value = _IPV6.sub("<ipv6>", _ID.sub(lambda found: self._symbol(found[0]), value))
            return _ADDRESS.sub("<address>", _ACCOUNT.sub("<account>", value))
        return value

    def _symbol(self, id: str) -> str:
        kind = id.partition("-")[0] if id.startswith("version-") else id.rpartition("-")[0]
        if id not in self._names:
            count = sum(1 for name in self._names.values() if name.startswith(f"<{kind}:"))
            self._names[id] = f"<{kind}:{count + 1}>"
        return self._names[id]


@dataclass(frozen=True)
class Difference:
    """One place where two recordings part."""

    operation: str
    path: str
    ours: Any
    theirs: Any

    def __str__(self) -> str:
        return f"{self.operation} {self.path}: ours {self.ours!r}, theirs {self.theirs!r}"


ABSENT = "<absent>"


def differences(ours: Recording, theirs: Recording) -> list[Difference]:
    """Every path of every answer whose values differ; a member only one side gives is a difference too."""
    assert [step[:2] for step in ours.steps] == [step[:2] for step in theirs.steps]
    found = []
    for (_, operation, here), (_, _, there) in zip(ours.steps, theirs.steps, strict=True):
        for path in sorted({*here, *there}):
            left, right = here.get(path, ABSENT), there.get(path, ABSENT)
            if left != right:
                found.append(Difference(operation, path, left, right))
    return found
