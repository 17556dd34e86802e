"""The types of ASGI's three arguments, and the request's head from a scope."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from operator import itemgetter, methodcaller
from typing import Any

from shim.protocol.message import Head

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_text: Callable[[bytes], str] = methodcaller("decode", "latin-1")
_name: Callable[[tuple[bytes, bytes]], bytes] = itemgetter(0)
_value: Callable[[tuple[bytes, bytes]], bytes] = itemgetter(1)


def head_of(scope: Scope) -> Head:
    """Return the request's head from its ASGI scope."""
    client = scope.get("client")
    return Head(
        method=scope["method"],
        raw_path=scope["raw_path"],
        raw_query=scope["query_string"],
        headers=tuple(
            zip(map(_text, map(_name, scope["headers"])), map(_text, map(_value, scope["headers"])), strict=True)
        ),
        scheme=scope["scheme"],
        client=client[0] if client else "",
    )
