"""Images: what is asked of Glance, with the caller's own token."""

from __future__ import annotations

from typing import Protocol


class Images(Protocol):
    """Glance for one project."""
