"""Region names: any name is an alias of the cloud's region, but for those that mean another one."""

from __future__ import annotations

from hashlib import sha256

import pytest

from shim.auth import sigv4
from shim.auth.regions import LONGEST, Regions
from tests.auth.signing import FORM, check, form, refusal, signed

PAYLOAD = sha256(FORM).hexdigest()
CATALOGUE = frozenset({"regiontwo", "eu-west-9"})
OPEN = Regions("RegionOne", (), lambda: CATALOGUE)
STRICT = Regions("RegionOne", ("eu-west-3", "RegionTwo"), lambda: CATALOGUE)


@pytest.mark.parametrize("name", ["RegionOne", "us-east-1", "eu-west-3", "nowhere", "GRA11", "dc_3-a", "a" * LONGEST])
def test_a_name_is_an_alias(name: str) -> None:
    assert name in OPEN


@pytest.mark.parametrize("name", ["RegionTwo", "regiontwo", "eu-west-9", "EU-WEST-9"])
def test_a_name_of_another_region_is_none(name: str) -> None:
    assert name not in OPEN


@pytest.mark.parametrize(
    "name", ["", "a" * (LONGEST + 1), "eu west", "a.b", "a:b", "a\n", "-a", "../x", "é", "٣", "<a>", "a\0", None, 3]
)
def test_a_name_is_bounded(name: object) -> None:
    assert name not in OPEN


def test_a_list_is_strict() -> None:
    assert [name in STRICT for name in ("RegionOne", "eu-west-3", "RegionTwo")] == [True] * 3
    assert [name in STRICT for name in ("us-east-1", "regionone", "eu-west-9")] == [False] * 3


def test_the_catalogue_may_change() -> None:
    others: set[str] = set()
    regions = Regions("RegionOne", (), lambda: others)
    assert "RegionTwo" in regions
    others.add("regiontwo")
    assert "RegionTwo" not in regions


def test_the_clouds_own_name_works_whatever_it_looks_like() -> None:
    own = Regions("Région.Une", (), frozenset)
    assert "Région.Une" in own
    assert "Région.Deux" not in own
    assert "" not in Regions("", (), frozenset)


def test_s3_names_the_right_region_where_sdks_look_for_it() -> None:
    error = refusal(signed("v4-header"), regions=Regions("Oslo", ("Oslo",)), region="Oslo")
    assert error.code == "AuthorizationHeaderMalformed"
    assert error.extra["Region"] == error.headers["x-amz-bucket-region"] == "Oslo"


def test_one_client_in_many_regions_keeps_one_signing_key() -> None:
    before = len(sigv4.signing_keys)
    for number in range(50):
        text = form("ec2", region=f"region-{number}")
        check(text, service="ec2", regions=OPEN, payload_hash=PAYLOAD)
    assert len(sigv4.signing_keys) <= before + 1
