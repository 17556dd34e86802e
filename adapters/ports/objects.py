"""ObjectStore: what is asked of Swift, with the caller's own token."""

from __future__ import annotations

from typing import Protocol


class ObjectStore(Protocol):
    """Swift for one project."""
