"""Single attributes of an instance through boto3, and what they are in Nova."""

from typing import Any
from uuid import UUID

import pytest

from tests.ec2.conftest import WAIT, Launch, end, refused
from tests.ec2.instances.test_instances import instances, server_id
from tests.support.names import native_uuid, unique


def test_termination_protection(ec2: Any, launch: Launch) -> None:
    made = launch(DisableApiTermination=True)
    try:
        for attribute, on in (("disableApiTermination", True), ("disableApiStop", False)):
            found = ec2.describe_instance_attribute(InstanceId=made[0], Attribute=attribute)
            assert found[attribute[0].upper() + attribute[1:]] == {"Value": on}
        with refused("OperationNotPermitted"):
            ec2.terminate_instances(InstanceIds=made)
        assert instances(ec2, InstanceIds=made)[0]["State"]["Name"] in ("pending", "running")
    finally:
        ec2.modify_instance_attribute(InstanceId=made[0], DisableApiTermination={"Value": False})


def test_attributes(ec2: Any, instance: str) -> None:
    read = {
        "instanceType": "InstanceType",
        "kernel": "KernelId",
        "ramdisk": "RamdiskId",
        "userData": "UserData",
        "instanceInitiatedShutdownBehavior": "InstanceInitiatedShutdownBehavior",
        "rootDeviceName": "RootDeviceName",
        "blockDeviceMapping": "BlockDeviceMappings",
        "productCodes": "ProductCodes",
        "sourceDestCheck": "SourceDestCheck",
        "groupSet": "Groups",
        "ebsOptimized": "EbsOptimized",
        "sriovNetSupport": "SriovNetSupport",
        "enaSupport": "EnaSupport",
        "enclaveOptions": "EnclaveOptions",
    }
    found = {name: ec2.describe_instance_attribute(InstanceId=instance, Attribute=name) for name in read}
    assert all(read[name] in answer for name, answer in found.items())
    assert found["instanceInitiatedShutdownBehavior"]["InstanceInitiatedShutdownBehavior"] == {"Value": "stop"}
    (one,) = instances(ec2, InstanceIds=[instance])
    assert found["groupSet"]["Groups"] == one["SecurityGroups"]
    with refused("UnsupportedOperation"):
        ec2.modify_instance_attribute(InstanceId=instance, Attribute="kernel", Value="aki-00000000")
    with refused("UnsupportedOperation"):
        ec2.modify_instance_attribute(InstanceId=instance, InstanceInitiatedShutdownBehavior={"Value": "terminate"})


@pytest.fixture
def stopped(ec2: Any, launch: Launch) -> str:
    """A stopped instance."""
    (made,) = launch()
    ec2.get_waiter("instance_running").wait(InstanceIds=[made], WaiterConfig=WAIT)
    ec2.stop_instances(InstanceIds=[made])
    ec2.get_waiter("instance_stopped").wait(InstanceIds=[made], WaiterConfig=WAIT)
    return made


@pytest.fixture
def other_type(ec2: Any, instance_type: str) -> str:
    """An instance type that is larger than the usual one."""
    (usual,) = ec2.describe_instance_types(InstanceTypes=[instance_type])["InstanceTypes"]
    types = ec2.describe_instance_types()["InstanceTypes"]
    larger = [
        one
        for one in types
        if one["MemoryInfo"]["SizeInMiB"] > usual["MemoryInfo"]["SizeInMiB"]
        and "instance-store" in one["SupportedRootDeviceTypes"]
        and one["ProcessorInfo"] == usual["ProcessorInfo"]
    ]
    return str(min(larger, key=lambda one: one["MemoryInfo"]["SizeInMiB"])["InstanceType"])


