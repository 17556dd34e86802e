"""A whole configuration under Terraform: a network, its protection, instances, disks and images, to the last import."""

from collections.abc import Iterator
from typing import Any

import pytest
from openstack.connection import Connection

from tests.ec2.conftest import eventually
from tests.support.gateway import Gateway
from tests.support.leftovers import inventory
from tests.support.names import native_uuid
from tests.terraform.conftest import Terraform, Workspace, unanswered
from tests.terraform.test_terraform import natives

pytestmark = [pytest.mark.tool, pytest.mark.timeout(3600)]

MOVED = "aws_eip_association.web"  # the provider changes none: it makes another
IN_PLACE = {
    "aws_ami_from_instance.golden",
    "aws_default_security_group.main",
    "aws_ebs_snapshot.data",
    "aws_ebs_volume.data",
    "aws_ec2_instance_state.worker",
    "aws_eip.moving",
    "aws_eip.nat",
    "aws_eip.web",
    "aws_instance.spare",
    "aws_instance.web",
    "aws_instance.worker",
    "aws_internet_gateway.main",
    "aws_launch_template.worker",
    "aws_nat_gateway.main",
    "aws_network_acl.open",
    "aws_network_interface.second",
    "aws_route.partner",
    "aws_route_table.private",
    "aws_route_table.public",
    "aws_route_table_association.private",
    "aws_security_group.inner",
    "aws_security_group.web",
    "aws_subnet.private",
    "aws_subnet.public",
    "aws_vpc.main",
    "aws_vpc_dhcp_options.main",
    "aws_vpc_security_group_ingress_rule.web",
}


@pytest.fixture
def whole(workspace: Workspace, name: str, local_types: list[Any]) -> Iterator[Terraform]:
    """The configuration `whole`; whatever is in its state at the end is destroyed."""
    smallest = local_types[0]
    larger = next(one for one in local_types if one["MemoryInfo"]["SizeInMiB"] > smallest["MemoryInfo"]["SizeInMiB"])
    types = {"instance_type": smallest["InstanceType"], "larger_type": larger["InstanceType"]}
    with workspace("whole").ready(name=name, **types) as terraform:
        yield terraform


def test_a_whole_configurations_life(whole: Terraform, name: str, openstack_alt: Connection, gateway: Gateway) -> None:
    before, unanswered_before = inventory(openstack_alt), unanswered(gateway)
    whole("apply", "-auto-approve")
    assert whole.settled()
    outputs = whole.outputs()
    made = outputs["made"]
    check_seen(outputs["seen"], made)
    check_natively(openstack_alt, name, natives(made), outputs["attachment"])

    changed = "-var=changed=true"
    planned = whole.planned(changed)
    assert planned.pop(MOVED) == ["delete", "create"]
    assert set(map(tuple, planned.values())) == {("update",)}
    assert set(planned) == IN_PLACE
    whole("apply", "-auto-approve", changed)
    assert whole.settled(changed)
    after = whole.outputs()
    assert after["made"] == made
    check_changed(openstack_alt, natives(made), after["attachment"])

    whole.import_again(imported(after["made"], after["attachment"], name), changed)

    # The provider waits for minutes for the end of the attachment of an interface: a command of its own.
    whole("destroy", "-auto-approve", changed, "-target=aws_network_interface_attachment.second")
    whole("destroy", "-auto-approve", changed)
    assert not whole("state", "list").stdout
    assert eventually(lambda: inventory(openstack_alt).keys() <= before.keys())
    assert unanswered(gateway) == unanswered_before


def check_seen(seen: dict[str, Any], made: dict[str, str]) -> None:
    """Look at what the data sources told."""
    assert (seen["region"], seen["cidr"], seen["vcpus"]) == ("us-east-1", "10.50.0.0/16", 1)
    assert set(seen["subnets"]) == {made["public"], made["private"]}
    assert (seen["web"], seen["group"]) == (made["public"], made["web_group"])


