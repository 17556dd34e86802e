"""Service processes: started detached and found by their command lines, because a pid file could be stale."""

import os
import select
import signal
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from adapters.embedded.layout import OVN, SERVICES, Layout

PACKAGE = "passerelle_cloud"  # the name of `adapters/embedded/services` on the services' PYTHONPATH
PF_EXITING = 0x4  # linux/sched.h
LOG_LIMIT = 16 << 20  # bytes; a larger log is renamed at the next start


@dataclass(frozen=True, slots=True)
class Process:
    """A running service. `signature` identifies the configuration and packages that it was started with.

    `started` is in clock ticks since boot; pid and start time together are unique, because the kernel reuses pids.
    `ending` is true for a killed process whose ports the kernel has not released yet.
    """

    service: str
    pid: int
    parent: int
    signature: str
    started: int = 0
    ending: bool = False


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory in bytes. `pss` divides shared pages among the processes that map them; `rss` counts them in full."""

    rss: int
    pss: int


def command(place: Layout, service: str, signature: str) -> list[str]:
    """Return the command line of a service, by which `running` recognises it."""
    return [str(place.python), "-P", "-m", PACKAGE, service, str(place.root), signature]


def recognise(argv: list[str], root: Path) -> tuple[str, str] | None:
    """Return (service, signature) if this command line is of a service of the cloud in `root`."""
    if len(argv) != 7 or argv[2:4] != ["-m", PACKAGE] or argv[5] != str(root):
        return None
    return argv[4], argv[6]


def running(place: Layout, proc: Path = Path("/proc")) -> dict[str, list[Process]]:
    """Return this cloud's processes, except those that are ending."""
    found = {service: [each for each in those if not each.ending] for service, those in present(place, proc).items()}
    return {service: those for service, those in found.items() if those}


def present(place: Layout, proc: Path = Path("/proc")) -> dict[str, list[Process]]:
    """Return this cloud's processes by their command lines, including those that are ending."""
    found: dict[int, Process] = {}
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            argv = (entry / "cmdline").read_text(errors="replace").split("\0")[:-1]
            if known := recognise(argv, place.root):
                fields = stat(entry)
                found[int(entry.name)] = Process(
                    known[0],
                    int(entry.name),
                    fields.parent,
                    known[1],
                    fields.started,
                    fields.exiting or is_killed((entry / "status").read_text(errors="replace")),
                )
        except OSError:
            continue  # it ended meanwhile
    by_service: dict[str, list[Process]] = {}
    for process in sorted(found.values(), key=lambda process: process.pid):
        if process.parent not in found:  # a forked child that has not called exec yet
            by_service.setdefault(process.service, []).append(process)
    return by_service


@dataclass(frozen=True, slots=True)
class Stat:
    """Fields of /proc/PID/stat."""

    parent: int
    started: int
    exiting: bool


def stat(entry: Path) -> Stat:
    """Read /proc/PID/stat (proc_pid_stat(5)): state, parent, flags and start time are its fields 3, 4, 9 and 22."""
    # the program's name, in brackets, may contain spaces and brackets
    fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
    return Stat(int(fields[1]), int(fields[19]), fields[0] in "ZX" or bool(int(fields[6]) & PF_EXITING))


def is_killed(status: str) -> bool:
    """Return whether a SIGKILL is pending, from /proc/PID/status."""
    pending = [line.split()[1] for line in status.splitlines() if line.startswith(("SigPnd:", "ShdPnd:"))]
    return any(int(mask, 16) >> (signal.SIGKILL - 1) & 1 for mask in pending)


def environment(place: Layout) -> dict[str, str]:
    """Return the services' environment. The caller's proxies, OS_* or PYTHON* would change the services."""
    return {
        "PATH": f"{place.venv}/bin:{os.environ.get('PATH', os.defpath)}",
        "HOME": str(place.root),
        "XDG_CACHE_HOME": str(place.root / "cache"),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONPATH": str(place.path),
        "PYTHONUNBUFFERED": "1",
        # glibc gives every thread its own heap by default; two heaps make the services a quarter smaller.
        "MALLOC_ARENA_MAX": "2",
    }


def start(place: Layout, service: str, signature: str) -> int:
    """Start a service in its own session with its output in its log; return the pid."""
    log = place.log(service)
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        return os.posix_spawn(
            place.python,
            command(place, service, signature),
            environment(place),
            file_actions=[
                (os.POSIX_SPAWN_DUP2, nothing, 0),
                (os.POSIX_SPAWN_DUP2, output, 1),
                (os.POSIX_SPAWN_DUP2, output, 2),
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=(signal.SIGINT, signal.SIGTERM, signal.SIGPIPE),
        )
    finally:
        os.close(output)
        os.close(nothing)


def stop(place: Layout, service: str | None = None, patience: float = 5.0) -> None:
    """End the processes of one service or of all, first by SIGTERM; return when their ports are released too."""
    number = signal.SIGTERM
    while left := [process for process in in_order(present(place)) if service in (None, process.service)]:
        end(left, number, patience)
        number = signal.SIGKILL


def end(found: Collection[Process], number: signal.Signals, patience: float) -> None:
    """Signal processes and wait up to `patience` seconds until all have ended.

    A process leaves /proc/*/cmdline before the kernel closes its sockets; its pidfd becomes readable after that.
    """
    waiting = {handle for process in found if (handle := pidfd(process)) is not None}
    handles, deadline = tuple(waiting), time.monotonic() + patience
    try:
        for handle in handles:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, number)
        while waiting and (left := deadline - time.monotonic()) > 0:
            waiting -= set(select.select(waiting, [], [], left)[0])
    finally:
        for handle in handles:
            os.close(handle)
        reap(process.pid for process in found)
    # Children of an earlier supervisor are reaped by init; until then `ps` still lists them.
    patient = time.monotonic() + 1
    while any(is_there(process) for process in found) and not waiting and time.monotonic() < patient:
        time.sleep(0.02)


def pidfd(process: Process) -> int | None:
    """Return a process's pidfd, or None if it has ended, even if its pid was reused."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return None
    if is_there(process):  # checked after pidfd_open, so that the pidfd is not of a later process with the same pid
        return handle
    os.close(handle)
    return None


def is_there(process: Process, proc: Path = Path("/proc")) -> bool:
    """Return whether /proc still lists this process (same pid and start time)."""
    try:
        return stat(proc / str(process.pid)).started == process.started
    except OSError:
        return False


def age(process: Process) -> float:
    """Return the seconds since a process started."""
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return uptime - process.started / os.sysconf("SC_CLK_TCK")


def reap(pids: Iterable[int]) -> None:
    """Reap the ended processes that are our children."""
    for pid in pids:
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            continue


def ended(pid: int) -> int | None:
    """Return a child's exit status, or minus its signal; None while it runs; 0 if it was already reaped."""
    try:
        done, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return 0
    return os.waitstatus_to_exitcode(status) if done else None


def memory(pid: int) -> Memory:
    """Return the memory of one process; zeros if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return Memory(0, 0)
    sizes: Mapping[str, int] = {line.split(":")[0]: int(line.split()[1]) << 10 for line in lines}
    return Memory(sizes["Rss"], sizes["Pss"])


def in_order(found: Mapping[str, list[Process]]) -> list[Process]:
    """Flatten `running`, in the order of SERVICES."""
    return [process for service in (*SERVICES, OVN) for process in found.get(service, [])]
