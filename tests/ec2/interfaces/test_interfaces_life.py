"""Network interfaces through both APIs: made, attached, changed, detached, deleted."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import pytest
from openstack.connection import Connection

from adapters.errors import BackendError, Fault
from adapters.types.network import Network, NewPort, Port, SecurityGroup, Subnet
from shim.ec2.interfaces.attachments import end
from shim.ec2.interfaces.creation import create_network_interface
from shim.ec2.network.interface_rows import ANYWHERE, APART, ENDS
from tests.ec2.acting import act
from tests.ec2.client_errors import code
from tests.ec2.conftest import WAIT, eventually
from tests.ec2.instances.test_instance_rows import GROUP, ID, NET, port
from tests.ec2.test_half_done import call
from tests.support.names import native_uuid, unique

Make = Callable[..., dict[str, Any]]
SUBNET = Subnet(str(UUID("c" * 32)), "", "p", NET, 4, "10.0.0.0/24", None, (), ())
NAMED = [{"ResourceType": "network-interface", "Tags": [{"Key": "Name", "Value": "web"}]}]


@dataclass
class Neutron:
    """Ports in memory, and calls that fail."""

    fails_at: str = ""
    held: dict[str, Port] = field(default_factory=dict)

    def _work(self, name: str) -> None:
        if name in self.fails_at.split():
            raise BackendError(Fault.UNAVAILABLE, service="network")

    async def networks(self) -> list[Any]:
        return [Network(NET, "default", "p", False, False, "ACTIVE", (), (), ())]

    async def subnets(self) -> list[Subnet]:
        return [SUBNET]

    async def security_groups(self) -> list[SecurityGroup]:
        return [SecurityGroup(GROUP, "default", "", "p", (), ())]

    async def floating_ips(self, **_: Any) -> list[Any]:
        return []

    async def ports(self, *, device_ids: Any = None, **_: Any) -> list[Port]:
        return [one for one in self.held.values() if device_ids is None or one.device_id in device_ids]

    async def create_port(self, new: NewPort) -> Port:
        made = replace(port("9", "m9", "10.0.0.9"), id=f"{len(self.held) + 1:032x}", device_id="", device_owner="")
        self.held[made.id] = replace(made, name=new.name, description=new.description)
        return self.held[made.id]

    async def set_tags(self, resource: str, id: str, tags: Any) -> None:
        self._work("set_tags")
        self.held[id] = replace(self.held[id], tags=tuple(tags))

    async def add_tag(self, resource: str, id: str, tag: str) -> None:
        self.held[id] = replace(self.held[id], tags=(*self.held[id].tags, tag))

    async def remove_tag(self, resource: str, id: str, tag: str) -> None:
        self.held[id] = replace(self.held[id], tags=tuple(one for one in self.held[id].tags if one != tag))

    async def update_port(self, id: str, *, name: str) -> None:
        self.held[id] = replace(self.held[id], name=name)

    async def set_device(self, id: str, device_id: str, device_owner: str) -> None:
        self.held[id] = replace(self.held[id], device_id=device_id, device_owner=device_owner)

    async def delete_port(self, id: str) -> None:
        self._work("delete_port")
        del self.held[id]


class Nova:
    """Deletes a server with the ports that it made, as far as they are the server's; or refuses."""

    def __init__(self, neutron: Neutron, made: tuple[str, ...] = (), *, refuses: bool = False) -> None:
        self.neutron, self.made, self.refuses = neutron, made, refuses

    async def zones(self) -> list[Any]:
        return []

    async def delete_server(self, id: str) -> None:
        if self.refuses:
            raise BackendError(Fault.CONFLICT, service="compute", resource="server", id=id)
        for one in list(self.neutron.held.values()):
            if one.device_id == id and one.id in self.made:
                del self.neutron.held[one.id]


def create(neutron: Neutron, **more: Any) -> Any:
    here = call("CreateNetworkInterface", network=neutron, compute=Nova(neutron))
    return asyncio.run(act(create_network_interface, here, {"SubnetId": f"subnet-{'c' * 32}", **more}))


