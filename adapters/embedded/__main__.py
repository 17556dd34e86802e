"""`python -m adapters.embedded up|down|status|env|logs|reset [--state-dir DIR]`."""

import argparse
import functools
import os
import shlex
import sys
from pathlib import Path

from adapters.embedded.cloud import EmbeddedCloud, ServiceStatus
from adapters.embedded.errors import CloudError
from adapters.embedded.layout import NETWORKS, OVN, SERVICES

MIB = 1 << 20


def arguments() -> argparse.Namespace:
    """Parse the command line; defaults are PASSERELLE_STATE, PASSERELLE_CLOUD_VENV, PASSERELLE_CLOUD_PORT_BASE."""
    known = os.environ.get
    base = known("PASSERELLE_CLOUD_PORT_BASE")
    parser = argparse.ArgumentParser(prog="python -m adapters.embedded", description=__doc__)
    parser.add_argument(
        "--state-dir", type=Path, default=Path(known("PASSERELLE_STATE") or "~/.local/state/passerelle")
    )
    parser.add_argument(
        "--venv",
        type=Path,
        default=Path(known("PASSERELLE_CLOUD_VENV", "")) if known("PASSERELLE_CLOUD_VENV") else None,
    )
    parser.add_argument("--port-base", type=int, default=int(base) if base else None)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up").add_argument("--network", choices=NETWORKS, default=known("PASSERELLE_CLOUD_NETWORK"))
    for name in ("down", "status", "reset"):
        commands.add_parser(name)
    commands.add_parser("env").add_argument("who", nargs="?", default="admin")
    logs = commands.add_parser("logs")
    logs.add_argument("service", choices=(*SERVICES, OVN))
    logs.add_argument("--lines", type=int, default=50)
    return parser.parse_args()


def table(rows: tuple[ServiceStatus, ...]) -> str:
    """Format the status: one line per service, then the totals."""
    lines = [f"{'service':14} {'pid':>8} {'RSS MiB':>8} {'PSS MiB':>8}  state"]
    for row in rows:
        state = "healthy" if row.healthy else "starting or hung" if row.pid else "down"
        size = f"{row.memory.rss / MIB:8.0f} {row.memory.pss / MIB:8.0f}"
        lines.append(f"{row.service:14} {row.pid or '-':>8} {size}  {state} {row.url}")
    rss, pss = sum(row.memory.rss for row in rows), sum(row.memory.pss for row in rows)
    return "\n".join([*lines, f"{'together':14} {'':8} {rss / MIB:8.0f} {pss / MIB:8.0f}"])


def main() -> int:
    """Run the command; return 1 when it fails, and for `status` when any service is not healthy."""
    asked = arguments()
    say = functools.partial(print, flush=True)
    cloud = EmbeddedCloud(
        asked.state_dir.expanduser(), asked.venv, asked.port_base, getattr(asked, "network", None), say
    )
    try:
        if asked.command == "status":
            rows = cloud.status()
            say(table(rows))
            return 0 if all(row.healthy for row in rows) else 1
        if asked.command == "env":
            for name, value in cloud.env(asked.who).items():
                say(f"export {name}={shlex.quote(value)}")
        elif asked.command == "logs":
            say(cloud.logs(asked.service, asked.lines))
        else:
            {"up": cloud.up, "down": cloud.down, "reset": cloud.reset}[asked.command]()
    except CloudError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
