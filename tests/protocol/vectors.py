"""AWS's protocol vectors, as botocore ships them: each a model of one operation, parameters, and the wire."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shim.protocol.message import Head, Request, decode_pairs
from shim.protocol.routing import address
from shim.protocol.service import Service
from tests.support.vectors import PROTOCOLS


@dataclass(frozen=True)
class Vector:
    name: str
    model: dict[str, Any]
    case: dict[str, Any]

    @property
    def operation(self) -> str:
        return str(self.case["given"].get("name", "OperationName"))

    def service(self) -> Service:
        words: dict[str, Any] = {key: self.model[key] for key in ("metadata", "shapes") if key in self.model}
        given = {"name": self.operation, "http": {"method": "POST", "requestUri": "/"}, **self.case["given"]}
        words["metadata"] = {"endpointPrefix": "vector", "serviceId": "Vector", "apiVersion": "", **words["metadata"]}
        return Service("vector", model={"version": "2.0", "shapes": {}, **words, "operations": {self.operation: given}})


def load(side: str, protocol: str) -> list[Vector]:
    """Read all vectors of a side (input, output) and protocol; they are fetched, not kept."""
    found = []
    for folder in (side, f"legacy/{side}"):
        path = PROTOCOLS / folder / f"{protocol}.json"
        assert path.is_file(), f"no vectors at {path}: run `make vectors`"
        for number, model in enumerate(json.loads(path.read_text())):
            found += [Vector(_name(folder, number, index, case), model, case) for index, case in _cases(model)]
    return found


def _cases(model: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    yield from enumerate(model["cases"])


def _name(folder: str, number: int, index: int, case: dict[str, Any]) -> str:
    return str(case["id"]) if "id" in case else f"{folder.partition('/')[0]}-{number}-{index}"


def request(serialized: dict[str, Any], method: str) -> tuple[Request, bytes]:
    """Make the request that a vector describes."""
    path, _, query = serialized["uri"].partition("?")
    body = (serialized.get("body") or "").encode()
    headers = tuple((name.lower(), value) for name, value in serialized.get("headers", {}).items())
    head = Head(serialized.get("method", method), path.encode(), query.encode(), headers)
    return Request(head, address(head), decode_pairs(body) if path == "/" else ()), body


def plain(value: Any) -> Any:
    """Put parsed parameters as the vectors write them: seconds for times, text for bytes and odd numbers.

    A None in a vector says that a client must not send the member.
    """
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    return value


def rich(value: Any, shape: Any) -> Any:
    """Put a vector's result as an action would give it: datetimes, bytes, floats, by the model."""
    kind = shape.type_name
    if value is None:
        return None
    if kind == "structure":
        return {name: rich(item, shape.members[name]) for name, item in value.items()}
    if kind == "list":
        return [rich(item, shape.member) for item in value]
    if kind == "map":
        return {name: rich(item, shape.value) for name, item in value.items()}
    if kind == "timestamp":
        return datetime.fromtimestamp(value, UTC)
    if kind == "blob":
        return value.encode()
    if kind in ("float", "double"):
        return float(value)
    return value
