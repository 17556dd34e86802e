"""The network of a cloud: chosen once, configured accordingly, and refused in a sentence where it is not possible."""

import dataclasses
import json
import socket
import threading
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters.embedded import CloudError, EmbeddedCloud, conf
from adapters.embedded.cloud import choose_network
from adapters.embedded.free_ports import block
from adapters.embedded.layout import OVN, SERVICES, Layout
from adapters.embedded.ovn import ability, control, packages
from adapters.embedded.plan import Plan
from adapters.embedded.secrets_file import passwords


@pytest.fixture
def place(tmp_path: Path) -> Layout:
    place = Layout(tmp_path / "cloud", tmp_path / "venv")
    place.root.mkdir()
    return place


def neutron(place: Layout, network: str) -> ConfigParser:
    plan = Plan(place, block(21000), passwords(place.root / "passwords.json"), place.root / "objects")
    parser = ConfigParser(interpolation=None, default_section="")
    parser.read_string(conf.render(dataclasses.replace(plan, network=network))["neutron"]["neutron/neutron.conf"])
    return parser


def test_neutron_is_configured_for_the_network(place: Layout) -> None:
    without, ovn = neutron(place, "none"), neutron(place, OVN)
    assert without["ml2"]["mechanism_drivers"] == "passerelle"
    assert "ovn" not in without
    assert ovn["ml2"]["mechanism_drivers"] == "ovn"
    assert ovn["ovn"]["ovn_nb_connection"] == f"unix:{place.run}/ovn/nb.sock"
    assert ovn["ovn"]["ovn_router_indirect_snat"] == "false"
    assert "ovn-router" in ovn["DEFAULT"]["service_plugins"]


def test_a_cloud_keeps_the_network_that_it_was_made_with(place: Layout) -> None:
    assert choose_network(place, None) == "none"
    assert choose_network(place, "none") == "none"
    assert place.services == SERVICES
    with pytest.raises(CloudError, match="made with --network none: reset it first"):
        choose_network(place, OVN)


def test_a_cloud_from_before_there_was_a_choice_carries_no_packets(place: Layout) -> None:
    place.databases.mkdir()
    with pytest.raises(CloudError, match="made with --network none"):
        choose_network(place, OVN)
    assert choose_network(place, None) == "none"


def test_a_cloud_with_ovn_starts_it_first(place: Layout) -> None:
    (place.root / "network").write_text(OVN)
    assert place.services == (OVN, *SERVICES)


def test_a_path_that_is_too_long_for_sockets_is_told(tmp_path: Path) -> None:
    place = Layout(tmp_path / ("long" * 30), tmp_path / "venv")
    assert "choose a shorter state directory" in ability.missing(place)
    with pytest.raises(CloudError, match=r"--network ovn is not possible here: .* carries no packet"):
        ability.require(place)


def test_a_machine_without_tools_is_told_which(place: Layout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert "nowhere-to-be-found" in ability.lacking(("ip", "nowhere-to-be-found"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CloudError, match="this is no Debian or Ubuntu"):
        packages.unpack(tmp_path / "programs")
    assert not (tmp_path / "programs").exists()


def test_programs_are_complete_when_each_is_there(tmp_path: Path) -> None:
    for name in (*packages.NEEDED, packages.DHCP_CLIENT[0]):
        assert not packages.is_complete(tmp_path)
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert packages.is_complete(tmp_path)


@contextmanager
def service(place: Layout, answer: object) -> Iterator[list[object]]:
    """Answer one question on the network service's socket."""
    place.switch_control.parent.mkdir(parents=True)
    asked: list[object] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place.switch_control))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as lines:
                asked.append(json.loads(lines.readline()))
                connection.sendall(json.dumps(answer).encode() + b"\n")

        thread = threading.Thread(target=serve)
        thread.start()
        yield asked
        thread.join()


def test_a_command_runs_in_the_namespace_that_the_service_names(place: Layout) -> None:
    with service(place, {"pid": 12, "fd": 7}) as asked:
        prefix = control.inside(place, "s1")
    assert asked == [{"op": "namespace", "server": "s1"}]
    assert prefix[0] == "nsenter"
    assert prefix[-2:] == ["--net=/proc/12/fd/7", "--"]


def test_a_refusal_of_the_service_is_a_sentence(place: Layout) -> None:
    with service(place, {"error": "server s1 does not run"}), pytest.raises(CloudError, match="s1 does not run"):
        control.ask(place, op="namespace", server="s1")


def test_a_service_that_is_not_there_does_not_answer(place: Layout) -> None:
    assert not control.answers(place)


def test_nobody_enters_a_server_where_no_packet_flows(tmp_path: Path) -> None:
    with pytest.raises(CloudError, match="bring one up with --network ovn"):
        EmbeddedCloud(tmp_path).inside("s1")