def test_an_interface_whose_tags_cannot_be_kept_is_not_made() -> None:
    neutron = Neutron("set_tags")
    with pytest.raises(BackendError):
        create(neutron, TagSpecifications=NAMED)
    assert neutron.held == {}


@pytest.mark.parametrize("token", [{}, {"ClientToken": "a/b,c"}])
def test_what_a_killed_gateway_left_is_replaced(token: dict[str, str]) -> None:
    neutron = Neutron("set_tags delete_port")
    with pytest.raises(BackendError):
        create(neutron, **token)
    neutron.fails_at = ""
    made = create(neutron, **token)["NetworkInterface"]["NetworkInterfaceId"]
    assert [f"eni-{one}" for one in neutron.held] == [made]
    again = create(neutron, **token)["NetworkInterface"]["NetworkInterfaceId"]
    assert (again == made) is bool(token)


def test_ports_outlive_their_server_or_not() -> None:
    """Nova deletes what it made, unless it must stay; the gateway deletes what Nova keeps, if it must go."""
    names = {"made": (), "made to stay": (f"{ENDS}false",), "apart": (APART,), "apart to go": (APART, f"{ENDS}true")}
    ports = {
        name: replace(port(f"{n}", "m", "10.0.0.5"), name=name, tags=tags)
        for n, (name, tags) in enumerate(names.items())
    }
    neutron = Neutron(held={one.id: one for one in ports.values()})
    made = (ports["made"].id, ports["made to stay"].id)

    def ended(*, refuses: bool) -> bool:
        here = call("TerminateInstances", network=neutron, compute=Nova(neutron, made, refuses=refuses))
        return asyncio.run(end(here, ID, (list(ports.values()), ())))

    with pytest.raises(BackendError):
        ended(refuses=True)
    assert list(neutron.held.values()) == list(ports.values())
    assert ended(refuses=False)
    assert {one.name for one in neutron.held.values()} == {"made to stay", "apart"}
    assert all(APART in one.tags for one in neutron.held.values())


# Through both APIs.


@pytest.fixture
def subnet(ec2: Any, openstack_main: Connection) -> str:
    network = openstack_main.network.find_network("default", project_id=openstack_main.current_project_id)
    return "subnet-" + str(network.subnet_ids[0]).replace("-", "")


