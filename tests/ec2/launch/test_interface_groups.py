"""New interfaces of one instance with different security groups."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

from openstack.connection import Connection

from adapters.types.compute import Address
from adapters.types.network import Port
from shim.ec2.launch.addresses import regroup
from tests.ec2.conftest import Launch, end, refused
from tests.ec2.instances.test_instance_costs import Counted
from tests.ec2.instances.test_instance_rows import SERVER, port
from tests.ec2.test_half_done import call
from tests.support.names import native_uuid, unique

NOVAS = ("a",)  # Nova gives every interface those of the first
FIRST = replace(port("1", "m1", "10.0.0.5"), security_groups=NOVAS)
SECOND = replace(port("2", "m2", "10.0.0.6"), security_groups=NOVAS)
BUILT = replace(SERVER, addresses=(Address("10.0.0.6", 4, "m2", False), Address("10.0.0.5", 4, "m1", False)))


class Neutron(Counted):
    """A Neutron that has both ports, and notes changed groups."""

    def __init__(self, *ports: Port) -> None:
        super().__init__(Counter(), ports=list(ports))
        self.changed: dict[str, tuple[str, ...]] = {}

    async def update_port(self, id: str, *, security_groups: tuple[str, ...]) -> Port:
        self.changed[id] = security_groups
        return FIRST


class Nova(Counted):
    """A Nova that tells the order of the ports at the second look."""

    looks = 0

    async def server(self, _: str) -> Any:
        self.looks += 1
        return BUILT if self.looks > 1 else replace(BUILT, addresses=())


def test_groups_follow_the_order_that_nova_tells() -> None:
    neutron, nova = Neutron(FIRST, SECOND), Nova(Counter())
    here = call("RunInstances", network=neutron, compute=nova)
    asyncio.run(regroup(here, [BUILT], [NOVAS, ("b", "a")]))
    assert neutron.changed == {FIRST.id: ("b", "a")}
    assert nova.looks == 2


def test_groups_that_a_client_changed_stay() -> None:
    neutron = Neutron(replace(FIRST, security_groups=("c",)), SECOND)
    asyncio.run(regroup(call("RunInstances", network=neutron, compute=Nova(Counter())), [BUILT], [NOVAS, ("b",)]))
    assert neutron.changed == {}


def test_groups_of_what_is_left_stay_once_one_is_detached() -> None:
    neutron = Neutron(FIRST, SECOND)  # the second of three is detached
    here = call("RunInstances", network=neutron, compute=Nova(Counter()))
    asyncio.run(asyncio.wait_for(regroup(here, [BUILT], [NOVAS, ("b",), NOVAS]), 5))
    assert neutron.changed == {}


# Through both APIs.


def test_each_new_interface_has_its_groups(ec2: Any, launch: Launch, openstack_main: Connection) -> None:
    one, two = (ec2.create_security_group(GroupName=unique("g"), Description="x")["GroupId"] for _ in range(2))
    made: list[str] = []
    try:
        with refused("InvalidGroup.NotFound"):
            launch(
                NetworkInterfaces=[
                    {"DeviceIndex": 0, "Groups": [one]},
                    {"DeviceIndex": 1, "Groups": [f"sg-{'0' * 32}"]},
                ]
            )
        made += launch(
            NetworkInterfaces=[{"DeviceIndex": 0, "Groups": [one]}, {"DeviceIndex": 1, "Groups": [two, one]}]
        )
        [page] = ec2.describe_instances(InstanceIds=made)["Reservations"]
        nics = {nic["Attachment"]["DeviceIndex"]: nic for nic in page["Instances"][0]["NetworkInterfaces"]}
        assert {group["GroupId"] for group in nics[0]["Groups"]} == {one}
        assert {group["GroupId"] for group in nics[1]["Groups"]} == {one, two}
        native = openstack_main.network.get_port(native_uuid(nics[1]["NetworkInterfaceId"]))
        assert sorted(native.security_group_ids) == sorted(map(native_uuid, (one, two)))
    finally:
        end(ec2, made)
        ec2.delete_security_group(GroupId=one)
        ec2.delete_security_group(GroupId=two)
