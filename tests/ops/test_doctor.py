"""`passerelle doctor`: all is well on a cloud that works, and each thing that is broken is named with what to do."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from adapters.openstack.doctor import network, swift
from adapters.openstack.doctor.clocks import Clocks
from adapters.openstack.doctor.findings import Verdict
from shim.cli import main
from tests.support.ipv6 import shared_pool
from tests.support.target import Target
from tests.support.wire import free_port

NOW = datetime(2026, 11, 27, 12, 0, 0, 500_000, tzinfo=UTC)


def doctor(clouds: Path, *words: str) -> tuple[int, dict[str, dict[str, str]]]:
    """Run the command; give its exit status and its findings by what they are about."""
    cleared: dict[str, str | None] = {name: None for name in os.environ if name.startswith(("PASSERELLE_", "OS_"))}
    environment = cleared | {"OS_CLIENT_CONFIG_FILE": str(clouds), "PASSERELLE_STATE": str(clouds.parent)}
    done = CliRunner().invoke(main, ["doctor", "--json", *words], env=environment)
    assert done.stdout.startswith("["), done.output
    return done.exit_code, {row["about"]: row for row in json.loads(done.stdout)}


def broken(cloud: Target, home: Path, **changes: Any) -> Path:
    """Write clouds.yaml with another entry of the gateway's user: members of its `auth`, or of the entry itself."""
    clouds = yaml.safe_load(cloud.clouds_yaml.read_text())
    entry = clouds["clouds"][cloud.cloud]
    for name, value in changes.items():
        (entry["auth"] if name in entry["auth"] else entry)[name] = value
    path = home / "clouds.yaml"
    path.write_text(yaml.safe_dump(clouds))
    return path


def test_a_cloud_that_works(cloud: Target, home: Path) -> None:
    status, found = doctor(broken(cloud, home), "--cloud", cloud.cloud)
    assert status == 0, found
    assert {row["verdict"] for row in found.values()} <= {"OK", "note"}
    for about in (
        "identity: version", "identity: login", "identity: ec2tokens", "identity: credentials", "identity: region",
        "identity: service projects", "compute: endpoint", "compute: microversion", "network: endpoint",
        "block-storage: endpoint", "image: endpoint", "object-store: endpoint", "object-store: slo",
        "object-store: max_file_size", "identity: clock", "object-store: clock",
    ):  # fmt: skip
        assert found[about]["verdict"] == "OK", found[about]
    assert any(about.endswith(": quotas") for about in found)
    assert all(row["advice"] for row in found.values() if row["verdict"] != "OK")


def test_a_report_for_people(cloud: Target, home: Path) -> None:
    environment = {"OS_CLIENT_CONFIG_FILE": str(broken(cloud, home)), "PASSERELLE_STATE": str(home)}
    done = CliRunner().invoke(main, ["doctor", "--cloud", cloud.cloud], env=environment)
    lines = done.output.splitlines()
    assert lines[-1] == "nothing is broken"
    assert all(line.startswith(("OK       ", "note     ")) for line in lines[:-1]), done.output


def test_a_wrong_password(cloud: Target, home: Path) -> None:
    status, found = doctor(broken(cloud, home, password="do-not-show"), "--cloud", cloud.cloud)
    assert status == 1
    assert found.keys() == {"identity: version", "identity: login"}  # nothing else can be asked
    assert found["identity: login"]["verdict"] == "problem"
    assert "clouds.yaml" in found["identity: login"]["advice"]
    assert "do-not-show" not in json.dumps(found)