def test_the_type_of_a_stopped_instance(
    ec2: Any, stopped: str, instance_type: str, other_type: str, openstack_main: Any
) -> None:
    ec2.modify_instance_attribute(InstanceId=stopped, InstanceType={"Value": other_type})
    (one,) = instances(ec2, InstanceIds=[stopped])
    assert (one["InstanceType"], one["State"]["Name"]) == (other_type, "stopped")
    native = openstack_main.compute.get_server(server_id(stopped))
    assert (native.status, native.flavor["original_name"]) == ("SHUTOFF", other_type)
    ec2.modify_instance_attribute(InstanceId=stopped, InstanceType={"Value": other_type})  # nothing to do
    ec2.start_instances(InstanceIds=[stopped])
    ec2.get_waiter("instance_running").wait(InstanceIds=[stopped], WaiterConfig=WAIT)
    with refused("IncorrectInstanceState"):
        ec2.modify_instance_attribute(InstanceId=stopped, Attribute="instanceType", Value=instance_type)


def test_a_resize_that_a_killed_gateway_left(ec2: Any, stopped: str, other_type: str, openstack_main: Any) -> None:
    flavor = openstack_main.compute.find_flavor(other_type)
    native = openstack_main.compute.get_server(server_id(stopped))
    openstack_main.compute.resize_server(native, flavor.id)
    openstack_main.compute.wait_for_server(native, status="VERIFY_RESIZE", interval=0.5, wait=60)
    assert instances(ec2, InstanceIds=[stopped])[0]["State"]["Name"] == "stopped"
    ec2.start_instances(InstanceIds=[stopped])
    ec2.get_waiter("instance_running").wait(InstanceIds=[stopped], WaiterConfig=WAIT)
    assert instances(ec2, InstanceIds=[stopped])[0]["InstanceType"] == other_type
    assert openstack_main.compute.get_server(server_id(stopped)).status == "ACTIVE"


def test_stop_protection_and_flags(ec2: Any, launch: Launch) -> None:
    (made,) = launch()
    ec2.get_waiter("instance_running").wait(InstanceIds=[made], WaiterConfig=WAIT)
    ec2.modify_instance_attribute(InstanceId=made, DisableApiStop={"Value": True})
    with refused("OperationNotPermitted"):
        ec2.stop_instances(InstanceIds=[made])
    with refused("IncorrectInstanceState"):
        ec2.modify_instance_attribute(InstanceId=made, EbsOptimized={"Value": True})
    ec2.modify_instance_attribute(InstanceId=made, Attribute="disableApiStop", Value="false")
    ec2.stop_instances(InstanceIds=[made])
    ec2.get_waiter("instance_stopped").wait(InstanceIds=[made], WaiterConfig=WAIT)
    ec2.modify_instance_attribute(InstanceId=made, EbsOptimized={"Value": True})
    ec2.modify_instance_attribute(InstanceId=made, EnaSupport={"Value": True})
    assert instances(ec2, InstanceIds=[made])[0]["EbsOptimized"] is True


def test_delete_on_termination_of_a_volume(ec2: Any, launch: Launch, openstack_main: Any) -> None:
    (made,) = launch(BlockDeviceMappings=[{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1}}])
    ec2.get_waiter("instance_running").wait(InstanceIds=[made], WaiterConfig=WAIT)
    (device,) = instances(ec2, InstanceIds=[made])[0]["BlockDeviceMappings"]
    volume = device["Ebs"]["VolumeId"]
    assert device["Ebs"]["DeleteOnTermination"] is True
    with refused("InvalidInstanceAttributeValue"):
        ec2.modify_instance_attribute(
            InstanceId=made,
            BlockDeviceMappings=[{"DeviceName": "/dev/sdz", "Ebs": {"DeleteOnTermination": False}}],
        )
    ec2.modify_instance_attribute(
        InstanceId=made, BlockDeviceMappings=[{"DeviceName": "/dev/sdf", "Ebs": {"DeleteOnTermination": False}}]
    )
    found = ec2.describe_instance_attribute(InstanceId=made, Attribute="blockDeviceMapping")
    assert found["BlockDeviceMappings"][0]["Ebs"]["DeleteOnTermination"] is False
    attachment = openstack_main.compute.get_volume_attachment(server_id(made), str(UUID(volume.removeprefix("vol-"))))
    assert attachment.delete_on_termination is False
    ec2.terminate_instances(InstanceIds=[made])
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig=WAIT)
    ec2.delete_volume(VolumeId=volume)


