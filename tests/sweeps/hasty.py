"""`passerelle sweep --segments` for which a second is a day: `python -m tests.sweeps.hasty CLOUD TARGET [FLAG...]`."""

import sys
from datetime import timedelta
from typing import Any

import uvloop

from shim import log
from shim.cli import options
from shim.cli.sweep import run
from shim.sweeps.orphans import sweep_segments


def main(cloud: str, target: str, *flags: str) -> int:
    """Sweep a bucket, and return the exit status."""
    settings = options.load({"cloud": cloud})
    log.configure(settings.log_level, settings.log_format)

    async def work(tools: Any, _: Any) -> bool:
        dry, versions_too = "--dry-run" in flags, "--versions-too" in flags
        return await sweep_segments(tools, [target], dry=dry, versions_too=versions_too, age=timedelta(seconds=1))

    return 0 if uvloop.run(run(settings, work)) else 1


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
