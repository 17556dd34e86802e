"""Runs measurements on their own cloud and gateway: all short ones, the quickest first, or the named ones.

python -m bench                  all short ones, as `make bench`; a quarter of an hour
python -m bench steps s3         the named ones
python -m bench --help           the list
"""

import signal
import sys
import time
import traceback
from collections.abc import Callable

from bench import (
    bucket_names,
    connections,
    describe_many,
    describe_scripted,
    hop,
    many_parts,
    multipart_upload,
    s3_side_by_side,
    steps,
    stream_2gb,
    two_workers,
    upstream_calls,
    versioned_writes,
    write_instances,
)
from bench.bars import BARS
from bench.stage import Stage, stage

MEASUREMENTS: dict[str, Callable[[Stage], None]] = {
    "steps": steps.run,
    "instances": write_instances.run,
    "connections": connections.run,
    "s3": s3_side_by_side.run,
    "multipart": multipart_upload.run,
    "hop": hop.run,
    "workers": two_workers.run,
    "stream": stream_2gb.run,
    "scripted": describe_scripted.run,
    "upstream": upstream_calls.run,
    "describe": describe_many.run,
}
# Run only by name: too large, or evidence of a decision (docs/decisions/0011 and 0014).
BY_NAME: dict[str, Callable[[Stage], None]] = {
    "names": bucket_names.run,
    "parts": many_parts.run,
    "versions": versioned_writes.run,
}
KNOWN = MEASUREMENTS | BY_NAME


def main(names: list[str]) -> int:
    """Run the named measurements, or all; return 0 unless one failed."""
    if "--help" in names:
        print(__doc__)
        for name, run in KNOWN.items():
            print(f"    {name:12} {_about(run)}{'' if name in MEASUREMENTS else ' (only by name)'}")
        return 0
    if unknown := set(names) - set(KNOWN):
        print(f"no measurement {', '.join(sorted(unknown))}; there are {', '.join(KNOWN)}", file=sys.stderr)
        return 2
    # A measurement that is terminated removes what it made.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    broken = []
    with stage() as here:
        for number, name in enumerate(names or MEASUREMENTS, 1):
            started = time.monotonic()
            print(f"\n== {number} of {len(names or MEASUREMENTS)}, {name}: {_about(KNOWN[name])}", flush=True)
            try:
                KNOWN[name](here)
            except Exception:  # noqa: BLE001 - the other measurements still run
                broken.append(name)
                traceback.print_exc()
            print(f"   ({time.monotonic() - started:.0f} s)", flush=True)
    print("\n== bars")
    for line in BARS.lines:
        print(f"   {line}")
    print(
        f"   {len(BARS.lines) - BARS.missed} met, {BARS.missed} not met" + "".join(f"; {one} broke" for one in broken)
    )
    return 1 if broken else 0


def _about(run: Callable[[Stage], None]) -> str:
    return (sys.modules[run.__module__].__doc__ or "").splitlines()[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
