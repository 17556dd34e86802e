"""The judge of one request to one bucket: applies the bucket's policy, and another rule where the policy is silent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from shim.authz import evaluation
from shim.authz.decision import Decision
from shim.authz.evaluation import Asked, Effect, could_allow
from shim.authz.patterns import Context
from shim.authz.policy import Policy
from shim.authz.principals import Who
from shim.context import Call
from shim.errors import AwsError
from shim.s3.access.questions import Question, arn, of_version

_EXPENSIVE: Final = 20_000  # characters read by an evaluation, in about two milliseconds
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
        rules = self._rules
        if rules is None:
            return self._otherwise(question)
        asked = Asked(self._who, *question, self._context)
        if evaluation.cost(rules, asked) < _EXPENSIVE:
            verdict = evaluation.evaluate(rules, asked)
        else:
            verdict = await self._call.worker.run(
                self._call.caller.account_id, lambda: evaluation.evaluate(rules, asked)
            )
        if verdict.effect is Effect.NEITHER:
            return self._otherwise(question)
        if verdict.effect is Effect.ALLOW:
            return Decision(True, verdict.reason)
        return Decision(False, verdict.reason, self._denied(question))

    def might(self, action: str) -> Decision:
        """Tell whether the policy could allow an action on some object, before the objects are known."""
        decision = self._otherwise(Question(action, "*"))
        if decision.allowed or self._rules is None or not could_allow(self._rules, self._who, action):
            return decision
        return Decision(True, f"the bucket's policy may allow {action} on some objects")

    async def refusals(self, bucket: str, entries: Sequence[Mapping[str, Any]]) -> dict[int, AwsError]:
        """Return the errors of the entries of a DeleteObjects that may not be deleted, by their place."""
        found = {}
        for place, entry in enumerate(entries):
            action = of_version("s3:DeleteObject", entry.get("VersionId"))
            decision = await self.decide(Question(action, arn(bucket, entry["Key"])))
            if not decision.allowed:
                found[place] = decision.error or access_denied()
            if place % _A_TURN == _A_TURN - 1:
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
