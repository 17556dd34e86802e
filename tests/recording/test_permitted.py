"""A replay changes only what it made itself, whatever a recording says, and undoes what it made, whatever happens."""

import json
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from recording.calls import SERVICES
from recording.lines import Line, NoRecordingError, read
from recording.replay.bodies import made_up
from recording.replay.endpoint import Answer, Endpoint, EndpointError
from recording.replay.permitted import CHANGES
from recording.replay.side import Result, Side
from recording.replay.steps import steps
from recording.replay.undo import INVERSE, Undo
from tests.recording.commands import Passerelle
from tests.recording.scripted import WHEN, line

MINE, THEIRS = "11111111", "99999999"
FOREIGN = "it changes what the replay did not make"


class Account:
    """An endpoint on which all succeeds; what is made there is mine, and what a call asks for it has."""

    where = "here"

    def __init__(self, answers: Mapping[str, Answer | Exception] | None = None) -> None:
        self.answers = dict(answers or {})
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    def call(self, service: str, operation: str, params: Mapping[str, Any]) -> Answer:
        self.asked.append((operation, params))
        found = self.answers.get(operation) or MADE.get(operation, Answer(200))
        if isinstance(found, Exception):
            raise found
        return found

    def made(self, operation: str) -> list[Mapping[str, Any]]:
        return [params for name, params in self.asked if name == operation]


def given(answer: dict[str, Any]) -> Answer:
    return Answer(200, "", answer, answer)


MADE = {
    "HeadBucket": Answer(404, "404"),
    "CreateVpc": given({"Vpc": {"VpcId": f"vpc-{MINE}"}}),
    "CreateRouteTable": given({"RouteTable": {"RouteTableId": f"rtb-{MINE}"}}),
    "CreateVolume": given({"VolumeId": f"vol-{MINE}"}),
    "CreateKeyPair": given({"KeyPairId": f"key-{MINE}", "KeyName": "mine"}),
    "RunInstances": given({"Instances": [{"InstanceId": f"i-{MINE}"}]}),
    "AttachVolume": given({"VolumeId": f"vol-{THEIRS}"}),
}
MAKING = (
    line("CreateVpc", CidrBlock="10.0.0.0/16"),
    line("CreateRouteTable", VpcId=f"vpc-{MINE}"),
    line("CreateVolume", Size=1),
    line("CreateKeyPair", KeyName="mine"),
    line("RunInstances", MinCount=1),
)
# What the account has, and a recording's answers name by other ids.
THERE = {"Things": [{"Id": f"{sort}-{THEIRS}"} for sort in ("i", "vpc", "vol", "rtb", "sg", "subnet", "eipalloc")]}


def answered(one: Line) -> Line:
    answer = MADE[one.operation].raw if one.operation in MADE else {}
    return Line(one.recorded, one.service, one.operation, one.params, one.status, one.error, answer)


def replayed(account: Account, *lines: Line, keep: bool = False) -> tuple[Side, list[Result]]:
    """Replay lines after those that make something, on an account whose other things are known by their ids."""
    known = Line(WHEN, "ec2", "DescribeTags", {}, 200, "", THERE)
    account.answers.setdefault("DescribeTags", given(THERE))
    side = Side(account, keep=keep, wait=0)
    before = (known, *map(answered, MAKING))
    return side, side.run(steps([*before, *lines], True), print)[len(before) :]


@pytest.mark.parametrize(
    "one",
    [
        Line(WHEN, "ec2", "DeleteVpc", {"VpcId": f"vpc-{THEIRS}"}, 400, "DependencyViolation"),
        line("TerminateInstances", InstanceIds=[f"i-{MINE}", f"i-{THEIRS}"]),
        line("TerminateInstances", InstanceIds=["arn:x", f"i-{MINE}"]),
        line("DeleteKeyPair", KeyName="prod"),
        line("DeleteKeyPair", KeyName="prod", KeyPairId=f"key-{MINE}"),
        line("AuthorizeSecurityGroupIngress", GroupId=f"sg-{THEIRS}", IpProtocol="-1"),
        line("CreateRoute", RouteTableId=f"rtb-{THEIRS}", DestinationCidrBlock="0.0.0.0/0"),
        line("CreateImage", InstanceId=f"i-{THEIRS}", Name="n"),
        line("AssociateAddress", AllocationId=f"eipalloc-{THEIRS}", InstanceId=f"i-{MINE}"),
        line("AssociateAddress", PublicIp="192.0.2.1", InstanceId=f"i-{MINE}"),
        line("AttachVolume", VolumeId=f"vol-{THEIRS}", InstanceId=f"i-{MINE}", Device="/dev/sdf"),
        line("AssociateRouteTable", RouteTableId=f"rtb-{MINE}", SubnetId=f"subnet-{THEIRS}"),
        line("RunInstances", NetworkInterfaces=[{"NetworkInterfaceId": f"i-{THEIRS}", "DeviceIndex": 0}]),
        line("CreateTags", Resources=[f"vol-{MINE}", f"vol-{THEIRS}"], Tags=[{"Key": "k", "Value": "v"}]),
        line("EnableEbsEncryptionByDefault"),
    ],
    ids=lambda one: one.operation,
)
def test_what_the_replay_did_not_make_is_not_changed(one: Line) -> None:
    bucket = line("CreateBucket", service="s3", Bucket="prod")
    account = Account()
    made = len(replayed(account, bucket)[0].endpoint.asked)  # type: ignore[attr-defined]
    account = Account()
    _, results = replayed(account, bucket, one)
    assert results[-1].skipped == FOREIGN
    assert len(account.asked) == made


