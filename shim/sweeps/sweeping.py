"""Sweeps all buckets that have lifecycle rules, again and again, by one process at a time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from typing import Final

from adapters.errors import BackendError
from shim.concurrency import gather_all
from shim.errors import AwsError
from shim.locks import Locks
from shim.record import new_request_id
from shim.s3.lifecycle import registry
from shim.s3.lifecycle.registry import Entry
from shim.sweeps.bucket import sweep_bucket
from shim.sweeps.counts import FAILED
from shim.sweeps.tools import Tools

log = logging.getLogger(__name__)

_BUCKETS_AT_ONCE: Final = 4
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0  # after a sweep that failed as a whole


async def sweep(tools: Tools) -> Counter[str]:
    """Sweep each bucket in the registry once, and return how many ended how; one that fails is left for next time."""
    own = (await tools.clouds.own(new_request_id())).objects

    async def one(entry: Entry) -> str:
        try:
            outcome = await sweep_bucket(tools, own, entry)
        except (BackendError, AwsError) as error:
            log.warning("lifecycle: bucket %s of project %s is left: %s", entry.bucket, entry.project, error)
            outcome = FAILED
        except Exception:
            log.exception("lifecycle: bucket %s of project %s broke", entry.bucket, entry.project)
            outcome = FAILED
        tools.counts.lifecycle_bucket(outcome)
        return outcome

    found = await registry.entries(own)
    return Counter(await gather_all((one(entry) for entry in found), most=_BUCKETS_AT_ONCE))


async def lead(tools: Tools, leader: Locks) -> bool:
    """Sweep once if no other process is sweeping; return whether this one did and could.

    `leader` are locks with a short wait.  If its lock is lost while it sweeps, a second sweep beside this one does no
    harm: each action looks first whether it is still due.
    """
    began = time.monotonic()
    try:
        async with leader.hold("sweep", "", "lifecycle"):
            found = await sweep(tools)
    except BackendError as error:
        if error.service == "coordination":
            log.info("lifecycle: no sweep, as another process sweeps or the locks cannot be reached (%s)", error.detail)
            return True
        log.warning("lifecycle: the sweep failed: %s", error)
        return False
    told = ", ".join(f"{number} {outcome}" for outcome, number in sorted(found.items())) or "none with rules"
    log.info("lifecycle: buckets: %s; %.1f seconds", told, time.monotonic() - began)
    return not found[FAILED]


async def sweep_always(tools: Tools, leader: Locks) -> None:
    """Sweep until the task is cancelled; after a failure sooner, and later each time."""
    interval = tools.settings.sweep_interval_seconds
    pause = _FIRST_PAUSE
    while True:
        if await lead(tools, leader):
            pause = _FIRST_PAUSE
            await asyncio.sleep(interval)
        else:
            await asyncio.sleep(min(pause, interval))
            pause = min(2 * pause, _LONGEST_PAUSE)
