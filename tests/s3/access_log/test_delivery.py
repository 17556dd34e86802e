"""What waits for its delivery, without a cloud: bounded, tried again, and never in the way of a request."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.errors import BackendError, Fault
from adapters.types.objects import Container, Written
from shim.config import Settings
from shim.context import Call, Caller
from shim.keystore import KeyFile, add
from shim.locks import Locks
from shim.protocol.message import Address, Head, Request
from shim.record import Record
from shim.s3.access_log.delivery import AccessLog
from tests.s3.access_log.test_lines import WHEN

TARGET = '{"TargetBucket":"logs","TargetPrefix":"p/"}'


@dataclass
class Store:
    """A Swift with one configured bucket: `fault` is how its writes fail, if they do; `written` are its log objects."""

    item: str = TARGET
    fault: Fault | None = None
    written: dict[str, bytes] = field(default_factory=dict)
    given: list[Any] = field(default_factory=list)
    reads: int = 0
    more: dict[str, str] = field(default_factory=dict)  # of the configuration

    async def container(self, name: str) -> Container:
        self.reads += 1
        return Container(name, WHEN, 0, 0, ({"s3-config-logging": self.item} if self.item else {}) | self.more)

    async def has_container(self, name: str) -> bool:
        return False

    async def put(self, container: str, name: str, body: Any, *given: Any) -> Written:
        self.given += given
        if self.fault:
            raise BackendError(self.fault, service="object-store")
        self.written[f"{container}/{name}"] = body if isinstance(body, bytes) else b"".join([one async for one in body])
        return Written("etag", WHEN)


@dataclass
class Tenants:
    """The clouds of the gateway's own user."""

    objects: Store

    async def service(self, project_id: str, request_id: str, *, contained: bool = False) -> Any:
        return self

    async def own(self, request_id: str) -> Any:
        raise AssertionError("the gateway's own project has no logs")

    async def shared(self, request_id: str) -> Any:
        raise AssertionError("no bucket is looked for")

    def tenant(self, *_: Any) -> Any:
        raise AssertionError("nobody's cloud but the gateway's own is asked for")


@dataclass
class Served:
    call: Call | None
    head: Head
    request: Request
    record: Record
    signature: None = None
    tokens: Any = None


def served(store: Store, known: Mapping[str, str] | None, *, project: str = "p", path: bytes = b"/b/k") -> Served:
    """Return a request for bucket `b` whose configuration is `known`, or was not read."""
    tenants: Any = Tenants(store)
    caller = Caller("key", "u", "ann", project, "project", "0" * 12, frozenset())
    call = Call(tenants, caller, "r", "eu", "GetObject", Settings.model_validate({}), Locks(""), clouds=tenants)
    if known is not None:
        call.configurations["b"] = known
    head = Head("GET", path, b"", ())
    record = Record("r", 0.0, operation="GetObject", status=200, access_key="key")
    return Served(call, head, Request(head, Address("b", "k")), record)


def after(store: Store, *requests: Served, rounds: int = 1, log: AccessLog | None = None) -> AccessLog:
    """Note requests, then deliver `rounds` times."""
    log = log or AccessLog(3600.0)

    async def run() -> None:
        for one in requests:
            log.note(one)
        await log.end()
        for _ in range(rounds - 1):
            await log.deliver()

    asyncio.run(run())
    return log


def lines(store: Store) -> list[str]:
    return [text for body in store.written.values() for text in body.decode().splitlines()]


def test_a_batch_of_a_bucket_is_one_object() -> None:
    store = Store()
    after(store, *(served(store, {"logging": TARGET}) for _ in range(3)))
    (name,) = store.written
    assert name.startswith("logs/p/20")
    assert [text.split()[1] for text in lines(store)] == ["b"] * 3


def test_a_log_object_has_nothing_of_the_acl_of_a_logged_upload() -> None:
    store = Store()
    upload = served(store, {"logging": TARGET})
    assert upload.call
    upload.call.acl = "<somebody> R@all"
    after(store, upload)
    [told] = [one for one in store.given if hasattr(one, "metadata")]
    assert "passerelle-acl" not in told.metadata


