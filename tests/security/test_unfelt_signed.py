"""What a tenant with a good key sends does not delay the calls of others; `stranger` measures it.

Beside what the others feel, each test holds the bound that keeps the work small: an answer before the work, a number of
calls, or the work itself in plain calls.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast
from urllib.parse import urlencode

import pytest
from urllib3.filepost import encode_multipart_formdata

from adapters.types.identity import Ec2Credential
from adapters.types.network import Network, SecurityGroup
from shim.authz.patterns import Variable
from shim.context import Call
from shim.ec2.engine.filters import compiled
from shim.errors import AwsError
from shim.locks import Locks
from shim.protocol import urlencoded_form
from shim.protocol.headers import decoded
from shim.protocol.service import Service
from shim.s3 import grants
from shim.s3.access.questions import questions
from shim.s3.encryption import envelope
from shim.s3.multipart.uploads import initiator
from shim.s3.objects.headers import is_marked_null, kept_etag, storage_class
from tests.ec2.instances.test_instance_costs import Counted
from tests.ec2.launch.test_launch_half_done import Cloud, Nova
from tests.ec2.launch.test_launch_limits import Limited, limited
from tests.ec2.launch.test_launch_request import ASKED
from tests.protocol.requests import s3
from tests.security.door import ACCESS, HOST, SECRET, Door, OneUser
from tests.security.requests import Wire, code_of, signed
from tests.security.stranger import (
    SECONDS,
    TURNS,
    WORK,
    Address,
    CountingLoop,
    Felt,
    Hostile,
    assert_unfelt,
    raw,
    sends,
    work_of,
)

OTHER = "AKIDOTHEREXAMPLE"
NET = "1" * 32


class Answering(Door):
    """A gateway whose cloud answers, the same one for every tenant."""

    cloud: Any = None

    def tenant(self, tokens: Any, token: Any, request_id: str) -> Any:
        return self.cloud


def behind(cloud: Any, identity: OneUser | None = None, **given: Any) -> Answering:
    door = Answering(identity=identity or OneUser(), given=given)
    door.cloud = cloud
    return door


def form(action: str, access: str = ACCESS, **parameters: str) -> bytes:
    """Return a signed request for an action of EC2 that ends its connection."""
    body = urlencode({"Action": action, "Version": "2016-11-15", **parameters}, safe="*").encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Connection": "close"}
    return raw(signed(Wire("ec2", action, "POST", f"http://{HOST}/", headers, body), access=access))


async def answer(address: Address, request: bytes) -> bytes:
    """Send a request; return all that comes."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(request)
        return await reader.read()
    finally:
        writer.transport.abort()


def told(request: bytes, into: list[bytes], times: int = 1) -> Hostile:
    """Return a client that sends a request some times at once and keeps the answers."""

    async def hostile(address: Address) -> None:
        into.extend(await asyncio.gather(*(answer(address, request) for _ in range(times))))

    return hostile


def assert_refused(answers: list[bytes], code: str) -> None:
    assert [code_of(one) for one in answers] == [code] * len(answers)


# Filters.

NAMES = ["a" * 255, "a" * 254 + "b"]
WILDCARDS = {
    "five stars": ["*a*a*a*a*b"],
    "as many stars as go into a value": ["*a" * 127 + "b"],
    "two hundred values of stars": [f"{'*a' * 120}{n}" for n in range(200)],
}


def groups(count: int = 200) -> Any:
    """Make a cloud with some security groups."""
    counts: Counter[str] = Counter()
    rows = [SecurityGroup(f"{n:032x}", "web", NAMES[0], "p1", (), ()) for n in range(count)]
    network = Network(NET, "default", "p1", False, False, "ACTIVE", (), (), ())
    cloud: Any = Cloud(Nova(0, None, ""))  # type: ignore[arg-type]
    cloud.network = Counted(counts, networks=[network], security_groups=rows)
    return cloud


@pytest.mark.parametrize("case", WILDCARDS)
def test_wildcards_are_not_felt(case: str) -> None:
    values = {f"Filter.1.Value.{n}": value for n, value in enumerate(WILDCARDS[case], 1)}
    answers: list[bytes] = []
    request = form("DescribeSecurityGroups", **{"Filter.1.Name": "description"}, **values)
    assert_unfelt(told(request, answers), door=behind(groups()), most_calls=1000)
    assert answers[0].startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "filters",
    [
        [{"Name": "tag:a", "Values": ["*a" * 150_000]}],
        [{"Name": "tag:" + "a" * 300_000, "Values": ["b"]}],
        [{"Name": "tag:a", "Values": ["*a*b"] * 201}],
        [{"Name": "tag:a", "Values": ["*a*b"] * 200}] * 51,
    ],
    ids=["a long value", "a long name", "many values", "many filters"],
)
def test_filters_above_awss_bounds_are_refused_before_they_are_compiled(filters: list[dict[str, Any]]) -> None:
    def refused() -> None:
        with pytest.raises(AwsError) as caught:
            compiled(filters, {"tag": "Tags"})
        assert caught.value.code == "FilterLimitExceeded"

    assert work_of(refused) < 10


