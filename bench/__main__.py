"""Run the measurements on a cloud and a gateway of their own; the quick ones first."""

import sys
import time
from collections.abc import Callable

from bench import describe_many, hop, s3_side_by_side, stream_2gb, upstream_calls
from bench.stage import Stage, stage

MEASUREMENTS: dict[str, Callable[[Stage], None]] = {
    "hop": hop.run,
    "s3": s3_side_by_side.run,
    "upstream": upstream_calls.run,
    "stream": stream_2gb.run,
    "describe": describe_many.run,
}


def main(names: list[str]) -> int:
    """Run the named measurements, or all."""
    unknown = set(names) - set(MEASUREMENTS)
    if unknown:
        print(f"no measurement {', '.join(sorted(unknown))}; there are {', '.join(MEASUREMENTS)}", file=sys.stderr)
        return 2
    with stage() as here:
        for name in names or MEASUREMENTS:
            started = time.monotonic()
            print(
                f"\n== {name}: {(sys.modules[MEASUREMENTS[name].__module__].__doc__ or '').splitlines()[0]}", flush=True
            )
            MEASUREMENTS[name](here)
            print(f"   ({time.monotonic() - started:.0f} s)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
