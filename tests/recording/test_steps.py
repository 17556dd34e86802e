"""Which recorded calls are made again, when their answers count, and how they are undone."""

from collections.abc import Iterator
from typing import Any

import pytest

from recording.calls import SERVICES, Asked, answered, asked, begin, output_shape
from recording.lines import Line
from recording.replay.differences import Difference, Kind
from recording.replay.endpoint import Answer
from recording.replay.formats import FORMATS
from recording.replay.report import Report, Row
from recording.replay.side import Side
from recording.replay.steps import steps
from recording.replay.undo import INVERSE, Undo
from recording.secrets import Hider
from shim.protocol.message import Head, Request
from tests.recording.scripted import VOLUME, WHEN, Scripted, line


def volume(state: str) -> Answer:
    told = {"Volumes": [{"VolumeId": "vol-22222222", "State": state}]}
    return Answer(200, "", told, told)


def test_of_a_waiters_questions_the_last_one_is_asked() -> None:
    ask = ("DescribeVolumes", "creating"), ("DescribeVolumes", "creating"), ("DescribeVolumes", "available")
    found = steps([line("CreateVolume"), *(line(*one) for one in ask), line("DescribeVpcs")], mutating=True)
    assert [(step.number, step.name) for step in found] == [
        (1, "ec2 CreateVolume"),
        (4, "ec2 DescribeVolumes"),
        (5, "ec2 DescribeVpcs"),
    ]


def test_what_changes_something_is_told_by_aws_names() -> None:
    reads = ("DescribeVpcs", "GetConsoleOutput", "ListBuckets", "HeadObject")
    changes = ("CreateVpc", "ModifyVpcAttribute", "PutObject", "RunInstances", "StopInstances", "GetSessionToken")
    found = steps([line(name) for name in (*reads, *changes)], mutating=False)
    assert [step.line.operation for step in found if not step.skipped] == list(reads)


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (line("Decrypt", service="kms"), "calls of kms are not made again"),
        (line("AssumeRole", service="sts"), "sessions are not replayed"),
        (line("CreateVpnConnection", Options={"PreSharedKey": {"$hidden": 1, "length": 9}}), "hold PreSharedKey"),
        (Line(WHEN, "s3", "", unread="InvalidURI"), "does not tell all of it: InvalidURI"),
    ],
)
def test_what_cannot_be_made_again_says_why(one: Line, why: str) -> None:
    [step] = steps([one], mutating=True)
    assert step.skipped.endswith(why)


def test_a_state_that_had_passed_is_waited_for() -> None:
    here = Scripted([volume("creating"), volume("creating"), volume("available")])
    [result] = Side(here, keep=False, wait=30).run(steps([line("DescribeVolumes", "available")], False), print)
    assert result.outcome is not None
    assert result.outcome.members == {"Volumes": [{"VolumeId": VOLUME, "State": "available"}]}
    assert len(here.asked) == 3


def test_a_state_that_had_not_passed_is_not_waited_for() -> None:
    here = Scripted([volume("creating"), volume("available")])
    Side(here, keep=False, wait=30).run(steps([line("DescribeVolumes", "creating")], False), print)
    assert len(here.asked) == 1
    never = Scripted([volume("creating")])
    Side(never, keep=False, wait=0).run(steps([line("DescribeVolumes", "available")], False), print)
    assert len(never.asked) == 1


def test_what_still_depends_on_something_is_undone_later() -> None:
    here = Scripted([Answer(400, "DependencyViolation"), Answer(200), Answer(400, "InvalidSubnetID.NotFound")])
    undo = Undo(here)
    undo.note("CreateSubnet", {}, Answer(200, raw={"Subnet": {"SubnetId": "subnet-1"}}))
    undo.note("CreateVpc", {}, Answer(200, raw={"Vpc": {"VpcId": "vpc-1"}}))
    assert undo.made == {"subnet-1", "vpc-1"}
    assert undo.run(30, print) == []
    assert [name for name, _ in here.asked] == ["DeleteVpc", "DeleteSubnet", "DeleteVpc"]


def test_what_cannot_be_undone_is_named() -> None:
    undo = Undo(Scripted([Answer(400, "DependencyViolation", text="in use")]))
    undo.note("CreateVpc", {}, Answer(200, raw={"Vpc": {"VpcId": "vpc-1"}}))
    assert undo.run(0, print) == ["DeleteVpc {'VpcId': 'vpc-1'}: DependencyViolation: in use"]


def paths(shape: Any, path: str) -> Iterator[Any]:
    """Yield the shapes along a path of an answer; KeyError where the model has no such member."""
    for step in path.split("."):
        shape = shape.members[step.removesuffix("[]")]
        shape = shape.member if step.endswith("[]") else shape
        yield shape


@pytest.mark.parametrize("operation", INVERSE)
def test_inverses_are_operations_of_aws_and_their_parameters_are_in_answers(operation: str) -> None:
    inverse, places = INVERSE[operation]
    model: Any = SERVICES["ec2"].model
    takes, gives = model.operation_model(inverse).input_shape, model.operation_model(operation).output_shape
    for name, path in (places or {}).items():
        assert name in takes.members
        assert list(paths(gives, path))[-1].type_name == "string"
    if places is None:
        assert set(takes.required_members) <= set(model.operation_model(operation).input_shape.members)


def test_an_answer_that_cannot_be_read_says_so() -> None:
    call = Asked("ec2", "DescribeVpcs", Request(Head("POST", b"/", b"", ())))
    assert (
        answered(call, 200, {}, b"<a><vpcSet><item><isDefault/>").unread
        == "the answer was not read: ResponseParserError"
    )


def test_events_stream() -> None:
    call = Asked("s3", "SelectObjectContent", Request(Head("POST", b"/", b"", ())))
    assert answered(call, 200, {}, None, 5).members == {"Payload": {"$bytes": 5}}


def test_consoles_are_secrets() -> None:
    call = Asked("ec2", "GetConsoleOutput", Request(Head("POST", b"/", b"", ())))
    kept = Hider().kept({"InstanceId": "i-1", "Output": "password"}, output_shape(call))
    assert kept == {"InstanceId": "i-1", "Output": {"$hidden": 1, "length": 8}}


def test_the_summary_of_one_call_speaks_of_one() -> None:
    assert Report(("a", "b"), 1).summary.startswith("1 of 1 call has the same answer on both.")


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_of_a_recording_drives_the_terminal(form: str) -> None:
    strange = "a\x1b[2Jb\x9bc\ud800d\u202ee\rf"
    found = Report((strange, strange), 1, [Row(Difference(strange, Kind.VALUE, strange, strange, strange), (1,))])
    found.skipped, found.left = [(strange, strange, (1,))], [strange]
    shown = FORMATS[form](found)
    assert not {*"\x1b\x9b\ud800\u202e\r"} & {*shown}
    assert shown.encode()


def test_why_a_request_was_not_read_quotes_nothing_of_it() -> None:
    form = b"Action=RunInstances&Version=2016-11-15&MinCount=hunter2&MaxCount=1&UserData=hunter2"
    credential = "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/ec2/aws4_request"
    call = asked(begin(Head("POST", b"/", b"", (("host", "h"), ("authorization", credential)))), form)
    assert call.operation == "RunInstances"
    assert call.unread == "refused as InvalidParameterValue"
    strange = begin(Head("PATCH", b"/bucket/hunter2", b"", (("host", "h"),)))
    assert (strange.service, strange.unread) == ("s3", "refused as MethodNotAllowed")
