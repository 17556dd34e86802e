"""`passerelle actions`: what is answered, parameter by parameter."""

from __future__ import annotations

import json

import click

from shim.app import SERVICES
from shim.operator import coverage


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@click.option("--service", help="Show one service only.")
def actions(*, as_json: bool, service: str | None) -> None:
    """List the AWS operations that are answered, with the parameters honoured, ignored and refused."""
    found = [row for row in coverage.actions(SERVICES) if service in (None, row.service)]
    if as_json:
        click.echo(json.dumps([row.model_dump() for row in found], indent=1))
        return
    for row in found:
        click.echo(f"{row.service:4} {row.operation}")
        for word, names in (("supports", row.supports), ("ignores", [*row.ignores]), ("refuses", row.refuses)):
            if names:
                click.echo(f"       {word:8} {' '.join(names)}")
        for path, values in row.values.items():
            click.echo(f"       values   {path}: {values}")
    click.echo(f"{len(found)} actions")
