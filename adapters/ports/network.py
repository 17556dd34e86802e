"""Network: what is asked of Neutron, with the caller's own token."""

from __future__ import annotations

from typing import Protocol


class Network(Protocol):
    """Neutron for one project."""
