"""Barbican: its own WSGI application, served with threads."""

import os
import sys
from pathlib import Path

from .settings import port
from .web import serve


def main(etc: Path) -> None:
    """Serve the API."""
    # Several of Barbican's modules read the configuration anew, each from the default places: ~/barbican.conf is one.
    os.environ["HOME"] = str(etc / "barbican")
    from paste import deploy

    paste = Path(sys.prefix) / "etc/barbican/barbican-api-paste.ini"
    serve({port(etc, "barbican"): deploy.loadapp(f"config:{paste}")})
