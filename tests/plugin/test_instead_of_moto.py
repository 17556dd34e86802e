"""Suites that were written with moto, with a second moto server where the gateway would be."""

import json
from typing import Any

import pytest

from pytest_passerelle.account import Account
from pytest_passerelle.link import KeeperError
from pytest_passerelle.moto_suites import InsteadOfMoto
from pytest_passerelle.summary import Summary
from tests.plugin.inner import NO_CLOUD, outcomes, run

pytest_plugins = ["pytester"]

INSTEAD = (*NO_CLOUD, "--passerelle-instead-of-moto", "--passerelle-report", "report.json", "-W", "ignore")

# Each test sees one account of its own at the other server, however it uses the mock.
SUITE = """
import unittest

import boto3
import pytest
import requests
from moto import mock_aws, mock_s3

early = boto3.client("s3", aws_access_key_id="own", aws_secret_access_key="keys")


def used(client):
    client.create_bucket(Bucket="some-bucket")
    with pytest.MonkeyPatch.context():
        url = client.generate_presigned_url("list_objects_v2", Params={"Bucket": "some-bucket"})
    assert url.startswith("http://127.0.0.1:")
    assert "AKIAMOTOMOTOMOTOMOTO" in url
    assert requests.get(url).status_code == 200
    assert [bucket["Name"] for bucket in client.list_buckets()["Buckets"]] == ["some-bucket"]


@mock_aws
def test_decorator():
    used(boto3.client("s3"))


@mock_aws()
def test_decorator_with_brackets():
    used(boto3.Session(region_name="us-east-1").client("s3"))


def test_context_manager():
    with mock_aws():
        used(boto3.client("s3"))


def test_nested_mocks_share_an_account():
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket="outer")
        with mock_aws():
            assert len(boto3.client("s3").list_buckets()["Buckets"]) == 1


@mock_aws
def test_a_client_that_was_made_before():
    used(early)


@mock_s3
def test_the_name_of_older_versions():
    used(boto3.client("s3"))


@pytest.fixture
def s3():
    with mock_aws():
        yield boto3.client("s3")


def test_fixture(s3):
    used(s3)


@mock_aws
class TestClass:
    def test_one(self):
        used(boto3.client("s3"))

    def test_two(self):
        used(boto3.client("s3"))


@mock_aws
class TestWithSetUp(unittest.TestCase):
    def setUp(self):
        boto3.client("s3").create_bucket(Bucket="of-set-up")

    def test_one(self):
        assert len(boto3.client("s3").list_buckets()["Buckets"]) == 1

    def test_two(self):
        assert len(boto3.client("s3").list_buckets()["Buckets"]) == 1


def test_start_and_stop():
    mock = mock_aws()
    mock.start()
    used(boto3.client("s3"))
    mock.stop()


@mock_aws
def test_other_services_stay_motos():
    assert boto3.client("dynamodb").meta.endpoint_url.endswith("amazonaws.com")
    assert boto3.client("dynamodb").list_tables()["TableNames"] == []


def test_no_mock():
    assert True
"""


def report(pytester: pytest.Pytester) -> dict[str, dict[str, Any]]:
    rows = json.loads((pytester.path / "report.json").read_text())
    return {row["nodeid"].rpartition("::")[2]: row for row in rows}


def test_the_summary_can_be_kept_in_a_set_as_pytest_does() -> None:
    assert len({Summary(), Summary()}) == 2


def test_every_use_of_the_mock_opens_an_account(pytester: pytest.Pytester) -> None:
    result = run(pytester, *INSTEAD, test_suite=SUITE)
    assert outcomes(result) == {"passed": 14}
    result.stdout.fnmatch_lines(
        ["13 of 13 tests with moto's mock passed unchanged; 0 did not.", "still answered by moto: dynamodb in 1 tests"]
    )
    assert report(pytester)["test_other_services_stay_motos"]["left_to_moto"] == ["dynamodb"]


class Lost:
    """Accounts that cannot be taken back."""

    def open(self) -> Account:
        return Account("http://127.0.0.1:9", "a", "s", "")

    def close(self, account: Account) -> None:
        raise KeeperError("it has ended")

    def default_vpc(self, account: Account) -> None:
        raise AssertionError


def test_a_mock_ends_although_its_account_is_not_taken_back() -> None:
    suite = InsteadOfMoto(Lost(), active=True)
    ended: list[bool] = []
    suite.account("s3")
    with pytest.raises(KeeperError):
        suite._ends(lambda _mock, remove_data: ended.append(remove_data))(None)
    assert ended == [True]


FAILING = """
import boto3
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends as backends


def stored():
    return backends[DEFAULT_ACCOUNT_ID]["aws"].buckets


@mock_aws
def test_looks_inside():
    boto3.client("s3").create_bucket(Bucket="some-bucket")
    assert "some-bucket" in stored()


@mock_aws
def test_gets_an_error():
    boto3.client("s3").list_objects_v2(Bucket="nobody-has-it")


@mock_aws
def test_calls_what_is_not_there():
    boto3.client("ec2").describe_capacity_blocks()


@mock_aws
def test_expects_something_else():
    assert boto3.client("s3").list_buckets()["Buckets"]


@mock_aws
def test_catches_an_error():
    s3 = boto3.client("s3")
    try:
        s3.list_objects_v2(Bucket="nobody-has-it")
    except s3.exceptions.NoSuchBucket:
        pass
    assert s3.list_buckets()["Buckets"]


@mock_aws
def test_looks_inside_and_passes():
    assert DEFAULT_ACCOUNT_ID
"""


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_why_a_test_does_not_pass_is_told(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    result = run(pytester, *INSTEAD, *workers, test_suite=FAILING)
    assert outcomes(result) == {"passed": 1, "failed": 5}
    why = {name: (row["reason"], row["detail"]) for name, row in report(pytester).items()}
    inside = "moto.core.DEFAULT_ACCOUNT_ID, moto.s3.models.s3_backends"
    assert why["test_looks_inside"] == ("looks into moto itself", inside)
    assert why["test_gets_an_error"][0] == "gets an error here"
    assert why["test_gets_an_error"][1].startswith("s3 ListObjectsV2: NoSuchBucket (404)")
    assert why["test_expects_something_else"] == ("expects another answer", "")
    assert why["test_catches_an_error"][0] == "expects another answer"
    assert why["test_catches_an_error"][1].startswith("after s3 ListObjectsV2: NoSuchBucket (404)")
    assert why["test_looks_inside_and_passes"] == ("", "")
    result.stdout.fnmatch_lines([f"    1 {inside}"])
