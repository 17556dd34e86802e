"""Tools: what all sweeps of one process share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from shim.auth.accounts import account_id
from shim.cache import Cache
from shim.config import Settings
from shim.context import Call, Caller, ServiceClouds
from shim.locks import Locks
from shim.notices.spool import Notices
from shim.record import new_request_id
from shim.s3.lifecycle.evaluation import Days
from shim.s3.lifecycle.registry import Entry
from shim.sweeps.counts import Counts
from shim.sweeps.pace import Pace
from shim.worker import Worker


@dataclass(frozen=True, slots=True)
class Tools:
    """The settings, and everything that a sweep acts with; `now` is the clock by which things are due."""

    settings: Settings
    clouds: ServiceClouds
    locks: Locks
    counts: Counts
    pace: Pace
    days: Days
    cache: Cache = field(default_factory=Cache)
    worker: Worker = field(default_factory=Worker)
    notices: Notices | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def call(self, entry: Entry, operation: str) -> Call:
        """Return the context in which the actions of S3 serve the owner of a bucket, with the service user's token."""
        request_id = new_request_id()
        account = account_id(entry.project, self.settings.account_ids)
        return Call(
            cloud=await self.clouds.service(entry.project, request_id),
            caller=Caller("", "", "", entry.project, "", account, frozenset()),
            request_id=request_id,
            region=self.settings.region,
            operation=operation,
            settings=self.settings,
            locks=self.locks,
            cache=self.cache,
            worker=self.worker,
            clouds=self.clouds,
            notices=self.notices,
        )
