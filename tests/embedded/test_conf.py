"""What the configuration files say is what the plan decided, and a change of it restarts just who reads it."""

import dataclasses
from configparser import ConfigParser
from pathlib import Path

import pytest

from adapters.embedded import CloudError, conf, configure
from adapters.embedded.free_ports import block
from adapters.embedded.layout import SERVICES, Layout, layout
from adapters.embedded.plan import Plan
from adapters.embedded.secrets_file import passwords


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    place = Layout(tmp_path / "cloud", Path("/venv"))
    return Plan(place, block(21000), passwords(place.root / "passwords.json"), tmp_path / "objects")


def read(plan: Plan, service: str, name: str) -> ConfigParser:
    parser = ConfigParser(interpolation=None, default_section="")
    parser.read_string(conf.render(plan)[service][name])
    return parser


def test_every_service_has_files() -> None:
    assert set(conf.RENDERERS) == set(SERVICES)


def test_rendering_is_a_function_of_the_plan(plan: Plan) -> None:
    assert conf.render(plan) == conf.render(plan)


def test_every_service_logs_in_with_its_own_password(plan: Plan) -> None:
    seen = {read(plan, "nova", "nova/nova.conf")[section]["password"] for section in ("neutron", "placement")}
    assert seen == {plan.passwords["nova"]}
    assert read(plan, "cinder", "cinder/cinder.conf")["keystone_authtoken"]["password"] == plan.passwords["cinder"]


def test_quotas_are_unlimited(plan: Plan) -> None:
    assert set(read(plan, "nova", "nova/nova.conf")["quota"].values()) == {"-1"}
    assert read(plan, "neutron", "neutron/neutron.conf")["quotas"]["quota_rbac_policy"] == "-1"
    assert read(plan, "cinder", "cinder/cinder.conf")["DEFAULT"]["quota_volumes"] == "-1"


def test_swift_takes_multipart_uploads_of_ten_thousand_parts(plan: Plan) -> None:
    proxy = read(plan, "swift", "swift/proxy-server.conf")
    assert proxy["filter:slo"]["max_manifest_segments"] == "10000"
    assert proxy["filter:s3api"]["max_upload_part_num"] == "10000"


def test_every_filter_of_swifts_pipeline_is_configured_and_no_other(plan: Plan) -> None:
    proxy = read(plan, "swift", "swift/proxy-server.conf")
    named = set(proxy["pipeline:main"]["pipeline"].split()) - {"proxy-server"}
    assert named == {section.removeprefix("filter:") for section in proxy if section.startswith("filter:")}


@pytest.mark.parametrize("kind", ["account", "container", "object"])
def test_an_object_is_in_its_listing_however_slow_the_machine_is(plan: Plan, kind: str) -> None:
    waits = read(plan, "swift-storage", f"swift/{kind}-server.conf")["DEFAULT"]
    assert min(float(waits[f"{name}_timeout"]) for name in ("conn", "node", "container_update")) >= 30


def test_a_moved_port_changes_the_signature_of_who_listens_there(plan: Plan) -> None:
    moved = dataclasses.replace(plan, ports={**plan.ports, "swift-account": 22222})
    before, after = conf.render(plan), conf.render(moved)
    changed = {name for name in before if conf.signature(before[name], "x") != conf.signature(after[name], "x")}
    assert changed == {"swift-storage"}


def test_other_packages_change_every_signature(plan: Plan) -> None:
    for files in conf.render(plan).values():
        assert conf.signature(files, "x") != conf.signature(files, "y")


def test_no_password_is_in_a_repr(plan: Plan) -> None:
    shown = repr(plan)
    assert not [name for name, secret in plan.passwords.items() if secret in shown]


def test_passwords_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    file = tmp_path / "passwords.json"
    first = passwords(file)
    assert passwords(file) == first
    assert len(set(first.values())) == len(first)
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["a b", "a$b", "a%b", "a#b", "a\nb", "a,b", "a?b"])
def test_a_directory_which_configuration_files_cannot_hold_is_refused(name: str) -> None:
    with pytest.raises(CloudError, match="may contain"):
        layout(Path("/tmp") / name, None)


def test_the_entry_point_names_a_class_that_is_there() -> None:
    module = configure.DISTRIBUTION["entry_points.txt"].rsplit("=")[1].strip()
    file, name = module.removeprefix("passerelle_cloud.").split(":")
    assert f"class {name}(" in (configure.SERVICE_SIDE / f"{file}.py").read_text()


def test_the_place_for_objects_is_chosen_once(tmp_path: Path) -> None:
    place = Layout(tmp_path / "cloud", Path("/venv"))
    configure.make_directories(place)
    (place.root / "swift-devices").write_text(str(tmp_path / "elsewhere"))
    assert configure.swift_devices(place) == tmp_path / "elsewhere"


def test_a_directory_that_takes_no_metadata_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert not configure.takes_metadata(tmp_path / "file")
    assert (tmp_path / "file").exists()
