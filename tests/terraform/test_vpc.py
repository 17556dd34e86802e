"""A VPC's life with Terraform, looked at from OpenStack's side at every step."""

from collections.abc import Iterator

import pytest
from openstack.connection import Connection

from tests.terraform.conftest import Terraform, Workspace
from tests.terraform.test_terraform import natives, present

pytestmark = [pytest.mark.tool, pytest.mark.timeout(1800)]
IN_PLACE = {
    "aws_route_table_association.private",
    "aws_vpc.main",
    "aws_vpc_dhcp_options.main",
    "aws_vpc_dhcp_options_association.main",
}


@pytest.fixture
def network(workspace: Workspace, name: str) -> Iterator[Terraform]:
    """The configuration `vpc`, ready to be applied; whatever is in its state at the end is destroyed."""
    with workspace("vpc").ready(name=name) as terraform:
        yield terraform


def test_a_vpcs_life(network: Terraform, name: str, openstack_alt: Connection) -> None:
    before = present(openstack_alt)
    network("apply", "-auto-approve")
    assert network.settled()
    ids = network.outputs()["made"]
    made = natives(ids)
    router = openstack_alt.network.get_router(made["vpc"])
    assert (router.name, router.external_gateway_info["enable_snat"]) == (name, False)
    public = openstack_alt.network.get_subnet(made["public"])
    assert (public.name, public.dns_nameservers) == (f"{name}-public-0", ["10.40.0.9"])
    assert {f"ec2:route-table={made['table']}", "ec2:map-public-ip"} <= set(public.tags)
    assert f"ec2:port-dhcp={made['options']}" in public.tags
    assert f"ec2:route=0.0.0.0-0={ids['igw']}" in openstack_alt.network.get_subnet_pool(made["table"]).tags
    assert list(openstack_alt.network.security_group_rules(security_group_id=made["group"])) == []
    interfaces = list(openstack_alt.network.ports(device_id=router.id, device_owner="network:router_interface"))
    assert [one.is_admin_state_up for one in interfaces] == [True] * 3

    changed = "-var=changed=true"
    planned = network.planned(changed)
    assert set(map(tuple, planned.values())) == {("update",)}
    assert set(planned) == IN_PLACE
    network("apply", "-auto-approve", changed)
    assert network.settled(changed)
    private = openstack_alt.network.get_subnet(made["private"])
    assert {f"ec2:route-table={made['table']}", f"ec2:port-dhcp={made['other']}"} <= set(private.tags)
    assert f"ec2:port-dhcp={made['options']}" not in private.tags
    assert private.dns_nameservers == ["0.0.0.0"]  # noqa: S104 - Neutron's word for none

    network.import_again(
        {
            "aws_vpc.main": ids["vpc"],
            "aws_subnet.private": ids["private"],
            "aws_internet_gateway.main": ids["igw"],
            "aws_route.internet": f"{ids['table']}_0.0.0.0/0",
            "aws_route_table_association.private": f"{ids['private']}/{ids['table']}",
            "aws_vpc_dhcp_options.main": ids["options"],
        },
        changed,
    )
    network("destroy", "-auto-approve", changed)
    assert present(openstack_alt) <= before