@pytest.fixture
def make(ec2: Any, subnet: str, openstack_main: Connection) -> Iterator[Make]:
    made: list[str] = []

    def run(**more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = ec2.create_network_interface(SubnetId=subnet, **more)["NetworkInterface"]
        made.append(answer["NetworkInterfaceId"])
        return answer

    yield run
    for one in made:
        openstack_main.network.delete_port(native_uuid(one))


def by(name: str, *values: str) -> dict[str, Any]:
    return {"Filters": [{"Name": name, "Values": [*values]}]}


def test_an_interfaces_life(ec2: Any, gateway: Any, subnet: str, openstack_main: Connection) -> None:
    name = unique("eni")
    tags = [{"ResourceType": "network-interface", "Tags": [{"Key": "Name", "Value": name}]}]
    wanted = {"SubnetId": subnet, "Description": "of its own", "TagSpecifications": tags, "ClientToken": name}
    assert code(ec2.create_network_interface, **wanted, DryRun=True) == "DryRunOperation"
    made = ec2.create_network_interface(**wanted)["NetworkInterface"]
    eni = made["NetworkInterfaceId"]
    assert ec2.create_network_interface(**wanted)["NetworkInterface"]["NetworkInterfaceId"] == eni
    other = {**wanted, "Description": "another"}
    assert code(ec2.create_network_interface, **other) == "IdempotentParameterMismatch"
    native = openstack_main.network.get_port(native_uuid(eni))
    assert (native.name, native.description, native.device_id) == (name, "of its own", "")
    assert native.fixed_ips[0]["ip_address"] == made["PrivateIpAddress"]
    assert [one["GroupName"] for one in made["Groups"]] == ["default"]
    ec2.get_waiter("network_interface_available").wait(NetworkInterfaceIds=[eni])
    [seen] = ec2.describe_network_interfaces(NetworkInterfaceIds=[eni])["NetworkInterfaces"]
    assert seen["TagSet"] == [{"Key": "Name", "Value": name}]
    assert gateway.least_calls(lambda: ec2.describe_network_interfaces(NetworkInterfaceIds=[eni])) <= 2
    assert code(ec2.detach_network_interface, AttachmentId=eni.replace("eni-", "eni-attach-")) == (
        "InvalidAttachmentID.NotFound"
    )
    ec2.delete_network_interface(NetworkInterfaceId=eni)
    assert openstack_main.network.find_port(native_uuid(eni)) is None
    assert code(ec2.delete_network_interface, NetworkInterfaceId=eni) == "InvalidNetworkInterfaceID.NotFound"


def test_secondary_addresses(ec2: Any, make: Make, subnet: str, openstack_main: Connection) -> None:
    made = make(SecondaryPrivateIpAddressCount=1)
    eni, primary = made["NetworkInterfaceId"], made["PrivateIpAddress"]
    assert [one["Primary"] for one in made["PrivateIpAddresses"]] == [True, False]
    one = {"NetworkInterfaceId": eni}
    assigned = ec2.assign_private_ip_addresses(**one, SecondaryPrivateIpAddressCount=2)["AssignedPrivateIpAddresses"]
    native = openstack_main.network.get_port(native_uuid(eni))
    assert len(native.fixed_ips) == 4
    [seen] = ec2.describe_network_interfaces(NetworkInterfaceIds=[eni])["NetworkInterfaces"]
    assert seen["PrivateIpAddress"] == primary
    assert {each["PrivateIpAddress"] for each in assigned} < {
        each["PrivateIpAddress"] for each in seen["PrivateIpAddresses"]
    }
    # An address moves only if that is allowed, and a primary one never does.
    taken, other = assigned[0]["PrivateIpAddress"], make()
    there = {"NetworkInterfaceId": other["NetworkInterfaceId"], "PrivateIpAddresses": [taken]}
    assert code(ec2.assign_private_ip_addresses, **there) == "InvalidParameterValue"
    ec2.assign_private_ip_addresses(**there, AllowReassignment=True)
    [seen] = ec2.describe_network_interfaces(**by("addresses.private-ip-address", taken))["NetworkInterfaces"]
    assert seen["NetworkInterfaceId"] == other["NetworkInterfaceId"]
    never = {**one, "PrivateIpAddresses": [other["PrivateIpAddress"]], "AllowReassignment": True}
    assert code(ec2.assign_private_ip_addresses, **never) == "InvalidParameterValue"
    # An Elastic IP address of a secondary address goes with it.
    last = assigned[1]["PrivateIpAddress"]
    address = ec2.allocate_address()["AllocationId"]
    try:
        ec2.associate_address(AllocationId=address, NetworkInterfaceId=eni, PrivateIpAddress=last)
        assert code(ec2.unassign_private_ip_addresses, **one, PrivateIpAddresses=[primary]) == "InvalidParameterValue"
        ec2.unassign_private_ip_addresses(**one, PrivateIpAddresses=[last])
        assert "AssociationId" not in ec2.describe_addresses(AllocationIds=[address])["Addresses"][0]
    finally:
        ec2.release_address(AllocationId=address)
    assert len(openstack_main.network.get_port(native_uuid(eni)).fixed_ips) == 2
    assert code(ec2.unassign_private_ip_addresses, **one, PrivateIpAddresses=[last]) == "InvalidParameterValue"


def test_attributes(ec2: Any, make: Make, openstack_main: Connection) -> None:
    eni = make()["NetworkInterfaceId"]
    one = {"NetworkInterfaceId": eni}

    def told(attribute: str) -> Any:
        answer = ec2.describe_network_interface_attribute(**one, Attribute=attribute)
        return {name: value for name, value in answer.items() if name not in ("ResponseMetadata", "NetworkInterfaceId")}

    ec2.modify_network_interface_attribute(**one, Description={"Value": "changed"})
    assert told("description") == {"Description": {"Value": "changed"}}
    assert openstack_main.network.get_port(native_uuid(eni)).description == "changed"
    assert told("attachment") == {}
    openstack_main.network.update_port(native_uuid(eni), allowed_address_pairs=[{"ip_address": "10.9.0.0/16"}])
    ec2.modify_network_interface_attribute(**one, SourceDestCheck={"Value": False})
    assert told("sourceDestCheck") == {"SourceDestCheck": {"Value": False}}
    pairs = {pair["ip_address"] for pair in openstack_main.network.get_port(native_uuid(eni)).allowed_address_pairs}
    assert pairs == {"10.9.0.0/16", *ANYWHERE}
    ec2.reset_network_interface_attribute(**one, SourceDestCheck="true")
    assert told("sourceDestCheck") == {"SourceDestCheck": {"Value": True}}
    pairs = {pair["ip_address"] for pair in openstack_main.network.get_port(native_uuid(eni)).allowed_address_pairs}
    assert pairs == {"10.9.0.0/16"}
    group = ec2.create_security_group(GroupName=unique("eni"), Description="x")["GroupId"]
    try:
        ec2.modify_network_interface_attribute(**one, Groups=[group])
        assert openstack_main.network.get_port(native_uuid(eni)).security_group_ids == [native_uuid(group)]
        assert [each["GroupId"] for each in told("groupSet")["Groups"]] == [group]
    finally:
        ec2.delete_network_interface(**one)
        ec2.delete_security_group(GroupId=group)


def test_an_interface_is_attached_and_detached(ec2: Any, make: Make, launch: Any, openstack_main: Connection) -> None:
    [instance] = launch()
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    first, second = make()["NetworkInterfaceId"], make()["NetworkInterfaceId"]
    wanted = {"NetworkInterfaceId": first, "InstanceId": instance}
    assert code(ec2.attach_network_interface, **wanted, DeviceIndex=0) == "InvalidParameterValue"
    attachment = ec2.attach_network_interface(**wanted, DeviceIndex=3)["AttachmentId"]
    assert openstack_main.network.get_port(native_uuid(first)).device_id == native_uuid(instance)
    assert code(ec2.attach_network_interface, **wanted, DeviceIndex=4) == "InvalidNetworkInterface.InUse"
    assert code(ec2.delete_network_interface, NetworkInterfaceId=first) == "InvalidParameterValue"
    ec2.attach_network_interface(NetworkInterfaceId=second, InstanceId=instance, DeviceIndex=1)
    [shown] = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"]
    places = {one["NetworkInterfaceId"]: one["Attachment"] for one in shown["NetworkInterfaces"]}
    assert (places[first]["DeviceIndex"], places[second]["DeviceIndex"]) == (3, 1)
    assert not places[first]["DeleteOnTermination"]
    primary = next(one for one in places if one not in (first, second))
    own = places[primary]["AttachmentId"]
    assert code(ec2.detach_network_interface, AttachmentId=own) == "OperationNotPermitted"
    told = ec2.describe_network_interface_attribute(NetworkInterfaceId=first, Attribute="attachment")["Attachment"]
    assert (told["AttachmentId"], told["DeviceIndex"], told["InstanceId"]) == (attachment, 3, instance)

    ec2.detach_network_interface(AttachmentId=attachment)
    ec2.get_waiter("network_interface_available").wait(NetworkInterfaceIds=[first], WaiterConfig=WAIT)
    [seen] = ec2.describe_network_interfaces(**by("attachment.device-index", "1"))["NetworkInterfaces"]
    assert seen["NetworkInterfaceId"] == second

    # What Nova made stays if it is told to, and what Nova keeps goes.
    change = ec2.modify_network_interface_attribute
    change(NetworkInterfaceId=primary, Attachment={"AttachmentId": own, "DeleteOnTermination": False})
    end = {"AttachmentId": places[second]["AttachmentId"], "DeleteOnTermination": True}
    change(NetworkInterfaceId=second, Attachment=end)
    wrong = {"NetworkInterfaceId": second, "Attachment": {**end, "AttachmentId": own}}
    assert code(change, **wrong) == "InvalidAttachmentID.NotFound"
    address = ec2.allocate_address()
    try:
        ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=primary)
        found = ec2.describe_instances(**by("network-interface.association.allocation-id", address["AllocationId"]))
        [shown] = found["Reservations"][0]["Instances"]
        assert (shown["InstanceId"], shown["PublicIpAddress"]) == (instance, address["PublicIp"])
        ec2.terminate_instances(InstanceIds=[instance])
        ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance], WaiterConfig=WAIT)
        assert openstack_main.network.find_port(native_uuid(second)) is None
        left = openstack_main.network.get_port(native_uuid(primary))
        assert left.device_id == ""
        # The address stays with the interface.
        assert openstack_main.network.get_ip(native_uuid(address["AllocationId"])).port_id == left.id
    finally:
        openstack_main.network.delete_ip(native_uuid(address["AllocationId"]))
        openstack_main.network.delete_port(native_uuid(primary))
    assert eventually(lambda: not list(openstack_main.network.ports(device_id=native_uuid(instance))))


