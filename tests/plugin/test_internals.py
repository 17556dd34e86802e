"""What a test uses of moto's own is found in its source."""

from pathlib import Path

import pytest

from pytest_passerelle.internals import looks_into_moto

SOURCE = """
import moto
import moto.backends as b
from moto import mock_aws, settings
from moto.ec2 import ec2_backends

ARN = "arn:aws:iam::123456789012:role/x"

def plain(): mock_aws()
def backends(): return ec2_backends
def through_another(): return backends()
def named(): return b.get_backend("ec2")
def of_the_package(): return moto.s3.models
def mocks_of_the_package(): return moto.mock_aws
def inside():
    from moto.core.utils import iso_8601_datetime
    return iso_8601_datetime
def arn(): return ARN
def api(): return "http://motoapi.amazonaws.com/moto-api/reset"
class TestX:
    def test_method(self): return settings.TEST_SERVER_MODE
"""


@pytest.mark.parametrize(
    ("function", "found"),
    [
        ("plain", []),
        ("mocks_of_the_package", []),
        ("backends", ["moto.ec2.ec2_backends"]),
        ("through_another", ["moto.ec2.ec2_backends"]),
        ("named", ["moto.backends"]),
        ("of_the_package", ["moto.s3"]),
        ("inside", ["moto.core.utils.iso_8601_datetime"]),
        ("arn", ["the account id 123456789012"]),
        ("api", ["moto's server API"]),
        ("test_method", ["moto.settings"]),
    ],
)
def test_use(tmp_path: Path, function: str, found: list[str]) -> None:
    file = tmp_path / "test_source.py"
    file.write_text(SOURCE)
    assert looks_into_moto(file, function) == found


def test_fixtures_count_and_a_file_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    file = tmp_path / "test_source.py"
    file.write_text(SOURCE)
    assert looks_into_moto(file, "plain", ("backends",)) == ["moto.ec2.ec2_backends"]
    assert looks_into_moto(tmp_path / "none.py", "plain") == []
