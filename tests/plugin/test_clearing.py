"""Clearing a project: what the cloud does not have, and what does not answer."""

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_passerelle.clearing import LeftError, clear


def answer(status: int, body: Any = None) -> Any:
    return SimpleNamespace(status_code=status, text="told", json=lambda: body)


class Empty:
    """A service that has nothing."""

    def get(self, path: str, params: Any) -> Any:
        return answer(404)


class Network(Empty):
    """A network with one router, whose port on a subnet is distributed."""

    def __init__(self) -> None:
        self.ports = [{"id": "p", "device_owner": "network:router_interface_distributed", "device_id": "r"}]

    def get(self, path: str, params: Any) -> Any:
        return answer(200, {"ports": self.ports}) if path == "/ports" else answer(404)

    def put(self, path: str, json: Any) -> Any:
        if (path, json) == ("/routers/r/remove_router_interface", {"port_id": "p"}):
            self.ports = []
        return answer(200)

    def delete(self, path: str) -> Any:
        return answer(409)  # "Port p cannot be deleted directly via the port API"


class Store:
    """An object store that answers no listing with anything but this status."""

    def __init__(self, status: int) -> None:
        self.status = status

    def get(self, path: str, params: Any) -> Any:
        return answer(self.status)


def user(**services: Any) -> Any:
    """A user of a cloud without block storage, and without an object store unless it is given."""
    catalogue = SimpleNamespace(get_endpoints=lambda kind: {kind: [1]} if kind.replace("-", "_") in services else {})
    access = SimpleNamespace(service_catalog=catalogue)
    session = SimpleNamespace(auth=SimpleNamespace(get_access=lambda _: access))
    return SimpleNamespace(session=session, compute=Empty(), image=Empty(), **services)


def test_a_cloud_without_storage_and_with_a_distributed_router() -> None:
    network = Network()
    clear(user(), SimpleNamespace(network=network), "p")
    assert network.ports == []


@pytest.mark.parametrize("status", [401, 503])
def test_a_store_that_does_not_answer_is_not_empty(status: int) -> None:
    with pytest.raises(LeftError, match=f"GET /: {status}"):
        clear(user(object_store=Store(status)), SimpleNamespace(network=Network()), "p")


@pytest.mark.parametrize("status", [204, 404])
def test_a_store_without_an_account_is_empty(status: int) -> None:
    clear(user(object_store=Store(status)), SimpleNamespace(network=Network()), "p")