NOTHING = "eni-" + "0" * 32


@pytest.mark.parametrize(
    ("action", "params", "expected"),
    [
        ("create_network_interface", {"SubnetId": "subnet-" + "0" * 32}, "InvalidSubnetID.NotFound"),
        ("create_network_interface", {"PrivateIpAddress": "192.0.2.9"}, "InvalidParameterValue"),
        ("create_network_interface", {"PrivateIpAddress": "web"}, "InvalidParameterValue"),
        ("create_network_interface", {"Groups": ["sg-" + "0" * 32]}, "InvalidGroup.NotFound"),
        ("create_network_interface", {"Description": "x" * 256}, "InvalidParameterValue"),
        ("create_network_interface", {"InterfaceType": "efa"}, "UnsupportedOperation"),
        ("create_network_interface", {"Ipv6AddressCount": 1}, "InvalidParameterValue"),  # the subnet has no such block
        ("create_network_interface", {"Ipv6PrefixCount": 1}, "UnsupportedOperation"),
        (
            "create_network_interface",
            {"SecondaryPrivateIpAddressCount": 1, "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.0.9"}]},
            "InvalidParameterCombination",
        ),
        ("delete_network_interface", {"NetworkInterfaceId": NOTHING}, "InvalidNetworkInterfaceID.NotFound"),
        ("delete_network_interface", {"NetworkInterfaceId": "vpc-1"}, "InvalidNetworkInterfaceId.Malformed"),
        (
            "attach_network_interface",
            {"NetworkInterfaceId": NOTHING, "InstanceId": "i-" + "0" * 32, "DeviceIndex": 1},
            "InvalidNetworkInterfaceID.NotFound",
        ),
        ("detach_network_interface", {"AttachmentId": "eni-attach-0"}, "InvalidAttachmentID.NotFound"),
        ("detach_network_interface", {"AttachmentId": "fake"}, "InvalidAttachmentID.NotFound"),
        ("describe_network_interface_attribute", {"NetworkInterfaceId": NOTHING}, "InvalidParameterCombination"),
        (
            "describe_network_interface_attribute",
            {"NetworkInterfaceId": NOTHING, "Attribute": "fake"},
            "InvalidParameterValue",
        ),
        ("modify_network_interface_attribute", {"NetworkInterfaceId": NOTHING}, "InvalidParameterCombination"),
        (
            "modify_network_interface_attribute",
            {"NetworkInterfaceId": NOTHING, "Attachment": {"AttachmentId": "fake"}},
            "MissingParameter",
        ),
        (
            "modify_network_interface_attribute",
            {"NetworkInterfaceId": NOTHING, "Description": {"Value": "a"}, "SourceDestCheck": {"Value": True}},
            "InvalidParameterCombination",
        ),
        ("reset_network_interface_attribute", {"NetworkInterfaceId": NOTHING}, "InvalidParameterCombination"),
        ("assign_private_ip_addresses", {"NetworkInterfaceId": NOTHING}, "MissingParameter"),
        ("unassign_private_ip_addresses", {"NetworkInterfaceId": NOTHING}, "MissingParameter"),
    ],
)
def test_what_is_refused(ec2: Any, subnet: str, action: str, params: dict[str, Any], expected: str) -> None:
    home = {"SubnetId": subnet} if action == "create_network_interface" else {}
    assert code(getattr(ec2, action), **{**home, **params}) == expected
