"""What all of Cinder's calls share."""

from __future__ import annotations

from datetime import UTC, datetime

SERVICE = "block-storage"
PAGE = 1000  # the default of cinder.conf's osapi_max_limit; with a lower one, the pages' links are followed


def when(text: str) -> datetime:
    """Parse a time; Cinder writes UTC without an offset."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
