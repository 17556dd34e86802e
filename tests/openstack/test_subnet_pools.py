"""Subnet pools are the records of what Neutron lacks: only those of the project itself tell of its resources."""

import asyncio

import httpx

from adapters.openstack.neutron.neutron import Neutron
from tests.openstack.stage import Wire, token


def listed(request: httpx.Request) -> httpx.Response:
    """Answer as Neutron does: another project shares a pool with this one."""
    pools = [{"id": one, "name": one, "project_id": one, "tags": []} for one in (token().project_id, "other")]
    wanted = request.url.params.get_list("project_id")
    return httpx.Response(
        200, json={"subnetpools": [one for one in pools if not wanted or one["project_id"] in wanted]}
    )


def test_a_pool_that_another_project_shares_is_no_record() -> None:
    async def both() -> tuple[list[str], list[str]]:
        wire = Wire(listed)
        neutron = Neutron(wire.session())
        try:
            own, visible = await neutron.subnet_pools(), await neutron.visible_subnet_pools()
        finally:
            await wire.transport.aclose()
        return [one.id for one in own], [one.id for one in visible]

    own = token().project_id
    assert asyncio.run(both()) == ([own], [own, "other"])
