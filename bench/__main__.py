"""Run the measurements on a cloud and a gateway of their own; the quick ones first."""

import signal
import sys
import time
from collections.abc import Callable

from bench import (
    bucket_names,
    connections,
    describe_many,
    describe_scripted,
    hop,
    many_parts,
    s3_side_by_side,
    steps,
    stream_2gb,
    upstream_calls,
)
from bench.stage import Stage, stage

MEASUREMENTS: dict[str, Callable[[Stage], None]] = {
    "steps": steps.run,
    "hop": hop.run,
    "s3": s3_side_by_side.run,
    "upstream": upstream_calls.run,
    "stream": stream_2gb.run,
    "describe": describe_many.run,
    "scripted": describe_scripted.run,
}
# Run only where they are asked for: too large, of interest to few, or part of a decision (docs/decisions/0011).
BY_NAME: dict[str, Callable[[Stage], None]] = {
    "connections": connections.run,
    "names": bucket_names.run,
    "parts": many_parts.run,
}


def main(names: list[str]) -> int:
    """Run the named measurements, or all."""
    known = MEASUREMENTS | BY_NAME
    unknown = set(names) - set(known)
    if unknown:
        print(f"no measurement {', '.join(sorted(unknown))}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    # A measurement that is ended takes away what it made.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with stage() as here:
        for name in names or MEASUREMENTS:
            started = time.monotonic()
            print(f"\n== {name}: {(sys.modules[known[name].__module__].__doc__ or '').splitlines()[0]}", flush=True)
            known[name](here)
            print(f"   ({time.monotonic() - started:.0f} s)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
