"""Whether the policy of a log's target bucket denies the log: to whoever configures it, or to AWS's delivery service.

A log is written by the gateway's own user, so without this check whoever may call PutBucketLogging could write into
buckets of the project that a policy closes to it.  No policy has to allow the log, see decision 17.
"""

from __future__ import annotations

from typing import Final

from shim.authz.decision import Decision
from shim.authz.patterns import Context
from shim.authz.principal import ANONYMOUS, Principal, Proof
from shim.authz.principals import Who
from shim.context import NOBODY, Call, Caller
from shim.protocol.message import Head
from shim.s3.access.access import who
from shim.s3.access.judge import Judge, access_denied
from shim.s3.access.keys import keys
from shim.s3.access.questions import Question, arn
from shim.s3.config import policy

_SERVICE: Final = "logging.s3.amazonaws.com"
_NOT_DENIED: Final = Decision(True, "the bucket's policy does not deny it")


async def check_configuring(call: Call, target: str, key: str) -> None:
    """Raise AccessDenied if the target's policy denies the sender of PutBucketLogging an object like the log's."""
    rules = await policy.compiled(call, target)
    if rules is None:
        return
    context = dict(_keys(call, call.requester, Principal(Proof.SIGNATURE), rules.keys))
    # They are those of PutBucketLogging, which the action does not know.
    context |= dict.fromkeys(("s3:authtype", "s3:signatureage", "aws:useragent", "aws:referer"))
    await _check(Judge(call, who(call), rules, context, _otherwise, explained=True), target, key)


async def check_delivering(call: Call, source: str, target: str, key: str) -> None:
    """Raise AccessDenied if the target's policy denies an object of the log of `source` to the delivery service."""
    rules = await policy.compiled(call, target)
    if rules is None:
        return
    context = dict(_keys(call, NOBODY, ANONYMOUS, rules.keys))
    for key_of_sender in ("aws:sourceip", "aws:userid"):
        del context[key_of_sender]
    # What AWS documents for requests of its services.
    context |= {
        "aws:principalisawsservice": ("true",),
        "aws:principalservicename": (_SERVICE,),
        "aws:principaltype": ("Service",),
        "aws:securetransport": ("true",),
        "aws:sourceaccount": (call.caller.account_id,),
        "aws:sourcearn": (arn(source),),
    }
    await _check(Judge(call, Who(service=_SERVICE), rules, context, _otherwise, explained=False), target, key)


def _keys(call: Call, requester: Caller, principal: Principal, asked: frozenset[str]) -> Context:
    head = Head("PUT", b"/", b"", (), call.scheme, call.client)
    return keys(call, requester, principal, None, head, {}, asked)


async def _check(judge: Judge, target: str, key: str) -> None:
    decision = await judge.decide(Question("s3:PutObject", arn(target, key)))
    if not decision.allowed:
        raise decision.error or access_denied()


def _otherwise(_: Question) -> Decision:
    return _NOT_DENIED
