"""A scenario is run, judged and taken back, whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Event
from typing import Any

import pytest

from conformance.cleaning import clean
from conformance.command import SERVICES, chosen
from conformance.endpoint import Endpoint, Refusal
from conformance.places import find
from conformance.results import Outcome, Result
from conformance.runner import Run
from conformance.scenario import load
from tests.support.clients import Boto

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
Written = Callable[[str], Run]


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
    s3.create_bucket(Bucket="passerelle-check-1")
    s3.put_object(Bucket="passerelle-check-1", Key="a", Body=b"a")
    s3.create_bucket(Bucket="somebodys")
    tags: Any = [{"Key": "Name", "Value": "passerelle-check-1"}]
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tags}])["Vpc"]
    subnet = {"ResourceType": "subnet", "Tags": tags}
    ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.9.1.0/24", TagSpecifications=[subnet])
    ec2.create_key_pair(KeyName="passerelle-check-1")
    before = len(ec2.describe_subnets()["Subnets"])
    told: list[str] = []
    assert clean(endpoint, frozenset({"s3", "ec2"}), told.append) == []
    assert buckets(moto) == ["somebodys"]
    assert len(ec2.describe_subnets()["Subnets"]) == before - 1
    assert not [one for one in ec2.describe_vpcs()["Vpcs"] if one["VpcId"] == vpc["VpcId"]]
    assert ec2.describe_key_pairs()["KeyPairs"] == []
    assert f"DeleteVpc VpcId {vpc['VpcId']}" in told
    s3.delete_bucket(Bucket="somebodys")


def test_every_scenario_is_taken_back_on_moto(endpoint: Endpoint, moto: Boto) -> None:
    catalogue = load()
    known = {"endpoint": endpoint.url, "region": "us-east-1", **find(endpoint, "", "")}
    report = Run(endpoint, catalogue, "passerelle-check-all-", known, interval=0.05).all(
        chosen(catalogue, (), ()), 4, lambda _: None
    )
    assert report.count() == len(catalogue.scenarios)
    assert report.left == []
    assert report.count(Outcome.PASSES) > report.count() * 0.6
    assert {one.service for one in report.totals} <= set(SERVICES)
    told: list[str] = []
    assert clean(endpoint, frozenset({"s3", "ec2"}), told.append) == []
    assert told == []
