"""The sweeper's metrics, and the line that it writes for each action."""

from __future__ import annotations

from typing import Final, Protocol

from shim import log
from shim.s3.lifecycle.evaluation import Due
from shim.s3.lifecycle.registry import Entry

DONE: Final = "done"
KEPT: Final = "kept"  # it changed, is gone, or may not be deleted
FAILED: Final = "failed"


class Counts(Protocol):
    """Counts what sweeps do."""

    def lifecycle_action(self, action: str, outcome: str) -> None:
        """Count an action."""
        ...

    def lifecycle_bucket(self, outcome: str) -> None:
        """Count a bucket."""
        ...


def tell(counts: Counts, entry: Entry, due: Due, key: str, version: str, outcome: str, code: str = "") -> None:
    """Count an action and write its line."""
    counts.lifecycle_action(due.action, outcome)
    log.write_audit(
        f"lifecycle {due.action}",
        project=entry.project,
        bucket=entry.bucket,
        key=key,
        version=version,
        rule=due.rule_id,
        due=due.at.isoformat(timespec="seconds"),
        outcome=outcome,
        code=code,
    )
