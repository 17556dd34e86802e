"""The bucket's policy: kept as the text that was put, compiled when a request is checked.

A policy that cannot be read (it was damaged through Swift) lets nobody do anything, except that the bucket's owner may
replace and delete it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from shim.authz.policy import Policy, malformed, parsed
from shim.authz.public import is_public
from shim.context import Call
from shim.errors import AwsError
from shim.s3 import names
from shim.s3.config import acl, documents, public_access
from shim.s3.errors import no_such_configuration
from shim.s3.service import action

NAME: Final = "policy"  # the item of the bucket's configuration
_SORT: Final = "policy"  # the name of these look-ups in the metrics
_KEEP_SECONDS: Final = 600.0  # the policy of an item never changes
_LARGE: Final = 1024  # characters that take some tenths of a millisecond to compile


async def compiled(call: Call, bucket: str) -> Policy | None:
    """Return the bucket's policy, which may be some seconds old; None if it has none."""
    item, text = await documents.recent(call, bucket, NAME)
    if text is None:
        return None
    key = (_SORT, bucket, item)
    found: Policy | None = call.cache.get(call.caller.project_id, key)
    if found is None:
        found = await _compile(call, bucket, text)
        # A compiled policy takes many times the memory of its text.
        call.cache.put(call.caller.project_id, key, found, size=64 * len(text), seconds=_KEEP_SECONDS)
    return found


async def _compile(call: Call, bucket: str, text: object) -> Policy:
    if not isinstance(text, str):
        raise malformed("The policy is not a text.")
    if len(text) < _LARGE:
        return parsed(text, bucket)
    return await call.worker.run(call.caller.account_id, lambda: parsed(text, bucket))


@action(
    supports="Bucket Policy ExpectedBucketOwner",
    ignores={"ConfirmRemoveSelfBucketAccess": "the bucket's owner may always replace and delete the policy"},
)
async def put_bucket_policy(call: Call, req: Mapping[str, Any]) -> None:
    """Set the bucket's policy."""
    bucket, text = names.bucket(call, req), req["Policy"]
    policy = await _compile(call, bucket, text)
    if (await public_access.current(call, bucket))["BlockPublicPolicy"] and is_public(policy):
        raise AwsError(
            "AccessDenied",
            "The policy is public, and public policies are prevented by the BlockPublicPolicy setting in S3 Block "
            "Public Access.",
            403,
        )
    await documents.write(call, bucket, NAME, text)


@action(supports="Bucket ExpectedBucketOwner")
async def get_bucket_policy(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the text of the bucket's policy, as it was put."""
    text = await documents.current(call, names.bucket(call, req), NAME)
    if text is None:
        raise no_such_configuration(req, "NoSuchBucketPolicy", "The bucket policy does not exist")
    return {"Policy": text}


@action(supports="Bucket ExpectedBucketOwner")
async def delete_bucket_policy(call: Call, req: Mapping[str, Any]) -> None:
    """Delete the bucket's policy; it is no error if there is none."""
    await documents.delete(call, names.bucket(call, req), NAME)


@action(supports="Bucket ExpectedBucketOwner")
async def get_bucket_policy_status(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Tell whether the bucket is public, by its policy or its ACL.

    "TRUE indicates that this bucket is public" (PolicyStatus), and "the meaning of public", to which the operation
    refers, is one for policies and one for ACLs.  So a bucket without a policy has a status too.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
    """
    bucket = names.bucket(call, req)
    text = await documents.current(call, bucket, NAME)
    public = text is not None and is_public(await _compile(call, bucket, text))
    return {"PolicyStatus": {"IsPublic": public or await acl.is_public(call, bucket)}}
