"""Decides whether a request may do what it asks of a bucket, before its body is read.

The callers of the bucket's own project act with their own tokens, and OpenStack's policies decide what these may do;
the bucket's policy can only deny them something.  A bucket without a policy costs no call to Swift while its
configuration is cached.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from adapters.errors import absent_is
from shim.auth.sigv4 import Verified
from shim.authz import names
from shim.authz.decision import Decision
from shim.authz.principal import ANONYMOUS, Principal
from shim.authz.principals import Who
from shim.context import Call
from shim.errors import AwsError
from shim.protocol.message import Request
from shim.protocol.operation import Operation
from shim.s3.access import questions
from shim.s3.access.judge import Judge
from shim.s3.access.keys import keys, user_arn
from shim.s3.access.questions import Question
from shim.s3.config import configuration, policy
from shim.s3.objects.copying import parse_source

# "The root user of the AWS account that owns the bucket" may always call these, whatever the policy says: here the
# owner's users, as a project has no root user.
_ALWAYS_THE_OWNERS: Final = frozenset(("GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"))
_COPY: Final = "x-amz-copy-source"
_OWN: Final = Decision(True, "the signer acts in its own project, where OpenStack's policies decide")


async def authorise(
    call: Call, request: Request, operation: Operation, principal: Principal, verified: Verified | None
) -> Decision:
    """Decide on a request that names a bucket; `call` gets what the action needs to decide on further objects."""
    bucket = request.address.bucket
    if principal is ANONYMOUS:
        asked = f"{names.action('s3', operation.name)} on {names.resource('s3', request.address)}"
        return Decision(False, f"nobody signed, and {asked} is not open to anyone")
    found = call.cache.get(call.caller.project_id, (configuration.SORT, bucket))
    if found is None:
        if operation.name == "CreateBucket":
            return _OWN
        found = await absent_is(None, configuration.read(call, bucket))
    else:
        call.configurations[bucket] = found
    if (found is None or policy.NAME not in found) and not _copies(request):
        return _OWN
    return await _by_policies(call, request, operation, principal, verified)


def _copies(request: Request) -> bool:
    """Tell whether a copy's source is named, in a header or in the query; its bucket may have a policy too."""
    head = request.head
    return _COPY in head.first or (bool(head.raw_query) and _COPY in map(str.lower, head.query_names))


async def _by_policies(
    call: Call, request: Request, operation: Operation, principal: Principal, verified: Verified | None
) -> Decision:
    """Decide on a request of the owner's project by the policies of its bucket and of a copy's source."""
    assert operation.parse_head is not None  # rest-xml has one
    params = operation.parse_head(request)
    (bucket, key), name = request.address, operation.name
    wanted = {bucket: questions.questions(name, bucket, key, params)}
    if "CopySource" in params:
        source, source_key = parse_source(params["CopySource"])
        wanted.setdefault(source, []).append(questions.of_source(source, source_key, None))
    for one, asked in wanted.items():
        decision = await _in_bucket(call, one, asked, (request, principal, verified, params))
        if not decision.allowed:
            return decision
    return _OWN


async def _in_bucket(
    call: Call,
    bucket: str,
    asked: list[Question],
    facts: tuple[Request, Principal, Verified | None, Mapping[str, Any]],
) -> Decision:
    """Decide on actions of the owner's project in one bucket."""
    request, principal, verified, params = facts
    if call.operation in _ALWAYS_THE_OWNERS:
        return _OWN
    try:
        rules = await absent_is(None, policy.compiled(call, bucket))
    except AwsError as error:
        return Decision(False, f"the policy of bucket {bucket} cannot be read: {error.message}")
    if rules is None:
        return _OWN
    caller = call.caller
    who = Who(caller.account_id, caller.project_id, user_arn(caller))
    context = keys(call, caller, principal, verified, request.head, params, rules.keys)
    judge = Judge(call, who, rules, context, lambda _: _OWN, explained=True)
    if call.operation == "DeleteObjects":  # its keys are in the body
        call.refusals = partial(judge.refusals, bucket)
        return _OWN
    for question in asked:
        decision = await judge.decide(question)
        if not decision.allowed:
            return decision
    return _OWN