def test_keystone_is_not_there(cloud: Target, home: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/v3"
    status, found = doctor(broken(cloud, home, auth_url=nowhere), "--cloud", cloud.cloud)
    assert status == 1
    assert list(found) == ["identity: version"]
    assert nowhere in found["identity: version"]["says"]


def test_services_that_are_down(cloud: Target, home: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/v1"
    clouds = broken(cloud, home, image_endpoint_override=nowhere, object_store_endpoint_override=f"{nowhere}/AUTH_x")
    status, found = doctor(clouds, "--cloud", cloud.cloud)
    assert status == 1
    for service in ("image", "object-store"):
        told = found[f"{service}: endpoint"]
        assert (told["verdict"], nowhere in told["says"]) == ("problem", True)
        assert told["advice"]
    assert found["compute: endpoint"]["verdict"] == "OK"


def test_missing_roles(cloud: Target, home: Path) -> None:
    """A member of a project is no service user: Keystone lets it do nothing of what the gateway needs."""
    status, found = doctor(broken(cloud, home), "--cloud", "main")
    assert status == 1
    tokens, credentials = found["identity: ec2tokens"], found["identity: credentials"]
    assert (tokens["verdict"], credentials["verdict"]) == ("problem", "problem")
    assert tokens["advice"].endswith("openstack role add --user main --project main service")
    assert credentials["advice"].endswith("openstack role add --user main --system all reader")
    assert found["identity: service projects"]["verdict"] == "note"
    assert "--inherited swiftoperator" in found["identity: service projects"]["advice"]


def test_another_region(cloud: Target, home: Path) -> None:
    status, found = doctor(broken(cloud, home), "--cloud", cloud.cloud, "--region", "Oslo")
    assert status == 1
    assert found["identity: region"]["verdict"] == "problem"
    assert "regionone" in found["identity: region"]["advice"]


def test_settings_and_clouds_are_checked_first(tmp_path: Path) -> None:
    clouds = tmp_path / "clouds.yaml"
    clouds.write_text("clouds: {}\n")
    status, found = doctor(clouds, "--cloud", "elsewhere")
    assert status == 1
    assert found["settings"]["says"].startswith("PASSERELLE_CLOUD: ")


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [(0, "OK"), (-1, "OK"), (2, "OK"), (-5, "note"), (59, "note"), (-60, "problem"), (90, "problem")],
)
def test_clocks(seconds: int, verdict: str) -> None:
    clocks = Clocks()
    told = (NOW + timedelta(seconds=seconds)).replace(microsecond=0)
    clocks.note("compute", {"Date": f"{told:%a, %d %b %Y %H:%M:%S} GMT"}, NOW, NOW)
    (found,) = clocks.findings()
    assert (found.about, found.verdict.value) == ("compute: clock", verdict)


POOL: dict[str, Any] = {
    "id": "1", "name": "six", "project_id": "admin", "ip_version": 6, "shared": True, "prefixes": ["2001:db8::/48"],
    "min_prefixlen": "56", "max_prefixlen": "64", "default_quota": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "verdict", "says"),
    [
        ({}, "OK", "blocks of /56 from 2001:db8::/48"),
        ({"name": "other"}, "problem", "sees no subnet pool 'six'"),
        ({"id": "six", "name": "other"}, "OK", "2001:db8::/48"),
        ({"ip_version": 4}, "problem", "of IPv4"),
        ({"min_prefixlen": "64"}, "problem", "/64 to /64"),  # Neutron's default
        ({"max_prefixlen": "48", "min_prefixlen": "48"}, "problem", "/48 to /48"),
        ({"prefixes": ["2001:db8::/60", "2001:db8:1::/57"]}, "problem", "no prefix"),
        ({"default_quota": 255}, "problem", "255 networks of /64"),
        ({"default_quota": 256}, "OK", "2001:db8::/48"),
        ({"shared": False}, "note", "some projects"),
        ({"shared": False, "project_id": "own"}, "note", "the gateway's own project"),
    ],
)
def test_the_pool_of_ipv6(change: dict[str, Any], verdict: str, says: str) -> None:
    (found,) = network.pool([{**POOL, "id": "2", "name": "third"}, {**POOL, **change}], "six", "own")
    assert (found.verdict.value, says in found.says) == (verdict, True), found
    assert bool(found.advice) is (verdict != "OK")


