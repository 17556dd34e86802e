"""Names of zones: a letter after the region that the client signed for, for zones that have a letter."""

from __future__ import annotations

from string import ascii_lowercase

import pytest

from adapters.types.compute import Zone
from shim.ec2.engine.zones import ZoneNames, placeable, zones

NAMES = ZoneNames("eu-west-3", ("nova", "zone-2"))
FOUND = [Zone("zone-2", True), Zone("edge", False), Zone("internal", True), Zone("nova", True)]


@pytest.mark.parametrize(
    ("native", "shown"), [("nova", "eu-west-3a"), ("zone-2", "eu-west-3b"), ("edge", "edge"), ("", "")]
)
def test_a_zone_is_shown_and_found_by_either_name(native: str, shown: str) -> None:
    assert NAMES.shown(native) == shown
    known = [*placeable(FOUND), ""]
    assert NAMES.native(shown, known) == native
    assert NAMES.native(native, known) == native


@pytest.mark.parametrize("name", ["eu-west-3c", "eu-west-1a", "eu-west-3", "a", "internal", "NOVA"])
def test_other_names_are_no_zones(name: str) -> None:
    assert NAMES.native(name, placeable(FOUND)) is None


def test_a_cloud_whose_zones_are_named_as_awss_keeps_its_names() -> None:
    names = ["eu-west-3b", "eu-west-3a"]
    assert [NAMES.native(name, names) for name in names] == names
    assert [row["ZoneName"] for row in zones([Zone(name, True) for name in names], NAMES)] == sorted(names)


def test_rows_are_in_the_order_of_the_letters() -> None:
    rows = zones(FOUND, ZoneNames("eu-west-3", ("zone-2", "gone", "nova")))
    assert [(row["ZoneName"], row["ZoneId"], row["State"]) for row in rows] == [
        ("eu-west-3a", "eu-west-3-az1", "available"),
        ("eu-west-3c", "eu-west-3-az2", "available"),
        ("edge", "eu-west-3-az3", "unavailable"),
    ]


def test_there_are_as_many_names_as_letters() -> None:
    many = ZoneNames("r", tuple(f"z{number}" for number in range(30)))
    assert [many.shown(f"z{number}") for number in (0, 25, 26)] == ["ra", f"r{ascii_lowercase[-1]}", "z26"]


def test_no_letters() -> None:
    assert ZoneNames("eu-west-3", ()).shown("nova") == "nova"
