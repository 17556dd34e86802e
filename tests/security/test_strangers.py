"""For every operation of S3: who has no right to another project's bucket is refused, and nothing is done at Swift."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from urllib3.filepost import encode_multipart_formdata

from adapters.errors import BackendError, Fault
from adapters.types.identity import Ec2Credential, Token
from adapters.types.objects import Container
from shim.app import FRONTENDS
from shim.auth.accounts import account_id
from tests.security.door import Door, OneUser
from tests.security.requests import Wire, code_of, every_request, expired, signed

OWNER = "p2"
OTHER = account_id("p1", {})
REQUESTS = [one for one in every_request() if one.service == "s3" and one.operation != "ListBuckets"]
EACH = pytest.mark.parametrize("request_", REQUESTS, ids=str)
LOOKS = frozenset(("container", "has_container"))  # what a decision may ask of Swift


@dataclass
class Store:
    """Swift for one project, which records all calls and answers looks at containers alone."""

    asked: list[str]
    metadata: dict[str, str] | None  # of every container; None: there is none

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any, **kwargs: Any) -> Any:
            self.asked.append(name)
            if name == "container" and self.metadata is not None:
                return Container(args[0], datetime.now(UTC), 0, 0, self.metadata)
            if name in LOOKS:
                raise BackendError(Fault.NOT_FOUND, service="object-store", resource="container")
            raise AssertionError(f"{name} was called")

        return call


@dataclass
class Cloud:
    objects: Store
    project_name: str = "owner"


@dataclass
class SharedDoor(Door):
    """A gateway with a registry of names, in which another project has every bucket."""

    asked: list[str] = field(default_factory=list)
    configured: dict[str, str] = field(default_factory=dict)

    def tenant(self, tokens: Any, token: Token, request_id: str) -> Any:
        return Cloud(Store(self.asked, None))

    async def service(self, project_id: str, request_id: str, *, contained: bool = False) -> Any:
        assert project_id == OWNER
        return Cloud(Store(self.asked, self.configured))

    async def shared(self, request_id: str) -> Any:
        return Cloud(Store(self.asked, {"passerelle-owner": OWNER}))


def refused(door: SharedDoor, wire: Wire) -> None:
    """The request is refused as AWS refuses it, after nothing but looks."""
    answer = door.knock(wire.method, wire.url, wire.headers, wire.body)
    taken = wire.operation == "CreateBucket" and "Authorization" in wire.headers
    assert answer.status == (409 if taken else 403), answer.body
    if wire.method != "HEAD":
        assert code_of(answer.body) == ("BucketAlreadyExists" if taken else "AccessDenied")
    assert set(door.asked) <= LOOKS
    assert door.received == (1 if taken else 0)  # the body is not read before the decision
    assert taken or door.records[-1].reason


@EACH
def test_a_caller_of_another_project(request_: Wire) -> None:
    refused(SharedDoor(), signed(request_))


@EACH
def test_a_caller_who_does_not_sign(request_: Wire) -> None:
    refused(SharedDoor(), request_)


@EACH
def test_a_bucket_whose_policy_cannot_be_read(request_: Wire) -> None:
    damaged = {"s3-config-policy": '"{}"'}
    for wire in (request_, signed(request_)):
        refused(SharedDoor(configured=damaged), wire)


@EACH
@pytest.mark.parametrize("how", ["wrong", "expired"])
def test_a_signature_that_does_not_hold_asks_nothing(request_: Wire, how: str) -> None:
    door = SharedDoor()
    wire = signed(request_, secret="guess") if how == "wrong" else expired(request_)
    answer = door.knock(wire.method, wire.url, wire.headers, wire.body)
    assert answer.status == 403
    if wire.method != "HEAD":
        assert code_of(answer.body) == ("SignatureDoesNotMatch" if how == "wrong" else "AccessDenied")
        assert how == "wrong" or b"Request has expired" in answer.body
    assert not door.asked


@EACH
def test_a_caller_who_may_only_read_in_its_own_project(request_: Wire) -> None:
    """The policy of another project's bucket gives it no more than that."""
    statement = {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "s3:*", "Resource": "arn:aws:s3:::*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": statement})
    door = SharedDoor(OneUser(frozenset({"reader"})), configured={"s3-config-policy": json.dumps(text)})
    wire = signed(request_)
    answer = door.knock(wire.method, wire.url, wire.headers, wire.body)
    if FRONTENDS["s3"].service.operations[wire.operation].mutating:
        assert (answer.status, code_of(answer.body)) == (403, "AccessDenied")
        assert door.records[-1].reason == "the roles of the signer let it only read in its own project"
        assert set(door.asked) <= LOOKS
        assert not door.received
    else:
        assert "only read" not in door.records[-1].reason


@pytest.mark.parametrize("origin", ["", "https://page.example"])
def test_a_form_that_nobody_signed_stores_nothing_and_asks_for_no_key(origin: str) -> None:
    class Keystone(OneUser):
        asked = 0

        async def ec2_credential(self, access: str) -> Ec2Credential | None:
            self.asked += 1
            return await super().ec2_credential(access)

    keystone = Keystone()
    door = SharedDoor(identity=keystone)
    body, content_type = encode_multipart_formdata([("key", "k"), ("file", ("f", b"content"))])
    headers = {"content-type": content_type, **({"origin": origin} if origin else {})}
    answer = door.knock("POST", "http://localhost/theirs", headers, body)
    assert (answer.status, code_of(answer.body)) == (403, "AccessDenied")
    assert door.asked
    assert set(door.asked) <= LOOKS
    assert keystone.asked == 0
