"""A network of both IP versions with Terraform, at a gateway whose operator has named a subnet pool."""

from collections.abc import Iterator

import pytest
from openstack.connection import Connection

from tests.support.gateway import gateway as run_gateway
from tests.support.ipv6 import external_subnet, shared_pool
from tests.support.target import Target
from tests.terraform.conftest import Terraform, Workspace
from tests.terraform.test_terraform import natives, present

pytestmark = [pytest.mark.tool, pytest.mark.timeout(1800)]


@pytest.fixture
def network(workspace: Workspace, cloud: Target, name: str) -> Iterator[Terraform]:
    """The configuration `ipv6`, ready to be applied; whatever is in its state at the end is destroyed."""
    with (
        cloud.connect("admin") as admin,
        external_subnet(admin, "2001:db8:ffff:42::/64"),
        shared_pool(admin, "2001:db8:42::/56") as pool,
        run_gateway(cloud, "terraform-ipv6", settings={"ec2_ipv6_pool": pool.name}) as running,
        workspace("ipv6", running.url).ready(name=name) as terraform,
    ):
        yield terraform


def test_a_network_of_both_versions(network: Terraform, openstack_alt: Connection) -> None:
    before = present(openstack_alt)
    network("apply", "-auto-approve")
    assert network.settled()
    ids = network.outputs()["made"]
    made = natives(ids)
    router = openstack_alt.network.get_router(made["vpc"])
    outside = router.external_gateway_info["external_fixed_ips"]
    assert sorted(":" in one["ip_address"] for one in outside) == [False, True]
    assert "ec2:assign-ipv6" in openstack_alt.network.get_subnet(made["subnet"]).tags
    assert versions(openstack_alt, made["interface"]) == [4, 6]

    changed = "-var=changed=true"
    planned = network.planned(changed)
    assert planned == {"aws_subnet.later": ["update"], "aws_network_interface.main": ["update"]}
    network("apply", "-auto-approve", changed)
    assert network.settled(changed)
    assert versions(openstack_alt, made["interface"]) == [4, 6, 6]
    home = openstack_alt.network.get_subnet(made["later"]).network_id
    assert [one.cidr for one in openstack_alt.network.subnets(network_id=home, ip_version=6)] == ["2001:db8:42:1::/64"]

    network.import_again(
        {
            "aws_vpc.main": ids["vpc"],
            "aws_subnet.later": ids["later"],
            "aws_route.internet": f"{ids['table']}_::/0",
        },
        changed,
    )
    network("destroy", "-auto-approve", changed)
    assert present(openstack_alt) <= before


def versions(connection: Connection, port: str) -> list[int]:
    """Return the IP version of each address of a port."""
    return sorted(6 if ":" in one["ip_address"] else 4 for one in connection.network.get_port(port).fixed_ips)
