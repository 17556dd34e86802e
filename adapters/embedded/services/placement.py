"""Placement: its own WSGI application, served with threads."""

import os
from pathlib import Path

from .settings import port
from .web import serve


def main(etc: Path) -> None:
    """Serve the API."""
    os.environ["OS_PLACEMENT_CONFIG_DIR"] = str(etc / "placement")
    from placement.wsgi.api import application

    serve({port(etc, "placement"): application})
