"""What S3 does with the versions of a bucket's objects, in a few lines."""

from __future__ import annotations

from dataclasses import dataclass, field

NULL = "null"
ENABLED, SUSPENDED = "Enabled", "Suspended"


@dataclass
class Version:
    """A version; a delete marker has no body."""

    id: str
    body: bytes | None = None
    tags: dict[str, str] = field(default_factory=dict)
    held: bool = False

    @property
    def is_marker(self) -> bool:
        return self.body is None


@dataclass
class Model:
    """A bucket: the status of its versioning, and for each key its versions, the newest first."""

    status: str = ""
    keys: dict[str, list[Version]] = field(default_factory=dict)

    def write(self, key: str, version: Version) -> None:
        """Add a version, which replaces the version `null` if it is that itself."""
        kept = [one for one in self.keys.get(key, []) if version.id != NULL or one.id != NULL]
        self.keys[key] = [version, *kept]

    def delete(self, key: str, marker: str) -> None:
        """Delete the current version of a key: by a delete marker, if the bucket has versions."""
        if self.status:
            self.write(key, Version(marker))
        else:
            self.keys.pop(key, None)

    def new_id(self, fresh: str) -> str:
        """Return the id of what is written now, `fresh` if it is a version of its own."""
        return fresh if self.status == ENABLED else NULL

    def shown(self) -> list[tuple[str, str, bool, bool]]:
        """Return key, id, and whether it is a marker and the latest one, of all versions in the order of a listing."""
        return [
            (key, version.id, version.is_marker, place == 0)
            for key in sorted(self.keys)
            for place, version in enumerate(self.keys[key])
        ]

    def current(self) -> list[str]:
        """Return the keys that a listing of objects shows."""
        return [key for key in sorted(self.keys) if self.keys[key] and not self.keys[key][0].is_marker]

    # --- lifecycle rules, when everything is old enough ---

    def expire_noncurrent(self, kept: int) -> None:
        """Delete noncurrent versions but for the newest ones, and for those under a legal hold."""
        for versions in self.keys.values():
            versions[:] = [one for place, one in enumerate(versions) if place <= kept or one.held]

    def remove_lone_markers(self) -> None:
        """Delete the delete markers of keys that have nothing else."""
        for versions in self.keys.values():
            if [one.is_marker for one in versions] == [True]:
                versions.clear()

    def expire(self) -> None:
        """Delete all current versions, and then the delete markers that are alone."""
        for key in self.current():
            self.delete(key, self.new_id("new"))
        self.remove_lone_markers()