def test_no_key_of_the_last_requester_encrypts_a_log(caplog: pytest.LogCaptureFixture) -> None:
    store = Store(more={"s3-config-encryption": '{"key":false,"algorithm":"aws:kms"}'})
    one = served(store, {"logging": TARGET})
    assert one.call
    one.call.signer = Tenants(store)  # type: ignore[assignment]  # any use of its keys would raise
    after(store, one)
    assert not store.written
    assert "access log of bucket 'b' is dropped: InvalidArgument" in caplog.text


def test_a_log_is_encrypted_as_its_bucket_says(tmp_path: Path) -> None:
    add(tmp_path / "keys.json")
    store = Store(more={"s3-config-encryption": '{"key":false,"algorithm":"AES256"}'})
    one = served(store, {"logging": TARGET})
    assert one.call
    one.call.keys = KeyFile(tmp_path / "keys.json")
    after(store, one)
    [told] = [one for one in store.given if hasattr(one, "metadata")]
    assert "s3_sse=" in told.content_type
    assert not any(b" b [" in body for body in store.written.values())


def unproved(store: Store, project: str = "p", bucket: str = "b") -> Served:
    """Return a request whose signature did not hold."""
    head = Head("GET", b"/b/k", b"", ())
    record = Record("wrong", 0.0, operation="GetObject", status=403, code="SignatureDoesNotMatch", access_key="key")
    tokens = SimpleNamespace(credential=SimpleNamespace(project_id=project))
    return Served(None, head, Request(head, Address(bucket, "k")), record, tokens=tokens)


def test_a_wrong_signature_is_logged_and_costs_nothing() -> None:
    store = Store()
    log = AccessLog(3600.0)
    after(store, unproved(store), log=log)
    assert (store.written, store.reads) == ({}, 0)  # no log of that bucket is known
    after(store, served(store, {"logging": TARGET}), unproved(store), log=log)
    said = lines(store)
    assert len(said) == 2
    assert " - wrong REST.GET.OBJECT k " in said[1]
    assert " 403 SignatureDoesNotMatch " in said[1]
    reads = store.reads
    after(store, unproved(store, project="other"), unproved(store, bucket="c"), log=log)
    assert (len(lines(store)), store.reads) == (2, reads)


def test_a_bucket_without_a_log_costs_nothing() -> None:
    store = Store()
    after(
        store,
        served(store, {"cors": "[]"}),
        Served(None, Head("GET", b"/b", b"", ()), Request(Head("GET", b"/b", b"", ())), Record("r", 0.0)),
    )
    assert (store.written, store.reads) == ({}, 0)


def test_a_configuration_that_the_request_dropped_is_read_afterwards() -> None:
    store = Store()
    after(store, served(store, None))
    assert len(lines(store)) == 1
    nothing = Store(item="")
    after(nothing, served(nothing, None))
    assert not nothing.written


def test_a_log_that_was_ended_meanwhile_is_not_delivered() -> None:
    store = Store(item="")
    after(store, served(store, {"logging": TARGET}), rounds=2)
    assert not store.written


@pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.THROTTLED])
def test_what_fails_for_the_moment_is_delivered_later(fault: Fault) -> None:
    store = Store(fault=fault)
    log = after(store, served(store, {"logging": TARGET}))
    assert not store.written
    store.fault = None
    after(store, served(store, {"logging": TARGET}), log=log)
    assert len(lines(store)) == 2
    after(store, log=log)
    assert len(lines(store)) == 2


@pytest.mark.parametrize("fault", [Fault.FORBIDDEN, Fault.NOT_FOUND, Fault.QUOTA])
def test_what_fails_for_good_is_dropped(fault: Fault) -> None:
    store = Store(fault=fault)
    log = after(store, served(store, {"logging": TARGET}))
    store.fault = None
    after(store, log=log)
    assert not store.written


def test_memory_is_bounded_for_a_project_and_in_all() -> None:
    store = Store(fault=Fault.UNAVAILABLE)
    after(plain := Store(), served(plain, {"logging": TARGET}))
    size = len(lines(plain)[0]) + 3  # a line's length varies by its time
    log = AccessLog(3600.0, most=16 * size, of_project=4 * size)
    after(store, *[served(store, {"logging": TARGET})] * 6, log=log)
    assert log.dropped == 2
    others = [served(store, {"logging": TARGET}, project=f"p{number % 7}") for number in range(14)]
    after(store, *others, log=log)
    assert log.dropped == 2 + 2
    store.fault = None
    after(store, log=log)
    assert len(lines(store)) == 16
