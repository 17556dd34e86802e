"""A cloud of its own, brought up beside whatever else runs, killed in every way, and repaired by a second `up`."""

import json
import os
import random
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from adapters.embedded import AnswerError, CloudFacts, EmbeddedCloud, health, processes
from adapters.embedded.layout import HOST, SERVICES, ZONES
from adapters.embedded.processes import running
from adapters.embedded.rest import Answer, call
from adapters.embedded.seed.cloud import FLAVORS
from tests.support.target import packages

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(600)]  # a cloud of its own, beside the session's


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    """Give a cloud whose first `up` was killed as soon as the services had been started."""
    mine = EmbeddedCloud(tmp_path_factory.mktemp("state"), packages())
    kill_up_when(mine, "services started")
    mine.up()
    yield mine
    mine.reset()


def up_command(cloud: EmbeddedCloud) -> list[str]:
    where = ["--state-dir", str(cloud.state_dir), "--venv", str(cloud.place.venv)]
    return [sys.executable, "-m", "adapters.embedded", *where, "up"]


def kill_up_when(cloud: EmbeddedCloud, line: str) -> None:
    """Run `up` in a process of its own, and kill that when it says so."""
    with subprocess.Popen(up_command(cloud), stdout=subprocess.PIPE, text=True) as up:
        assert up.stdout is not None
        assert any(line in said for said in up.stdout), f"up never said {line!r}"
        up.kill()


@pytest.fixture
def known(cloud: EmbeddedCloud) -> CloudFacts:
    return cloud.credentials()


def pids(cloud: EmbeddedCloud) -> dict[str, list[int]]:
    return {service: [each.pid for each in found] for service, found in running(cloud.place).items()}


def log_in(known: CloudFacts, name: str, scope: dict[str, object] | None = None) -> Answer:
    account = known.accounts[name]
    user = {"name": name, "domain": {"id": "default"}, "password": account.password}
    identity = {"methods": ["password"], "password": {"user": user}}
    auth = {"identity": identity, "scope": scope or {"project": {"id": account.project_id}}}
    return call("POST", f"{known.auth_url}/auth/tokens", body={"auth": auth})


def get(known: CloudFacts, name: str, kind: str, path: str) -> Answer:
    """GET from the service of that type in the catalog of an account's token."""
    answer = log_in(known, name)
    entry = next(each for each in answer.body["token"]["catalog"] if each["type"] == kind)
    url = next(each["url"] for each in entry["endpoints"] if each["interface"] == "public")
    return call("GET", url + path, headers={"X-Auth-Token": answer.headers["x-subject-token"]})


def test_a_killed_up_is_completed_by_the_next(cloud: EmbeddedCloud) -> None:
    assert all(row.healthy for row in cloud.status())
    assert {service: len(found) for service, found in pids(cloud).items()} == dict.fromkeys(SERVICES, 1)


def test_another_up_changes_nothing(cloud: EmbeddedCloud, known: CloudFacts) -> None:
    before = pids(cloud)
    assert cloud.up() == known
    assert pids(cloud) == before


@pytest.mark.parametrize("name", ["main", "alt", "tenant"])
def test_a_member_finds_what_a_tenant_expects(known: CloudFacts, name: str) -> None:
    flavors = get(known, name, "compute", "/flavors/detail").body["flavors"]
    assert {each["name"]: (each["vcpus"], each["ram"], each["disk"]) for each in flavors} == FLAVORS
    images = get(known, name, "image", "/v2/images").body["images"]
    assert {(each["name"], each["hw_architecture"], each["status"]) for each in images} == {
        ("tiny-linux-x86_64", "x86_64", "active"),
        ("tiny-linux-aarch64", "aarch64", "active"),
    }
    networks = get(known, name, "network", "/v2.0/networks").body["networks"]
    assert {(each["name"], each["router:external"]) for each in networks} == {("default", False), ("public", True)}
    zones = get(known, name, "compute", "/os-availability-zone").body["availabilityZoneInfo"]
    assert {each["zoneName"]: each["zoneState"]["available"] for each in zones} == dict.fromkeys(ZONES, True)
    types = get(known, name, "block-storage", "/types").body["volume_types"]
    assert {"standard", "gp2", "gp3"} <= {each["name"] for each in types}
    assert get(known, name, "object-store", "").status == 204


def test_ec2_credentials_belong_to_their_user_and_project(known: CloudFacts) -> None:
    token = log_in(known, "admin").headers["x-subject-token"]
    for name in ("main", "alt", "tenant", "reader"):
        account = known.accounts[name]
        url = f"{known.auth_url}/users/{account.user_id}/credentials/OS-EC2/{account.access}"
        found = call("GET", url, headers={"X-Auth-Token": token}).body["credential"]
        assert (found["secret"], found["tenant_id"]) == (account.secret, account.project_id)


def test_the_gateways_user_has_just_the_roles_it_needs(known: CloudFacts) -> None:
    roles = {role["name"] for role in log_in(known, "passerelle").body["token"]["roles"]}
    # swiftoperator is for the service user's own view of a project.  member, which implies reader, is for keys of its
    # own in Barbican.
    assert roles == {"service", "swiftoperator", "member", "reader"}
    system = log_in(known, "passerelle", {"system": {"all": True}})
    assert [role["name"] for role in system.body["token"]["roles"]] == ["reader"]


