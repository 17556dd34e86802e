"""Monitoring, options of the metadata service, credits and passwords."""

from typing import Any

from openstack.connection import Connection

from tests.ec2.client_errors import code
from tests.ec2.conftest import refused
from tests.ec2.instances.test_instances import instances, server_id

NOBODY = "i-" + "0" * 32


def test_monitoring_is_shown(ec2: Any, instance: str) -> None:
    (found,) = ec2.monitor_instances(InstanceIds=[instance])["InstanceMonitorings"]
    assert found == {"InstanceId": instance, "Monitoring": {"State": "pending"}}
    assert instances(ec2, InstanceIds=[instance])[0]["Monitoring"]["State"] == "enabled"
    (found,) = ec2.unmonitor_instances(InstanceIds=[instance])["InstanceMonitorings"]
    assert found["Monitoring"]["State"] == "disabling"
    assert instances(ec2, InstanceIds=[instance])[0]["Monitoring"]["State"] == "disabled"
    for action in (ec2.monitor_instances, ec2.unmonitor_instances):
        assert code(action, InstanceIds=[NOBODY]) == "InvalidInstanceID.NotFound"


def test_metadata_options_are_kept(ec2: Any, instance: str, openstack_main: Connection) -> None:
    changed = ec2.modify_instance_metadata_options(InstanceId=instance, HttpTokens="required")
    assert changed["InstanceMetadataOptions"]["State"] == "pending"
    ec2.modify_instance_metadata_options(InstanceId=instance, HttpPutResponseHopLimit=3)
    options = instances(ec2, InstanceIds=[instance])[0]["MetadataOptions"]
    assert (options["HttpTokens"], options["HttpPutResponseHopLimit"], options["State"]) == ("required", 3, "applied")
    assert openstack_main.compute.get_server(server_id(instance)).metadata["ec2:imds"].startswith("required 3 ")
    assert code(ec2.modify_instance_metadata_options, InstanceId=instance) == "InvalidParameterCombination"
    for hops in (0, 65):
        assert (
            code(ec2.modify_instance_metadata_options, InstanceId=instance, HttpPutResponseHopLimit=hops)
            == "InvalidParameterValue"
        )


def test_no_instance_is_burstable(ec2: Any, instance: str) -> None:
    assert ec2.describe_instance_credit_specifications()["InstanceCreditSpecifications"] == []
    asked = ec2.describe_instance_credit_specifications
    assert code(asked, InstanceIds=[instance]) == "UnsupportedOperation"
    assert code(asked, InstanceIds=[NOBODY]) == "InvalidInstanceID.NotFound"


def test_a_guest_without_a_password(ec2: Any, instance: str) -> None:
    found = ec2.get_password_data(InstanceId=instance)
    assert (found["InstanceId"], found["PasswordData"]) == (instance, "")
    assert code(ec2.get_password_data, InstanceId=NOBODY) == "InvalidInstanceID.NotFound"


def test_what_nova_has_not_is_refused(ec2: Any, instance: str) -> None:
    assert code(ec2.get_console_screenshot, InstanceId=instance) == "UnsupportedOperation"
    with refused("UnsupportedOperation"):
        ec2.get_instance_uefi_data(InstanceId=instance)
    assert code(ec2.get_instance_uefi_data, InstanceId=NOBODY) == "InvalidInstanceID.NotFound"
    assert (
        code(
            ec2.report_instance_status, Instances=[instance], Status="impaired", ReasonCodes=["instance-stuck-in-state"]
        )
        == "UnsupportedOperation"
    )


def test_no_instance_has_a_topology(ec2: Any, instance: str) -> None:
    assert ec2.describe_instance_topology()["Instances"] == []
    assert ec2.describe_instance_topology(InstanceIds=[instance])["Instances"] == []
    assert code(ec2.describe_instance_topology, InstanceIds=[NOBODY]) == "InvalidInstanceID.NotFound"


def test_profiles_are_refused_by_default(ec2: Any, instance: str) -> None:
    profile = {"Name": "web"}
    associate = ec2.associate_iam_instance_profile
    assert code(associate, IamInstanceProfile=profile, InstanceId=instance) == "UnsupportedOperation"
    assert ec2.describe_iam_instance_profile_associations()["IamInstanceProfileAssociations"] == []
    nothing = "iip-assoc-" + "0" * 32
    assert code(ec2.disassociate_iam_instance_profile, AssociationId=nothing) == "NoSuchAssociation"
    replace = ec2.replace_iam_instance_profile_association
    assert code(replace, IamInstanceProfile=profile, AssociationId=nothing) == "UnsupportedOperation"
