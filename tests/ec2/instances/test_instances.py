"""Instances through boto3, and the same servers through openstacksdk."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from tests.ec2.conftest import WAIT, Launch, end, eventually, refused
from tests.support.gateway import Gateway
from tests.support.names import unique


def server_id(instance_id: str) -> str:
    return str(UUID(instance_id.removeprefix("i-")))


def instances(ec2: Any, **asked: Any) -> list[dict[str, Any]]:
    return [one for page in ec2.describe_instances(**asked)["Reservations"] for one in page["Instances"]]


def test_life_of_an_instance(ec2: Any, launch: Launch, openstack_main: Any) -> None:
    made = launch()
    ec2.get_waiter("instance_exists").wait(InstanceIds=made, WaiterConfig=WAIT)
    ec2.get_waiter("instance_running").wait(InstanceIds=made, WaiterConfig=WAIT)
    ec2.get_waiter("instance_status_ok").wait(InstanceIds=made, WaiterConfig=WAIT)
    ec2.get_waiter("system_status_ok").wait(InstanceIds=made, WaiterConfig=WAIT)

    (change,) = ec2.stop_instances(InstanceIds=made)["StoppingInstances"]
    assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == ("running", "stopping")
    ec2.get_waiter("instance_stopped").wait(InstanceIds=made, WaiterConfig=WAIT)
    assert openstack_main.compute.get_server(server_id(made[0])).status == "SHUTOFF"
    with refused("IncorrectInstanceState"):
        ec2.reboot_instances(InstanceIds=made)

    (change,) = ec2.start_instances(InstanceIds=made)["StartingInstances"]
    assert (change["PreviousState"]["Code"], change["CurrentState"]["Code"]) == (80, 0)
    ec2.get_waiter("instance_running").wait(InstanceIds=made, WaiterConfig=WAIT)
    (again,) = ec2.start_instances(InstanceIds=made)["StartingInstances"]
    assert again["PreviousState"] == again["CurrentState"] == {"Code": 16, "Name": "running"}
    ec2.reboot_instances(InstanceIds=made)
    ec2.get_waiter("instance_running").wait(InstanceIds=made, WaiterConfig=WAIT)

    heard: list[bytes] = []
    ec2.meta.events.register(
        "before-parse.ec2.TerminateInstances", lambda response_dict, **_: heard.append(response_dict["body"]), "order"
    )
    (change,) = ec2.terminate_instances(InstanceIds=made)["TerminatingInstances"]
    ec2.meta.events.unregister("before-parse.ec2.TerminateInstances", unique_id="order")
    assert heard[0].index(b"<currentState>") < heard[0].index(b"<previousState>")  # clients read the first state
    assert change["CurrentState"] == {"Code": 32, "Name": "shutting-down"}
    ec2.get_waiter("instance_terminated").wait(InstanceIds=made, WaiterConfig=WAIT)
    assert eventually(lambda: openstack_main.compute.find_server(server_id(made[0])) is None)
    (gone,) = instances(ec2, InstanceIds=made)
    assert gone["State"] == {"Code": 48, "Name": "terminated"}
    assert gone["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    assert gone["NetworkInterfaces"] == gone["BlockDeviceMappings"] == []
    (change,) = ec2.terminate_instances(InstanceIds=made)["TerminatingInstances"]
    assert change["CurrentState"]["Name"] == change["PreviousState"]["Name"] == "terminated"


def test_a_launch_in_both_views(ec2: Any, launch: Launch, openstack_main: Any, instance_type: str, image: str) -> None:
    name = unique("instance")
    tags = [{"Key": "Name", "Value": name}, {"Key": "kubernetes.io/cluster/é", "Value": "owned " * 42}]
    made = launch(
        2,
        UserData="#!/bin/sh\ntrue\n",
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
        MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
        EbsOptimized=True,
    )
    ec2.get_waiter("instance_running").wait(InstanceIds=made, WaiterConfig=WAIT)
    found = instances(ec2, Filters=[{"Name": "tag:Name", "Values": [name[:-1] + "?"]}])
    assert sorted(one["InstanceId"] for one in found) == sorted(made)
    assert sorted(one["AmiLaunchIndex"] for one in found) == [0, 1]
    assert len(ec2.describe_instances(InstanceIds=made)["Reservations"]) == 1
    for one in found:
        assert one["Tags"] == tags
        assert one["ImageId"] == image
        assert one["InstanceType"] == instance_type
        assert one["MetadataOptions"]["HttpTokens"] == "required"
        assert one["MetadataOptions"]["HttpPutResponseHopLimit"] == 2
        assert one["EbsOptimized"] is True
        native = openstack_main.compute.get_server(server_id(one["InstanceId"]))
        assert native.name == name
        assert native.metadata["tag:Name"] == name
        addresses = [a["addr"] for net in native.addresses.values() for a in net]
        assert one["PrivateIpAddress"] in addresses
        (interface,) = one["NetworkInterfaces"]
        assert (interface["SubnetId"], interface["VpcId"]) == (one["SubnetId"], one["VpcId"])
        port = openstack_main.network.get_port(str(UUID(interface["NetworkInterfaceId"].removeprefix("eni-"))))
        assert port.mac_address == interface["MacAddress"]
        assert [UUID(group["GroupId"].removeprefix("sg-")) for group in one["SecurityGroups"]] == [
            UUID(group) for group in port.security_group_ids
        ]


def test_a_server_made_by_openstack_is_an_instance(
    ec2: Any, openstack_main: Any, image: str, instance_type: str, launch: Launch
) -> None:
    network = openstack_main.network.find_network("default")
    native = openstack_main.compute.create_server(
        name=unique("native"),
        image_id=str(UUID(image.removeprefix("ami-"))),
        flavor_id=openstack_main.compute.find_flavor(instance_type).id,
        networks=[{"uuid": network.id}],
        metadata={"owner": "somebody", "tag:team": "blue"},
    )
    made = [f"i-{native.id.replace('-', '')}"]
    try:
        ec2.get_waiter("instance_running").wait(InstanceIds=made, WaiterConfig=WAIT)
        (one,) = instances(ec2, InstanceIds=made)
        assert one["Tags"] == [{"Key": "team", "Value": "blue"}]
        assert (one["InstanceType"], one["ImageId"]) == (instance_type, image)
        assert one["PrivateIpAddress"]
    finally:
        end(ec2, made)
    assert eventually(lambda: openstack_main.compute.find_server(native.id) is None)


def test_the_same_token_launches_once(ec2: Any, launch: Launch) -> None:
    token = unique("token")
    first = launch(2, ClientToken=token)
    assert sorted(launch(2, ClientToken=token)) == sorted(first)
    found = instances(ec2, Filters=[{"Name": "client-token", "Values": [token]}])
    assert sorted(one["InstanceId"] for one in found) == sorted(first)
    with refused("IdempotentParameterMismatch"):
        launch(1, ClientToken=token)


def test_volumes_come_and_go_with_their_instance(ec2: Any, launch: Launch, openstack_main: Any, image: str) -> None:
    root = ec2.describe_images(ImageIds=[image])["Images"][0]["RootDeviceName"]
    made = launch(
        BlockDeviceMappings=[
            {"DeviceName": root, "Ebs": {"VolumeSize": 2, "DeleteOnTermination": True}},
            {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1, "DeleteOnTermination": False}},
        ],
        TagSpecifications=[{"ResourceType": "volume", "Tags": [{"Key": "a/b", "Value": "c"}]}],
    )
    ec2.get_waiter("instance_running").wait(InstanceIds=made, WaiterConfig=WAIT)
    (one,) = instances(ec2, InstanceIds=made)
    by_name = {device["DeviceName"]: device for device in one["BlockDeviceMappings"]}
    assert one["RootDeviceType"] == "ebs"
    assert by_name.keys() == {one["RootDeviceName"], "/dev/sdf"}
    device = by_name[one["RootDeviceName"]]
    kept = by_name["/dev/sdf"]["Ebs"]["VolumeId"]
    for found in ec2.describe_volumes(VolumeIds=[device["Ebs"]["VolumeId"], kept])["Volumes"]:
        assert found["Tags"] == [{"Key": "a/b", "Value": "c"}]
        assert by_name[found["Attachments"][0]["Device"]]["Ebs"]["VolumeId"] == found["VolumeId"]
    volume = str(UUID(device["Ebs"]["VolumeId"].removeprefix("vol-")))
    assert openstack_main.block_storage.get_volume(volume).size == 2
    end(ec2, made)
    assert eventually(lambda: openstack_main.block_storage.find_volume(volume) is None)
    ec2.get_waiter("volume_available").wait(VolumeIds=[kept], WaiterConfig=WAIT)
    ec2.delete_volume(VolumeId=kept)
    ec2.get_waiter("volume_deleted").wait(VolumeIds=[kept], WaiterConfig=WAIT)


def test_pages_and_costs(ec2: Any, launch: Launch, gateway: Gateway) -> None:
    made = launch(6)
    ec2.get_waiter("instance_running").wait(InstanceIds=made, WaiterConfig=WAIT)
    alive = [{"Name": "instance-id", "Values": made}]
    first = ec2.describe_instances(MaxResults=5, Filters=alive)
    second = ec2.describe_instances(MaxResults=5, Filters=alive, NextToken=first["NextToken"])
    assert "NextToken" not in second
    pages = [[i["InstanceId"] for r in page["Reservations"] for i in r["Instances"]] for page in (first, second)]
    assert [len(page) for page in pages] == [5, 1]
    assert sorted(pages[0] + pages[1]) == sorted(made)
    with refused("InvalidParameterValue"):
        ec2.describe_instances(MaxResults=5, NextToken=first["NextToken"])
    end(ec2, made[1:])
    ec2.describe_instances(Filters=alive)
    calls = [line["upstream_calls"] for line in gateway.lines(action="DescribeInstances") if line["status"] == 200]
    assert max(calls) <= 8 + 2  # two more where the caller's login had to be read from Keystone first


def test_status_of_what_does_not_run(ec2: Any, instance: str) -> None:
    (status,) = ec2.describe_instance_status(InstanceIds=[instance])["InstanceStatuses"]
    assert status["InstanceStatus"]["Status"] == status["SystemStatus"]["Status"] == "ok"
    nothing = ec2.describe_instance_status(
        InstanceIds=[instance], Filters=[{"Name": "instance-state-name", "Values": ["stopped"]}]
    )
    assert nothing["InstanceStatuses"] == []
    with refused("InvalidInstanceID.NotFound"):
        ec2.describe_instance_status(InstanceIds=[instance, "i-" + "0" * 32])


def test_console_output(ec2: Any, instance: str, openstack_main: Any) -> None:
    native = openstack_main.compute.get_server_console_output(server_id(instance))["output"]
    found = ec2.get_console_output(InstanceId=instance)
    assert found["InstanceId"] == instance
    assert found["Output"] == native


BAD: list[tuple[str, dict[str, Any]]] = [
    ("InvalidAMIID.NotFound", {"ImageId": "ami-" + "0" * 32}),
    ("InvalidAMIID.Malformed", {"ImageId": "nonsense"}),
    ("InvalidParameterValue", {"InstanceType": "z9.enormous"}),
    ("InvalidKeyPair.NotFound", {"KeyName": "nobody"}),
    ("InvalidSubnetID.NotFound", {"SubnetId": "subnet-" + "0" * 32}),
    ("InvalidGroup.NotFound", {"SecurityGroupIds": ["sg-" + "0" * 32]}),
    ("InvalidGroup.NotFound", {"SecurityGroups": ["nobody's"]}),
    (
        "InvalidNetworkInterfaceID.NotFound",
        {"NetworkInterfaces": [{"DeviceIndex": 0, "NetworkInterfaceId": "eni-" + "0" * 32}]},
    ),
    ("InvalidParameterCombination", {"NetworkInterfaces": [{"DeviceIndex": 0}], "SubnetId": "subnet-" + "0" * 32}),
    ("InvalidParameterValue", {"MinCount": 2, "MaxCount": 1}),
    ("InvalidParameterValue", {"MinCount": 0, "MaxCount": 0}),
    ("InvalidParameterValue", {"PrivateIpAddress": "192.0.2.1"}),
    ("InvalidParameterValue", {"Placement": {"AvailabilityZone": "nowhere"}}),
    ("UnsupportedOperation", {"Placement": {"Tenancy": "dedicated"}}),
    ("UnsupportedOperation", {"InstanceInitiatedShutdownBehavior": "terminate"}),
    ("UnsupportedOperation", {"IamInstanceProfile": {"Name": "role"}}),
    ("UnsupportedOperation", {"HibernationOptions": {"Configured": True}}),
    ("InvalidBlockDeviceMapping", {"BlockDeviceMappings": [{"DeviceName": "floppy", "Ebs": {"VolumeSize": 1}}]}),
    ("InvalidParameterValue", {"TagSpecifications": [{"ResourceType": "vpc", "Tags": [{"Key": "a", "Value": "b"}]}]}),
    ("InvalidParameterValue", {"TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "aws:a"}]}]}),
    ("InvalidParameterValue", {"ClientToken": "x" * 65}),
    ("InvalidParameterValue", {"UserData": "x" * 16385}),
]


@pytest.fixture(scope="module")
def nothing_launched(ec2: Any, openstack_main: Any, instance: str) -> Iterator[None]:
    """Fail if any of the tests creates a server."""
    before = {server.id for server in openstack_main.compute.servers(details=False)}
    yield
    after = {server.id for server in openstack_main.compute.servers(details=False)}
    assert after <= before


@pytest.mark.usefixtures("nothing_launched")
@pytest.mark.parametrize(("code", "bad"), BAD, ids=[f"{code}-{next(iter(bad))}" for code, bad in BAD])
def test_bad_launches(ec2: Any, image: str, instance_type: str, code: str, bad: dict[str, Any]) -> None:
    with refused(code):
        ec2.run_instances(**{"ImageId": image, "InstanceType": instance_type, "MinCount": 1, "MaxCount": 1, **bad})


@pytest.mark.parametrize(
    "action", ["start_instances", "stop_instances", "reboot_instances", "terminate_instances", "describe_instances"]
)
def test_instances_that_are_not_there(ec2: Any, action: str) -> None:
    with refused("InvalidInstanceID.NotFound"):
        getattr(ec2, action)(InstanceIds=["i-" + "0" * 32])
    with refused("InvalidInstanceID.Malformed"):
        getattr(ec2, action)(InstanceIds=["nonsense"])
    if action != "describe_instances":
        with refused("DryRunOperation", 412):
            getattr(ec2, action)(InstanceIds=["i-" + "0" * 32], DryRun=True)


def test_a_dry_run_launches_nothing(ec2: Any, image: str, instance_type: str) -> None:
    with refused("DryRunOperation", 412):
        ec2.run_instances(ImageId=image, InstanceType=instance_type, MinCount=1, MaxCount=1, DryRun=True)


def test_bad_questions(ec2: Any, instance: str) -> None:
    for asked, code in (
        ({"Filters": [{"Name": "colour", "Values": ["red"]}]}, "InvalidParameterValue"),
        ({"MaxResults": 4}, "InvalidParameterValue"),
        ({"MaxResults": 1001}, "InvalidParameterValue"),
        ({"MaxResults": 5, "InstanceIds": [instance]}, "InvalidParameterCombination"),
        ({"NextToken": "nonsense"}, "InvalidParameterValue"),
    ):
        with refused(code):
            ec2.describe_instances(**asked)


def test_another_project_sees_none_of_it(aws: Any, instance: str) -> None:
    other = aws("ec2", "alt")
    with refused("InvalidInstanceID.NotFound"):
        other.describe_instances(InstanceIds=[instance])
    with refused("InvalidInstanceID.NotFound"):
        other.terminate_instances(InstanceIds=[instance])