def test_groups_and_the_source_check(ec2: Any, launch: Launch, openstack_main: Any) -> None:
    (made,) = launch()
    ec2.get_waiter("instance_running").wait(InstanceIds=[made], WaiterConfig=WAIT)
    group = ec2.create_security_group(GroupName=unique("groups"), Description="x")["GroupId"]
    try:
        (port,) = openstack_main.network.ports(device_id=native_uuid(made))
        before = [one["GroupId"] for one in instances(ec2, InstanceIds=[made])[0]["SecurityGroups"]]
        ec2.modify_instance_attribute(InstanceId=made, Groups=[group])
        assert openstack_main.network.get_port(port.id).security_group_ids == [native_uuid(group)]
        seen = ec2.describe_instance_attribute(InstanceId=made, Attribute="groupSet")["Groups"]
        assert [one["GroupId"] for one in seen] == [group]
        with refused("InvalidGroup.NotFound"):
            ec2.modify_instance_attribute(InstanceId=made, Groups=["sg-" + "0" * 32])
        with refused("InvalidGroupId.Malformed"):
            ec2.modify_instance_attribute(InstanceId=made, Groups=["web"])
        ec2.modify_instance_attribute(InstanceId=made, Groups=before)

        ec2.modify_instance_attribute(InstanceId=made, SourceDestCheck={"Value": False})
        assert openstack_main.network.get_port(port.id).allowed_address_pairs
        assert instances(ec2, InstanceIds=[made])[0]["SourceDestCheck"] is False
        ec2.reset_instance_attribute(InstanceId=made, Attribute="sourceDestCheck")
        assert not openstack_main.network.get_port(port.id).allowed_address_pairs
        ec2.modify_instance_attribute(InstanceId=made, Attribute="sourceDestCheck", Value="false")
        seen = ec2.describe_instance_attribute(InstanceId=made, Attribute="sourceDestCheck")
        assert seen["SourceDestCheck"] == {"Value": False}
        with refused("UnsupportedOperation"):
            ec2.reset_instance_attribute(InstanceId=made, Attribute="kernel")
    finally:
        end(ec2, [made])
        ec2.delete_security_group(GroupId=group)


def test_an_instance_of_several_interfaces_is_changed_by_them(ec2: Any, launch: Launch) -> None:
    (made,) = launch(NetworkInterfaces=[{"DeviceIndex": 0}, {"DeviceIndex": 1}])
    ec2.get_waiter("instance_running").wait(InstanceIds=[made], WaiterConfig=WAIT)
    with refused("InvalidInstanceID"):
        ec2.modify_instance_attribute(InstanceId=made, SourceDestCheck={"Value": False})
    for attribute in ("groupSet", "sourceDestCheck"):
        with refused("InvalidInstanceID"):
            ec2.describe_instance_attribute(InstanceId=made, Attribute=attribute)


def test_few_attributes_can_be_reset(ec2: Any, instance: str) -> None:
    for attribute, code in (
        ("instanceType", "InvalidParameterValue"),
        ("groupSet", "InvalidParameterValue"),
        ("colour", "InvalidParameterValue"),
        ("ramdisk", "UnsupportedOperation"),
    ):
        with refused(code):
            ec2.reset_instance_attribute(InstanceId=instance, Attribute=attribute)


def test_attributes_that_cannot_be_changed_here(ec2: Any, instance: str) -> None:
    for asked in (
        {"UserData": {"Value": b"new"}},
        {"Kernel": {"Value": "aki-00000000"}},
        {"EnaSupport": {"Value": False}},
        {"SriovNetSupport": {"Value": "simple"}},
    ):
        with refused("UnsupportedOperation"):
            ec2.modify_instance_attribute(InstanceId=instance, **asked)
    with refused("InvalidParameterCombination"):
        ec2.modify_instance_attribute(
            InstanceId=instance, DisableApiStop={"Value": True}, DisableApiTermination={"Value": True}
        )
    with refused("InvalidInstanceID.NotFound"):
        ec2.modify_instance_attribute(InstanceId="i-" + "0" * 32, DisableApiStop={"Value": True})
    with refused("DryRunOperation", 412):
        ec2.modify_instance_attribute(InstanceId=instance, DisableApiStop={"Value": True}, DryRun=True)
