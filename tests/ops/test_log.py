"""The log: one line for each call, in both formats, without secrets."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from shim import log
from shim.record import Record
from tests.support.gateway import Gateway

CALL = Record(
    request_id="0a1b", started=0.0, service="s3", operation="GetObject", status=200, seconds=0.00123456, bytes_out=7,
    account="123456789012", project="p1", access_key="AKIDEXAMPLE1234", upstream_calls=1, upstream_seconds=0.0005,
)  # fmt: skip

LEAKS = [
    "GET /b/k?X-Amz-Signature=LEAK&X-Amz-Expires=60",
    "GET /b/k?AWSAccessKeyId=LEAK&Signature=LEAK",
    "Authorization: AWS4-HMAC-SHA256 Credential=LEAK/20260101/x/s3/aws4_request, Signature=LEAK",
    "Authorization: AWS LEAK:LEAK=",
    "{'X-Auth-Token': 'LEAK', 'Accept': '*/*'}",
    '{"X-Service-Token": "LEAK"}',
    "x-amz-server-side-encryption-customer-key: LEAK",
    "X-Amz-Security-Token=LEAK",
    '{"access": "a", "secret": "LEAK", "user": "u"}',
    "password=LEAK",
]


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """Whatever the process logs during a test, with logging put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def test_a_call_is_one_json_object(output: io.StringIO) -> None:
    log.configure("info", "json", output)
    log.write_call(CALL)
    (line,) = output.getvalue().splitlines()
    found = json.loads(line)
    assert found.pop("time").endswith("Z")
    assert found == {
        "level": "info", "logger": "passerelle.call", "message": "call", "request_id": "0a1b", "service": "s3",
        "action": "GetObject", "status": 200, "ms": 1.23, "bytes_in": 0, "bytes_out": 7, "account": "123456789012",
        "project": "p1", "access_key": "…1234", "upstream_calls": 1, "upstream_ms": 0.5,
    }  # fmt: skip


def test_a_call_is_one_line_of_text(output: io.StringIO) -> None:
    log.configure("info", "text", output)
    log.write_call(CALL)
    (line,) = output.getvalue().splitlines()
    assert " INFO passerelle.call: call request_id=0a1b service=s3 action=GetObject status=200 " in line


def test_an_access_key_that_is_no_text_leaves_a_line_behind(output: io.StringIO) -> None:
    log.configure("info", "json", output)
    log.write_call(Record("r", 0.0, service="s3", status=403, code="InvalidAccessKeyId", access_key="AB\udcff\n"))
    (line,) = output.getvalue().splitlines()
    assert json.loads(line)["access_key"] == "…AB\udcff\n"


def test_a_refused_call_names_what_was_refused(output: io.StringIO) -> None:
    log.configure("info", "json", output)
    log.write_call(
        Record("r", 0.0, status=501, code="NotImplemented", refused="x-amz-a", refused_label="other", reason="why")
    )
    line = json.loads(output.getvalue())
    assert (line["code"], line["refused"]) == ("NotImplemented", "x-amz-a")
    assert not {"refused_label", "reason"} & line.keys()


def test_text_from_clients_cannot_break_a_line(output: io.StringIO) -> None:
    log.configure("info", "text", output)
    log.write_call(Record("r", 0.0, service="s3", operation="a\nb=c", status=400, code='"'))
    assert len(output.getvalue().splitlines()) == 1


@pytest.mark.parametrize("style", ["json", "text"])
@pytest.mark.parametrize("text", LEAKS)
def test_secrets_are_taken_out_of_messages_and_tracebacks(output: io.StringIO, style: str, text: str) -> None:
    log.configure("debug", "json" if style == "json" else "text", output)
    try:
        raise ValueError(text)
    except ValueError:
        logging.getLogger("x").exception("failed on %s", text)
    assert "LEAK" not in output.getvalue()
    assert "ValueError" in output.getvalue()


@given(st.text())
def test_scrubbing_twice_changes_nothing_more(text: str) -> None:
    assert log.scrub(log.scrub(text)) == log.scrub(text)


def test_ordinary_sentences_are_kept() -> None:
    text = "compute server 4f: conflict (409) Cannot 'stop' instance; signature checks are elsewhere"
    assert log.scrub(text) == text


def test_a_look_at_what_is_not_there_is_one_line(s3: Any, gateway: Gateway, bucket: str) -> None:
    """Tools ask so before each upload; an operator reads warnings."""
    with pytest.raises(ClientError) as caught:
        s3.head_object(Bucket=bucket, Key="missing")
    gateway.call(caught.value.response)
    request_id = caught.value.response["ResponseMetadata"]["RequestId"]
    assert [line["message"] for line in gateway.lines() if request_id in json.dumps(line)] == ["call"]
