"""Neutron breaks where a tag is written on what is gone; the adapter says that it is gone."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest

from adapters.errors import BackendError, Fault
from adapters.openstack.neutron.neutron import Neutron
from tests.openstack.stage import Wire

CHANGES: list[Callable[[Neutron], Awaitable[None]]] = [
    lambda neutron: neutron.set_tags("subnets", "s", ["a"]),
    lambda neutron: neutron.add_tag("subnets", "s", "a"),
    lambda neutron: neutron.remove_tag("subnets", "s", "a"),
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(("exists", "fault"), [(False, Fault.NOT_FOUND), (True, Fault.UNAVAILABLE)])
def test_a_tag_of_what_is_gone(change: Callable[[Neutron], Awaitable[None]], exists: bool, fault: Fault) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            assert request.url.path.endswith("/subnets/s")
            return httpx.Response(200, json={"subnet": {}}) if exists else httpx.Response(404)
        return httpx.Response(500, json={"NeutronError": {"message": "Request Failed: internal server error"}})

    async def tried() -> BackendError:
        wire = Wire(answer)
        try:
            with pytest.raises(BackendError) as failed:
                await change(Neutron(wire.session()))
        finally:
            await wire.transport.aclose()
        return failed.value

    found = asyncio.run(tried())
    assert (found.fault, found.resource, found.id) == (fault, "subnet", "s")
