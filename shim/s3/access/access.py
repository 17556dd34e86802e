"""Decides whether a request may do what it asks of a bucket, before its body is read.

The callers of the bucket's own project act with their own tokens, and OpenStack's policies decide what these may do;
the bucket's policy can only deny them something.  A bucket without a policy costs no call to Swift while its
configuration is cached.  Callers of other projects, and callers who did not sign, may do what the bucket's policy
allows, and then act in the owner's project with the gateway's own token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

from adapters.errors import BackendError, absent_is
from shim.auth.sigv4 import Verified
from shim.authz import names
from shim.authz.decision import Decision
from shim.authz.policy import Policy
from shim.authz.principal import ANONYMOUS, Principal
from shim.authz.principals import Who
from shim.authz.public import is_public
from shim.authz.roles import reads_only
from shim.context import Call
from shim.errors import AwsError
from shim.protocol.message import Head, Request
from shim.protocol.operation import Operation
from shim.protocol.s3_router import SIGNS_ONLY
from shim.s3 import name_registry
from shim.s3.access import acls, questions
from shim.s3.access.acls import Rule
from shim.s3.access.judge import Judge, access_denied
from shim.s3.access.keys import is_of_request_tags, keys, request_tags
from shim.s3.access.object_read import ObjectRead
from shim.s3.access.place import is_closed, place
from shim.s3.access.questions import Question
from shim.s3.config import configuration, policy, public_access
from shim.s3.errors import no_such_bucket, no_such_key
from shim.s3.objects.acl import of_write
from shim.s3.objects.copying import parse_source

# "The root user of the AWS account that owns the bucket" may always call these, whatever the policy says: here the
# owner's users, as a project has no root user.
_ALWAYS_THE_OWNERS: Final = frozenset(("GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"))
_SPECIAL: Final = questions.GIVING | {"x-amz-copy-source", "x-amz-expected-bucket-owner"}
_OWN: Final = Decision(True, "the signer acts in its own project, where OpenStack's policies decide")
_READS_ONLY: Final = Decision(False, "the roles of the signer let it only read in its own project")
_READS: Final = frozenset(("GetObject", "HeadObject"))
_ABSENT_CODES: Final = frozenset(("NoSuchKey", "NoSuchVersion"))
# What AWS refuses to anonymous callers whatever the policy allows, with its sentences, which have two spaces.
_UPLOADS: Final = "Anonymous users cannot initiate multipart uploads.  Please authenticate."
_NOT_ANONYMOUS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("CreateMultipartUpload", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload"), _UPLOADS),
    "CopyObject": "Anonymous users cannot copy objects.  Please authenticate.",
}


class _Asked:
    """A request and its sender, for the decisions on each bucket that it names."""

    def __init__(self, request: Request, operation: Operation, principal: Principal, verified: Verified | None) -> None:
        assert operation.parse_head is not None  # rest-xml has one
        self.request = request
        self.operation = operation
        self.principal = principal
        self.verified = verified
        self.params = operation.parse_head(request)
        self.gives_acl = not questions.GRANTS.isdisjoint(self.params)
        self.source: ObjectRead | None = None
        self.copies_tags = questions.copies_tags(operation.name, self.params)
        if self.copies_tags:
            self.params.pop("Tagging", None)  # it has no effect

    async def judge(
        self, acting: Call, rules: Policy | None, named: ObjectRead, wanted: list[Question], otherwise: Rule
    ) -> Judge:
        """Return the judge for the bucket's project of `acting`."""
        requester = acting.requester
        context: Mapping[str, Any] = {}
        if rules is not None:
            head, asked = self.request.head, rules.keys
            context = {
                **keys(acting, requester, self.principal, self.verified, head, self.params, asked),
                **await named.conditions(asked, wanted),
            }
            if self.copies_tags and self.source is not None and any(map(is_of_request_tags, asked)):
                context |= request_tags(await self.source.tags(), asked)
        return Judge(acting, who(acting), rules, context, otherwise, explained=_is_own(acting))

    async def is_needless(self, question: Question) -> bool:
        """Tell whether a request needs no leave to read or set tags, as the source of its copy has none."""
        if not self.copies_tags or self.source is None or question.action not in questions.TAGGING:
            return False
        return await self.source.tags() == {}


