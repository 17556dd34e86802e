"""Swift's proxy server."""

from pathlib import Path

from .server import prepare, start


def main(etc: Path) -> None:
    """Serve Swift's API and its S3 middleware on the same port."""
    prepare(etc)
    start(etc, "proxy-server").wait()
