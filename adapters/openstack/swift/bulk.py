"""Deletes many objects with as few requests as a Swift allows."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final
from urllib.parse import quote, unquote

from adapters.concurrency import gather_all, map_in_turns
from adapters.errors import BackendError, absent_is
from adapters.openstack.swift.http import SwiftHttp, parsed, path_of
from adapters.types.objects import Refused

# Swift's bulk deletion stops at a line of twice its longest path.
_LONGEST_LINE: Final = 2048
_DELETES_AT_ONCE: Final = 16
_BULK_DELETE: Final = 1000  # names in one request, whose body is then written and read in a millisecond


async def delete(
    http: SwiftHttp,
    container: str,
    names: Sequence[str],
    at_once: int,
    delete_one: Callable[[str, str], Awaitable[object]],
) -> list[Refused]:
    """Delete objects; absent names count as deleted.  One request takes `at_once` names, 0 if this Swift has none."""
    root, left = path_of(container), list[Refused]()
    at_once = min(at_once, _BULK_DELETE)
    alone = [] if at_once else list(names)
    for start in range(0, len(names) if at_once else 0, at_once or 1):
        few = names[start : start + at_once]
        quoted = await map_in_turns(lambda name: f"{root}/{quote(name, safe='', errors='surrogateescape')}", few)
        lines = {name: line for name, line in zip(few, quoted, strict=True) if len(line) <= _LONGEST_LINE}
        refused = await _together(http, container, lines) if lines else []
        alone += [name for name in few if refused is None or name not in lines]
        left += refused or ()

    async def singly(name: str) -> list[Refused]:
        try:
            await absent_is(None, delete_one(container, name), resource="object")
        except BackendError as error:
            return [Refused(name, error.status or 503)]
        return []

    rest = await gather_all((singly(name) for name in alone), most=_DELETES_AT_ONCE)
    return [*left, *itertools.chain(*rest)]


async def _together(http: SwiftHttp, container: str, lines: Mapping[str, str]) -> list[Refused] | None:
    """Delete by one request, a quoted line for each name; return None if Swift's counts do not cover every name.

    Swift answers 200 in any case, and stops at an invalid line without naming it in `Errors`.
    """
    headers = {"Accept": "application/json", "Content-Type": "text/plain"}
    body = "\n".join(lines.values()).encode()
    verdict = parsed(await http.read("POST", "?bulk-delete", headers, body), dict)
    errors = verdict.get("Errors") or ()
    if int(verdict.get("Number Deleted", 0)) + int(verdict.get("Number Not Found", 0)) + len(errors) != len(lines):
        return None
    by_path = {f"/{container}/{name}": name for name in lines}
    return [
        Refused(by_path.get(_unquoted(path), _unquoted(path)), int(str(status).split()[0])) for path, status in errors
    ]


def _unquoted(path: str) -> str:
    return unquote(path, errors="surrogateescape")
