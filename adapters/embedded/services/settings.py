"""The supervisor's settings for the services, beside their own configuration files."""

import json
from pathlib import Path
from typing import Any


def settings(etc: Path) -> dict[str, Any]:
    """Read etc/cloud.json: ports by name, the region, the first account, and where to wait for the seed."""
    loaded: dict[str, Any] = json.loads((etc / "cloud.json").read_text())
    return loaded


def port(etc: Path, name: str) -> int:
    """Give the port of that name."""
    return int(settings(etc)["ports"][name])
