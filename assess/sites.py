"""Note what is called at which place of a source, and which places could not be followed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assess import sdk
from assess.calls import UNKNOWN, Call, Found, is_known
from recording.secrets import is_secret

Site = tuple[str, int, int]  # the file, the line and the column


@dataclass(slots=True)
class Sites:
    """The calls of some sources.  A place that is read in several ways notes each different call once."""

    calls: dict[tuple[Site, str, str, str], Call] = field(default_factory=dict)
    unfollowed: dict[Site, str] = field(default_factory=dict)

    def add(
        self, site: Site, service: str, operation: str, params: dict[str, Any], complete: bool, readable: bool
    ) -> None:
        """Note a call; values that AWS's model calls secret are not kept."""
        params = sdk.unaliased(service, operation, params)
        shape = sdk.model(service).operation_model(operation).input_shape
        kept = without_secrets(params, shape) if shape is not None else params
        exact = readable and complete and is_known(kept)
        call = Call(service, operation, kept, f"{site[0]}:{site[1]}", complete=complete, exact=exact)
        self.calls[site, service, operation, f"{kept!r} {complete}"] = call

    def lose(self, site: Site, why: str) -> None:
        """Note a place that could not be followed; it counts only if nothing is known to be called there."""
        self.unfollowed.setdefault(site, why)

    def found(self) -> Found:
        """Return all of it in the order of files and lines."""
        named = {key[0] for key in self.calls}
        lost = sorted((site, why) for site, why in self.unfollowed.items() if site not in named)
        calls = [call for _, call in sorted(self.calls.items(), key=lambda one: one[0])]
        return Found(calls, [f"{path}:{line}: {why}" for (path, line, _), why in lost])


def site_of(path: Path, node: Any) -> Site:
    """Return the place of a call: the line of the method's name, where a chain of calls has several lines."""
    func = getattr(node, "func", node)
    return str(path), int(func.end_lineno or func.lineno), int(func.end_col_offset or 0)


def without_secrets(value: Any, shape: Any) -> Any:
    """Return parameters with UNKNOWN for what AWS's model calls sensitive, and for bytes."""
    if is_secret(shape):
        return UNKNOWN
    if shape.type_name == "structure" and isinstance(value, dict):
        members = shape.members
        return {
            name: without_secrets(one, members[name]) if name in members else UNKNOWN for name, one in value.items()
        }
    if shape.type_name == "list" and isinstance(value, list):
        return [without_secrets(one, shape.member) for one in value]
    return value