def test_a_reader_reads_and_does_not_write(known: CloudFacts) -> None:
    answer = log_in(known, "reader")
    headers = {"X-Auth-Token": answer.headers["x-subject-token"]}
    url = f"http://{HOST}:{known.ports['neutron']}/v2.0/networks"
    assert call("GET", url, headers=headers).status == 200
    with pytest.raises(AnswerError) as refused:
        call("POST", url, headers=headers, body={"network": {"name": "mine"}})
    assert refused.value.status == 403


def test_secrets_are_in_files_of_their_owner_alone(cloud: EmbeddedCloud) -> None:
    secret = list(json.loads((cloud.place.root / "passwords.json").read_text()).values())
    files = [file for file in cloud.place.root.parent.rglob("*") if file.is_file() and file.suffix != ".sqlite"]
    holding = [file for file in files if any(each in file.read_text(errors="replace") for each in secret)]
    assert {"facts.json", "passwords.json", "clouds.yaml", "nova.conf"} <= {file.name for file in holding}
    assert {stat.S_IMODE(file.stat().st_mode) for file in holding} == {0o600}
    assert not [file for file in holding if file.suffix == ".log"]


def test_killed_services_are_restarted_and_no_other(cloud: EmbeddedCloud) -> None:
    before = pids(cloud)
    for service in ("nova", "swift", "placement"):
        os.kill(before[service][0], signal.SIGKILL)
    cloud.up()
    after = pids(cloud)
    assert {service for service in SERVICES if before[service] != after[service]} == {"nova", "swift", "placement"}
    assert all(row.healthy for row in cloud.status())


@pytest.mark.parametrize(
    ("service", "open_to_all", "path"),
    [
        ("keystone", "/v3", "/v3/users"),
        ("glance", "/v2/schemas/image", "/v2/images"),
        ("neutron", "/v2.0/extensions", "/v2.0/networks"),
        ("nova", "/v2.1", "/v2.1/servers/detail"),
        ("cinder", "/v3/extensions", "/v3/volumes/detail"),
    ],
)
def test_the_first_requests_of_a_new_process_are_answered_though_they_come_together(
    cloud: EmbeddedCloud, known: CloudFacts, service: str, open_to_all: str, path: str
) -> None:
    """The first request has no rule in the service's policy: it lets the service remember the token."""
    token = log_in(known, "admin").headers["x-subject-token"]
    before = running(cloud.place)[service][0]
    processes.stop(cloud.place, service)
    processes.start(cloud.place, service, before.signature)
    while not health.is_healthy(service, known.ports, cloud.place):
        time.sleep(0.05)
    base, headers = f"http://{HOST}:{known.ports[service]}", {"X-Auth-Token": token}
    call("GET", base + open_to_all, headers=headers)
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda _: call("GET", base + path, headers=headers).status, range(8))
        assert list(answers) == [200] * 8


@pytest.mark.parametrize("seed", range(3))
def test_services_killed_at_any_moment_of_an_up_are_well_in_the_end(cloud: EmbeddedCloud, seed: int) -> None:
    chance = random.Random(seed)
    victims = chance.sample(SERVICES, 4)  # each dies before the `up`, or under it, or both
    for service in chance.sample(victims, 2):
        os.kill(pids(cloud)[service][0], signal.SIGKILL)
    with subprocess.Popen(up_command(cloud), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as up:
        for service in victims:
            time.sleep(chance.uniform(0, 2))
            for pid in pids(cloud).get(service, []):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        said, _ = up.communicate()
    assert up.returncode == 0, said
    cloud.up()  # a kill may have come after the last look
    assert all(row.healthy for row in cloud.status())
    assert {service: len(found) for service, found in pids(cloud).items()} == dict.fromkeys(SERVICES, 1)


def test_a_service_that_cannot_start_is_named_with_its_log(cloud: EmbeddedCloud) -> None:
    processes.stop(cloud.place, "placement")
    with socket.create_server((HOST, cloud.credentials().ports["placement"])):
        failed = subprocess.run(up_command(cloud), capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert "placement died while starting" in failed.stderr
    assert "Address already in use" in failed.stderr
    cloud.up()


def test_down_leaves_no_process_and_no_port(cloud: EmbeddedCloud) -> None:
    ports = cloud.credentials().ports
    cloud.down()
    assert running(cloud.place) == {}
    for port in ports.values():
        with socket.socket() as probe:
            assert probe.connect_ex((HOST, port)) != 0
    assert not any(row.pid for row in cloud.status())


def test_reset_keeps_packages_and_nothing_else(cloud: EmbeddedCloud) -> None:
    objects = Path((cloud.place.root / "swift-devices").read_text())
    cloud.reset()
    assert not objects.exists()
    assert [file.name for file in cloud.place.root.iterdir()] == ["lock-file"]
    assert cloud.place.python.exists()
