"""Read recordings: equal calls are counted together, so that memory does not grow with the number of lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from assess.calls import UNKNOWN, Call, Found, is_known
from assess.cloudtrail.records import opened
from recording import lines
from recording.secrets import is_mark

_MOST: Final = 20_000  # different calls; of further ones the parameters are not kept
_NOTE: Final = "A recording does not hold the bodies of objects, and no secrets (user data, keys of SSE-C, passwords)."


def read(paths: Sequence[Path]) -> Found:
    """Return the calls of recordings."""
    found, counted = Found(notes=[_NOTE]), dict[tuple[str, str, str], list[Any]]()
    for path in paths:
        with opened(path) as (file, _):
            try:
                for number, line in enumerate(lines.read(file), 1):
                    _count(line, f"{path}:{number}", counted, found)
            except (lines.NoRecordingError, OSError, EOFError) as error:
                found.unfollowed.append(f"{path}: not read to its end: {error}")
    for (service, operation, params), (where, count, failed, complete) in counted.items():
        asked = _known(json.loads(params))
        exact = complete and is_known(asked)
        found.calls.append(Call(service, operation, asked, where, complete, exact, count, failed))
    return found


def _count(line: lines.Line, where: str, counted: dict[tuple[str, str, str], list[Any]], found: Found) -> None:
    if not line.operation:
        found.unfollowed.append(f"{where}: a request to {line.service}: {line.unread}")
        return
    key = (line.service, line.operation, json.dumps(line.params, sort_keys=True))
    if key not in counted and len(counted) >= _MOST:
        key = (line.service, line.operation, "{}")
    complete = key[2] != "{}" or not line.params
    entry = counted.setdefault(key, [where, 0, 0, complete and not (line.unread and not line.params)])
    entry[1] += 1
    entry[2] += bool(line.error or line.status >= 400)
    entry[3] = entry[3] and complete


def _known(value: Any) -> Any:
    """Return parameters with UNKNOWN for what the recording does not hold."""
    if is_mark(value):
        return UNKNOWN
    if isinstance(value, dict):
        return {name: _known(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_known(one) for one in value]
    return value
