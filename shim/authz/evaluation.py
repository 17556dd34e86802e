"""The evaluation of a bucket's policy for one request: an explicit deny, else an allow, else neither.

"If the code finds even one explicit deny that applies, [it] returns a final decision of Deny" (IAM User Guide, policy
evaluation logic).  What the gateway cannot know counts against the request: a condition on an unknown key makes a deny
apply and keeps an allow from applying, and so does a variable whose value is unknown.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from shim.authz.patterns import Context
from shim.authz.policy import Policy, Statement
from shim.authz.principals import Who


class Effect(Enum):
    """What a policy says about a request."""

    DENY = "deny"
    ALLOW = "allow"
    NEITHER = "neither"


class Asked(NamedTuple):
    """A request as policies see it: `action` is IAM's name (`s3:GetObject`), `resource` an ARN."""

    who: Who
    action: str
    resource: str
    context: Context


class Verdict(NamedTuple):
    """The effect of a policy on a request and the reason, for the operator."""

    effect: Effect
    reason: str


def evaluate(policy: Policy, asked: Asked) -> Verdict:
    """Apply AWS's order: explicit deny, then allow, then neither."""
    action = asked.action.lower()
    named = [one for one in policy.statements if _names(one, asked, action)]
    for statement in named:
        if not statement.allows and (why := _applies(statement, asked)):
            return Verdict(Effect.DENY, f"statement {statement.name} of the bucket's policy denies {_what(asked)}{why}")
    for statement in named:
        if statement.allows and _applies(statement, asked):
            return Verdict(Effect.ALLOW, f"statement {statement.name} of the bucket's policy allows {_what(asked)}")
    return Verdict(Effect.NEITHER, f"no statement of the bucket's policy allows {_what(asked)}")


def could_allow(policy: Policy, who: Who, action: str) -> bool:
    """Tell whether a statement could allow an action on some resource, whatever the conditions."""
    return any(
        one.allows and one.principals.include(who) and one.actions.match(action.lower(), {}) is not one.not_actions
        for one in policy.statements
    )


def cost(policy: Policy, asked: Asked) -> int:
    """Estimate the cost of an evaluation in characters read."""
    return sum(
        one.resources.cost(asked.resource) + sum(each.cost(asked.context) for each in one.conditions)
        for one in policy.statements
    )


def _what(asked: Asked) -> str:
    return f"{asked.action} on {asked.resource} to {asked.who}"


def _names(statement: Statement, asked: Asked, action: str) -> bool:
    """Tell whether a statement is about the sender, the action and the resource of a request."""
    if statement.principals.include(asked.who) is statement.not_principals:
        return False
    if statement.actions.match(action, {}) is statement.not_actions:
        return False
    if statement.allows and statement.resources.unresolved(asked.context):
        return False  # without the value of a variable nobody knows what the statement is about
    if not statement.allows and not statement.not_resources and statement.resources.unknown(asked.context):
        return True  # it may be about this resource
    return statement.resources.match(asked.resource, asked.context) is not statement.not_resources


def _applies(statement: Statement, asked: Asked) -> str:
    """Return '' if a condition is not met, else how the conditions are met; an allow needs all of them for certain."""
    unknown = ""
    for one in statement.conditions:
        if statement.allows and one.unresolved(asked.context):
            return ""
        met = one.met(asked.context)
        if met is None:
            unknown = one.patterns.unknown(asked.context) or one.written
        elif not met:
            return ""
    if unknown and statement.allows:
        return ""
    return f": the gateway does not know the condition key {unknown[:64]}" if unknown else "."