async def authorise(
    call: Call, request: Request, operation: Operation, principal: Principal, verified: Verified | None
) -> Decision:
    """Decide on a request that names a bucket; `call` then acts where the bucket is."""
    bucket = request.address.bucket
    if signed := principal is not ANONYMOUS:
        found = call.cache.get(call.caller.project_id, (configuration.SORT, bucket))
        if found is not None:
            call.configurations[bucket] = found
            if policy.NAME not in found and _is_plain(request.head):
                return _OWN
    if operation.name == "CreateBucket":
        return _creation(call, signed=signed)
    if not signed and operation.name in _NOT_ANONYMOUS:
        return Decision(False, "nobody signed", access_denied(_NOT_ANONYMOUS[operation.name]))
    try:
        return await _decide(call, bucket, _Asked(request, operation, principal, verified))
    except BackendError as error:
        if not is_closed(error):
            raise
        return Decision(False, f"the bucket is in another project, and {error.detail}")


def _is_plain(head: Head) -> bool:
    """Tell whether a request names no copy's source, whose bucket may have a policy too, no owner, and gives no ACL."""
    return _SPECIAL.isdisjoint(head.first) and (
        head.query_names <= SIGNS_ONLY or _SPECIAL.isdisjoint(map(str.lower, head.query_names))
    )


def _creation(call: Call, *, signed: bool) -> Decision:
    if not signed:
        return Decision(False, "nobody signed, and buckets belong to a project")
    return _READS_ONLY if reads_only(call.caller.roles) else _OWN


async def _decide(call: Call, bucket: str, asked: _Asked) -> Decision:
    """Decide on the request's bucket, and on a copy's source."""
    name, key = asked.operation.name, asked.request.address.key
    acting = await place(call, bucket)
    if acting is None:
        return await _nowhere(call, bucket, asked)
    decision = await _expected(acting, bucket, asked.params.get("ExpectedBucketOwner"))
    if decision.allowed and "CopySource" in asked.params:
        decision = await _of_source(call, acting, asked)
    if decision.allowed:
        named = ObjectRead(acting, bucket, key, asked.params.get("VersionId"))
        owners = acting.caller.project_id, acting.caller.account_id
        wanted = questions.questions(name, bucket, key, asked.params, owners)
        decision = await _in_bucket(acting, named, asked, wanted)
    if acting is not call:  # also if it is refused, as its bucket may have a log
        call.cloud, call.caller, call.configurations = acting.cloud, acting.caller, acting.configurations
    if decision.allowed and name in questions.UPLOADS and (acting is not call or asked.gives_acl):
        call.acl = await of_write(acting, bucket, asked.params)
    if decision.allowed:
        call.source, call.refusals, call.hidden = acting.source, acting.refusals, acting.hidden
    return decision


async def _expected(acting: Call, bucket: str, owner: str | None) -> Decision:
    """Decide on a request that names the account that it expects to own a bucket."""
    if owner is None or owner == acting.caller.account_id:
        return _OWN
    if await absent_is(None, configuration.configuration(acting, bucket)) is None:
        return Decision(False, "there is no such bucket", no_such_bucket(bucket))
    return Decision(False, "the bucket belongs to another account than the request says", access_denied())


async def _of_source(call: Call, acting: Call, asked: _Asked) -> Decision:
    """Decide on the source of a copy, before the target, whose policy may look at the tags that are copied."""
    bucket, key, version = parse_source(asked.params["CopySource"])
    reading = await place(call, bucket)
    assert reading is not None  # somebody signed
    expected = await _expected(reading, bucket, asked.params.get("ExpectedSourceBucketOwner"))
    if not expected.allowed:
        return expected
    asked.source = ObjectRead(reading, bucket, key, version or None)
    wanted = questions.of_source(bucket, key, version, with_tags=asked.copies_tags)
    decision = await _in_bucket(reading, asked.source, asked, wanted)
    if decision.allowed and reading.caller.project_id != acting.caller.project_id:
        acting.source = replace(reading)  # `reading` may be `call`, which changes later
    acting.hidden |= reading.hidden  # one answer tells of both buckets
    return decision


