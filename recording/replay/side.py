"""Make the steps of a recording on one endpoint, one after the other."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from recording.replay.bodies import made_up
from recording.replay.differences import Outcome
from recording.replay.endpoint import Answer, Caller
from recording.replay.names import Names, is_checksum, texts
from recording.replay.normal import normal, passes, teach
from recording.replay.steps import Step
from recording.replay.undo import INVERSE, Undo
from recording.secrets import is_mark

# What the client computes anew, because it is of a body or a key that is made up.
_DROPPED: Final = frozenset({"ContentMD5", "SSECustomerKeyMD5", "CopySourceSSECustomerKeyMD5"})
_OF_OTHERS: Final = frozenset({"CreateTags"})  # its inverse gives back no value that it replaced
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

    def run(self, steps: Sequence[Step], say: Callable[[str], None]) -> list[Result]:
        """Make all steps; return what came of each."""
        say(f"replaying {len(steps):,} calls on {self.endpoint.where}")
        return [self._step(step) for step in steps]

    def _step(self, step: Step) -> Result:
        line = step.line
        self.names.give(line.params)
        why = step.skipped or self._why_not(step)
        if why:
            self._lose(step, why)
            return Result(skipped=why)
        params = self._sent(line.params)
        answer = self._settled(step, params) if step.reads else self._call(step, params)
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

    def _why_not(self, step: Step) -> str:
        """Return why a step cannot be made here, or must not be."""
        line = step.line
        lost = self.names.why_lost(line.params) or self._no_buckets.get(str(line.params.get("Bucket")), "")
        if lost:
            return lost
        if not line.error and line.service == "ec2" and (unknown := self.names.unknown(line.params)):
            return f"it names {unknown}, which no earlier answer of the recording names"
        return "" if step.reads or line.service == "sts" else self._protected(step)

    def _protected(self, step: Step) -> str:
        """Return why a call may not change what it would change: only what the replay made is changed."""
        line = step.line
        if line.service == "s3":
            bucket = str(line.params.get("Bucket"))
            if line.operation == "CreateBucket":
                there = self.endpoint.call("s3", "HeadBucket", {"Bucket": bucket})
                return "" if there.error == "404" else f"the bucket {bucket} is there already"
            return "" if bucket in self.undo.made else f"the bucket {bucket} was not made by the replay"
        if line.operation in INVERSE and line.operation not in _OF_OTHERS:
            return ""
        named = {self.names.sent(text) for _, text in texts(line.params)}
        if named & self.undo.made or line.error:
            return ""
        if line.operation.startswith("Create"):
            return "" if self._keep else "no inverse of it is known; --keep makes it"
        return "it changes what the replay did not make"

    def _sent(self, value: Any, name: str = "") -> Any:
        """Return recorded parameters as they are sent here."""
        if is_mark(value):
            return made_up(value, name)
        if isinstance(value, Mapping):
            return {key: self._sent(one, key) for key, one in value.items() if not self._drops(key, one)}
        if isinstance(value, list):
            return [self._sent(item, name) for item in value]
        if name == "ClientToken" and isinstance(value, str):
            self.names.learn(value, str(uuid.uuid4()))  # with the same one, the endpoint would answer as it did before
        return self.names.sent(value) if isinstance(value, str) else value

    def _drops(self, name: str, value: Any) -> bool:
        return name in _DROPPED or (is_checksum(name) and isinstance(value, str) and not self.names.knows(value))
