"""BlockStore: what is asked of Cinder, with the caller's own token."""

from __future__ import annotations

from typing import Protocol


class BlockStore(Protocol):
    """Cinder for one project."""
