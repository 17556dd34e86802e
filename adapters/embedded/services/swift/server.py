"""Starts a Swift server inside one of the cloud's processes; used by both Swift processes."""

from pathlib import Path
from typing import Any


def prepare(etc: Path) -> None:
    """Set Swift's directory before imports read limits and policies from /etc/swift, then patch for green threads."""
    import swift.common.utils

    swift.common.utils.set_swift_dir(str(etc / "swift"))
    swift.common.utils.eventlet_monkey_patch()


def start(etc: Path, name: str) -> Any:
    """Start `proxy-server`, `object-server`, … in a green thread, and return the thread."""
    import eventlet
    from swift.common import wsgi

    conf, logger, _ = wsgi._initrp(str(etc / f"swift/{name}.conf"), name)  # noqa: SLF001 - run_wsgi forks; this does not
    return eventlet.spawn(wsgi.run_server, conf, logger, wsgi.get_socket(conf))
