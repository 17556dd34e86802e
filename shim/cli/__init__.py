"""The `passerelle` command: serve, demo, cloud, assess, check, record, replay and the others of COMMANDS."""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

from shim.cli import own_packages

# Each command lives in a module of its own and is imported when it is asked for: `cloud up` needs no AWS model, and
# no other module of the project is imported before `own_packages.check` has looked at it.
COMMANDS: Final = {
    "serve": "Serve the AWS API in front of a cloud of clouds.yaml, until SIGTERM.",
    "sweep": "Delete what lifecycle rules say has expired, until SIGTERM.",
    "notify": "Deliver event notifications to webhooks, until SIGTERM.",
    "demo": "Bring up an OpenStack and a gateway before it, run a tour, print the exports to paste.",
    "cloud": "A real OpenStack on this machine, for trying and testing.",
    "actions": "List the AWS operations that are answered, with their parameters.",
    "assess": "Tell whether the calls in CloudTrail's logs would work here.",
    "record": "Run a command, and write down what it calls of the AWS API.",
    "replay": "Make recorded calls on two endpoints, and tell in what they differ.",
    "check": "Run scenarios of the AWS API against an endpoint, and print its score.",
    "keys": "Make and rotate the keys of SSE-S3.",
    "config": "Show the effective settings, or check them.",
    "doctor": "Ask the cloud whether the gateway can work with it.",
}


class Commands(click.Group):
    """The group of commands, each imported on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        own_packages.check()
        found = getattr(import_module(f"shim.cli.{cmd_name}"), cmd_name)
        assert isinstance(found, click.Command)
        return found


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="passerelle", message="%(package)s %(version)s")
def main() -> None:
    """Let an OpenStack cloud answer the AWS API, over the same resources."""
