"""Ports are the configured ones, else those the cloud had, else free ones; never somebody else's."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.embedded import CloudError, free_ports
from adapters.embedded.layout import HOST, PORT_NAMES

NOBODY: frozenset[str] = frozenset()


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.socket() as server:
        server.bind((HOST, 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_listening_port_is_not_free(listener: int) -> None:
    assert not free_ports.is_free(listener)


def test_chosen_ports_are_free_distinct_and_below_the_ephemeral_range(tmp_path: Path) -> None:
    ports = free_ports.choose(tmp_path / "ports.json", None, NOBODY)
    assert list(ports) == list(PORT_NAMES)
    assert len(set(ports.values())) == len(PORT_NAMES)
    assert max(ports.values()) < 32768
    assert all(map(free_ports.is_free, ports.values()))


def test_ports_are_remembered(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    assert free_ports.choose(file, None, NOBODY) == free_ports.choose(file, None, NOBODY)


def test_a_remembered_port_that_was_taken_meanwhile_moves_the_cloud(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    before = free_ports.choose(file, None, NOBODY)
    with socket.create_server((HOST, before["swift"])):
        after = free_ports.choose(file, None, NOBODY)
    assert before["swift"] not in after.values()
    assert free_ports.remembered(file) == after


def test_a_port_our_own_service_listens_on_moves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    before = free_ports.choose(file, None, NOBODY)
    with socket.create_server((HOST, before["swift"])):
        assert free_ports.choose(file, None, frozenset({"swift"})) == before


def test_a_configured_base_is_obeyed(tmp_path: Path) -> None:
    base = free_ports.first_free(tmp_path)["keystone"]
    ports = free_ports.choose(tmp_path / "ports.json", base, NOBODY)
    assert ports["keystone"] == base
    assert ports["swift-object"] == base + 10


def test_a_configured_base_where_somebody_listens_is_refused_by_name(tmp_path: Path) -> None:
    base = free_ports.first_free(tmp_path)["keystone"]
    with socket.create_server((HOST, base + 4)), pytest.raises(CloudError, match=f"port {base + 4} is taken"):
        free_ports.choose(tmp_path / "ports.json", base, NOBODY)


@pytest.mark.parametrize("text", ["", "{", json.dumps({"keystone": 1})])
def test_a_broken_memory_is_no_memory(tmp_path: Path, text: str) -> None:
    file = tmp_path / "ports.json"
    file.write_text(text)
    assert free_ports.remembered(file) is None
    assert set(free_ports.choose(file, None, NOBODY)) == set(PORT_NAMES)
