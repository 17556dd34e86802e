"""AWS's own error codes and messages for frequent user errors."""

from collections import Counter
from dataclasses import replace
from typing import Any

import anyio
import pytest

from adapters.errors import BackendError, Fault
from adapters.types.block import VolumeAttachment
from adapters.types.compute import Server
from shim.ec2.attributes.changing import modify_instance_attribute
from shim.ec2.images.images import describe_images
from shim.ec2.instances.power import reboot_instances, stop_instances, terminate_instances
from shim.ec2.instances.states import state
from shim.ec2.launch.repeated import number
from shim.ec2.network.security_group_rules import authorize_security_group_ingress
from shim.ec2.network.security_groups import create_security_group
from shim.ec2.volumes.attachments import attach_volume, detach_volume
from shim.ec2.volumes.ending import delete_volume
from shim.errors import AwsError
from tests.ec2.acting import act
from tests.ec2.instances.test_instance_costs import Counted
from tests.ec2.instances.test_instance_rows import ID, NOW, SERVER, volume
from tests.ec2.test_half_done import UUID, Neutron, call

INSTANCE, VOLUME = "i-" + ID.replace("-", ""), "vol-" + UUID.replace("-", "")


class Nova:
    """One server, and the reboots."""

    def __init__(self, server: Server) -> None:
        self.one = server
        self.rebooted: list[str] = []
        self.fault = Fault.INVALID

    async def server(self, id: str) -> Server:
        return self.one

    async def servers(self) -> list[Server]:
        return [self.one]

    async def detach_volume(self, server_id: str, volume_id: str) -> None:
        raise BackendError(self.fault, service="compute", detail="Cannot detach a root device volume")

    async def delete_server(self, id: str) -> None:
        self.one = replace(self.one, task_state="deleting")

    async def set_server_description(self, id: str, description: str) -> None:
        self.one = replace(self.one, description=description)

    async def reboot_server(self, id: str) -> None:
        self.rebooted.append(id)


class Cinder:
    """One volume, which cannot be deleted."""

    def __init__(self, **more: Any) -> None:
        self.one = replace(volume("1", ""), id=UUID, **more)

    async def volume(self, id: str) -> Any:
        return self.one

    async def delete_volume(self, id: str) -> None:
        raise BackendError(Fault.IN_USE, service="block-storage", resource="volume", id=id)


class Glance:
    """No images."""

    async def images(self, *, hidden: bool = False) -> list[Any]:
        return []


def refusal(action: Any, request: dict[str, Any], **ports: Any) -> tuple[str, str]:
    async def ask() -> None:
        await act(action, call("", **ports), request)

    with pytest.raises(AwsError) as refused:
        anyio.run(ask)
    assert refused.value.status == 400
    return refused.value.code, refused.value.message


@pytest.mark.parametrize("status", ["DELETED", "SOFT_DELETED"])
def test_a_terminated_instance_is_rebooted_by_nobody_and_refused_by_nobody(status: str) -> None:
    nova = Nova(replace(SERVER, status=status))

    async def reboot() -> None:
        await reboot_instances(call("", compute=nova), {"InstanceIds": [INSTANCE]})

    anyio.run(reboot)
    assert nova.rebooted == []


def test_what_is_terminated_while_it_pends_never_pends_again() -> None:
    """Nova's build writes its own task state over that of the deletion; AWS's waiter takes `pending` for a failure."""
    nova = Nova(replace(SERVER, status="BUILD", launched_at=None, description="ec2-ct-1 2 3"))

    async def terminate() -> str:
        answer = await terminate_instances(
            call("", compute=nova, network=Counted(Counter())), {"InstanceIds": [INSTANCE]}
        )
        return str(answer["TerminatingInstances"][0]["CurrentState"]["Name"])

    assert anyio.run(terminate) == "shutting-down"
    nova.one = replace(nova.one, task_state="block_device_mapping")
    assert state(nova.one) == "shutting-down"
    assert state(replace(nova.one, status="ACTIVE", task_state=None)) == "shutting-down"
    assert state(replace(nova.one, status="DELETED")) == "terminated"
    assert number(nova.one) == 3


def test_what_never_ran_cannot_be_stopped() -> None:
    nova = Nova(replace(SERVER, status="BUILD"))
    assert refusal(stop_instances, {"InstanceIds": [INSTANCE]}, compute=nova) == (
        "IncorrectInstanceState",
        f"Instance '{INSTANCE}' cannot be stopped as it has never reached the 'running' state.",
    )


def test_a_volume_in_use_says_where() -> None:
    held = Cinder(attachments=(VolumeAttachment("x", ID, "/dev/vdb", NOW),))
    message = f"Volume {VOLUME} is currently attached to {INSTANCE}"
    assert refusal(delete_volume, {"VolumeId": VOLUME}, block=held) == ("VolumeInUse", message)


