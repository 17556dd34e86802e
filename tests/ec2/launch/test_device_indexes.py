"""Interfaces of a launch with gaps between their device indexes, and what the answer says of an existing one."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from openstack.connection import Connection

from adapters.errors import Fault
from adapters.types.compute import Address
from adapters.types.network import AllowedAddress, Network
from shim.ec2.launch.addresses import place
from shim.ec2.launch.answer import launched
from shim.ec2.launch.placement import placement
from shim.ec2.launch.run_instances import run_instances
from shim.ec2.network.interface_rows import ALL_ADDRESSES, APART, ENDS, PLACE
from tests.ec2.acting import act
from tests.ec2.conftest import WAIT, Launch, end
from tests.ec2.instances.test_instance_costs import Cloud, Counted, call
from tests.ec2.instances.test_instance_rows import NET, SERVER, port
from tests.ec2.launch.test_launch_half_done import Cloud as LaunchCloud
from tests.ec2.launch.test_launch_half_done import Nova
from tests.ec2.launch.test_launch_request import ASKED, HEX, UUID, read
from tests.ec2.test_half_done import call as half_done_call
from tests.support.names import native_uuid


def test_places_are_kept_where_they_do_not_follow_from_the_order() -> None:
    assert read(NetworkInterfaces=[{"DeviceIndex": 1}, {"DeviceIndex": 0}]).places == ()
    gap = read(NetworkInterfaces=[{"DeviceIndex": 4}, {"DeviceIndex": 0, "NetworkInterfaceId": f"eni-{HEX}"}])
    assert gap.places == (0, 4)
    assert [bool(one.port_id) for one in gap.interfaces] == [True, False]


@pytest.mark.parametrize("checked", [True, False])
def test_the_answer_tells_the_check_of_an_interface_that_neutron_does_not_list_yet(checked: bool) -> None:
    launch = read(NetworkInterfaces=[{"DeviceIndex": 0, "NetworkInterfaceId": f"eni-{HEX}"}])
    free = replace(port("1", "m1", "10.0.0.5"), id=launch.interfaces[0].port_id or "", device_id="", device_owner="")
    if not checked:
        free = replace(free, allowed=tuple(AllowedAddress(one, None) for one in ALL_ADDRESSES))
    cloud: Any = Cloud(1)
    cloud.network = Counted(Counter(), ports=lambda **asked: [] if asked.get("device_ids") else [free])
    asked = call(cloud, "RunInstances")

    async def answered() -> dict[str, Any]:
        return await launched(asked, launch, [SERVER], await placement(asked, launch), ())

    [one] = asyncio.run(answered())["Instances"]
    assert (one["NetworkInterfaces"], one["SourceDestCheck"]) == ([], checked)


@pytest.mark.parametrize("old", ["true", "false"])
def test_an_existing_interface_forgets_how_an_earlier_attachment_was_to_end(old: str) -> None:
    kept = replace(port("1", "m1", "10.0.0.5"), id=UUID, device_id="", device_owner="", tags=(f"{ENDS}{old}",))
    tags = {*kept.tags}
    cloud: Any = LaunchCloud(Nova(1, Fault.QUOTA, ""))
    cloud.network = Counted(
        Counter(),
        networks=[Network(NET, "default", "p", False, False, "ACTIVE", (), (), ())],
        ports=lambda **asked: [] if asked.get("device_ids") else [kept],
        add_tag=lambda _, port, tag: tags.add(tag),
        remove_tag=lambda _, port, tag: tags.discard(tag),
    )
    nic = {"DeviceIndex": 0, "NetworkInterfaceId": f"eni-{HEX}"}
    asyncio.run(act(run_instances, call(cloud, "RunInstances"), {**ASKED, "NetworkInterfaces": [nic]}))
    assert tags == {APART}


PLACES = (0, 2, 5)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ((None, None, None), {0: 0, 1: 2, 2: 5}),
        ((0, None, 5), {1: 2}),  # the gateway was killed meanwhile
        ((0, 2, 5, None), {}),  # another tool has attached the last one
        ((0, 5), {}),  # one is detached
        ((None, None), {}),  # one is detached, and nobody can tell which
        ((0, 5, None), {2: 2}),
    ],
)
def test_a_repetition_takes_the_interfaces_that_are_there(
    told: tuple[int | None, ...], expected: dict[int, int]
) -> None:
    there = [
        replace(port(str(n), f"m{n}", f"10.0.0.{n + 1}"), tags=() if at is None else (f"{PLACE}{at}",))
        for n, at in enumerate(told)
    ]
    built = replace(
        SERVER, addresses=tuple(Address(f"10.0.0.{n + 1}", 4, one.mac, False) for n, one in enumerate(there))
    )
    marked: dict[str, str] = {}
    network = Counted(Counter(), ports=there, add_tag=lambda _, one, tag: marked.update({one: tag}))
    launch = read(NetworkInterfaces=[{"DeviceIndex": one} for one in PLACES])
    asked = half_done_call("RunInstances", network=network, compute=Counted(Counter(), server=built))
    asyncio.run(asyncio.wait_for(place(asked, [built], launch), 5))
    assert marked == {there[n].id: f"{PLACE}{at}" for n, at in expected.items()}


# Through both APIs.


@pytest.fixture
def interface(ec2: Any) -> Iterator[dict[str, Any]]:
    """An interface in the default subnet, which is deleted after the instances of the test."""
    [subnet, *_] = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    made = ec2.create_network_interface(SubnetId=subnet["SubnetId"])["NetworkInterface"]
    yield made
    named = {"NetworkInterfaceIds": [made["NetworkInterfaceId"]]}
    ec2.get_waiter("network_interface_available").wait(**named, WaiterConfig=WAIT)
    ec2.delete_network_interface(NetworkInterfaceId=made["NetworkInterfaceId"])


def test_a_gap_is_kept(ec2: Any, interface: dict[str, Any], launch: Launch, openstack_main: Connection) -> None:
    made, subnet = interface["NetworkInterfaceId"], interface["SubnetId"]
    [instance] = launch(
        NetworkInterfaces=[
            {"DeviceIndex": 0, "SubnetId": subnet},
            {"DeviceIndex": 2, "NetworkInterfaceId": made},
            {"DeviceIndex": 5, "SubnetId": subnet},
        ]
    )
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    [row] = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"]
    places = {one["NetworkInterfaceId"]: one["Attachment"]["DeviceIndex"] for one in row["NetworkInterfaces"]}
    assert sorted(places.values()) == [0, 2, 5]
    assert places[made] == 2
    last = next(one for one, place in places.items() if place == 5)
    assert "ec2:idx=5" in openstack_main.network.get_port(native_uuid(last)).tags
    [seen] = ec2.describe_network_interfaces(NetworkInterfaceIds=[last])["NetworkInterfaces"]
    assert seen["Attachment"]["DeviceIndex"] == 5
    end(ec2, [instance])
    left = openstack_main.network.get_port(native_uuid(made)).tags
    assert ("ec2:eni" in left, [one for one in left if one.startswith("ec2:idx")]) == (True, [])
