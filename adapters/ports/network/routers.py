"""Routers."""

from __future__ import annotations

from typing import Protocol

from adapters.types.network import Router


class Routers(Protocol):
    """The routers that a project may see."""

    async def routers(self) -> list[Router]:
        """List routers."""
        ...
