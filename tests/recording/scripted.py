"""Lines of a recording, and an endpoint that answers as it is told to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from recording.lines import Line
from recording.replay.endpoint import Answer

WHEN = "2026-01-01T00:00:00.000000Z"
VOLUME = "vol-11111111"


def line(operation: str, state: str = "", service: str = "ec2", **params: Any) -> Line:
    answer = {"Volumes": [{"VolumeId": VOLUME, "State": state}]} if state else {}
    return Line(WHEN, service, operation, params, 200, "", answer)


@dataclass
class Scripted:
    """An endpoint that gives the answers that it is told to, the last one for ever."""

    answers: list[Answer]
    where: str = "here"
    asked: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def call(self, service: str, operation: str, params: Mapping[str, Any]) -> Answer:
        self.asked.append((operation, params))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