@pytest.mark.parametrize("status", ["reserved", "attaching", "detaching", "in-use"])
def test_a_volume_on_its_way_is_in_use(status: str) -> None:
    block = Cinder(attachments=(), status=status)
    request = {"VolumeId": VOLUME, "InstanceId": INSTANCE, "Device": "/dev/sdf"}
    expected = ("VolumeInUse", f"{VOLUME} is already attached to an instance")
    assert refusal(attach_volume, request, block=block, compute=Nova(SERVER)) == expected


@pytest.mark.parametrize("fault", [Fault.INVALID, Fault.FORBIDDEN])
def test_a_root_volume_stays(fault: Fault) -> None:
    block = Cinder(attachments=(VolumeAttachment("x", ID, "/dev/vda", NOW),))
    nova = Nova(SERVER)
    nova.fault = fault
    assert refusal(detach_volume, {"VolumeId": VOLUME}, block=block, compute=nova) == (
        "OperationNotPermitted",
        f"Unable to detach root volume '{VOLUME}' from instance '{INSTANCE}'",
    )


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("disableApiTermination", "maybe"),
        ("disableApiTermination", ""),
        ("instanceInitiatedShutdownBehavior", ""),
    ],
)
def test_an_attribute_is_set_to_a_value_of_its_own(attribute: str, value: str) -> None:
    request = {"InstanceId": INSTANCE, "Attribute": attribute, "Value": value}
    said = refusal(modify_instance_attribute, request, compute=Nova(SERVER))
    assert said == ("InvalidParameterValue", f"Value ({value}) for parameter value is invalid.")


@pytest.mark.parametrize("attribute", ["disableApiTermination", "instanceInitiatedShutdownBehavior"])
def test_an_attribute_is_not_set_without_a_value(attribute: str) -> None:
    said = refusal(modify_instance_attribute, {"InstanceId": INSTANCE, "Attribute": attribute}, compute=Nova(SERVER))
    assert said == ("MissingParameter", "The request must contain the parameter value")


def test_rules_are_described_in_plain_characters() -> None:
    network = Neutron()
    network.groups[UUID] = anyio.run(network.security_group, UUID)
    source = {"CidrIp": "10.0.0.0/8", "Description": "the operator's address"}
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [source]}
    request = {"GroupId": "sg-" + UUID.replace("-", ""), "IpPermissions": [rule]}
    assert refusal(authorize_security_group_ingress, request, network=network) == (
        "InvalidParameterValue",
        "Invalid rule description. Valid descriptions are strings less than 256 characters from the following set: "
        " a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*",
    )


@pytest.mark.parametrize(
    ("name", "description", "message"),
    [
        (
            "web",
            "the operator's",
            "Invalid security group description. Valid descriptions are strings less than 256 characters from the "
            "following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*",
        ),
        (
            "web",
            "Zugänge",
            "Value (Zugänge) for parameter GroupDescription is invalid. Character sets beyond ASCII are not supported.",
        ),
        (
            "Zugänge",
            "in",
            "Value (Zugänge) for parameter GroupName is invalid. Character sets beyond ASCII are not supported.",
        ),
    ],
)
def test_groups_are_described_in_plain_characters(name: str, description: str, message: str) -> None:
    request = {"GroupName": name, "Description": description}
    assert refusal(create_security_group, request, network=Neutron()) == ("InvalidParameterValue", message)


@pytest.mark.parametrize("flat", [True, False])
def test_a_source_group_of_another_account_is_not_ones_own_of_that_name(flat: bool) -> None:
    network = Neutron()
    network.groups[UUID] = anyio.run(network.security_group, UUID)
    request: dict[str, Any] = {"GroupId": "sg-" + UUID.replace("-", "")}
    if flat:
        request |= {"SourceSecurityGroupName": "web", "SourceSecurityGroupOwnerId": "999999999999"}
    else:
        pair = {"GroupName": "web", "UserId": "999999999999"}
        request["IpPermissions"] = [{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "UserIdGroupPairs": [pair]}]
    said = refusal(authorize_security_group_ingress, request, network=network)
    assert said == ("InvalidGroup.NotFound", "The security group 'web' does not exist")
    assert network.rules == {}


@pytest.mark.parametrize("name", ["Owners", "ExecutableUsers"])
@pytest.mark.parametrize("user", ["nobody", "12345", "", "1234567890123"])
def test_owners_are_accounts_or_known_words(name: str, user: str) -> None:
    said = refusal(describe_images, {name: ["self", user]}, images=Glance())
    assert said == ("InvalidUserID.Malformed", f'Invalid user id: "{user}"')
