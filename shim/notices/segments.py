"""The files of a queue: notices, one JSON object a line, in files that one process appends to.

A process locks its file while it may still append to it (`flock`, which the kernel releases when the process ends, also
a killed one), and gives the file its name only when it holds the lock.  So a reader knows from the lock whether a file
whose last line it has read is complete and can be deleted.  A last line without a line feed was never reported as
stored.  How far a file has been delivered stands beside it, in `<name>.done`; if that is lost, notices are sent twice.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

log = logging.getLogger(__name__)

_NAME: Final = ".jsonl"
_DONE: Final = ".done"
_CHUNK: Final = 256 << 10  # bytes that are read at once; a notice has at most some 12 KB


class Notice(NamedTuple):
    """What is to be sent to a destination, and the time (seconds since 1970) since when it waits."""

    destination: str
    since: float
    body: Any


def line(notice: Notice) -> bytes:
    """Return a notice as it is stored."""
    return orjson.dumps({"to": notice.destination, "since": notice.since, "body": notice.body}) + b"\n"


def parsed(text: bytes) -> Notice | None:
    """Return the notice of a stored line; None for one that is damaged."""
    try:
        told = orjson.loads(text)
        notice = Notice(told["to"], float(told["since"]), told["body"])
    except (ValueError, TypeError, KeyError):
        return None
    return notice if isinstance(notice.destination, str) and isinstance(notice.body, dict) else None


def queue_name(destination: str, project: str) -> str:
    """Return the name of a queue: each project has one of its own for each destination."""
    return hashlib.sha256(f"{destination} {project}".encode()).hexdigest()[:32]


class Segment:
    """A file that this process appends to."""

    def __init__(self, queue: Path) -> None:
        """Make a new file in a queue's directory, which is made if it is absent."""
        queue.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{time.time_ns():020d}-{secrets.token_hex(4)}{_NAME}"
        draft = queue / f".{name}"
        self._file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.size = 0
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            draft.rename(queue / name)
            for directory in (queue, queue.parent):
                _sync_directory(directory)
        except OSError:
            draft.unlink(missing_ok=True)
            self.close()
            raise

    def append(self, data: bytes) -> None:
        """Append lines, and return when they are on the disk."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._file, rest) :]
        os.fdatasync(self._file)
        self.size += len(data)

    def close(self) -> None:
        """Close the file: nothing will be appended any more."""
        os.close(self._file)


def _sync_directory(path: Path) -> None:
    """Put the names of a directory on the disk."""
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


class Queue:
    """A queue as its reader sees it; `window` shows its oldest notices, and `advance` leaves them behind."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._shown: tuple[Path, int] | None = None
        self._offsets: dict[str, int] = {}

    def window(self, most: int) -> list[Notice]:
        """Return up to `most` notices; delete the files that are delivered wholly and that nobody appends to."""
        for file in sorted(self._files()):
            offset = self._offset(file)
            while lines := _lines(file, offset, most):
                end = offset + sum(map(len, lines))
                found = [notice for text in lines if (notice := parsed(text)) is not None]
                if len(found) < len(lines):
                    log.warning("notifications: %d damaged lines of %s are left out", len(lines) - len(found), file)
                if found:
                    self._shown = file, end
                    return found
                offset = end
            self._end(file, offset)
        return []

    def advance(self) -> None:
        """Note that the notices that were shown need not be shown again."""
        assert self._shown is not None
        file, end = self._shown
        self._offsets[file.name] = end
        with _done(file).open("r+b" if _done(file).exists() else "wb") as note:
            note.write(b"%020d" % end)  # of one length, so that a half-written one cannot look like another number

    def _files(self) -> Iterator[Path]:
        with os.scandir(self.path) as entries:
            yield from (Path(one.path) for one in entries if one.name.endswith(_NAME) and not one.name.startswith("."))

    def _offset(self, file: Path) -> int:
        found = self._offsets.get(file.name)
        if found is None:
            try:
                found = int(_done(file).read_bytes() or b"0")
            except (OSError, ValueError):
                found = 0
            self._offsets[file.name] = found
        return found

    def _end(self, file: Path, offset: int) -> None:
        """Delete a file of which nothing is left, unless a process may still append to it."""
        with file.open("rb") as opened:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            if _lines(file, offset, 1):  # they were appended before the lock was taken
                return
            file.unlink()
            _done(file).unlink(missing_ok=True)
            self._offsets.pop(file.name, None)


def _done(file: Path) -> Path:
    return file.with_name(file.name + _DONE)


def _lines(file: Path, offset: int, most: int) -> list[bytes]:
    """Return up to `most` whole lines behind an offset."""
    with file.open("rb") as opened:
        opened.seek(offset)
        data = opened.read(_CHUNK)
    whole = data.rfind(b"\n") + 1
    if not whole and len(data) == _CHUNK:
        return [data]  # nothing that a gateway wrote: its reader leaves it out
    return data[:whole].splitlines(keepends=True)[:most]


def used(directory: Path) -> dict[str, int]:
    """Return the bytes on the disk by queue."""
    found: dict[str, int] = {}
    try:
        queues = [one for one in os.scandir(directory) if one.is_dir()]
    except FileNotFoundError:
        return found
    for queue in queues:
        size = 0
        for one in os.scandir(queue):
            try:
                size += one.stat().st_size if one.name.endswith(_NAME) else 0
            except FileNotFoundError:  # deleted meanwhile
                continue
        found[queue.name] = size
    return found
