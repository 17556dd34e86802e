"""The fixtures on the embedded cloud: fresh accounts side by side, and nothing of them left."""

import pytest

from pytest_passerelle.projects import PREFIX
from tests.plugin.inner import outcomes, run
from tests.support.target import Target

pytest_plugins = ["pytester"]

TESTS = """
import io

import boto3
import pytest


def test_buckets_of_one_name_side_by_side(passerelle):
    s3 = passerelle.client("s3")
    s3.create_bucket(Bucket="same-name")
    s3.put_bucket_versioning(Bucket="same-name", VersioningConfiguration={"Status": "Enabled"})
    for body in (b"one", b"two"):
        s3.put_object(Bucket="same-name", Key="a key/ä", Body=body)
    s3.delete_object(Bucket="same-name", Key="a key/ä")
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["same-name"]


def test_an_account_is_what_the_cloud_says(passerelle, passerelle_account):
    assert passerelle.client("sts").get_caller_identity()["Account"] == passerelle_account.account_id


def test_a_default_vpc_and_a_server_in_it(passerelle, passerelle_openstack):
    ec2 = passerelle.client("ec2")
    (vpc,) = ec2.describe_vpcs()["Vpcs"]
    assert vpc["IsDefault"]
    ec2.create_key_pair(KeyName="a key")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    ec2.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1, KeyName="a key")
    assert [server.key_name for server in passerelle_openstack.compute.servers()] == ["a key"]


def test_two_accounts(passerelle, passerelle_accounts):
    passerelle.client("s3").create_bucket(Bucket="same-name")
    assert passerelle_accounts().project_id != passerelle.account.project_id


def test_code_that_makes_its_own_clients(passerelle_environment):
    assert boto3.client("s3").list_buckets()["Buckets"] == []
    boto3.client("s3").create_bucket(Bucket="of-the-first-test")


def test_code_that_makes_its_own_clients_again(passerelle_environment):
    assert boto3.client("sts").get_caller_identity()["Account"] == passerelle_environment.account_id
    assert boto3.client("s3").list_buckets()["Buckets"] == []
"""


def projects(cloud: Target) -> set[str]:
    with cloud.connect("admin") as admin:
        return {project.name for project in admin.identity.projects() if project.name.startswith(PREFIX)}


def test_fixtures_with_two_workers_on_the_embedded_cloud(pytester: pytest.Pytester, cloud: Target) -> None:
    if cloud.cloud != "passerelle" or not (cloud.state / "cloud" / "facts.json").exists():
        pytest.skip("another cloud has no admin for tests")
    options = (f"--passerelle-state-dir={cloud.state}", "-n", "2")
    before = projects(cloud)
    result = run(pytester, *options, test_accounts=TESTS)
    assert outcomes(result) == {"passed": 6}, result.stdout.str()
    assert "could not remove" not in result.stdout.str()
    assert projects(cloud) <= before
    assert not (cloud.state / "pytest" / "embedded" / "gateway.json").exists()  # its gateway has stopped


def test_a_named_cloud(pytester: pytest.Pytester, cloud: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (cloud.state / "cloud" / "facts.json").exists():
        pytest.skip("another cloud has no admin for tests")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(cloud.clouds_yaml))
    options = (f"--passerelle-state-dir={pytester.path / 'state'}", f"--passerelle-cloud={cloud.cloud}")
    before = projects(cloud)
    result = run(pytester, *options, "-k", "what_the_cloud_says", test_accounts=TESTS)
    assert outcomes(result) == {"passed": 1}, result.stdout.str()
    assert projects(cloud) <= before
