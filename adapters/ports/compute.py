"""Compute: what is asked of Nova, with the caller's own token."""

from __future__ import annotations

from typing import Protocol


class Compute(Protocol):
    """Nova for one project."""
