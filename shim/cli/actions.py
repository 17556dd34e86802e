"""`passerelle actions`: what is answered, parameter by parameter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import click

from shim.app import FRONTENDS
from shim.protocol.service import PROTOCOLS, Service

SERVICES = tuple(frontend.service for frontend in FRONTENDS.values())


@dataclass(frozen=True, slots=True)
class Row:
    """One operation of AWS that the gateway answers.

    `ignores` maps parameters that are accepted without effect to the reason why that is harmless; `refuses` are the
    parameters of AWS's model that are refused by name.
    """

    service: str
    operation: str
    supports: list[str]
    ignores: dict[str, str]
    refuses: list[str]


def rows(services: tuple[Service, ...] = SERVICES) -> Iterator[Row]:
    """Return every registered action, by service and name."""
    for service in services:
        for name in sorted(service.handlers):
            operation = service.operations[name]
            model = service.model.operation_model(name)
            members = set(model.input_shape.members) if model.input_shape else set()
            # What the gateway itself honours for every operation (DryRun, checksums, …) is not for the action to list.
            general = PROTOCOLS[service.protocol].always(model)
            known = {path.partition(".")[0] for path in {*operation.supports, *operation.ignores}}
            yield Row(
                service.name,
                name,
                sorted(operation.supports),
                dict(sorted(operation.ignores.items())),
                sorted(members - known - general),
            )


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@click.option("--service", help="Show one service only.")
def actions(*, as_json: bool, service: str | None) -> None:
    """List the AWS operations that are answered, with the parameters honoured, ignored and refused."""
    found = [row for row in rows() if service in (None, row.service)]
    if as_json:
        click.echo(json.dumps([asdict(row) for row in found], indent=1))
        return
    for row in found:
        click.echo(f"{row.service:4} {row.operation}")
        for word, names in (("supports", row.supports), ("ignores", [*row.ignores]), ("refuses", row.refuses)):
            if names:
                click.echo(f"       {word:8} {' '.join(names)}")
    click.echo(f"{len(found)} actions")