async def _nowhere(call: Call, bucket: str, asked: _Asked) -> Decision:
    """Decide on an unsigned request for a bucket that the registry does not have."""
    action, resource = names.action("s3", asked.operation.name), names.resource("s3", asked.request.address)
    reason = f"nobody signed, and {action} on {resource} is not open to anyone"
    if await name_registry.owner(call, bucket) is None:  # there is no registry
        return Decision(False, reason)
    return Decision(False, reason, no_such_bucket(bucket))


async def _in_bucket(acting: Call, named: ObjectRead, asked: _Asked, wanted: list[Question]) -> Decision:
    """Decide on actions on a bucket, or on one of its objects, by the bucket's policy and ACLs."""
    bucket, own = named.bucket, _is_own(acting)
    if own and asked.operation.name in _ALWAYS_THE_OWNERS:
        return _OWN
    try:
        rules = await absent_is(None, policy.compiled(acting, bucket))
        if own and rules is None:
            return _OWN
        if own:
            return await _all(acting, bucket, asked, await asked.judge(acting, rules, named, wanted, _own), wanted)
        switches = await public_access.recent(acting, bucket)
        if rules is not None and switches["RestrictPublicBuckets"] and is_public(rules):
            return Decision(False, f"bucket {bucket} has a public policy and RestrictPublicBuckets is on")
        otherwise = await acls.rule(acting, named, who(acting), wanted)
    except AwsError as error:
        return Decision(False, f"the rules of bucket {bucket} cannot be read: {error.message}")
    judge = await asked.judge(acting, rules, named, wanted, otherwise)
    return await _of_stranger(acting, named, asked, judge, wanted)


def who(acting: Call) -> Who:
    """Return the sender of a request as policies and ACLs know it."""
    requester = acting.requester
    return Who(requester.account_id, requester.project_id, requester.arn)


def _is_own(acting: Call) -> bool:
    return acting.requester.project_id == acting.caller.project_id


async def _of_stranger(
    acting: Call, named: ObjectRead, asked: _Asked, judge: Judge, wanted: list[Question]
) -> Decision:
    """Decide on a request to another project's bucket."""
    operation, bucket = asked.operation, named.bucket
    if operation.mutating and reads_only(acting.requester.roles):
        return _READS_ONLY
    decision = await _all(acting, bucket, asked, judge, wanted)
    unknown = not decision.allowed and decision.error is None and operation.name in _READS
    if unknown and await judge.may_list(bucket, named.key) and await named.stored() is None:
        # "If you have the s3:ListBucket permission on the bucket, Amazon S3 returns an HTTP status code 404 Not Found
        # error" for an object that does not exist (HeadObject).
        return Decision(False, f"{decision.reason}, and there is no {named.key}", no_such_key(named.key))
    if decision.allowed and operation.name in _ALWAYS_THE_OWNERS:
        # "If you have the correct permissions, but you're not using an identity that belongs to the bucket owner's
        # account, Amazon S3 returns a 405 Method Not Allowed error" (PutBucketPolicy).
        error = AwsError("MethodNotAllowed", "The specified method is not allowed against this resource.", 405)
        return Decision(False, "only the bucket's own project may use its policy", error)
    if decision.allowed and not await judge.may_list(bucket, asked.request.address.key):
        # "If you don't have the s3:ListBucket permission, Amazon S3 returns [...] 403" for an absent key (GetObject).
        acting.hidden = _ABSENT_CODES
    return decision


async def _all(acting: Call, bucket: str, asked: _Asked, judge: Judge, wanted: list[Question]) -> Decision:
    """Decide on all actions that a request needs; those of DeleteObjects, whose keys are in its body, come later."""
    if asked.operation.name == "DeleteObjects":
        acting.refusals = partial(judge.refusals, bucket)
        some = judge.might("s3:DeleteObject")
        return some if some.allowed else judge.might("s3:DeleteObjectVersion")
    decision = _OWN
    for question in wanted:
        found = await judge.decide(question)
        if found.allowed:
            decision = found
        elif not await asked.is_needless(question):
            return found
    return decision


def _own(_: Question) -> Decision:
    return _OWN
