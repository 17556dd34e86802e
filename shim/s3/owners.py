"""Owners as S3 names them: the project that the caller signed for."""

from __future__ import annotations

from shim.context import Call


def owner(call: Call) -> dict[str, str]:
    """Return the owner of everything that the caller can list: the project."""
    return {"ID": call.caller.project_id, "DisplayName": call.caller.project_name}