def test_two_pools_of_ipv6_with_one_name() -> None:
    (found,) = network.pool([POOL, {**POOL, "id": "2"}], "six", "own")
    assert (found.verdict, found.says) == (Verdict.PROBLEM, "2 subnet pools are named 'six'")


def test_the_pool_of_ipv6_is_looked_for_in_neutron(cloud: Target, home: Path) -> None:
    with cloud.connect("admin") as admin, shared_pool(admin, "2001:db8:66::/48") as made:
        clouds = broken(cloud, home)
        status, found = doctor(clouds, "--cloud", cloud.cloud, "--ec2-ipv6-pool", made.name)
        assert (status, found["network: IPv6 pool"]["verdict"]) == (0, "OK")
    status, found = doctor(clouds, "--cloud", cloud.cloud, "--ec2-ipv6-pool", made.name)
    assert (status, found["network: IPv6 pool"]["verdict"]) == (1, "problem")


@pytest.mark.parametrize("headers", [{}, {"Date": "soon"}, {"Date": ""}])
def test_a_service_that_tells_no_time(headers: Mapping[str, str]) -> None:
    clocks = Clocks()
    clocks.note("compute", headers, NOW, NOW)
    (found,) = clocks.findings()
    assert (found.verdict, found.says) == (Verdict.NOTE, "answers have no Date header")


def test_a_swift_that_lacks_things() -> None:
    found = {one.about: one for one in swift.middlewares({"swift": {"version": "2.36.0"}, "tempurl": {}})}
    assert found["object-store: slo"].verdict is Verdict.PROBLEM
    assert found["object-store: tempurl"].verdict is Verdict.OK
    assert found["object-store: bulk_delete"].verdict is Verdict.NOTE
    small = {
        "swift": {"max_file_size": 5 << 20, "max_object_name_length": 1024},
        "slo": {"max_manifest_segments": 1000},
    }
    limits = {one.about: one for one in swift.limits(small)}
    assert limits["object-store: max_file_size"].verdict is Verdict.NOTE
    assert limits["object-store: max_object_name_length"].verdict is Verdict.OK
    assert "5368709120" in limits["object-store: max_file_size"].advice
    assert "10000" in limits["object-store: max_manifest_segments"].says


def test_another_server_of_swifts_api() -> None:
    found = {one.about: one for one in swift.abilities({"swift": {"version": "16.2.15"}, "slo": {}})}
    assert {one.verdict for one in found.values()} == {Verdict.NOTE}
    assert "501 NotImplemented" in found["object-store: versions of objects"].says
    whole = {"swift": {"max_header_size": 1}, "slo": {"min_segment_size": 1}, "object_versioning": {}}
    assert {one.verdict for one in swift.abilities(whole)} == {Verdict.OK}


def test_storage_policies_that_classes_are_mapped_to() -> None:
    shown = {"swift": {"policies": [{"name": "Gold", "aliases": "Gold, best", "default": True}, {"name": "cold"}]}}
    found = {one.about: one.verdict for one in swift.policies(shown, ["best", "cold", "colder"])}
    assert found == {
        "object-store: storage policy best": Verdict.OK,
        "object-store: storage policy cold": Verdict.OK,
        "object-store: storage policy colder": Verdict.PROBLEM,
    }
    assert list(swift.policies(shown, ())) == []


def test_what_swift_shows_is_tried(cloud: Target, home: Path) -> None:
    with cloud.connect(cloud.cloud) as own:
        before = {one.name for one in own.object_store.containers()}
        _, found = doctor(broken(cloud, home), "--cloud", cloud.cloud, "--probe")
        assert {one.name for one in own.object_store.containers()} == before
    tried = [row for about, row in found.items() if about.endswith(", tried")]
    assert [(row["verdict"], row["says"]) for row in tried] == [("OK", "works")] * 4
