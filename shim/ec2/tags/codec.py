"""Encode EC2 tags for OpenStack's stores, and decode them without loss.

AWS allows 50 tags with keys of 128 and values of 256 characters, any Unicode.  No store accepts all of these as is:

- Nova, Cinder and Glance keep items of 255 + 255 characters, and Nova allows keys of `[a-zA-Z0-9-_:. ]` only.  A tag
  that fits is one readable item, `tag:Name` → `web-1`.  Any other tag becomes items `t64:<hash>:<part>:<parts>`, whose
  values are pieces of the base64 of its JSON.
- Neutron keeps at most 50 strings of 255 characters: `t:<hash>:<key>=<value>`, cut into `tp:<hash>:<part>.<parts>:...`
  where that is too long.  Characters that Neutron's URLs, its list filters or this syntax reserve are percent-encoded.

The services' MySQL ignores case and trailing spaces in comparisons.  The hashes distinguish keys that differ only in
those.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from hashlib import sha256
from urllib.parse import unquote
from zlib import crc32

_ITEM = 255  # characters of a key or a value of Nova's and Cinder's metadata, and of a Neutron tag
_PLAIN_KEY = re.compile(r"[a-zA-Z0-9_:.-]+(?: +[a-zA-Z0-9_:.-]+)*")
_CHUNK = re.compile(r"t64:([0-9a-f]{16}):([0-9]+):([0-9]+)")
_PART = re.compile(r"tp:([0-9a-f]{8}):([0-9]+)\.([0-9]+):(.*)", re.DOTALL)
# `,` splits Neutron's list filters, `/` its URLs, `=` a tag's key from its value, `%` starts an escape; some databases
# drop spaces at an end, and Neutron reads the UTF-8 of a tag in a URL as Latin-1.
_UNSAFE = re.compile(r"[%,=/]|[^ -~]|^ | \Z")

NEUTRON_TAGS = 38  # of Neutron's 50 on a resource; the others are for the gateway's own facts


def to_metadata(tags: Mapping[str, str], present: Collection[str] = ()) -> dict[str, str]:
    """Encode tags as metadata items; `present` are the keys of other tags that remain on the resource."""
    lowered: dict[str, set[str]] = {}
    for key in {*tags, *present}:
        lowered.setdefault(key.lower(), set()).add(key)
    items: dict[str, str] = {}
    for key, value in tags.items():
        alone = len(lowered[key.lower()]) == 1
        items |= {f"tag:{key}": value} if alone and _readable(key, value) else dict(_chunks(key, value))
    return items


def from_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """Decode the tags in metadata items, sorted by key; other items are skipped."""
    tags: dict[str, str] = {}
    for tag, items in _by_tag(metadata):
        # While a tag is rewritten, both forms may exist; prefer the readable one.
        if tag is not None and (tag[0] not in tags or items[0].startswith("tag:")):
            tags[tag[0]] = tag[1]
    return dict(sorted(tags.items()))


def metadata_items(metadata: Mapping[str, str], key: str) -> list[str]:
    """Return the names of the items that hold one tag; they are deleted with the tag, or when its form changes."""
    return [item for tag, items in _by_tag(metadata) if tag is not None and tag[0] == key for item in items]


def to_neutron(tags: Mapping[str, str]) -> list[str]:
    """Encode tags as Neutron tags; a long tag takes several (NEUTRON_TAGS is how many fit)."""
    written: list[str] = []
    for key, value in tags.items():
        mark = f"{crc32((key + chr(0) + value).encode()):08x}"
        text = f"{_escaped(key)}={_escaped(value)}"
        if len(text) <= _ITEM - 11:  # "t:", eight digits, ":"
            written.append(f"t:{mark}:{text}")
            continue
        room = _ITEM - 20  # "tp:", eight digits, two part numbers of at most two digits, three separators
        pieces = _cut(text.replace(" ", "%20"), room)  # no piece may begin or end with a space
        written += [f"tp:{mark}:{i}.{len(pieces)}:{piece}" for i, piece in enumerate(pieces)]
    return written


def from_neutron(found: Iterable[str]) -> dict[str, str]:
    """Decode the tags in Neutron tags, sorted by key; other strings are skipped."""
    return dict(sorted(tag for tag, _ in _neutron_tags(found)))


def neutron_items(found: Iterable[str], key: str) -> list[str]:
    """Return the strings that hold one tag."""
    return [item for tag, items in _neutron_tags(found) if tag[0] == key for item in items]


def _readable(key: str, value: str) -> bool:
    return (
        len(key) <= _ITEM - 4
        and _PLAIN_KEY.fullmatch(key) is not None
        and len(value) <= _ITEM
        and all(" " <= character <= "\uffff" and character != "\x7f" for character in value)
        and value.strip() == value
    )


def _chunks(key: str, value: str) -> Iterator[tuple[str, str]]:
    mark = sha256(key.encode()).hexdigest()[:16]
    pieces = _cut(base64.urlsafe_b64encode(json.dumps([key, value], ensure_ascii=False).encode()).decode(), _ITEM)
    for i, piece in enumerate(pieces):
        yield f"t64:{mark}:{i}:{len(pieces)}", piece


def _by_tag(metadata: Mapping[str, str]) -> Iterator[tuple[tuple[str, str] | None, list[str]]]:
    """Yield each tag with the names of its items, and None with the items of an incomplete set of chunks."""
    chunked: dict[tuple[str, int], dict[int, str]] = {}
    for name, value in metadata.items():
        if name.startswith("tag:") and len(name) > 4:
            yield (name[4:], value), [name]
        elif chunk := _CHUNK.fullmatch(name):
            chunked.setdefault((chunk[1], int(chunk[3])), {})[int(chunk[2])] = value
    for (mark, count), pieces in chunked.items():
        text = "".join(pieces.get(i, "") for i in range(count)) if len(pieces) == count else ""
        yield _read_chunks(text), [f"t64:{mark}:{i}:{count}" for i in pieces]


def _read_chunks(text: str) -> tuple[str, str] | None:
    try:
        key, value = json.loads(base64.urlsafe_b64decode(text))
    except (binascii.Error, ValueError, TypeError):
        return None  # another program wrote or changed it
    return (key, value) if isinstance(key, str) and isinstance(value, str) else None


def _neutron_tags(found: Iterable[str]) -> Iterator[tuple[tuple[str, str], list[str]]]:
    parts: dict[tuple[str, int], dict[int, str]] = {}
    for item in found:
        if item.startswith("t:") and item[10:11] == ":" and "=" in item:
            yield _split(item[11:]), [item]
        elif part := _PART.fullmatch(item):
            parts.setdefault((part[1], int(part[3])), {})[int(part[2])] = part[4]
    for (mark, count), pieces in parts.items():
        text = "".join(pieces.get(i, "") for i in range(count))
        if len(pieces) == count and "=" in text:
            yield _split(text), [f"tp:{mark}:{i}.{count}:{piece}" for i, piece in pieces.items()]


def _split(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    return unquote(key), unquote(value)


def _escaped(text: str) -> str:
    return _UNSAFE.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), text)


def _cut(text: str, length: int) -> list[str]:
    return [text[i : i + length] for i in range(0, len(text), length)] or [""]
