"""Network namespaces without names: each is held by a file descriptor of this process."""

import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
SIGKILL = 9

T = TypeVar("T")
libc = ctypes.CDLL(None, use_errno=True)


def checked(result: int) -> None:
    """Raise OSError for a failed call of the C library."""
    if result:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def become_able() -> None:
    """Enter a user namespace as its root, unless this process is root. It must have a single thread."""
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        return
    checked(libc.unshare(CLONE_NEWUSER))
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        Path(f"/proc/self/{name}").write_text(text)


def apart(work: Callable[[], T]) -> T:
    """Run work in a thread of its own, whose namespace may change: a thread has one of its own, and then ends."""
    outcome: list[T] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as failure:  # noqa: BLE001 - raised again by the caller's thread
            failures.append(failure)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return outcome[0]


def new() -> int:
    """Make a network namespace and return a file descriptor of it; it is gone when that and all users are."""

    def make() -> int:
        checked(libc.unshare(CLONE_NEWNET))
        return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    made = apart(make)
    run(made, "ip", "link", "set", "lo", "up")
    return made


def listener(namespace: int, address: str, port: int) -> socket.socket:
    """Return a listening TCP socket in a namespace; it stays there, whoever uses it."""

    def make() -> socket.socket:
        checked(libc.setns(namespace, CLONE_NEWNET))
        return socket.create_server((address, port), backlog=64)

    return apart(make)


def die_with_parent() -> None:
    """Let the kernel end this child with the service (prctl(2))."""
    libc.prctl(PR_SET_PDEATHSIG, SIGKILL)


def inside(namespace: int, *command: str) -> list[str]:
    """Return the command line that runs a command in a namespace; it needs `pass_fds=(namespace,)`."""
    return ["nsenter", f"--net=/proc/self/fd/{namespace}", "--", *command]


def run(namespace: int, *command: str, given: str = "", **options: Any) -> str:
    """Run a command in a namespace and return its output; raise OSError with what it said if it fails."""
    done = subprocess.run(
        inside(namespace, *command),
        input=given,
        capture_output=True,
        text=True,
        pass_fds=(namespace,),
        check=False,
        **options,
    )
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return str(done.stdout)