def test_what_the_replay_made_is_changed() -> None:
    account = Account()
    lines = (
        line("CreateRoute", RouteTableId=f"rtb-{MINE}", DestinationCidrBlock="0.0.0.0/0", GatewayId=f"vpc-{THEIRS}"),
        line("AttachVolume", VolumeId=f"vol-{MINE}", InstanceId=f"i-{MINE}", Device="/dev/sdf"),
        line("CreateTags", Resources=[f"vol-{MINE}"], Tags=[{"Key": "Name", "Value": "tour-0123abcd"}]),
        line("DeleteKeyPair", KeyName="mine"),
        line("TerminateInstances", InstanceIds=[f"i-{MINE}"]),
    )
    _, results = replayed(account, *lines)
    assert [one.skipped for one in results] == [""] * 5


def test_what_no_inverse_takes_away_is_only_made_to_be_kept() -> None:
    lines = (
        line("CreateVpcEndpoint", VpcId=f"vpc-{MINE}", ServiceName="s3"),
        line("CreateReplaceRootVolumeTask", InstanceId=f"i-{THEIRS}"),
        line("RequestSpotInstances", LaunchSpecification={"SubnetId": f"vpc-{MINE}"}),
    )
    _, results = replayed(Account(), *lines)
    assert [one.skipped for one in results] == ["no inverse of it is known; --keep makes it"] * 3
    _, results = replayed(Account(), *lines, keep=True)
    assert [one.skipped for one in results] == ["", FOREIGN, ""]


def test_a_volume_that_was_attached_is_not_made() -> None:
    undo = Undo(Account())
    undo.note("AttachVolume", {"VolumeId": f"vol-{THEIRS}"}, MADE["AttachVolume"])
    assert undo.made == set()


@pytest.mark.parametrize("operation", CHANGES)
def test_what_operations_change_is_among_their_parameters(operation: str) -> None:
    assert operation in INVERSE
    shape: Any = SERVICES["ec2"].model.operation_model(operation).input_shape
    for path in CHANGES[operation]:
        below = shape
        for step in path.split("."):
            below = below.members[step.removesuffix("[]")]
            below = below.member if step.endswith("[]") else below
        assert below.type_name == "string"


def test_a_bucket_that_is_there_is_looked_for_by_the_name_that_is_sent() -> None:
    """The listing may be one of somebody else: its names must not become those of other buckets."""
    account = Account({"ListBuckets": given({"Buckets": [{"Name": "prod"}]}), "HeadBucket": Answer(200)})
    listed = Line(WHEN, "s3", "ListBuckets", {}, 200, "", {"Buckets": [{"Name": "tour-0123abcd"}]})
    made = line("CreateBucket", service="s3", Bucket="tour-0123abcd")
    side, results = replayed(account, listed, made)
    assert account.made("HeadBucket") == [{"Bucket": "tour-0123abcd"}]
    assert results[-1].skipped == "the bucket tour-0123abcd is there already"
    assert side.undo.buckets == set()


def test_a_bucket_of_another_name_is_made_and_undone_by_that_name() -> None:
    account = Account()
    renamed = Line(WHEN, "ec2", "DescribeVpcs", {}, 200, "", {"Vpcs": [{"VpcId": "vpc-22222222"}]})
    account.answers["DescribeVpcs"] = given({"Vpcs": [{"VpcId": "vpc-33333333"}]})
    bucket = line("CreateBucket", service="s3", Bucket="vpc-22222222")
    removed = line("DeleteBucket", service="s3", Bucket="vpc-22222222")
    side, results = replayed(account, renamed, bucket, bucket)
    assert [one.skipped for one in results] == ["", "", ""]
    [asked] = account.made("HeadBucket")
    assert [asked, asked] == account.made("CreateBucket")
    assert side.undo.buckets == {asked["Bucket"]}
    side, _ = replayed(account, renamed, bucket, removed)
    assert side.undo.buckets == set()


def test_an_old_token_is_never_sent() -> None:
    account = Account()
    account.answers["DescribeInstances"] = given({"Instances": [{"ClientToken": "old", "InstanceId": f"i-{THEIRS}"}]})
    seen = Line(WHEN, "ec2", "DescribeInstances", {}, 200, "", {"Instances": [{"ClientToken": "old"}]})
    again = line("RunInstances", MinCount=1, ClientToken="old")
    replayed(account, seen, again, again)
    one, other = (params["ClientToken"] for params in account.made("RunInstances")[1:])
    assert one == other != "old"


