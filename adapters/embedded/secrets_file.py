"""The passwords of one cloud, generated once and kept in a file that only its owner may read."""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path

from adapters.embedded.layout import write_private

# Accounts of services and users, then shared secrets.
SERVICE_USERS = ("placement", "glance", "neutron", "nova", "cinder", "swift", "barbican")
PEOPLE = ("admin", "passerelle", "main", "alt", "tenant", "reader")
SHARED = ("metadata-proxy", "swift-hash-suffix", "barbican-master-key")


def passwords(file: Path) -> Mapping[str, str]:
    """Return the passwords by account name; generate missing ones."""
    try:
        known: dict[str, str] = json.loads(file.read_text())
    except (OSError, ValueError):
        known = {}
    missing = [name for name in SERVICE_USERS + PEOPLE + SHARED if name not in known]
    if missing:
        known |= {name: secrets.token_urlsafe(18) for name in missing}
        write_private(file, json.dumps(known, indent=1) + "\n")
    return known
