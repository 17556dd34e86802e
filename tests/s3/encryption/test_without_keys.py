"""A gateway that lost its key store, or a cloud without key manager: what is to be encrypted is not stored plain."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from shim.auth.body import plain_body
from shim.config import Settings
from shim.context import NO_CLOUD, Call, Caller
from shim.errors import AwsError
from shim.locks import Locks
from shim.protocol.message import Head
from shim.s3.encryption.bucket import put_bucket_encryption
from shim.s3.multipart.multipart import create_multipart_upload
from shim.s3.objects.copying import copy_object
from shim.s3.objects.objects import put_object
from tests.sweeps.memory import Memory

Action = Callable[[Call, Mapping[str, Any]], Awaitable[Any]]
DEFAULT = {"s3-config-encryption": '{"key":false,"algorithm":"AES256"}'}
MANAGED_DEFAULT = {"s3-config-encryption": '{"key":false,"algorithm":"aws:kms"}'}
WITHOUT_BARBICAN = SimpleNamespace(key_manager=SimpleNamespace(available=False))
ONLY_BLOCKED = {"s3-config-encryption": '{"key":false,"blocked":["SSE-C"]}'}


async def receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"secret", "more_body": False}


def asked(action: Action, **more: Any) -> dict[str, Any]:
    return {**_asked(action), **more}


def _asked(action: Action) -> dict[str, Any]:
    if action is put_object:
        head = Head("PUT", b"/", b"", (("content-length", "6"),))
        return {"Bucket": "bucket", "Key": "key", "Body": plain_body(head, receive)}
    source = {"CopySource": "source/key"} if action is copy_object else {}
    return {"Bucket": "bucket", "Key": "key", **source}


def act(action: Action, configured: Mapping[str, str], signer: Any = NO_CLOUD, **more: Any) -> Memory:
    swift = Memory()
    swift.add("source", "key")
    swift.containers_["bucket"] = {}
    swift.metadata["bucket"] = dict(configured)
    caller = Caller("key", "user", "user", "project", "project", "0" * 12, frozenset())
    cloud: Any = SimpleNamespace(objects=swift)
    call = Call(cloud, caller, "request", "us-east-1", "PutObject", Settings.model_validate({}), Locks(""))
    call.signer = signer
    try:
        asyncio.run(acting(action, call, more))
    finally:
        call.worker.close()
    return swift


async def acting(action: Action, call: Call, more: Mapping[str, Any]) -> None:
    await action(call, asked(action, **more))


@pytest.mark.parametrize("action", [put_object, copy_object, create_multipart_upload])
def test_what_would_be_encrypted_by_default_is_refused(action: Action) -> None:
    with pytest.raises(AwsError) as caught:
        act(action, DEFAULT)
    assert (caught.value.code, caught.value.status) == ("ServiceUnavailable", 503)


@pytest.mark.parametrize("configured", [{}, ONLY_BLOCKED])
def test_other_buckets_need_no_keys(configured: Mapping[str, str]) -> None:
    assert act(put_object, configured).containers_["bucket"]["key"].body == b"secret"


@pytest.mark.parametrize("action", [put_object, copy_object, create_multipart_upload])
@pytest.mark.parametrize("signer", [WITHOUT_BARBICAN, NO_CLOUD], ids=["no key manager", "other signature"])
@pytest.mark.parametrize("by_default", [True, False])
def test_keys_of_a_key_manager_are_refused(action: Action, signer: Any, *, by_default: bool) -> None:
    configured = MANAGED_DEFAULT if by_default else {}
    more = {} if by_default else {"ServerSideEncryption": "aws:kms"}
    with pytest.raises(AwsError) as caught:
        act(action, configured, signer, **more)
    assert (caught.value.code, caught.value.status) == ("InvalidArgument", 400)
    assert ("no key manager" if signer is WITHOUT_BARBICAN else "Signature Version 4") in caught.value.message


@pytest.mark.parametrize("signer", [WITHOUT_BARBICAN, NO_CLOUD], ids=["no key manager", "other signature"])
def test_a_default_of_a_key_manager_is_refused(signer: Any) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    with pytest.raises(AwsError) as caught:
        act(put_bucket_encryption, {}, signer, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert (caught.value.code, caught.value.status) == ("InvalidArgument", 400)