def test_as_many_wildcards_as_a_form_holds_are_not_felt() -> None:
    """AWS takes fifty filters of two hundred values; the form's bound leaves some four thousand of full length."""
    pairs = {f"Filter.{n}.Name": "description" for n in range(1, 21)}
    pairs |= {f"Filter.{n}.Value.{v}": f"{v}*{'a*' * 120}" for n in range(1, 21) for v in range(1, 190)}
    answers: list[bytes] = []
    assert_unfelt(told(form("DescribeSecurityGroups", **pairs), answers), door=behind(groups(2)))
    assert answers[0].startswith(b"HTTP/1.1 200 ")


# Documents and forms.


def refused_by(operation: str, method: str, target: str, body: bytes) -> Callable[[], None]:
    """Return a call that has an operation of S3 refuse a document."""
    parse = Service("s3").operations[operation].parse

    def refused() -> None:
        with pytest.raises(AwsError) as caught:
            parse(s3(method, target), body)
        assert caught.value.code == "MalformedXML"

    return refused


DOCUMENTS = {
    "empty elements": b"<Delete>" + b"<a/>" * 600_000,
    "known elements": b"<Delete>" + b"<Object><Key>k</Key></Object>" * 80_000,
    "depth": b"<Delete>" + b"<Object>" * 300_000,
}


@pytest.mark.parametrize("case", DOCUMENTS)
def test_a_large_document_is_not_felt(case: str) -> None:
    body = DOCUMENTS[case]
    headers = {"Connection": "close"}
    wire = Wire("s3", "DeleteObjects", "POST", f"http://{HOST}/bucket?delete", headers, body)
    answers: list[bytes] = []
    assert_unfelt(told(raw(signed(wire)), answers))
    assert answers[0].startswith(b"HTTP/1.1 400 ")
    assert work_of(refused_by("DeleteObjects", "POST", "/bucket?delete", body)) < WORK


def test_the_largest_form_of_escapes_is_not_felt() -> None:
    body = (b"Action=DescribeRegions&Version=2016-11-15&" + b"%41&" * (1 << 18))[: 1 << 20]
    wire = Wire("ec2", "", "POST", f"http://{HOST}/", {"Connection": "close"}, body)
    answers: list[bytes] = []
    assert_unfelt(told(raw(signed(wire)), answers))
    assert_refused(answers, "RequestEntityTooLarge")

    def refused() -> None:
        with pytest.raises(AwsError):
            urlencoded_form.decode(body)

    assert work_of(refused) < 10


@pytest.mark.parametrize("word", ["=?UTF-7?Q?+2AA-?=", "=?punycode?Q?" + "a" * 1500 + "-99999?=", "=?idna?Q?xn--?="])
def test_a_browsers_form_with_other_charsets_is_not_felt(word: str) -> None:
    fields = [("key", "k"), ("AWSAccessKeyId", "a"), ("policy", "p"), ("signature", "s")]
    fields += [(f"x-amz-meta-{n}", word) for n in range(400)]
    content, content_type = encode_multipart_formdata([*fields, ("file", ("f", b"x"))], boundary="b0")
    head = {"Content-Type": content_type, "Connection": "close"}
    assert_unfelt(sends(raw(Wire("s3", "", "POST", f"http://{HOST}/bucket", head, content))))
    assert decoded(word) == word
    assert work_of(lambda: [decoded(word) for _ in range(400)]) < 10


@pytest.mark.parametrize("name", ["key", "x-amz-meta-a", "tagging"])
def test_a_browsers_form_that_names_its_file_often_is_not_felt(name: str) -> None:
    fields = {"key": "k", name: "${filename}" * 1350}
    content, content_type = encode_multipart_formdata([*fields.items(), ("file", ("!" * 4000, b"x"))], boundary="b0")
    head = {"Content-Type": content_type, "Connection": "close"}
    door = Door()
    assert_unfelt(sends(raw(Wire("s3", "", "POST", f"http://{HOST}/bucket", head, content))), door=door)
    assert {record.code for record in door.records if record.service == "s3"} == {"MaxPostPreDataLengthExceeded"}


# Launches.


