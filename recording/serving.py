"""Run a command with a recorder beside it: the recorder in a thread of its own, the command in the foreground."""

from __future__ import annotations

import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import uvicorn

ADDRESS: Final = "127.0.0.1"
_NOT_FOUND, _NOT_RUN = 127, 126  # the statuses of a shell for a command that there is not, and one that cannot run
_PASSED_ON: Final = (signal.SIGTERM, signal.SIGHUP)
_LAST_SECONDS: Final = 5  # for calls that are open when the command has ended


class CommandError(Exception):
    """A command that could not be run; `status` is a shell's for it."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


@contextmanager
def served(application: Any) -> Iterator[int]:
    """Serve an ASGI application on a free port of the loopback address, and yield the port."""
    with socket.create_server((ADDRESS, 0)) as listener:
        config = uvicorn.Config(
            application, http="httptools", ws="none", lifespan="on", log_config=None, log_level="critical",
            access_log=False, server_header=False, date_header=False, proxy_headers=False,
            timeout_graceful_shutdown=_LAST_SECONDS, timeout_keep_alive=75,
        )  # fmt: skip
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), name="recorder")
        thread.start()
        try:
            while not server.started and thread.is_alive():
                time.sleep(0.01)
            if not server.started:
                raise CommandError("the recorder could not be started", _NOT_RUN)
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


def run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command in the foreground; return its status as a shell gives it."""
    try:
        process = subprocess.Popen(list(command), env=dict(environment))
    except FileNotFoundError:
        raise CommandError(f"{command[0]}: command not found", _NOT_FOUND) from None
    except OSError as error:
        raise CommandError(f"{command[0]}: {error.strerror}", _NOT_RUN) from None
    with _signals_to(process):
        while True:
            try:
                status = process.wait()
                return status if status >= 0 else 128 - status
            except KeyboardInterrupt:  # the terminal has told the command too, which decides what comes of it
                continue


@contextmanager
def _signals_to(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Pass signals that are meant for the command on to it."""
    before = {one: signal.signal(one, lambda number, _: process.send_signal(number)) for one in _PASSED_ON}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
