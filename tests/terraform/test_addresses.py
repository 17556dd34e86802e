"""Addresses, interfaces, rules and prefix lists from the first apply to the end, looked at from OpenStack's side."""

from collections.abc import Iterator

import pytest
from openstack.connection import Connection

from tests.ec2.conftest import eventually
from tests.support.leftovers import inventory
from tests.support.names import native_uuid
from tests.terraform.conftest import Terraform, Workspace

pytestmark = [pytest.mark.tool, pytest.mark.timeout(900)]

IN_PLACE = {
    "aws_eip.web",
    "aws_network_interface.web",
    "aws_ec2_managed_prefix_list.offices",
    "aws_vpc_security_group_ingress_rule.offices",
    "aws_vpc_security_group_ingress_rule.low",
}


@pytest.fixture
def addresses(workspace: Workspace, name: str, smallest_type: str) -> Iterator[Terraform]:
    """The configuration `addresses`; whatever is in its state at the end is destroyed."""
    with workspace("addresses").ready(name=name, instance_type=smallest_type) as terraform:
        yield terraform


def test_a_configurations_life(addresses: Terraform, name: str, openstack_alt: Connection) -> None:
    before = {*inventory(openstack_alt)} | floating(openstack_alt) | lists(openstack_alt)
    addresses("apply", "-auto-approve")
    assert addresses.settled()
    outputs = addresses.outputs()
    made = outputs["made"]
    check_natively(openstack_alt, name, made, outputs["public"])

    changed = "-var=changed=true"
    planned = addresses.planned(changed)
    assert set(map(tuple, planned.values())) == {("update",)}
    assert set(planned) == IN_PLACE
    addresses("apply", "-auto-approve", changed)
    assert addresses.settled(changed)
    assert addresses.outputs()["made"] == made
    check_changed(openstack_alt, made)

    addresses.import_again(
        {
            "aws_eip.web": made["eip"],
            "aws_eip_association.web": made["association"],
            "aws_network_interface.web": made["interface"],
            "aws_ec2_managed_prefix_list.offices": made["list"],
            "aws_security_group.web": made["group"],
            "aws_vpc_security_group_ingress_rule.offices": made["offices"],
            "aws_vpc_security_group_ingress_rule.low": made["low"],
            "aws_vpc_security_group_egress_rule.all": made["all"],
        },
        changed,
    )
    addresses("destroy", "-auto-approve", changed)
    assert not addresses("state", "list").stdout
    # Nova's list shows a server for a moment more after its status is DELETED.
    assert eventually(lambda: {*inventory(openstack_alt)} | floating(openstack_alt) | lists(openstack_alt) <= before)


def floating(connection: Connection) -> set[str]:
    return {one.id for one in connection.network.ips(project_id=connection.current_project_id)}


def lists(connection: Connection) -> set[str]:
    return {one.id for one in connection.network.address_groups()}


def check_natively(connection: Connection, name: str, made: dict[str, str], public: str) -> None:
    """Look at what the first apply made with OpenStack's own client."""
    port = connection.network.get_port(native_uuid(made["interface"]))
    assert (port.name, port.description, port.device_id) == (name, "of its own", native_uuid(made["instance"]))
    assert len(port.fixed_ips) == 2
    assert port.security_group_ids == [native_uuid(made["group"])]
    address = connection.network.get_ip(native_uuid(made["eip"]))
    assert (address.floating_ip_address, address.port_id) == (public, port.id)
    offices = connection.network.get_address_group(native_uuid(made["list"]))
    assert set(offices.addresses) == {"192.0.2.0/24", "198.51.100.0/24"}
    assert rules(connection, made["group"]) == {(443, 443, offices.id, None), (1, 22, None, "192.0.2.0/24")}


def check_changed(connection: Connection, made: dict[str, str]) -> None:
    """Look at what the change did."""
    port = connection.network.get_port(native_uuid(made["interface"]))
    assert port.description == "changed"
    assert port.allowed_address_pairs
    offices = connection.network.get_address_group(native_uuid(made["list"]))
    assert set(offices.addresses) == {"192.0.2.0/24", "203.0.113.0/24"}
    assert rules(connection, made["group"]) == {(443, 443, offices.id, None), (1, 22, None, "10.0.0.0/8")}


def rules(connection: Connection, group: str) -> set[tuple[int, int, str | None, str | None]]:
    found = connection.network.security_group_rules(security_group_id=native_uuid(group), direction="ingress")
    return {
        (one.port_range_min, one.port_range_max, one.remote_address_group_id, one.remote_ip_prefix) for one in found
    }