def test_an_inverse_gets_only_what_it_takes() -> None:
    account = Account()
    undo = Undo(account)
    undo.note("CreateRoute", {"RouteTableId": "r", "GatewayId": "g", "DryRun": False}, Answer(200))
    assert undo.run(0, print) == []
    assert account.made("DeleteRoute") == [{"RouteTableId": "r"}]


def test_the_rest_is_undone_after_a_failure() -> None:
    account = Account({"DeleteVolume": KeyError("VolumeId")})
    side, _ = replayed(account)
    assert side.undo.run(0, print) == [f"DeleteVolume {{'VolumeId': 'vol-{MINE}'}}: KeyError: 'VolumeId'"]
    assert account.made("DeleteVpc")


def test_what_cannot_be_deleted_from_a_bucket_is_not_tried_for_ever() -> None:
    page = given({"Versions": [{"Key": "k", "VersionId": "v"}], "IsTruncated": True})
    account = Account({"ListObjectVersions": page, "DeleteObject": Answer(403, "AccessDenied")})
    account.answers["DeleteBucket"] = Answer(409, "BucketNotEmpty", text="full")
    undo = Undo(account)
    undo.note("CreateBucket", {"Bucket": "b"}, Answer(200))
    assert undo.run(0, print) == ["DeleteBucket {'Bucket': 'b'}: BucketNotEmpty: full"]


def test_what_may_have_been_made_is_named() -> None:
    account = Account({"CreateSubnet": Answer(0, "ReadTimeoutError", lost=True), "CopyImage": Answer(200)})
    side, _ = replayed(account, line("CreateSubnet", VpcId=f"vpc-{MINE}"), line("CopyImage", Name="n"))
    assert side.undo.run(0, print) == [
        "call 7, ec2 CreateSubnet: no answer came, what it makes may be there",
        "CopyImage: its answer does not name what it made",
    ]


@pytest.mark.parametrize(
    "members",
    [
        {"status": "200"},
        {"status": True},
        {"service": ["ec2"]},
        {"operation": None},
        {"error": 1},
        {"params": []},
        {"answer": {"a": json.loads("[" * 500 + "]" * 500)}},
    ],
    ids=str,
)
def test_a_line_of_other_types_is_none(members: dict[str, Any]) -> None:
    sound = json.loads(line("DescribeVpcs").text())
    assert list(read(BytesIO(json.dumps(sound).encode()))) == [line("DescribeVpcs")]
    with pytest.raises(NoRecordingError, match="line 1"):
        list(read(BytesIO(json.dumps(sound | members).encode())))


@pytest.mark.parametrize(
    "mark", [{"$hidden": 1, "length": 1 << 40}, {"$hidden": "x", "length": 1}, {"$bytes": 1 << 50}, {"$hidden": 1}]
)
def test_nothing_endless_is_made_up(mark: dict[str, Any]) -> None:
    result = replayed(Account(), line("RunInstances", UserData=mark))[1][-1]
    assert result.skipped == "the recording does not tell a usable length of UserData"


def test_made_up_keys_are_of_one_process() -> None:
    """What everybody can compute opens everything that was encrypted by it, and every host that trusts it."""
    from_a_constant = "6b86b273ff34fce19d6b804eff5a3f57"
    key = made_up({"$hidden": 1, "length": 32}, "SSECustomerKey")
    assert key == made_up({"$hidden": 1, "length": 32}, "CopySourceSSECustomerKey")
    assert key not in (from_a_constant, from_a_constant.encode())
    assert len(key) == 32


CONFIGURED = """[profile one]
aws_access_key_id = a
aws_secret_access_key = b
services = local
[services local]
sts =
  endpoint_url = {url}
"""


def test_no_service_of_a_profile_is_aws(
    passerelle: Passerelle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.write_text(CONFIGURED.format(url=passerelle.url))
    for name, value in (passerelle.environment() | {"AWS_CONFIG_FILE": str(config)}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    with pytest.raises(EndpointError, match="endpoint_url for ec2"):
        Endpoint("one")


@pytest.fixture
def endpoint(passerelle: Passerelle, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Endpoint]:
    for name, value in passerelle.environment().items():
        monkeypatch.setenv(name, value)
    return lambda: Endpoint(passerelle.url)


def test_a_call_that_cannot_be_made_is_an_answer(endpoint: Callable[[], Endpoint]) -> None:
    here = endpoint()
    assert here.call("ec2", "NoSuchOperation", {}).error == "OperationNotFoundError"
    assert here.call("ec2", "DeleteRoute", {"GatewayId": "igw-1"}).error == "KeyError"
    multi_region = "arn:aws:s3::111122223333:accesspoint/mfzwi23gnjvgw.mrap"
    refused = here.call("s3", "GetObject", {"Bucket": multi_region, "Key": "k"})
    assert refused.status == 0
    here.close()
