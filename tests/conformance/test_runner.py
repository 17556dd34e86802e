"""A scenario is run, judged and taken back, whatever happens."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from threading import Event, Thread
from typing import Any

import boto3
import pytest

from conformance.cleaning import clean
from conformance.command import SERVICES, chosen
from conformance.endpoint import Endpoint, EndpointError, Refusal
from conformance.places import find
from conformance.results import Outcome, Result
from conformance.runner import Run
from conformance.scenario import load
from tests.support.clients import Boto

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
Written = Callable[[str], Run]
LEFT = "passerelle-check-0a1b2c-001"  # as a run names what it makes


def outcome(run: Run) -> Result:
    [result] = run.all(run.catalogue.scenarios, 1, lambda _: None).results
    return result


def buckets(moto: Boto) -> list[str]:
    return [one["Name"] for one in moto("s3").list_buckets()["Buckets"]]


def test_a_scenario_passes_and_is_taken_back(written: Written, moto: Boto) -> None:
    result = outcome(
        written("[{ListObjectsV2: {Bucket: '${name}'}, status: 200, expect: {KeyCount: 0, Name: '${name}'}}]")
    )
    assert (result.outcome, result.why, result.left) == (Outcome.PASSES, "", ())
    assert buckets(moto) == []


@pytest.mark.parametrize(
    ("step", "why"),
    [
        ("ListObjectsV2: {Bucket: '${name}'}, expect: {KeyCount: 7}", "KeyCount is 0, expected 7"),
        ("ListObjectsV2: {Bucket: '${name}'}, status: 201", "the status is 200, expected 201"),
        ("ListObjectsV2: {Bucket: '${name}'}, error: NoSuchBucket", "succeeds, expected NoSuchBucket"),
        ("GetObject: {Bucket: '${name}', Key: a}", "NoSuchKey (404)"),
        ("GetObject: {Bucket: '${name}', Key: a}, error: NoSuchBucket", "expected NoSuchBucket"),
        ("GetObject: {Bucket: '${name}', Key: a}, error: NoSuchKey, status: 400", "is 404, not 400"),
        ("GetObject: {Bucket: '${name}', Key: '${absent.Key}'}", "no earlier answer has absent.Key"),
        ("ListObjectsV2: {Bucket: '${name}'}, until: {KeyCount: 1}, within: 0", "KeyCount is 0, expected 1"),
        ("fetch: {Url: 'http://127.0.0.1:9/'}", "fetch: "),
        ("ListObjectsV2: {Bucket: '${name}'}, expect: {'length(Contents)': 1}", "length(Contents): "),
    ],
)
def test_a_step_that_fails_is_told_and_the_rest_taken_back(step: str, why: str, written: Written, moto: Boto) -> None:
    result = outcome(written(f"[{{{step}}}, {{HeadBucket: {{Bucket: '${{name}}-never'}}}}]"))
    assert result.outcome is Outcome.DIFFERS
    assert why in result.why
    assert buckets(moto) == []


def test_what_should_have_been_refused_is_taken_back_too(written: Written, moto: Boto) -> None:
    made = "CreateBucket: {Bucket: '${name}-2'}, error: InvalidBucketName, undo: {DeleteBucket: {Bucket: '${name}-2'}}"
    assert outcome(written(f"[{{{made}}}]")).outcome is Outcome.DIFFERS
    assert buckets(moto) == []


class Refusing(Endpoint):
    """An endpoint that offers nothing, and says so."""

    def call(self, client: Any, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        raise Refusal("NotImplemented", 501, "")


def test_what_an_endpoint_says_it_does_not_offer_is_refused(written: Written, endpoint: Endpoint) -> None:
    run = written("[{ListObjectsV2: {Bucket: '${name}'}}]")
    run.endpoint = Refusing(endpoint.url, endpoint.session)
    result = outcome(run)
    assert (result.outcome, result.why) == (
        Outcome.REFUSED,
        "CreateBucket (for the given bucket): NotImplemented (501)",
    )


class Late(Endpoint):
    """An endpoint that finds what was made after a while."""

    def call(self, client: Any, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        found = Endpoint.call(self, client, operation, parameters)
        if operation == "ListObjectsV2" and parameters not in SEEN:
            SEEN.append(parameters)
            raise Refusal("NoSuchBucket", 404, "")
        return found


SEEN: list[Mapping[str, Any]] = []


def test_a_step_that_waits_asks_again_after_a_refusal(written: Written, endpoint: Endpoint) -> None:
    late = Late(endpoint.url, endpoint.session)
    SEEN.clear()
    run = written("[{ListObjectsV2: {Bucket: '${name}'}, until: {KeyCount: 0}}]")
    run.endpoint = late
    assert outcome(run).outcome is Outcome.PASSES
    SEEN.clear()
    run = written("[{ListObjectsV2: {Bucket: '${name}'}, expect: {KeyCount: 0}}]")
    run.endpoint = late
    assert outcome(run).outcome is Outcome.DIFFERS


def test_what_is_optional_may_be_refused(written: Written) -> None:
    assert outcome(written("[{GetObject: {Bucket: '${name}', Key: a}, optional: true}]")).outcome is Outcome.PASSES


class Stops(Event):
    """The run is ended from outside while a step waits."""

    def wait(self, timeout: float | None = None) -> bool:
        self.set()
        return True


def test_a_run_that_is_stopped_takes_back_what_it_made(written: Written, moto: Boto) -> None:
    run = written("[{ListObjectsV2: {Bucket: '${name}'}, until: {KeyCount: 1}}]")
    run.stop = Stops()
    report = run.all(run.catalogue.scenarios, 1, lambda _: None)
    assert (report.count(), report.planned, report.clean) == (0, 1, False)
    assert buckets(moto) == []


def test_the_next_run_cleans_what_a_killed_one_left(endpoint: Endpoint, moto: Boto) -> None:
    s3, ec2 = moto("s3"), moto("ec2")
    s3.create_bucket(Bucket=LEFT)
    s3.put_object(Bucket=LEFT, Key="a", Body=b"a")
    s3.create_bucket(Bucket="somebodys")
    tags: Any = [{"Key": "Name", "Value": LEFT}]
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tags}])["Vpc"]
    subnet = {"ResourceType": "subnet", "Tags": tags}
    ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.9.1.0/24", TagSpecifications=[subnet])
    ec2.create_key_pair(KeyName=LEFT)
    before = len(ec2.describe_subnets()["Subnets"])
    told: list[str] = []
    assert clean(endpoint, frozenset({"s3", "ec2"}), told.append) == []
    assert buckets(moto) == ["somebodys"]
    assert len(ec2.describe_subnets()["Subnets"]) == before - 1
    assert not [one for one in ec2.describe_vpcs()["Vpcs"] if one["VpcId"] == vpc["VpcId"]]
    assert ec2.describe_key_pairs()["KeyPairs"] == []
    assert f"DeleteVpc VpcId {vpc['VpcId']}" in told
    s3.delete_bucket(Bucket="somebodys")


class Unfiltered(Endpoint):
    """An endpoint that does not know filters, and answers with everything."""

    def call(self, client: Any, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        asked = {name: value for name, value in parameters.items() if name != "Filters"}
        return Endpoint.call(self, client, operation, asked)


def test_an_endpoint_without_filters_loses_nothing_that_is_not_of_a_run(endpoint: Endpoint, moto: Boto) -> None:
    s3, ec2 = moto("s3"), moto("ec2")
    s3.create_bucket(Bucket="passerelle-check-results")  # somebody's
    ec2.create_key_pair(KeyName="passerelle-check-key")
    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    volume = ec2.create_volume(Size=1, AvailabilityZone="us-east-1a")["VolumeId"]
    image = ec2.describe_images()["Images"][0]["ImageId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.8.1.0/24")["Subnet"]["SubnetId"]
    instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=subnet)["Instances"][0]["InstanceId"]
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    tags: Any = [{"Key": "Name", "Value": LEFT}]
    ours = ec2.create_volume(
        Size=1, AvailabilityZone="us-east-1a", TagSpecifications=[{"ResourceType": "volume", "Tags": tags}]
    )["VolumeId"]
    told: list[str] = []
    assert clean(Unfiltered(endpoint.url, endpoint.session), frozenset({"s3", "ec2"}), told.append) == []
    assert told == [f"DeleteVolume VolumeId {ours}"]
    assert "passerelle-check-results" in buckets(moto)
    s3.delete_bucket(Bucket="passerelle-check-results")
    ec2.delete_key_pair(KeyName="passerelle-check-key")
    ec2.terminate_instances(InstanceIds=[instance])
    ec2.delete_volume(VolumeId=volume)
    ec2.delete_network_interface(NetworkInterfaceId=interface)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)


def test_a_protected_instance_is_cleaned(endpoint: Endpoint, moto: Boto) -> None:
    ec2 = moto("ec2")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    tags: Any = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": LEFT}]}]
    made = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, DisableApiTermination=True, TagSpecifications=tags)[
        "Instances"
    ][0]["InstanceId"]
    assert clean(endpoint, frozenset({"ec2"}), lambda _: None) == []
    [found] = ec2.describe_instances(InstanceIds=[made])["Reservations"][0]["Instances"]
    assert found["State"]["Name"] == "terminated"


class WrongKeys(Endpoint):
    """An endpoint that does not know the caller."""

    def call(self, client: Any, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        raise Refusal("AuthFailure", 401, "")


def test_wrong_keys_are_told_when_a_run_is_cleaned(endpoint: Endpoint) -> None:
    left = clean(WrongKeys(endpoint.url, endpoint.session), frozenset({"s3", "ec2"}), lambda _: None)
    assert "ListBuckets: AuthFailure (401)" in left
    assert "DescribeInstances: AuthFailure (401)" in left
    refusing = Refusing(endpoint.url, endpoint.session)
    assert clean(refusing, frozenset({"s3", "ec2"}), lambda _: None) == []
    nowhere = Endpoint("http://127.0.0.1:9", endpoint.session)
    [why] = clean(nowhere, frozenset({"s3"}), lambda _: None)
    assert why.startswith("ListBuckets: ")


def test_a_bucket_is_made_in_the_region_of_the_session(endpoint: Endpoint, moto: Boto) -> None:
    keys = moto.keys["main"]
    elsewhere = Endpoint(moto.url, boto3.Session(keys.access, keys.secret, region_name="eu-west-1"))
    elsewhere.call(elsewhere.client("s3"), "CreateBucket", {"Bucket": "elsewhere"})
    assert moto("s3").get_bucket_location(Bucket="elsewhere")["LocationConstraint"] == "eu-west-1"
    moto("s3").delete_bucket(Bucket="elsewhere")


class Unreadable(Endpoint):
    """An endpoint whose answers no code of ours expects."""

    def call(self, client: Any, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        if operation == "ListObjectsV2":
            raise RuntimeError("not expected")
        return Endpoint.call(self, client, operation, parameters)


def test_a_run_that_breaks_takes_back_what_is_shared(written: Written, endpoint: Endpoint, moto: Boto) -> None:
    run = written("[{ListObjectsV2: {Bucket: '${name}'}}]")
    given = run.catalogue.given["bucket"]
    run.catalogue = replace(run.catalogue, given={"bucket": replace(given, shared=True)})
    run.endpoint = Unreadable(endpoint.url, endpoint.session)
    with pytest.raises(RuntimeError, match="not expected"):
        run.all(run.catalogue.scenarios, 1, lambda _: None)
    assert run.stop.is_set()
    assert buckets(moto) == []


@pytest.fixture
def cut() -> Iterator[str]:
    """Yield the URL of an endpoint that ends each connection: before an answer, and in the middle of an object."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    if b"GET /a/b " in connection.recv(65536):
                        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<a>")

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def test_a_broken_answer_is_no_answer(cut: str, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    broken = Endpoint(cut, endpoint.session)
    with pytest.raises(EndpointError):
        broken.call(broken.client("s3"), "GetObject", {"Bucket": "a", "Key": "b"})
    with pytest.raises(EndpointError):
        broken.own("empty-bucket", {"Bucket": "a"})
    with pytest.raises(EndpointError):
        broken.own("presign", {"Operation": "GetObject", "Parameters": {"Bucket": "a"}})


def test_every_scenario_is_taken_back_on_moto(endpoint: Endpoint, moto: Boto) -> None:
    catalogue = load()
    known = {"endpoint": endpoint.url, "region": "us-east-1", **find(endpoint, "", "")}
    report = Run(endpoint, catalogue, "passerelle-check-ffffff-", known, interval=0.05).all(
        chosen(catalogue, (), ()), 4, lambda _: None
    )
    assert report.count() == len(catalogue.scenarios)
    assert report.left == []
    assert report.count(Outcome.PASSES) > report.count() * 0.6
    assert {one.service for one in report.totals} <= set(SERVICES)
    told: list[str] = []
    assert clean(endpoint, frozenset({"s3", "ec2"}), told.append) == []
    assert told == []


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_links_and_forms_are_signed_by_version_4(region: str, moto: Boto) -> None:
    """boto3 signs links by version 2 in us-east-1 unless it is told to, which AWS's newer regions refuse."""
    keys = moto.keys["main"]
    endpoint = Endpoint(moto.url, boto3.Session(keys.access, keys.secret, region_name=region))
    link = endpoint.own("presign", {"Operation": "GetObject", "Parameters": {"Bucket": "b", "Key": "a"}})
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in link["Url"]
    assert f"%2F{region}%2Fs3%2Faws4_request" in link["Url"]
    form = endpoint.own("presign-post", {"Bucket": "b", "Key": "a"})
    assert form["Fields"]["x-amz-algorithm"] == "AWS4-HMAC-SHA256"
