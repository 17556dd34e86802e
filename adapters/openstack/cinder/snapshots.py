"""Cinder's snapshots: calls, and JSON → types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from adapters.errors import BackendError, Fault
from adapters.openstack.cinder.calls import PAGE, SERVICE, when
from adapters.openstack.session import Session
from adapters.types.block import NewSnapshot, Snapshot


class Snapshots:
    """The part of BlockStore that concerns snapshots."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def snapshots(self, *, volume_id: str | None = None) -> list[Snapshot]:
        """List the project's snapshots."""
        params: dict[str, str | int] = {"limit": PAGE}
        if volume_id is not None:
            params["volume_id"] = volume_id
        found = await self._session.pages(SERVICE, "/snapshots/detail", "snapshots", params=params)
        # A cloud may forbid the filter (resource_filters.json): then Cinder ignores it.
        return [_snapshot(s) for s in found if volume_id in (None, s["volume_id"])]

    async def snapshot(self, id: str) -> Snapshot:
        """Read one snapshot."""
        answer = await self._session.get(SERVICE, f"/snapshots/{id}", resource="snapshot", id=id)
        return _snapshot(answer.member("snapshot"))

    async def create_snapshot(self, new: NewSnapshot) -> Snapshot:
        """Ask Cinder for a snapshot of a volume."""
        wanted = {
            "volume_id": new.volume_id,
            "name": new.name or None,
            "description": new.description or None,
            "metadata": dict(new.metadata),
            # Attached volumes need it before 3.66.  Since then "if the 'force' flag is passed with a value evaluating
            # to True, it is silently ignored" (cinder/api/v3/snapshots.py).
            "force": True,
        }
        try:
            answer = await self._session.post(
                SERVICE, "/snapshots", json={"snapshot": wanted}, resource="volume", id=new.volume_id
            )
        except BackendError as error:
            if error.fault is Fault.QUOTA:
                error.resource, error.id = "snapshot", ""
            raise
        return _snapshot(answer.member("snapshot"))

    async def delete_snapshot(self, id: str) -> None:
        """Ask Cinder to delete a snapshot."""
        await self._session.delete(SERVICE, f"/snapshots/{id}", resource="snapshot", id=id)

    async def set_snapshot_metadata(self, id: str, items: Mapping[str, str]) -> None:
        """Add or overwrite items of metadata."""
        body = {"metadata": dict(items)}
        await self._session.post(SERVICE, f"/snapshots/{id}/metadata", json=body, resource="snapshot", id=id)

    async def delete_snapshot_metadata(self, id: str, key: str) -> None:
        """Delete one item of metadata."""
        path = f"/snapshots/{id}/metadata/{quote(key, safe='')}"
        await self._session.delete(SERVICE, path, resource="snapshot", id=id)


def _snapshot(s: Mapping[str, Any]) -> Snapshot:
    return Snapshot(
        id=s["id"],
        name=s["name"] or "",
        description=s["description"] or "",
        project_id=s.get("os-extended-snapshot-attributes:project_id") or "",
        volume_id=s["volume_id"],
        status=s["status"],
        size=s["size"],
        progress=s.get("os-extended-snapshot-attributes:progress") or "",
        created_at=when(s["created_at"]),
        metadata=s["metadata"] or {},
    )
