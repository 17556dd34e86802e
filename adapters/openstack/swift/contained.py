"""Swift for callers of other projects: reads nothing that another object's name leads to.

The gateway's own token may read all containers of a project.  Swift authorises the target of a symbolic link, and the
objects that a dynamic large object is made of, for the reader and not for the one who made the link: who may write one
container could make a link to another, and have it read by that token.  A static large object is made of what its maker
could read.
"""

from __future__ import annotations

from adapters.errors import BackendError, Fault
from adapters.openstack.swift.headers import SERVICE
from adapters.openstack.swift.swift import Swift
from adapters.types.objects import Download, Stored


class ContainedSwift(Swift):
    """Swift that refuses to read symbolic links and dynamic large objects; it writes and deletes them as any other."""

    async def get(
        self,
        container: str,
        name: str,
        *,
        span: str = "",
        part: int = 0,
        version: str = "",
        tell_missing: bool = True,
    ) -> Download:
        """Open an object that is in the container itself."""
        found = await super().get(container, name, span=span, part=part, version=version, tell_missing=tell_missing)
        try:
            _check(found.stored)
        except BackendError:
            found.close()
            raise
        return found

    async def head(
        self, container: str, name: str, *, part: int = 0, link: bool = False, version: str = "", newest: bool = False
    ) -> Stored:
        """Describe an object that is in the container itself, or, with `link`, a symbolic link."""
        found = await super().head(container, name, part=part, link=link, version=version, newest=newest)
        if not link:
            _check(found)
        return found


def _check(stored: Stored) -> None:
    if stored.linked or stored.layout == "dynamic":
        detail = "a symbolic link or a dynamic large object is read by its own project alone"
        raise BackendError(Fault.FORBIDDEN, service=SERVICE, resource="object", detail=detail)
