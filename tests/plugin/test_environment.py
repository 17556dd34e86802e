"""The environment of a test has its own account and nothing else of AWS."""

import pytest

from tests.plugin.inner import NO_CLOUD, outcomes, run

pytest_plugins = ["pytester"]

TESTS = """
import os

import boto3
import pytest


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    boto3.setup_default_session(aws_access_key_id="those of", aws_secret_access_key="another test")


def test_clients_find_the_account(passerelle_environment):
    assert "AWS_ENDPOINT_URL_S3" not in os.environ
    keys = boto3.DEFAULT_SESSION or boto3.Session()
    assert keys.get_credentials().access_key == passerelle_environment.access_key
    assert boto3.client("s3").list_buckets()["Buckets"] == []
"""


def test_nothing_of_another_account_is_left(pytester: pytest.Pytester) -> None:
    result = run(pytester, *NO_CLOUD, "-W", "ignore", test_environment=TESTS)
    assert outcomes(result) == {"passed": 1}, result.stdout.str()
