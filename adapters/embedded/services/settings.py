"""The supervisor's settings for the code inside the services."""

import json
from pathlib import Path
from typing import Any


def settings(etc: Path) -> dict[str, Any]:
    """Read etc/cloud.json: ports by name, the region, the first account, and the file that marks the seed's end."""
    loaded: dict[str, Any] = json.loads((etc / "cloud.json").read_text())
    return loaded


def port(etc: Path, name: str) -> int:
    """Return the port of that name."""
    return int(settings(etc)["ports"][name])
