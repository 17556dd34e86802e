"""Neutron breaks where a network is deleted while ports are listed; the adapter lists them again."""

import asyncio

import httpx
import pytest

from adapters.errors import BackendError, Fault
from adapters.openstack.neutron.neutron import Neutron
from tests.openstack.stage import Wire


def listed(*statuses: int) -> tuple[int, BackendError | None]:
    """List ports, and return how often Neutron was asked, and the failure; it answers with these statuses in turn."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(statuses[len(asked) - 1], json={"ports": []})

    async def run() -> BackendError | None:
        wire = Wire(answer)
        try:
            await Neutron(wire.session()).ports()
        except BackendError as error:
            return error
        finally:
            await wire.transport.aclose()
        return None

    failed = asyncio.run(run())
    return len(asked), failed


def test_a_list_that_broke_is_asked_for_again() -> None:
    assert listed(500, 200) == (2, None)


@pytest.mark.parametrize(("statuses", "fault"), [((500, 500), Fault.UNAVAILABLE), ((403,), Fault.FORBIDDEN)])
def test_a_list_that_fails_is_a_failure(statuses: tuple[int, ...], fault: Fault) -> None:
    asked, failed = listed(*statuses)
    assert (asked, failed and failed.fault) == (len(statuses), fault)
