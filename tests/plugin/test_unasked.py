"""A session that asks for nothing pays nothing and is not touched."""

import re

import pytest

from tests.plugin.inner import outcomes, run

pytest_plugins = ["pytester"]

HEAVY = "{'boto3', 'botocore', 'moto', 'openstack', 'keystoneauth1', 'shim', 'adapters', 'pytest_passerelle.state'}"


def test_nothing_is_imported_and_nothing_said(pytester: pytest.Pytester) -> None:
    body = f"""
    import sys

    def test_modules():
        assert 'pytest_passerelle.plugin' in sys.modules
        assert not {HEAVY} & set(sys.modules)
    """
    result = run(pytester, test_body=body)
    assert outcomes(result) == {"passed": 1}
    assert "asserelle" not in result.stdout.str().replace("plugins: ", "").replace("passerelle-", "")


def test_mocks_of_a_suite_that_did_not_ask_stay_motos(pytester: pytest.Pytester) -> None:
    body = """
    import boto3
    from moto import mock_aws

    @mock_aws
    def test_bucket():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="some-bucket")
        assert s3.list_buckets()["Owner"]["DisplayName"] == "webfile"
    """
    assert outcomes(run(pytester, "-W", "ignore", test_body=body)) == {"passed": 1}


def test_without_moto_there_is_nothing_to_replace(pytester: pytest.Pytester) -> None:
    result = run(pytester, "--passerelle-instead-of-moto", moto="raise ImportError('no moto')", test_body="")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "moto 5 is not installed here (no moto)" in result.stderr.str()


def test_a_moto_that_is_made_differently_is_refused(pytester: pytest.Pytester) -> None:
    (pytester.mkpydir("moto") / "core").mkdir()
    (pytester.path / "moto" / "core" / "__init__.py").touch()
    (pytester.path / "moto" / "core" / "models.py").write_text("class MockAWS: pass\n")
    result = run(pytester, "--passerelle-instead-of-moto", test_body="")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "this version of moto has no MockAWS._enable_patching" in result.stderr.str()


def test_a_cloud_that_does_not_come_up_is_tried_once_and_every_test_says_why(pytester: pytest.Pytester) -> None:
    body = "def test_one(passerelle): ...\ndef test_two(passerelle): ..."
    state = ("--passerelle-state-dir", str(pytester.path / "state"))
    result = run(pytester, *state, "--passerelle-cloud", "nobody", "--passerelle-admin", "nobody", test_body=body)
    assert outcomes(result) == {"error": 2}
    (log,) = pytester.path.glob("state/**/gateway.log")
    assert log.read_text().count("Error: the settings are not usable") == 1
    assert sum(bool(re.match(r"E +Error: the settings are not usable", line)) for line in result.outlines) == 2
    assert "KeeperError" in result.stdout.str()
