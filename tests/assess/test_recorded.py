"""`passerelle assess` of what `passerelle record` writes."""

import gzip
from pathlib import Path

from assess.inputs import read
from assess.report import report
from assess.verdicts import Outcome, judge
from recording.lines import Line

WHEN = "2026-01-01T00:00:00.000000Z"


def recording(path: Path, *lines: Line) -> Path:
    path.write_text("".join(line.text() for line in lines), encoding="utf-8")
    return path


def call(service: str, operation: str, status: int = 200, **params: object) -> Line:
    return Line(WHEN, service, operation, params, status, "" if status < 400 else "Failed")


def test_calls_are_counted_and_judged_with_their_parameters(tmp_path: Path) -> None:
    lines = [call("ec2", "CreateVolume", Size=1, AvailabilityZone="a", KmsKeyId="alias/k")] * 2
    path = recording(tmp_path / "calls.jsonl", *lines, call("ec2", "DescribeVpcs", 400), call("kms", "Decrypt"))
    found = read([path], lambda _: None)
    assert [(one.operation, one.count, one.failed) for one in found.calls] == [
        ("CreateVolume", 2, 0),
        ("DescribeVpcs", 1, 1),
        ("Decrypt", 1, 0),
    ]
    assert [judge(one).outcome for one in found.calls] == [Outcome.REFUSED, Outcome.WORKS, Outcome.REFUSED]
    assert found.calls[0].where == f"{path}:1"
    assert report(found).refuses


def test_what_is_not_in_a_recording_is_unknown_and_no_hindrance(tmp_path: Path) -> None:
    body, secret = {"$bytes": 7}, {"$hidden": 1, "length": 9}
    put = call("s3", "PutObject", Bucket="b", Key="k", Body=body)
    run = call("ec2", "RunInstances", ImageId="ami-1", MinCount=1, MaxCount=1, UserData=secret)
    found = read([recording(tmp_path / "calls.jsonl", put, run)], lambda _: None)
    assert [judge(one).outcome is Outcome.REFUSED for one in found.calls] == [False, False]
    assert not any(one.exact for one in found.calls)
    assert "does not hold the bodies" in found.notes[0]


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    line = Line(WHEN, "s3", "", {}, 405, "405", unread="The specified method is not allowed")
    path = recording(tmp_path / "calls.jsonl", call("ec2", "DescribeVpcs"), line)
    path.write_text(path.read_text() + '{"recorded": 1}\n')
    found = read([path], lambda _: None)
    assert found.unfollowed == [
        f"{path}:2: a request to s3: The specified method is not allowed",
        f"{path}: not read to its end: line 3 is no call that was recorded",
    ]


def test_a_packed_recording_is_found(tmp_path: Path) -> None:
    (tmp_path / "calls.gz").write_bytes(gzip.compress(call("ec2", "DescribeVpcs").text().encode()))
    assert [one.operation for one in read([tmp_path], lambda _: None).calls] == ["DescribeVpcs"]
