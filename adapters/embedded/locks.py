"""Allows one `up` at a time, by flock(2): the kernel releases the lock when its holder ends, even by SIGKILL."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path, progress: Callable[[str], None]) -> Iterator[int]:
    """Hold an exclusive lock on a file and yield its descriptor.

    A child that inherits the descriptor (`pass_fds`) keeps the lock when its parent is killed, so that a second `up`
    waits for an installer whose supervisor was killed.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(f"waiting for whoever holds {path}")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
