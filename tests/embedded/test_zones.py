"""The availability zones of a cloud: chosen once, one with OVN, and Nova configured accordingly."""

import dataclasses
import json
from configparser import ConfigParser
from pathlib import Path

import pytest

from adapters.embedded import GATEWAY_SETTINGS, conf, configure
from adapters.embedded.cloud import choose_zones
from adapters.embedded.free_ports import block
from adapters.embedded.layout import NETWORKS, OVN, Layout
from adapters.embedded.plan import Plan
from adapters.embedded.secrets_file import passwords
from shim.config import Settings

NONE, THREE = NETWORKS[0], ("nova", "nova-b", "nova-c")


@pytest.fixture
def place(tmp_path: Path) -> Layout:
    place = Layout(tmp_path / "cloud", tmp_path / "venv")
    place.root.mkdir()
    return place


def plan(place: Layout, zones: tuple[str, ...]) -> Plan:
    made = Plan(place, block(21000), passwords(place.root / "passwords.json"), place.root / "objects")
    return dataclasses.replace(made, zones=zones)


def test_a_cloud_has_three_zones_and_keeps_them(place: Layout) -> None:
    assert choose_zones(place, NONE) == THREE
    place.databases.mkdir()
    assert choose_zones(place, NONE) == THREE


def test_a_cloud_from_before_there_were_three_keeps_one(place: Layout) -> None:
    place.databases.mkdir()
    assert choose_zones(place, NONE) == ("nova",)
    assert choose_zones(place, NONE) == ("nova",)


def test_a_cloud_with_ovn_has_one(place: Layout) -> None:
    assert choose_zones(place, OVN) == ("nova",)


@pytest.mark.parametrize(
    ("zones", "hosts", "first"),
    [(THREE, ["passerelle", "passerelle-b", "passerelle-c"], "nova"), (("nova",), ["passerelle"], None)],
)
def test_each_zone_has_a_host_and_servers_of_no_zone_go_to_the_first(
    place: Layout, zones: tuple[str, ...], hosts: list[str], first: str | None
) -> None:
    made = plan(place, zones)
    nova = ConfigParser(interpolation=None, default_section="")
    nova.read_string(conf.render(made)["nova"]["nova/nova.conf"])
    assert nova["DEFAULT"].get("default_schedule_zone") == first
    assert json.loads(configure.cloud_json(made))["hosts"] == hosts


def test_a_gateway_before_this_cloud_gives_each_of_them_a_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PASSERELLE_ZONES", raising=False)
    assert Settings.model_validate({}).zones == ("nova",), "a zone of another cloud keeps the name that clients know"
    for name, value in GATEWAY_SETTINGS.items():
        monkeypatch.setenv(name, value)
    assert Settings.model_validate({}).zones == THREE