def launch(count: int, access: str = ACCESS) -> bytes:
    asked = {name: str(value) for name, value in {**ASKED, "MinCount": count, "MaxCount": count}.items()}
    return form("RunInstances", access, **asked)


@pytest.mark.parametrize("given", [{}, {"launch_max": 1000}], ids=["above the setting", "above the project's limit"])
def test_a_large_launch_is_refused_before_anything_is_made(given: dict[str, Any]) -> None:
    nova = Limited(limited(instances=10))
    answers: list[bytes] = []
    assert_unfelt(told(launch(1000), answers, times=4), door=behind(Cloud(nova), **given))
    assert_refused(answers, "InstanceLimitExceeded")
    assert (nova.made, nova.counts["limits"]) == (0, 4 if given else 0)


class Slow(Limited):
    """A Nova that makes no server before it is told to."""

    def __init__(self) -> None:
        super().__init__(limited())
        self.go = asyncio.Event()

    async def create_server(self, new: Any) -> str:
        self.busy.set()
        await self.go.wait()
        return await super().create_server(new)


class TwoUsers(OneUser):
    """A Keystone with a second user, in a project of its own, and with the same secret."""

    async def ec2_credential(self, access: str) -> Ec2Credential | None:
        return Ec2Credential(OTHER, SECRET, "u2", "p2") if access == OTHER else await super().ec2_credential(access)


def test_a_launch_under_way_is_not_felt_by_another_tenant() -> None:
    """The other's Describe and launch are answered while the first launch waits for Nova with all that it holds."""
    nova = Slow()
    answers: list[bytes] = []

    async def hostile(address: Address) -> None:
        first = asyncio.ensure_future(answer(address, launch(100)))
        await nova.busy.wait()
        answers.append(await answer(address, form("DescribeInstances", OTHER)))
        assert not first.done()
        nova.go.set()
        answers.append(await first)

    assert_unfelt(hostile, door=behind(Cloud(nova), TwoUsers()))
    assert [one.startswith(b"HTTP/1.1 200 ") for one in answers] == [True, True]


# Locks and connections.


def test_locks_of_two_tenants_do_not_meet() -> None:
    """One tenant holds more names than a table of slots would have; another gets each of its own names at once."""
    loop = CountingLoop()

    async def scenario() -> Felt:
        locks, names = Locks(""), [("name", "p1", str(number)) for number in range(6000)]
        async with locks.hold_all(names):
            turns, now = loop.turns, loop.now
            async with asyncio.timeout(10):
                for number in range(100):
                    async with locks.hold("name", "p2", str(number)):
                        pass
            return Felt(loop.turns - turns, 0.0, loop.now - now)

    try:
        found = loop.run_until_complete(scenario())
    finally:
        loop.close()
    assert (found.turns <= TURNS, found.seconds) == (True, SECONDS), found


def test_connections_above_the_cap_are_not_felt() -> None:
    """Those above the cap are told to come again, and the one that was there before is served."""
    answers: list[bytes] = []
    request = b"GET / HTTP/1.1\r\nHost: x\r\n"  # no end: each stays open while it is awaited

    async def hostile(address: Address) -> None:
        held = [await asyncio.open_connection(*address) for _ in range(7)]
        for _, writer in held:
            writer.write(request)
        await asyncio.sleep(0)
        answers.extend([await answer(address, request + b"\r\n") for _ in range(60)])
        for _, writer in held:
            writer.transport.abort()

    assert_unfelt(hostile, door=Door(given={"max_connections_per_address": 8}))
    assert_refused(answers, "SlowDown")


# White space that several parts of a pattern could take.
BLANKS = " " * 400
GRANTEE = f'id={BLANKS}x{BLANKS}""y'


@pytest.mark.parametrize(
    "read",
    [
        lambda: grants.asked(cast(Call, None), {"GrantRead": GRANTEE}, "p"),
        lambda: questions("PutObject", "bucket", "key", {"GrantFullControl": GRANTEE}, ("p",)),
        lambda: initiator(f"text/plain{BLANKS * 20}s3_"),
        lambda: kept_etag(f"text/plain{BLANKS * 20}s3_etag"),
        lambda: storage_class(f"text/plain{BLANKS * 20}s3_class"),
        lambda: is_marked_null(f"text/plain{BLANKS * 20}s3_"),
        lambda: envelope.of(f"text/plain{BLANKS * 20}s3_sse"),
        lambda: Variable(" " * 512),
    ],
    ids=["grants", "need of a grant", "initiator", "etag", "class", "null", "encryption", "policy variable"],
)
def test_blanks_in_a_header_are_not_felt(read: Callable[[], object]) -> None:
    def refused() -> None:
        with suppress(AwsError):
            read()

    assert work_of(refused) < 1
