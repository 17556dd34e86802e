"""Elastic IP addresses through both APIs: allocated, associated, moved, released."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from openstack.connection import Connection

from adapters.errors import BackendError, Fault
from adapters.types.network import FloatingIp, Network
from shim.ec2.interfaces.allocation import allocate_address
from shim.ec2.interfaces.association import associate_address
from shim.ec2.network.addresses import describe_addresses
from shim.errors import AwsError
from tests.ec2.acting import act
from tests.ec2.client_errors import code, refusal
from tests.ec2.instances.test_instance_rows import port
from tests.ec2.test_half_done import call
from tests.support.names import native_uuid, unique

PORT = port("1", "m1", "10.0.0.5")
TAGS = [{"ResourceType": "elastic-ip", "Tags": [{"Key": "Name", "Value": "web"}]}]
Allocate = Callable[..., dict[str, Any]]


@dataclass
class Neutron:
    """Floating IPs in memory, and one call that fails."""

    fails_at: str = ""
    floating: dict[str, FloatingIp] = field(default_factory=dict)
    outside: tuple[str, ...] = ("x",)

    def _work(self, name: str) -> None:
        if name in self.fails_at.split():
            raise BackendError(Fault.UNAVAILABLE, service="network")

    async def networks(self) -> list[Network]:
        return [Network(one, f"net-{one}", "p", True, False, "ACTIVE", (), (), ()) for one in self.outside]

    async def ports(self, **_: Any) -> list[Any]:
        return [PORT]

    async def port(self, id: str) -> Any:
        return PORT

    async def routers(self) -> list[Any]:
        return []

    async def floating_ips(self) -> list[FloatingIp]:
        return list(self.floating.values())

    async def create_floating_ip(self, network_id: str, description: str = "", *_: object) -> FloatingIp:
        made = FloatingIp(f"{len(self.floating) + 1:032x}", "p", "1.2.3.4", network_id, None, None, "", (), description)
        self.floating[made.id] = made
        return made

    async def set_tags(self, resource: str, id: str, tags: Any) -> None:
        self._work("set_tags")
        self.floating[id] = replace(self.floating[id], tags=tuple(tags))

    async def describe_floating_ip(self, id: str, description: str) -> None:
        self.floating[id] = replace(self.floating[id], description=description)

    async def delete_floating_ip(self, id: str) -> None:
        self._work("delete_floating_ip")
        del self.floating[id]

    async def associate_floating_ip(self, id: str, port_id: str | None, fixed: str | None = None) -> None:
        if port_id:
            self._work(f"associate-{id}")
        self.floating[id] = replace(self.floating[id], port_id=port_id, fixed=fixed)


def do(action: Any, neutron: Neutron, operation: str, **req: Any) -> Any:
    return asyncio.run(act(action, call(operation, network=neutron), req))


def test_an_address_whose_tags_cannot_be_kept_is_not_allocated() -> None:
    neutron = Neutron("set_tags")
    with pytest.raises(BackendError):
        do(allocate_address, neutron, "AllocateAddress", TagSpecifications=TAGS)
    assert neutron.floating == {}


def test_an_address_that_a_killed_gateway_left_is_hidden_and_then_deleted() -> None:
    neutron = Neutron("set_tags delete_floating_ip")
    with pytest.raises(BackendError):
        do(allocate_address, neutron, "AllocateAddress", TagSpecifications=TAGS)
    assert len(neutron.floating) == 1
    assert do(describe_addresses, neutron, "DescribeAddresses")["Addresses"] == []
    neutron.fails_at = ""
    do(allocate_address, neutron, "AllocateAddress", TagSpecifications=TAGS)
    [left] = neutron.floating.values()
    assert left.description == ""


@pytest.mark.parametrize("outside", [(), ("x", "y")])
def test_the_network_must_be_clear(outside: tuple[str, ...]) -> None:
    with pytest.raises(AwsError) as refused:
        do(allocate_address, Neutron(outside=outside), "AllocateAddress")
    assert refused.value.code == "UnsupportedOperation"


@pytest.mark.parametrize("named", ["y", "net-y"])
def test_the_operator_chooses_among_several_networks(named: str) -> None:
    neutron, here = Neutron(outside=("x", "y")), call("AllocateAddress")
    here.cloud.network = neutron  # type: ignore[misc,assignment]
    here.settings = here.settings.model_copy(update={"external_network": named})
    asyncio.run(act(allocate_address, here, {}))
    assert [one.network_id for one in neutron.floating.values()] == ["y"]


def test_an_association_that_fails_leaves_the_earlier_one() -> None:
    a, b = "a" * 32, "b" * 32
    held = FloatingIp(a, "p", "1.1.1.1", "x", PORT.id, "10.0.0.5", "", ())
    neutron = Neutron(f"associate-{b}", {a: held, b: FloatingIp(b, "p", "2.2.2.2", "x", None, None, "", ())})
    wanted = {"AllocationId": f"eipalloc-{b}", "NetworkInterfaceId": "eni-" + PORT.id.replace("-", "")}
    with pytest.raises(BackendError):
        do(associate_address, neutron, "AssociateAddress", **wanted)
    assert neutron.floating[a] == held
    neutron.fails_at = ""
    with pytest.raises(AwsError) as refused:
        do(associate_address, neutron, "AssociateAddress", AllowReassociation=False, **wanted)
    assert refused.value.code == "Resource.AlreadyAssociated"
    do(associate_address, neutron, "AssociateAddress", **wanted)
    assert (neutron.floating[a].port_id, neutron.floating[b].port_id) == (None, PORT.id)


# Through both APIs.


@pytest.fixture
def allocate(ec2: Any, openstack_main: Connection) -> Iterator[Allocate]:
    made: list[str] = []

    def run(**more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = ec2.allocate_address(Domain="vpc", **more)
        made.append(answer["AllocationId"])
        return answer

    yield run
    for one in made:
        openstack_main.network.delete_ip(native_uuid(one))


@pytest.fixture
def ports(openstack_main: Connection) -> Iterator[list[Any]]:
    """Two ports of nobody on the default network."""
    network = openstack_main.network.find_network("default", project_id=openstack_main.current_project_id)
    made = [openstack_main.network.create_port(network_id=network.id) for _ in range(2)]
    yield made
    for one in made:
        openstack_main.network.delete_port(one)


def eni(native: Any) -> str:
    return "eni-" + str(native.id).replace("-", "")


def test_an_addresss_life(ec2: Any, gateway: Any, openstack_main: Connection) -> None:
    name = unique("eip")
    tags = [{"ResourceType": "elastic-ip", "Tags": [{"Key": "Name", "Value": name}]}]
    assert code(ec2.allocate_address, DryRun=True) == "DryRunOperation"
    made = ec2.allocate_address(Domain="vpc", TagSpecifications=tags)
    native = openstack_main.network.get_ip(native_uuid(made["AllocationId"]))
    assert native.floating_ip_address == made["PublicIp"]
    assert native.description == ""
    assert (made["Domain"], made["PublicIpv4Pool"]) == ("vpc", "amazon")
    [seen] = ec2.describe_addresses(AllocationIds=[made["AllocationId"]])["Addresses"]
    assert seen["Tags"] == [{"Key": "Name", "Value": name}]
    assert gateway.least_calls(lambda: ec2.describe_addresses(AllocationIds=[made["AllocationId"]])) <= 2
    attributes = {"AllocationIds": [made["AllocationId"]], "Attribute": "domain-name"}
    [seen] = ec2.describe_addresses_attribute(**attributes)["Addresses"]
    assert seen == {"AllocationId": made["AllocationId"], "PublicIp": made["PublicIp"]}
    assert code(ec2.release_address, PublicIp=made["PublicIp"]) == "InvalidParameterValue"
    ec2.release_address(AllocationId=made["AllocationId"])
    assert openstack_main.network.find_ip(native_uuid(made["AllocationId"])) is None
    assert code(ec2.release_address, AllocationId=made["AllocationId"]) == "InvalidAllocationID.NotFound"


def test_an_address_of_an_instance_moves(
    ec2: Any, allocate: Allocate, instance: str, ports: list[Any], openstack_main: Connection
) -> None:
    made = allocate()
    first = ec2.associate_address(AllocationId=made["AllocationId"], InstanceId=instance)["AssociationId"]
    [held] = openstack_main.network.ports(device_id=native_uuid(instance))
    native = openstack_main.network.get_ip(native_uuid(made["AllocationId"]))
    assert (native.port_id, native.fixed_ip_address) == (held.id, held.fixed_ips[0]["ip_address"])
    [seen] = ec2.describe_addresses(Filters=[{"Name": "association-id", "Values": [first]}])["Addresses"]
    assert (seen["InstanceId"], seen["PublicIp"]) == (instance, made["PublicIp"])
    again = ec2.associate_address(PublicIp=made["PublicIp"], InstanceId=instance)["AssociationId"]
    assert again == first

    elsewhere = {"AllocationId": made["AllocationId"], "NetworkInterfaceId": eni(ports[0])}
    said = refusal(ec2.associate_address, AllowReassociation=False, **elsewhere)
    assert said[0] == "Resource.AlreadyAssociated"
    assert first in said[1]
    second = ec2.associate_address(**elsewhere)["AssociationId"]
    assert second != first
    assert openstack_main.network.get_ip(native_uuid(made["AllocationId"])).port_id == ports[0].id
    # The association that has ended ends nothing.
    assert code(ec2.disassociate_address, AssociationId=first) == "InvalidAssociationID.NotFound"
    # Terraform's aws_eip names the instance to move to, and the interface that the address leaves.
    assert ec2.associate_address(InstanceId=instance, **elsewhere)["AssociationId"] == first
    assert openstack_main.network.get_ip(native_uuid(made["AllocationId"])).port_id == held.id
    second = ec2.associate_address(**elsewhere)["AssociationId"]
    ec2.disassociate_address(AssociationId=second)
    assert openstack_main.network.get_ip(native_uuid(made["AllocationId"])).port_id is None
    assert code(ec2.disassociate_address, AssociationId=second) == "InvalidAssociationID.NotFound"


def test_another_address_takes_the_place_of_the_first(
    ec2: Any, allocate: Allocate, ports: list[Any], openstack_main: Connection
) -> None:
    one, two = allocate(), allocate()
    ec2.associate_address(AllocationId=one["AllocationId"], NetworkInterfaceId=eni(ports[0]))
    ec2.associate_address(AllocationId=two["AllocationId"], NetworkInterfaceId=eni(ports[0]))
    assert openstack_main.network.get_ip(native_uuid(one["AllocationId"])).port_id is None
    assert openstack_main.network.get_ip(native_uuid(two["AllocationId"])).port_id == ports[0].id
    # In the default VPC an address is released with its association.
    ec2.release_address(AllocationId=two["AllocationId"])
    assert openstack_main.network.find_ip(native_uuid(two["AllocationId"])) is None


def test_an_interface_behind_no_router_gets_none(ec2: Any, allocate: Allocate, openstack_main: Connection) -> None:
    network = openstack_main.network.create_network(name=unique("island"))
    try:
        openstack_main.network.create_subnet(network_id=network.id, ip_version=4, cidr="10.77.0.0/24")
        lonely = openstack_main.network.create_port(network_id=network.id)
        wanted = {"AllocationId": allocate()["AllocationId"], "NetworkInterfaceId": eni(lonely)}
        assert code(ec2.associate_address, **wanted) == "Gateway.NotAttached"
        openstack_main.network.delete_port(lonely)
    finally:
        openstack_main.network.delete_network(network)


NOWHERE = "eipalloc-" + "0" * 32


@pytest.mark.parametrize(
    ("action", "params", "expected"),
    [
        ("allocate_address", {"Domain": "standard"}, "InvalidParameterValue"),
        ("allocate_address", {"Address": "192.0.2.1"}, "InvalidAddress.NotFound"),
        ("allocate_address", {"Address": "web"}, "InvalidParameterValue"),
        ("allocate_address", {"PublicIpv4Pool": "ipv4pool-ec2-1"}, "InvalidPublicIpv4PoolID.NotFound"),
        ("allocate_address", {"NetworkBorderGroup": "us-east-1-wl1-bos-wlz-1"}, "InvalidParameterValue"),
        ("release_address", {}, "MissingParameter"),
        ("release_address", {"AllocationId": NOWHERE}, "InvalidAllocationID.NotFound"),
        ("release_address", {"AllocationId": NOWHERE, "PublicIp": "192.0.2.1"}, "InvalidParameterCombination"),
        ("associate_address", {"AllocationId": NOWHERE}, "MissingParameter"),
        ("associate_address", {"InstanceId": "i-12345678"}, "MissingParameter"),
        ("associate_address", {"AllocationId": NOWHERE, "InstanceId": "i-12345678"}, "InvalidInstanceID.NotFound"),
        (
            "associate_address",
            {"AllocationId": NOWHERE, "InstanceId": "i-12345678", "NetworkInterfaceId": "eni-12345678"},
            "InvalidInstanceID.NotFound",
        ),
        (
            "associate_address",
            {"AllocationId": NOWHERE, "InstanceId": "i-12345678", "NetworkInterfaceId": "web"},
            "InvalidNetworkInterfaceId.Malformed",
        ),
        (
            "associate_address",
            {"AllocationId": NOWHERE, "NetworkInterfaceId": "eni-" + "0" * 32},
            "InvalidNetworkInterfaceID.NotFound",
        ),
        ("disassociate_address", {}, "MissingParameter"),
        ("disassociate_address", {"PublicIp": "192.0.2.1"}, "InvalidParameterValue"),
        ("disassociate_address", {"AssociationId": "eipassoc-00000001"}, "InvalidAssociationID.NotFound"),
        ("describe_addresses_attribute", {"AllocationIds": [NOWHERE]}, "InvalidAllocationID.NotFound"),
    ],
)
def test_what_is_refused(ec2: Any, action: str, params: dict[str, Any], expected: str) -> None:
    assert code(getattr(ec2, action), **params) == expected


def test_what_is_named_must_be_there(ec2: Any, allocate: Allocate, ports: list[Any]) -> None:
    wanted = {"NetworkInterfaceId": eni(ports[0])}
    assert code(ec2.associate_address, AllocationId=NOWHERE, **wanted) == "InvalidAllocationID.NotFound"
    assert code(ec2.associate_address, PublicIp="192.0.2.1", **wanted) == "InvalidAddress.NotFound"
    wanted |= {"AllocationId": allocate()["AllocationId"], "PrivateIpAddress": "192.0.2.1"}
    assert code(ec2.associate_address, **wanted) == "InvalidParameterValue"
