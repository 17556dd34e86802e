"""The values of a step: references to earlier answers, and values that no file can hold."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jmespath

_REFERENCE: Final = re.compile(r"\$\{([^}]+)\}")


class AbsentReferenceError(LookupError):
    """An earlier answer lacks what a step refers to."""


def resolve(value: Any, known: Mapping[str, Any]) -> Any:
    """Return a value with its references replaced and its `$` words carried out."""
    if isinstance(value, str):
        return _text(value, known)
    if isinstance(value, Mapping):
        made = {key: resolve(one, known) for key, one in value.items()}
        word = next(iter(made), "")
        return WORDS[word](made, known) if word in WORDS else made
    if isinstance(value, list):
        return [resolve(one, known) for one in value]
    return value


def _text(text: str, known: Mapping[str, Any]) -> Any:
    if whole := _REFERENCE.fullmatch(text):
        return _look_up(whole[1], known)
    return _REFERENCE.sub(lambda found: str(_look_up(found[1], known)), text)


def _look_up(path: str, known: Mapping[str, Any]) -> Any:
    found = jmespath.search(path, known)
    if found is None:
        raise AbsentReferenceError(f"no earlier answer has {path}")
    return found


def _repeated(made: Mapping[str, Any], _known: Mapping[str, Any]) -> bytes:
    return bytes(made["$repeat"].encode() * made["$times"])


def _tags(made: Mapping[str, Any], known: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the TagSpecifications by which `--clean` finds what a killed run left; `$more` has further tags."""
    tags = [{"Key": "Name", "Value": known["name"]}, *made.get("$more", ())]
    kinds = [made["$tags"]] if isinstance(made["$tags"], str) else made["$tags"]
    return [{"ResourceType": kind, "Tags": tags} for kind in kinds]


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


WORDS: Final[Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Any]]] = {
    "$repeat": _repeated,
    "$json": lambda made, _: json.dumps(made["$json"]),
    "$base64": lambda made, _: base64.b64encode(_bytes(made["$base64"])).decode(),
    "$md5": lambda made, _: base64.b64encode(hashlib.md5(_bytes(made["$md5"])).digest()).decode(),  # noqa: S324
    "$seconds-from-now": lambda made, _: datetime.now(UTC) + timedelta(seconds=made["$seconds-from-now"]),
    "$tags": _tags,
}
