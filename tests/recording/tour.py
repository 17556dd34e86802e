"""The demo's tour with the environment's endpoint and keys, as a command that can be recorded."""

import os

from shim.cli.tour import Tour, find_cli

if __name__ == "__main__":
    cli = find_cli()
    assert cli is not None
    Tour(cli, {name: value for name, value in os.environ.items() if name.startswith("AWS_")}).run(lambda name: name)