def check_natively(connection: Connection, name: str, made: dict[str, str], attached: dict[str, str]) -> None:
    """Look at what the first apply made with OpenStack's own client."""
    web = connection.compute.get_server(made["web"])
    assert (web.status, web.key_name, web.metadata["tag:Name"]) == ("ACTIVE", name, name)
    assert [one.name for one in connection.compute.server_groups() if web.id in one.member_ids] == [name]
    ports = {one.id: one for one in connection.network.ports(device_id=web.id)}
    assert set(ports) == {made["second"], native_uuid(attached["primary"])}
    assert {group for one in ports.values() for group in one.security_group_ids} == {made["web_group"]}
    assert connection.network.get_ip(made["address"]).port_id == native_uuid(attached["primary"])
    [worker] = connection.network.ports(device_id=made["worker"])
    assert worker.security_group_ids == [made["inner_group"]]
    assert connection.network.get_ip(made["moving"]).port_id == worker.id
    nat = connection.network.get_router(made["nat"])
    assert nat.external_gateway_info["enable_snat"]
    private = connection.network.get_subnet(made["private"])
    assert {"0.0.0.0/1", "198.51.100.0/24"} <= {one["destination"] for one in private.host_routes}
    assert [one["server_id"] for one in connection.block_storage.get_volume(made["volume"]).attachments] == [web.id]
    assert connection.block_storage.get_snapshot(made["snapshot"]).volume_id == made["volume"]


def check_changed(connection: Connection, made: dict[str, str], attached: dict[str, str]) -> None:
    """Look at what the change did."""
    web = connection.compute.get_server(made["web"])
    assert (web.status, web.flavor.ram > 512, web.metadata["tag:Stage"]) == ("ACTIVE", True, "two")
    primary = connection.network.get_port(native_uuid(attached["primary"]))
    assert set(primary.security_group_ids) == {made["web_group"], made["inner_group"]}
    second = connection.network.get_port(made["second"])
    assert second.security_group_ids == [made["inner_group"]]
    assert connection.network.get_ip(made["address"]).port_id == second.id
    [spare] = connection.network.ports(device_id=made["spare"])
    assert connection.network.get_ip(made["moving"]).port_id == spare.id
    assert connection.compute.get_server(made["worker"]).status == "SHUTOFF"
    assert connection.network.get_subnet(made["private"]).host_routes == []  # the internet gateway's, no NAT gateway's
    assert connection.block_storage.get_volume(made["volume"]).size == 2


def imported(made: dict[str, str], attached: dict[str, str], name: str) -> dict[str, str]:
    """Return the id by which each resource is imported; the provider imports no `aws_ami_from_instance`."""
    return {
        "aws_vpc.main": made["vpc"],
        "aws_vpc_ipv4_cidr_block_association.more": made["more"],
        "aws_vpc_dhcp_options.main": made["options"],
        "aws_vpc_dhcp_options_association.main": made["vpc"],
        "aws_subnet.public": made["public"],
        "aws_subnet.private": made["private"],
        "aws_internet_gateway.main": made["igw"],
        "aws_eip.nat": made["nat_address"],
        "aws_nat_gateway.main": made["nat"],
        "aws_route_table.public": made["public_table"],
        "aws_route.internet": f"{made['public_table']}_0.0.0.0/0",
        "aws_route_table.private": made["private_table"],
        "aws_route.private": f"{made['private_table']}_0.0.0.0/0",
        "aws_route.partner": f"{made['private_table']}_198.51.100.0/24",
        "aws_route_table_association.public": f"{made['public']}/{made['public_table']}",
        "aws_route_table_association.private": f"{made['private']}/{made['public_table']}",
        "aws_network_acl.open": made["acl"],
        "aws_default_security_group.main": made["default_group"],
        "aws_security_group.web": made["web_group"],
        "aws_security_group.inner": made["inner_group"],
        "aws_vpc_security_group_ingress_rule.web": made["web_in"],
        "aws_vpc_security_group_egress_rule.web": made["web_out"],
        "aws_security_group_rule.inner": f"{made['inner_group']}_ingress_tcp_5432_5432_{made['web_group']}",
        "aws_key_pair.main": name,
        "aws_placement_group.apart": name,
        "aws_launch_template.worker": made["template"],
        "aws_instance.web": made["web"],
        "aws_instance.worker": made["worker"],
        "aws_instance.spare": made["spare"],
        "aws_ec2_instance_state.worker": made["worker"],
        "aws_network_interface.second": made["second"],
        "aws_network_interface_attachment.second": attached["interface"],
        "aws_eip.web": made["address"],
        MOVED: attached["association"],
        "aws_eip.moving": made["moving"],
        "aws_ebs_volume.data": made["volume"],
        "aws_volume_attachment.data": f"/dev/sdf:{made['volume']}:{made['web']}",
        "aws_ebs_snapshot.data": made["snapshot"],
    }
