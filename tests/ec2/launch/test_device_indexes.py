"""Interfaces of a launch with gaps between their device indexes, and what the answer says of an existing one."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from openstack.connection import Connection

from adapters.types.network import AllowedAddress
from shim.ec2.launch.answer import launched
from shim.ec2.launch.placement import placement
from shim.ec2.network.interface_rows import ALL_ADDRESSES
from tests.ec2.conftest import WAIT, Launch, end
from tests.ec2.instances.test_instance_costs import Cloud, Counted, call
from tests.ec2.instances.test_instance_rows import SERVER, port
from tests.ec2.launch.test_launch_request import HEX, read
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


# Through both APIs.


def test_a_gap_is_kept(ec2: Any, launch: Launch, openstack_main: Connection) -> None:
    [subnet, *_] = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    made = ec2.create_network_interface(SubnetId=subnet["SubnetId"])["NetworkInterface"]["NetworkInterfaceId"]
    try:
        [instance] = launch(
            NetworkInterfaces=[
                {"DeviceIndex": 0, "SubnetId": subnet["SubnetId"]},
                {"DeviceIndex": 2, "NetworkInterfaceId": made},
                {"DeviceIndex": 5, "SubnetId": subnet["SubnetId"]},
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
    finally:
        ec2.get_waiter("network_interface_available").wait(NetworkInterfaceIds=[made], WaiterConfig={"Delay": 1})
        ec2.delete_network_interface(NetworkInterfaceId=made)
