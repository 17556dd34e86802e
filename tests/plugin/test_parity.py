"""The same test on two sides, with a second moto server where the gateway would be."""

from typing import Literal

import pytest

from pytest_passerelle.calls import Called
from pytest_passerelle.parity import Run, differences
from tests.plugin.inner import NO_CLOUD, outcomes, run

pytest_plugins = ["pytester"]

Outcome = Literal["passed", "skipped", "failed"]

PARITY = (*NO_CLOUD, "--passerelle-parity=moto", "-W", "ignore")

TESTS = """
import boto3
import pytest

runs = []


@pytest.fixture(scope="module")
def side():
    return []


def test_same(passerelle):
    passerelle.client("s3").create_bucket(Bucket="some-bucket")


def test_each_run_has_fixtures_of_its_own(passerelle_account, side):
    side.append(passerelle_account.project_id)
    assert len(side) == 1


def test_fails_here(passerelle_account):
    assert not passerelle_account.project_id


def test_fails_on_moto(passerelle_account):
    assert passerelle_account.project_id


def test_an_error_that_the_test_hides(passerelle):
    s3 = passerelle.client("s3")
    if passerelle.account.project_id:
        s3.create_bucket(Bucket="some-bucket")
    try:
        s3.head_bucket(Bucket="some-bucket")
    except s3.exceptions.ClientError:
        pass


def test_code_with_clients_of_its_own(passerelle_environment):
    assert boto3.client("s3").list_buckets()["Buckets"] == []


def test_two_accounts(passerelle_account, passerelle_accounts):
    assert passerelle_accounts().project_id != passerelle_account.project_id


def test_openstack(passerelle_openstack):
    assert passerelle_openstack


def test_that_asked_for_nothing_runs_once():
    runs.append(1)
    assert len(runs) == 1
"""


def test_a_test_fails_where_the_sides_differ(pytester: pytest.Pytester) -> None:
    result = run(pytester, *PARITY, "-k", "not openstack", test_pair=TESTS)
    assert outcomes(result) == {"passed": 5, "failed": 3}
    text = result.stdout.str()
    assert "parity: the test fails here and passes on moto" in text
    assert "parity: the test passes here and fails on moto" in text
    assert "parity: s3 HeadBucket: here 200, on moto 404 404" in text
    assert "FAILED test_pair.py::test_an_error_that_the_test_hides" in text


def test_waiting_longer_is_no_difference() -> None:
    here = [Called("ec2", "DescribeVolumes", 200)] * 5
    assert not differences(Run([], here), Run([], here[:1]))
    assert differences(Run([], [*here, Called("ec2", "DeleteVolume", 400, "VolumeInUse")]), Run([], here))


def test_what_moto_does_not_have_is_no_difference() -> None:
    outcomes: tuple[Outcome, ...] = ("passed", "skipped", "failed")
    passed, skipped, failed = (
        Run([pytest.TestReport("a", ("b", 1, "c"), {}, outcome, None, "call")], []) for outcome in outcomes
    )
    assert not differences(passed, skipped)
    assert "is skipped here and passes on moto" in differences(skipped, passed)
    assert "fails here and is skipped on moto" in differences(failed, skipped)


def test_a_mock_is_run_on_both_sides(pytester: pytest.Pytester) -> None:
    body = """
    import boto3
    from moto import mock_aws

    @mock_aws
    def test_which():
        assert boto3.client("s3").generate_presigned_url("list_buckets").startswith("http://127")
    """
    result = run(pytester, *PARITY, "--passerelle-instead-of-moto", test_mock=body)
    assert outcomes(result) == {"failed": 1}
    assert "parity: the test passes here and fails on moto" in result.stdout.str()
