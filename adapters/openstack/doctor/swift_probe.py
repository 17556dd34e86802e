"""Tries whether Swift can do what its `/info` shows, with small objects in the gateway's own project."""

from __future__ import annotations

import hashlib
import json
import secrets
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final

from adapters.openstack.doctor.examination import Examination
from adapters.openstack.doctor.findings import Finding, fine, note, problem
from adapters.openstack.swift import info
from adapters.openstack.swift.cache import SwiftCache
from adapters.openstack.swift.http import SwiftHttp, path_of

_SERVICE: Final = "object-store"
_BODY: Final = b"passerelle doctor"
_NAMES: Final = ("taken", "copy", "large")
_OTHER_ETAG: Final = "0" * 32

Trial = Callable[[SwiftHttp, str], Awaitable[bool]]


async def probe(at: Examination) -> AsyncIterator[Finding]:
    """Try each ability in a container that is deleted afterwards, and compare it with `/info`."""
    url = at.token.catalog.get(_SERVICE)
    if not url:
        return
    http = at.factory.swift_http(url, str(uuid.uuid4()))
    shown = await info.limits(http, SwiftCache())
    container = f"passerelle-doctor-{secrets.token_hex(8)}"
    made = await _status(http, "PUT", path_of(container))
    if made >= 300:
        advice = "Give the gateway's user a role of Swift's operator_roles in its own project to have this tried."
        yield note(f"{_SERVICE}: probe", f"nothing can be stored in the gateway's own project (status {made})", advice)
        return
    try:
        await _status(http, "PUT", path_of(container, "taken"), {}, _BODY)
        for ability in info.ABILITIES:
            works = await _TRIALS[ability.field](http, container)
            yield _compared(ability, works=works, shown=getattr(shown, ability.field))
    finally:
        for name in _NAMES:
            await _status(http, "DELETE", path_of(container, name))
        await _status(http, "DELETE", path_of(container))


def _compared(ability: info.Ability, *, works: bool, shown: bool) -> Finding:
    about = f"{_SERVICE}: {ability.name}, tried"
    if works and not shown:
        return note(about, "works, but /info does not show it", f"The gateway does without it: {ability.lost}.")
    if shown and not works:
        advice = "Do not use this Swift before that is mended: the gateway relies on it."
        return problem(about, "does not work, though /info shows it", advice)
    return fine(about, "works" if works else "missing, as /info says")


async def _refuses_a_taken_name(http: SwiftHttp, container: str) -> bool:
    return await _status(http, "PUT", path_of(container, "taken"), {"If-None-Match": "*"}, _BODY) == 412


async def _refuses_a_changed_source(http: SwiftHttp, container: str) -> bool:
    headers = {"X-Copy-From": path_of(container, "taken"), "If-Match": _OTHER_ETAG}
    return await _status(http, "PUT", path_of(container, "copy"), headers) == 412


async def _shows_a_manifest(http: SwiftHttp, container: str) -> bool:
    etag = hashlib.md5(_BODY, usedforsecurity=False).hexdigest()
    segment = {"path": path_of(container, "taken"), "etag": etag, "size_bytes": len(_BODY)}
    path = path_of(container, "large")
    await _status(http, "PUT", f"{path}?multipart-manifest=put", {}, json.dumps([segment]).encode())
    return etag.encode() in await http.read("GET", f"{path}?multipart-manifest=get")


async def _keeps_versions(http: SwiftHttp, container: str) -> bool:
    versioned = path_of(f"{container}-versions")
    await _status(http, "PUT", versioned)
    try:
        await _status(http, "POST", versioned, {"X-Versions-Enabled": "true"})
        return "x-versions-enabled" in (await http.send("HEAD", versioned)).headers
    finally:
        await _status(http, "DELETE", versioned)


_TRIALS: Final[Mapping[str, Trial]] = {
    "versions": _keeps_versions,
    "if_absent": _refuses_a_taken_name,
    "copies": _refuses_a_changed_source,
    "manifests": _shows_a_manifest,
}


async def _status(
    http: SwiftHttp, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> int:
    """Send a request and return the status of its answer."""
    answer = await http.send(method, path, headers, body=body)
    if not answer.complete:
        await answer.read()
    return answer.status
