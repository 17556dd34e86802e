"""A plain page of the API's OpenAPI document.

It needs no script and no asset, so a browser that shows it connects to nothing but the gateway.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

HEADERS = {
    # The page loads nothing; its style sheet is inline.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
_STYLE = (
    "body{font:15px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse}td,th{border:1px solid #aaa;padding:.2em .6em;text-align:left}code{font-size:1em}"
)


def page(document: Mapping[str, Any]) -> str:
    """Return the OpenAPI document as HTML: each operation with its parameters and the members of its answer."""
    title = escape(f"{document['info']['title']} {document['info']['version']}")
    head = f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    intro = '<p>The same as data: <a href="openapi.json">openapi.json</a>.</p>'
    parts = [
        part
        for path, item in document["paths"].items()
        for method, operation in item.items()
        for part in _operation(document, path, method, operation)
    ]
    return f"{head}</head><body><h1>{title}</h1>{intro}{''.join(parts)}</body></html>"


def _operation(document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h2><code>{escape(method.upper())} {escape(path)}</code></h2><p><b>{escape(operation['summary'])}.</b></p>"
    for paragraph in operation.get("description", "").split("\n\n"):
        yield f"<p>{escape(paragraph)}</p>"
    if parameters := operation.get("parameters"):
        rows = [(one["name"], one.get("description", "")) for one in parameters]
        yield _table("parameter", rows)
    for content in operation["responses"]["200"].get("content", {}).values():
        yield from _answer(document, content.get("schema", {}))


def _answer(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    """Describe the members of an answer, and of the objects inside it."""
    name = schema.get("items", schema).get("$ref", "").rpartition("/")[2]
    if not name:
        return
    members = document["components"]["schemas"][name]["properties"]
    yield _table(f"member of {name}", [(member, facts.get("description", "")) for member, facts in members.items()])
    for facts in members.values():
        yield from _answer(document, facts)


def _table(what: str, rows: list[tuple[str, str]]) -> str:
    lines = "".join(f"<tr><td><code>{escape(name)}</code></td><td>{escape(said)}</td></tr>" for name, said in rows)
    return f"<table><tr><th>{escape(what)}</th><th>meaning</th></tr>{lines}</table>"
