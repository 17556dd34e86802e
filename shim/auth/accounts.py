"""AWS account ids of Keystone projects: twelve digits, computed from the project id."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256


def account_id(project_id: str, overrides: Mapping[str, str] | None = None) -> str:
    """Return the 12-digit account id of a project: its SHA-256 modulo 10^12, unless the operator chose another."""
    chosen = overrides.get(project_id) if overrides else None
    return chosen or _computed(project_id)


@lru_cache(maxsize=10_000)
def _computed(project_id: str) -> str:
    return f"{int.from_bytes(sha256(project_id.encode()).digest(), 'big') % 10**12:012d}"
