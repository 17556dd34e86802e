"""Make the steps of a recording on one endpoint, one after the other."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from recording.lines import Line
from recording.replay import permitted
from recording.replay.bodies import NotMadeUpError, made_up
from recording.replay.differences import Outcome
from recording.replay.endpoint import Answer, Caller
from recording.replay.names import Names, is_checksum
from recording.replay.normal import normal, passes, teach
from recording.replay.steps import Step
from recording.replay.undo import Undo
from recording.secrets import is_mark

# What the client computes anew, because it is of a body or a key that is made up.
_DROPPED: Final = frozenset({"ContentMD5", "SSECustomerKeyMD5", "CopySourceSSECustomerKeyMD5"})
_SOONEST, _LATEST = 0.5, 5.0  # seconds between two looks at a state that passes


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a step: what came back, or why it was not made."""

    outcome: Outcome | None = None
    skipped: str = ""


class Side:
    """One endpoint with its names, and what was made on it."""

    def __init__(self, endpoint: Caller, *, keep: bool, wait: float) -> None:
        self.endpoint = endpoint
        self.names = Names()
        self.undo = Undo(endpoint)
        self._keep, self._wait = keep, wait
        self._no_buckets: dict[str, str] = {}
        self._tokens: dict[str, str] = {}  # of the recording, with the fresh ones

    def run(self, steps: Sequence[Step], say: Callable[[str], None]) -> list[Result]:
        """Make all steps; return what came of each."""
        say(f"replaying {len(steps):,} calls on {self.endpoint.where}")
        return [self._step(step) for step in steps]

    def _step(self, step: Step) -> Result:
        line = step.line
        self.names.give(line.params)
        why = step.skipped or self._missing(line)
        params: Mapping[str, Any] = {}
        if not why:
            try:
                params = self._sent(line.params)
            except NotMadeUpError as error:
                why = str(error)
        if not why and not step.reads and line.service != "sts":
            why = self._protected(line, params)
        if why:
            self._lose(step, why)
            return Result(skipped=why)
        answer = self._settled(step, params) if step.reads else self._call(step, params)
        makes = permitted.is_making(line.operation) if line.service == "ec2" else line.operation == "CreateBucket"
        if answer.lost and makes:
            self.undo.unsure.append(f"call {step.number}, {step.name}: no answer came, what it makes may be there")
        if answer.error and not line.error:
            self._lose(step, f"call {step.number}, {step.name}, failed here: {answer.error}")
        elif not answer.error:
            if not step.reads:
                self.undo.note(line.operation, params, answer)
            teach(line.answer, answer.members, self.names)
        return Result(Outcome(answer.status, answer.error, normal(answer.members, self.names)))

    def _call(self, step: Step, params: Mapping[str, Any]) -> Answer:
        return self.endpoint.call(step.line.service, step.line.operation, params)

    def _settled(self, step: Step, params: Mapping[str, Any]) -> Answer:
        """Ask until states have passed that had passed when the call was recorded."""
        deadline, pause = time.monotonic() + self._wait, _SOONEST
        while True:
            answer = self._call(step, params)
            if passes(step.line.answer) or not passes(answer.members) or time.monotonic() > deadline:
                return answer
            time.sleep(pause)
            pause = min(pause * 1.5, _LATEST)

    def _lose(self, step: Step, why: str) -> None:
        self.names.lose(step.line.answer, why)
        if step.line.operation == "CreateBucket" and not step.line.error:
            bucket = str(step.line.params.get("Bucket"))
            self._no_buckets[bucket] = f"it names the bucket {bucket}: {why}"

    def _missing(self, line: Line) -> str:
        """Return why a call cannot be made here: what it names is not known."""
        lost = self.names.why_lost(line.params) or self._no_buckets.get(str(line.params.get("Bucket")), "")
        if lost:
            return lost
        if not line.error and line.service == "ec2" and (unknown := self.names.unknown(line.params)):
            return f"it names {unknown}, which no earlier answer of the recording names"
        return ""

    def _protected(self, line: Line, params: Mapping[str, Any]) -> str:
        """Return why a call may not change what it would change: only what the replay made is changed."""
        if line.service == "ec2":
            return permitted.why_not(line.operation, params, self.undo, keep=self._keep)
        bucket = str(params.get("Bucket"))
        if bucket in self.undo.buckets:
            return ""
        if line.operation != "CreateBucket":
            return f"the bucket {bucket} was not made by the replay"
        there = self.endpoint.call("s3", "HeadBucket", {"Bucket": bucket})
        return "" if there.error == "404" else f"the bucket {bucket} is there already"

    def _sent(self, value: Any, name: str = "") -> Any:
        """Return recorded parameters as they are sent here."""
        if is_mark(value):
            return made_up(value, name)
        if isinstance(value, Mapping):
            return {key: self._sent(one, key) for key, one in value.items() if not self._drops(key, one)}
        if isinstance(value, list):
            return [self._sent(item, name) for item in value]
        if name == "ClientToken" and isinstance(value, str):
            # With the same one, the endpoint would answer as it did before, and name what it made then.
            fresh = self._tokens.setdefault(value, str(uuid.uuid4()))
            self.names.learn(value, fresh)
            return fresh
        return self.names.sent(value) if isinstance(value, str) else value

    def _drops(self, name: str, value: Any) -> bool:
        return name in _DROPPED or (is_checksum(name) and isinstance(value, str) and not self.names.knows(value))
