"""The coverage of AWS's operations as data: an entry for each operation that has an action."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic import BaseModel, ConfigDict, Field

from shim.protocol.service import PROTOCOLS, Service


class Action(BaseModel):
    """One operation of AWS that the gateway answers."""

    model_config = ConfigDict(frozen=True)

    service: str = Field(description="AWS's signing name of the service: ec2, s3, sts.")
    operation: str = Field(description="AWS's name of the operation.")
    supports: list[str] = Field(description="Parameters that are honoured.")
    ignores: dict[str, str] = Field(
        description="Parameters that are accepted without effect, each with the reason why that is harmless."
    )
    values: dict[str, str] = Field(
        description="Parameters of which only some values are honoured, each with the values; others are refused."
    )
    refuses: list[str] = Field(description="Parameters of AWS's model that are refused by name.")


def actions(services: Iterable[Service]) -> Iterator[Action]:
    """Return every registered action, by service and name."""
    for service in services:
        for name in sorted(service.handlers):
            operation = service.operations[name]
            model = service.model.operation_model(name)
            members = set(model.input_shape.members) if model.input_shape else set()
            # Actions do not list what the gateway itself honours for every operation (DryRun, checksums, …).
            general = PROTOCOLS[service.protocol].always(model)
            known = {path.partition(".")[0] for path in {*operation.supports, *operation.ignores}}
            yield Action(
                service=service.name,
                operation=name,
                supports=sorted(operation.supports),
                ignores=dict(sorted(operation.ignores.items())),
                values={
                    path: "; ".join(rule.shown() for rule in rules) for path, rules in sorted(operation.values.items())
                },
                refuses=sorted(members - known - general),
            )
