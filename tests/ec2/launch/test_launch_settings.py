"""What the operator's settings change of a launch: a root volume for every instance, and instance profiles."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from openstack.connection import Connection

from tests.ec2.client_errors import code
from tests.ec2.conftest import WAIT, end, eventually
from tests.ec2.instances.test_instances import instances
from tests.support.clients import Boto
from tests.support.gateway import gateway as run_gateway
from tests.support.target import Target

SETTINGS = {"root_devices": "volume", "instance_profiles": "echoed"}


@pytest.fixture(scope="module")
def volumes_ec2(cloud: Target) -> Iterator[Any]:
    """EC2 at a gateway with those settings."""
    with run_gateway(cloud, "settings", settings=SETTINGS) as running:
        clients = Boto(running.url, dict(cloud.keys))
        yield clients("ec2")
        clients.close()


def custodian_takes_it_for_ephemeral(instance: dict[str, Any]) -> bool:
    """Decide as Cloud Custodian does before it stops instances."""
    for device in instance["BlockDeviceMappings"]:
        if device["DeviceName"] in ("/dev/sda1", "/dev/xvda", "xvda"):
            return "Ebs" not in device
    return True


def test_a_root_volume_and_a_profile(
    volumes_ec2: Any, image: str, instance_type: str, openstack_main: Connection
) -> None:
    ec2 = volumes_ec2
    asked = {"ImageId": image, "InstanceType": instance_type, "MinCount": 1, "MaxCount": 1}
    (made,) = ec2.run_instances(**asked, IamInstanceProfile={"Name": "web"})["Instances"]
    named = [made["InstanceId"]]
    try:
        ec2.get_waiter("instance_running").wait(InstanceIds=named, WaiterConfig=WAIT)
        (one,) = instances(ec2, InstanceIds=named)
        assert (one["RootDeviceName"], one["RootDeviceType"]) == ("/dev/sda1", "ebs")
        (device,) = one["BlockDeviceMappings"]
        assert (device["DeviceName"], device["Ebs"]["DeleteOnTermination"]) == ("/dev/sda1", True)
        assert not custodian_takes_it_for_ephemeral(one)
        volume = str(UUID(device["Ebs"]["VolumeId"].removeprefix("vol-")))
        flavor = openstack_main.compute.find_flavor(instance_type)
        assert openstack_main.block_storage.get_volume(volume).size == flavor.disk
        (attached,) = ec2.describe_volumes(VolumeIds=[device["Ebs"]["VolumeId"]])["Volumes"][0]["Attachments"]
        assert attached["Device"] == "/dev/sda1"
        check_profile(ec2, named[0], one["IamInstanceProfile"]["Arn"])
    finally:
        end(ec2, named)
    assert eventually(lambda: openstack_main.block_storage.find_volume(volume) is None)


def check_profile(ec2: Any, instance: str, arn: str) -> None:
    assert arn.endswith(":instance-profile/web")
    (found,) = ec2.describe_iam_instance_profile_associations(Filters=[{"Name": "instance-id", "Values": [instance]}])[
        "IamInstanceProfileAssociations"
    ]
    assert (found["IamInstanceProfile"]["Arn"], found["State"]) == (arn, "associated")
    other = {"Name": "other"}
    assert code(ec2.associate_iam_instance_profile, InstanceId=instance, IamInstanceProfile=other) == "IncorrectState"
    ec2.replace_iam_instance_profile_association(AssociationId=found["AssociationId"], IamInstanceProfile=other)
    assert instances(ec2, InstanceIds=[instance])[0]["IamInstanceProfile"]["Arn"].endswith("/other")
    ec2.disassociate_iam_instance_profile(AssociationId=found["AssociationId"])
    assert "IamInstanceProfile" not in instances(ec2, InstanceIds=[instance])[0]
    ec2.associate_iam_instance_profile(InstanceId=instance, IamInstanceProfile=other)


def test_the_harmless_values_of_options(volumes_ec2: Any, image: str, instance_type: str) -> None:
    asked = {"ImageId": image, "InstanceType": instance_type, "MinCount": 1, "MaxCount": 1, "DryRun": True}
    harmless = {
        "CapacityReservationSpecification": {"CapacityReservationPreference": "open"},
        "MaintenanceOptions": {"AutoRecovery": "disabled"},
        "NetworkPerformanceOptions": {"BandwidthWeighting": "default"},
        "PrivateDnsNameOptions": {"HostnameType": "ip-name"},
        "HibernationOptions": {"Configured": False},
        "EnclaveOptions": {"Enabled": False},
    }
    assert code(volumes_ec2.run_instances, **asked, **harmless) == "DryRunOperation"
    for bad in (
        {"CapacityReservationSpecification": {"CapacityReservationTarget": {"CapacityReservationId": "cr-1"}}},
        {"MaintenanceOptions": {"AutoRecovery": "default"}},
        {"PrivateDnsNameOptions": {"HostnameType": "resource-name"}},
        {"InstanceMarketOptions": {"MarketType": "spot"}},
    ):
        assert code(volumes_ec2.run_instances, **asked, **bad) == "UnsupportedOperation"
    assert (
        code(volumes_ec2.run_instances, **{**asked, "DryRun": False}, CpuOptions={"CoreCount": 64, "ThreadsPerCore": 2})
        == "InvalidParameterValue"
    )
