"""The judge of one request to one bucket: applies the bucket's policy, and another rule where the policy is silent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from shim.authz import evaluation
from shim.authz.decision import Decision
from shim.authz.evaluation import Asked, Effect, Verdict, could_allow
from shim.authz.patterns import Context
from shim.authz.policy import Policy
from shim.authz.principals import Who
from shim.context import Call
from shim.errors import AwsError
from shim.s3.access.questions import Question, arn, of_version

# Characters read by evaluations on the event loop: mostly half a millisecond, or three for ranges of addresses.
_EXPENSIVE: Final = 2_000
_A_TURN: Final = 25  # keys that are checked before other requests have a turn


class Judge:
    """Decides on actions of one sender in one bucket; `otherwise` decides where the policy neither allows nor denies.

    `explained` tells a refused sender which rule refused it; only senders of the bucket's own account learn that.
    """

    def __init__(
        self,
        call: Call,
        who: Who,
        rules: Policy | None,
        context: Context,
        otherwise: Callable[[Question], Decision],
        *,
        explained: bool,
    ) -> None:
        self._call = call
        self._who = who
        self._rules = rules
        self._context = context
        self._otherwise = otherwise
        self._explained = explained

    async def decide(self, question: Question) -> Decision:
        """Decide on one action."""
        (decision,) = await self._decide([question], self._cost([question]))
        return decision

    async def _decide(self, questions: Sequence[Question], cost: int) -> list[Decision]:
        """Decide on some actions: in the worker's thread if the cost, with that of what was decided before, is high."""
        rules = self._rules
        if rules is None:
            return [self._otherwise(question) for question in questions]

        def evaluated() -> list[Verdict]:
            return [evaluation.evaluate(rules, self._asked(one)) for one in questions]

        if cost < _EXPENSIVE:
            verdicts = evaluated()
        else:
            verdicts = await self._call.worker.run(self._call.caller.account_id, evaluated)
        return [self._decision(*pair) for pair in zip(questions, verdicts, strict=True)]

    def _cost(self, questions: Sequence[Question]) -> int:
        rules = self._rules
        if rules is None:
            return 0
        return sum(evaluation.cost(rules, self._asked(one)) for one in questions)

    def _asked(self, question: Question) -> Asked:
        context = self._context
        if question.version is not None:
            context = {**context, "s3:versionid": (question.version,)}
        return Asked(self._who, question.action, question.resource, context)

    def _decision(self, question: Question, verdict: Verdict) -> Decision:
        if verdict.effect is Effect.NEITHER:
            return self._otherwise(question)
        if verdict.effect is Effect.ALLOW:
            return Decision(True, verdict.reason)
        return Decision(False, verdict.reason, self._denied(question))

    async def may_list(self, bucket: str, key: str) -> bool:
        """Tell whether the sender may list the bucket, or at least a key: the listing of one key has it as prefix."""
        context = {**self._context, "s3:prefix": (key,)} if key else self._context
        judge = Judge(self._call, self._who, self._rules, context, self._otherwise, explained=self._explained)
        return (await judge.decide(Question("s3:ListBucket", arn(bucket)))).allowed

    def might(self, action: str) -> Decision:
        """Tell whether the policy could allow an action on some object, before the objects are known."""
        decision = self._otherwise(Question(action, "*"))
        if decision.allowed or self._rules is None or not could_allow(self._rules, self._who, action):
            return decision
        return Decision(True, f"the bucket's policy may allow {action} on some objects")

    async def refusals(self, bucket: str, entries: Sequence[Mapping[str, Any]]) -> dict[int, AwsError]:
        """Return the errors of the entries of a DeleteObjects that may not be deleted, by their place."""
        found, cost = dict[int, AwsError](), 0
        for start in range(0, len(entries), _A_TURN):
            questions = [
                Question(of_version("s3:DeleteObject", version), arn(bucket, entry["Key"]), version)
                for entry in entries[start : start + _A_TURN]
                for version in (entry.get("VersionId"),)
            ]
            if cost < _EXPENSIVE:
                cost += self._cost(questions)
            for place, decision in enumerate(await self._decide(questions, cost), start):
                if not decision.allowed:
                    found[place] = decision.error or access_denied()
            await asyncio.sleep(0)
        return found

    def _denied(self, question: Question) -> AwsError:
        if not self._explained:
            return access_denied()
        return access_denied(
            f'User: {self._who} is not authorized to perform: {question.action} on resource: "{question.resource}" '
            "with an explicit deny in a resource-based policy"
        )


def access_denied(message: str = "Access Denied") -> AwsError:
    """Return S3's error for a request that is not allowed."""
    return AwsError("AccessDenied", message.encode("utf-8", "replace").decode(), 403)
