"""What Keystone's default roles say of a caller, for what no token of its own is asked for.

https://docs.openstack.org/keystone/latest/admin/service-api-protection.html: `reader` may only read.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Final

_READS_ONLY: Final = frozenset(("reader",))


def reads_only(roles: Set[str]) -> bool:
    """Tell whether a caller with these roles may only read in its own project."""
    return bool(roles) and roles <= _READS_ONLY
