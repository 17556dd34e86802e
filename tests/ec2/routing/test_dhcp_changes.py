"""DHCP options are associated while subnets of the VPC are deleted, as `terraform destroy` does, or the options."""

import asyncio

import anyio
import pytest

from adapters.errors import BackendError
from adapters.types.network import SubnetPool
from shim.ec2.routing.dhcp_options import associate_dhcp_options, delete_dhcp_options
from shim.errors import AwsError
from shim.locks import Locks
from tests.ec2.routing.small_neutron import DOWN, SUBNETS, VPC, Neutron, ec2_id, uuid
from tests.ec2.routing.test_route_changes import Step, begun

OPTIONS, SERVER = 50, "9.9.9.9"
FIRST, *OTHERS = map(uuid, SUBNETS)


def associated(options: str) -> Step:
    return Step(associate_dhcp_options, {"VpcId": ec2_id("vpc", VPC), "DhcpOptionsId": options})


NAMED = associated(ec2_id("dopt", OPTIONS))


def with_options() -> Neutron:
    neutron = Neutron()
    tags = ("ec2:kind=dhcp-options", f"ec2:dhcp-domain-name-servers=0-{SERVER}")
    neutron.things[uuid(OPTIONS)] = SubnetPool(uuid(OPTIONS), "", "p", tags)
    return neutron


async def deleted_meanwhile(neutron: Neutron, step: Step) -> None:
    """Take a step, and delete the first subnet while its name servers are being set."""
    neutron.begun.clear()
    neutron.waits["set_name_servers"] = asyncio.Event()
    taken = asyncio.ensure_future(step.take(neutron))
    await neutron.begun["set_name_servers"].wait()
    del neutron.things[FIRST]
    neutron.waits["set_name_servers"].set()
    await taken


@pytest.mark.parametrize(("step", "servers"), [(NAMED, [SERVER]), (associated("default"), [])])
def test_a_subnet_that_is_deleted_meanwhile_needs_no_name_servers(step: Step, servers: list[str]) -> None:
    async def scenario() -> None:
        neutron = with_options()
        if step is not NAMED:
            await NAMED.take(neutron)
        await deleted_meanwhile(neutron, step)
        assert {one: neutron.name_servers[one] for one in OTHERS} == dict.fromkeys(OTHERS, servers)

    anyio.run(scenario)


def test_what_is_taken_back_passes_over_a_subnet_that_is_gone(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        neutron = with_options()
        before = neutron.seen()
        neutron.fails_at = 2 + len(SUBNETS)  # two tags of the router, and the last of the subnets
        with pytest.raises(BackendError) as failed:
            await deleted_meanwhile(neutron, NAMED)
        assert failed.value is DOWN
        before.pop(FIRST)
        assert neutron.seen() == before
        assert neutron.name_servers[OTHERS[0]] == []
        assert "could not take back" not in caplog.text

    anyio.run(scenario)


def test_a_set_that_is_being_associated_is_not_deleted() -> None:
    async def scenario() -> None:
        neutron, shared = with_options(), Locks("")
        associating = await begun(neutron, "add_tag routers", NAMED.under(shared))
        deletion = Step(delete_dhcp_options, {"DhcpOptionsId": ec2_id("dopt", OPTIONS)}, shared)
        deleting = asyncio.ensure_future(deletion.take(neutron))
        await asyncio.wait([deleting], timeout=0.1)
        neutron.waits["add_tag routers"].set()
        await associating
        with pytest.raises(AwsError, match="DependencyViolation"):
            await deleting

    anyio.run(scenario)
