"""The exact bytes of an answer's head: names in AWS's spelling, whoever gave them in whichever case."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
import uvloop
from botocore.loaders import Loader
from botocore.model import ServiceModel

from shim.http.answer_head import _DATE, _LINES, aws_spelling, head_lines
from tests.http.connections import answering, get, served
from tests.security.door import Door
from tests.security.requests import Wire, signed

# What S3 sends and in which spelling: "Sample Response" of GetObject, HeadObject, HeadBucket, and RFC 9110's own names.
SPELLED = (
    "Accept-Ranges Age Allow Cache-Control Connection Content-Disposition Content-Encoding Content-Language "
    "Content-Length Content-MD5 Content-Range Content-Type Date ETag Expires Last-Modified Location Retry-After Server "
    "Transfer-Encoding Vary WWW-Authenticate x-amz-bucket-region x-amz-checksum-crc32 x-amz-copy-source-version-id "
    "x-amz-delete-marker x-amz-id-2 x-amz-meta-my-key x-amz-request-id x-amz-version-id x-amzn-RequestId"
)


def raw(*headers: tuple[bytes, bytes], status: int = 200) -> bytes:
    """Return every byte of an answer with these headers."""

    async def talk() -> bytes:
        async with served(answering(b"ab", status=status, headers=headers)) as (reader, writer, _):
            writer.write(get("/"))
            return await reader.readuntil(b"\r\n\r\n")

    return uvloop.run(talk())


@pytest.mark.parametrize("name", SPELLED.split())
@pytest.mark.parametrize("case", [str.lower, str.upper, str.title, str])
def test_a_name_is_spelled_as_aws_spells_it(name: str, case: type[str]) -> None:
    assert aws_spelling(case(name).encode()) == name.encode()


def test_every_name_of_the_s3_model_keeps_its_spelling() -> None:
    model = ServiceModel(Loader().load_service_model("s3", "service-2"), "s3")
    for operation in map(model.operation_model, model.operation_names):
        members = operation.output_shape.members if operation.output_shape else {}
        for name, member in members.items():
            if member.serialization.get("location") == "header":
                there = str(member.serialization.get("name", name))
                # The model alone writes `accept-ranges` in lower case; the samples of GetObject's page do not.
                assert aws_spelling(there.encode()) == there.replace("accept-ranges", "Accept-Ranges").encode()


def test_the_very_bytes_of_an_answer() -> None:
    head = raw((b"etag", b'"0"'), (b"LAST-MODIFIED", b"now"), (b"X-Amz-Meta-A", b"1"), (b"content-length", b"2"))
    first, date, *rest = head.split(b"\r\n")
    assert (first, date[:6]) == (b"HTTP/1.1 200 OK", b"Date: ")
    assert rest == [
        b"Server: Passerelle",
        b'ETag: "0"',
        b"Last-Modified: now",
        b"x-amz-meta-a: 1",
        b"Content-Length: 2",
        b"",
        b"",
    ]


@pytest.mark.parametrize(
    ("service", "names"),
    [
        ("s3", [b"x-amz-request-id", b"x-amz-id-2", b"Content-Type", b"Content-Length"]),
        ("ec2", [b"x-amzn-RequestId", b"Content-Type", b"Content-Length"]),
        ("sts", [b"x-amzn-RequestId", b"Content-Type", b"Content-Length"]),
    ],
)
def test_each_service_s_answer(service: str, names: list[bytes]) -> None:
    wire = signed(Wire(service, "", "GET", "http://x/?Action=Nonsense"), secret="wrong")
    host = "\r\n".join(f"{name}: {value}" for name, value in wire.headers.items()).encode()

    async def talk() -> bytes:
        async with served(Door().gateway) as (reader, writer, _):
            writer.write(b"GET /?Action=Nonsense HTTP/1.1\r\nHost: x\r\n" + host + b"\r\n\r\n")
            return await reader.readuntil(b"\r\n\r\n")

    head = uvloop.run(talk())
    assert re.findall(rb"\r\n([^:\r]+): ", head) == [b"Date", b"Server", *names]


def test_the_date_is_of_this_very_second() -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    told = re.search(rb"\r\nDate: ([^\r]+)", raw())
    assert told
    assert before < parsedate_to_datetime(told[1].decode()) <= datetime.now(UTC)
    assert b"Date: Thu, 01 Jan 1970 00:00:59 GMT" in _DATE.lines(59.9)
    assert b"Date: Thu, 01 Jan 1970 00:01:00 GMT" in _DATE.lines(60.0)
    assert b"Date: Thu, 01 Jan 1970 00:00:59 GMT" in _DATE.lines(59.0)  # a clock that was set back


def test_names_of_users_do_not_fill_the_memory() -> None:
    long = b"x-amz-meta-" + b"a" * 1000
    for number in range(3000):
        assert _LINES[b"x-amz-meta-%d" % number] == b"\r\nx-amz-meta-%d: " % number
    assert _LINES[long] == b"\r\n" + long + b": "
    assert sum(map(len, _LINES)) <= 1024 * 64
    _LINES.clear()


def test_a_status_without_a_name() -> None:
    head, _ = head_lines(399, [])
    assert head.startswith(b"HTTP/1.1 399 \r\n")  # "the reason-phrase may be empty" (RFC 9112, 4)
