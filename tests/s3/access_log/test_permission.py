"""Whose log may go into a bucket: the policy of the target is obeyed, when the log is configured and when it comes."""

import asyncio
import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from adapters.types.objects import Container, Limits
from shim.errors import AwsError
from shim.s3.access_log.actions import put_bucket_logging
from tests.s3.access_log.test_delivery import TARGET, Store, after, served
from tests.s3.access_log.test_lines import WHEN

SERVICE = {"Service": "logging.s3.amazonaws.com"}
ANN = {"AWS": f"arn:aws:iam::{'0' * 12}:user/ann"}
BOB = {"AWS": f"arn:aws:iam::{'0' * 12}:user/bob"}


@dataclass
class Governed(Store):
    """A Swift whose bucket `logs` has a policy with one statement, which denies; `set` is what was configured."""

    statement: dict[str, Any] = field(default_factory=dict)
    set: dict[str, str] = field(default_factory=dict)

    async def limits(self) -> Limits:
        return Limits()

    async def container(self, name: str) -> Container:
        if name != "logs":
            return await super().container(name)
        told = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::logs/p/*"}
        text = json.dumps({"Version": "2012-10-17", "Statement": [{**told, **self.statement}]})
        return Container(name, WHEN, 0, 0, {"s3-config-policy": json.dumps(text)})

    async def set_container_metadata(self, name: str, items: dict[str, str]) -> None:
        self.set |= items


def governed(principal: Any = "*", **more: Any) -> Governed:
    return Governed(statement={"Principal": principal, **more})


def secure(value: str) -> dict[str, Any]:
    return {"Condition": {"Bool": {"aws:SecureTransport": value}}}


@pytest.mark.parametrize(
    ("store", "comes"),
    [
        (governed(), False),
        (governed(SERVICE), False),
        (governed({"AWS": "*"}), False),
        (governed(Condition={"StringEquals": {"aws:SourceArn": "arn:aws:s3:::b"}}), False),
        (governed(Condition={"StringEquals": {"s3:NoKeyOfOurs": "b"}}), False),  # might deny: it is not known here
        (governed(Condition={"StringEquals": {"s3:ExistingObjectTag/a": "b"}}), True),  # a new object has no tags
        (governed(Condition={"StringEquals": {"aws:SourceArn": "arn:aws:s3:::c"}}), True),
        (governed(Condition={"Bool": {"aws:PrincipalIsAWSService": "false"}}), True),
        (governed(**secure("false")), True),
        (governed({"Service": "config.amazonaws.com"}), True),
        (governed(ANN), True),
        (governed(Resource="arn:aws:s3:::logs/q/*"), True),
        (governed(Action="s3:GetObject"), True),
    ],
)
def test_a_log_that_the_targets_policy_denies_does_not_come(store: Governed, *, comes: bool) -> None:
    after(store, served(store, {"logging": TARGET}))
    assert bool(store.written) is comes


def put(store: Governed, *, requester: str = "p", scheme: str = "https") -> None:
    call = served(store, None).call
    assert call is not None
    asking = replace(call, operation="PutBucketLogging", scheme=scheme)
    asking.requester = call.caller._replace(project_id=requester)
    asked: dict[str, Any] = {"TargetBucket": "logs", "TargetPrefix": "p/"}
    asyncio.run(put_bucket_logging(asking, {"Bucket": "source", "BucketLoggingStatus": {"LoggingEnabled": asked}}))


@pytest.mark.parametrize("store", [governed(), governed(ANN), governed(**secure("true"))])
def test_who_may_not_write_into_the_target_sends_no_log_there(store: Governed) -> None:
    with pytest.raises(AwsError) as error:
        put(store)
    assert (error.value.code, error.value.status) == ("AccessDenied", 403)
    assert not store.set


@pytest.mark.parametrize(
    "store", [governed(BOB), governed(**secure("false")), governed(Resource="arn:aws:s3:::logs/q/*")]
)
def test_a_policy_about_others_is_in_nobodys_way(store: Governed) -> None:
    put(store)
    assert set(store.set) == {"s3-config-logging"}


def test_a_caller_of_another_project_sends_no_log_anywhere() -> None:
    store = governed(BOB)
    with pytest.raises(AwsError) as error:
        put(store, requester="p2")
    assert (error.value.code, error.value.status) == ("AccessDenied", 403)
    assert not store.set
