"""What S3 does with the versions of a bucket's objects, in a few lines."""

from __future__ import annotations

from dataclasses import dataclass, field

NULL = "null"
ENABLED, SUSPENDED = "Enabled", "Suspended"


@dataclass
class Version:
    """A version; a delete marker has no body.

    `sealed` is how it is encrypted: not ("") or with the store's keys or with the customer's.  `reader` is the account
    that its ACL lets read.  `cold` is whether it has the class that is mapped to a storage policy of its own.
    """

    id: str
    body: bytes | None = None
    tags: dict[str, str] = field(default_factory=dict)
    sealed: str = ""
    held: bool = False
    retained: bool = False
    reader: str = ""
    cold: bool = False

    @property
    def is_marker(self) -> bool:
        return self.body is None

    @property
    def is_protected(self) -> bool:
        return self.held or self.retained


@dataclass
class Model:
    """A bucket: the status of its versioning, for each key its versions, the newest first, and its open uploads."""

    status: str = ""
    keys: dict[str, list[Version]] = field(default_factory=dict)
    uploads: list[tuple[str, str]] = field(default_factory=list)

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

    def readable(self, key: str) -> Version | None:
        """Return the version that a reader of the key gets."""
        found = self.keys.get(key, [])
        return found[0] if found and not found[0].is_marker else None

    def refusal(self, key: str, condition: str) -> str:
        """Return the code of S3's refusal of a conditional write; '' if it writes."""
        if self.readable(key) is None:
            return "NoSuchKey" if condition in ("same", "other") else ""
        return "" if condition == "same" else "PreconditionFailed"

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
        return [key for key in sorted(self.keys) if self.readable(key)]

    # --- lifecycle rules, when everything is old enough ---

    def expire_noncurrent(self, kept: int) -> None:
        """Delete noncurrent versions but for the newest ones, and for those under Object Lock."""
        for versions in self.keys.values():
            versions[:] = [one for place, one in enumerate(versions) if place <= kept or one.is_protected]

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

    def copied(self, source: Version, to: str, sealed: str, *, cold: bool) -> Version:
        """Return a copy of a version, which has its bytes and tags, and neither its class, its ACL nor its lock."""
        return Version(to, source.body, dict(source.tags), sealed, cold=cold)
