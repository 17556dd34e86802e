"""Owners as S3 names them: the project that the caller signed for."""

from __future__ import annotations

from shim.context import Call


def owner(call: Call) -> dict[str, str]:
    """Return the owner of everything that the caller can list: the project."""
    return {"ID": call.caller.project_id, "DisplayName": call.caller.project_name}


def named(call: Call, project: str, name: str = "") -> dict[str, str]:
    """Return an account as answers show it; without its `name` only the caller's and the bucket's projects have one."""
    known = {project: name} if name else {}
    known |= {one.project_id: one.project_name for one in (call.requester, call.caller)}
    return {"ID": project, "DisplayName": known[project]} if project in known else {"ID": project}
