"""The state of a bucket's versioning.

Swift itself keeps the versions (decision 14), and goes on keeping them while versioning is suspended.  What Swift does
not know is an item of the bucket's configuration: whether versioning is suspended, since when versions are kept, and
when it was suspended before.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from shim.s3.config.configuration import SWIFT_VERSIONS

ITEM: Final = "versioning"
ENABLED: Final = "Enabled"
SUSPENDED: Final = "Suspended"
# An item holds 256 bytes, so the oldest times of a bucket that is suspended very often are forgotten.
_MOST_PERIODS: Final = 6
_ITEM: Final = re.compile(rf"({ENABLED}|{SUSPENDED}) ([0-9]{{1,10}}\.[0-9]{{3}})((?: [0-9.]{{1,14}}-[0-9.]{{0,14}})*)")


class State(NamedTuple):
    """The state of a bucket's versioning.

    `status` is S3's word for it, '' for a bucket that never had versions.  `kept` is whether Swift keeps versions now.
    `since` is when the first version may have been written, 0.0 if that is unknown because versions were enabled by
    Swift's own API.  `suspended` are the times of suspension, the last of which may have no end.
    """

    status: str = ""
    kept: bool = False
    since: float = 0.0
    suspended: tuple[tuple[float, float], ...] = ()

    def is_null_marker(self, version: str) -> bool:
        """Return whether a delete marker was written while versioning was suspended: S3 calls its version `null`."""
        at = float(version)
        return any(start <= at < end for start, end in self.suspended)

    def is_from_before(self, version: str) -> bool:
        """Return whether an object that Swift made a version when it was replaced is from before there were versions.

        Only a version whose time is not its id can be asked about.
        """
        return float(version) < self.since


NEVER: Final = State()


def state(configuration: Mapping[str, str]) -> State:
    """Read the state from a bucket's configuration."""
    swift = configuration.get(SWIFT_VERSIONS)
    if swift is None:
        return NEVER
    match = _ITEM.fullmatch(configuration.get(ITEM, ""))
    if match is None:  # enabled by Swift's own API, which may also have damaged the item
        return State(ENABLED if swift == "on" else SUSPENDED, swift == "on")
    periods = [period.split("-") for period in match[3].split()]
    try:
        suspended = tuple((float(start), float(end) if end else math.inf) for start, end in periods)
    except ValueError:
        suspended = ()
    return State(match[1] if swift == "on" else SUSPENDED, swift == "on", float(match[2]), suspended)


def is_suspended(configuration: Mapping[str, str]) -> bool:
    """Return whether what the gateway writes gets the version `null`."""
    return configuration.get(ITEM, "").startswith(SUSPENDED) and configuration.get(SWIFT_VERSIONS) == "on"


def changed(now: State, status: str, at: float) -> str:
    """Return the item after a change of the status at a time."""
    periods = list(now.suspended)
    if periods and periods[-1][1] == math.inf:
        if status == ENABLED:
            periods[-1] = (periods[-1][0], at)
    elif status == SUSPENDED:
        periods.append((at, math.inf))
    # Versions that Swift's own API enabled began at a time that is not known.
    since = now.since if now.status else at
    told = "".join(f" {start:.3f}-{'' if end == math.inf else f'{end:.3f}'}" for start, end in periods[-_MOST_PERIODS:])
    return f"{status} {since:.3f}{told}"
