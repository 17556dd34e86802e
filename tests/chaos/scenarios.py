"""The actions under test: what each needs beforehand, its request, and how what it made is deleted."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from tests.ec2.conftest import WAIT, end, eventually
from tests.support.names import unique

Parameters = dict[str, Any]
Request = Callable[[], Parameters]
TAGS = [{"Key": "Name", "Value": "chaos"}]


@dataclass(frozen=True)
class Scenario:
    """An action of EC2 on resources that a context manager makes.

    `needs` gives a function that returns the parameters of the next request; `delete` deletes what the answer tells of,
    and `token` says whether the action takes a ClientToken.  `final` is the error that a repetition may get because the
    first request took effect; `find` then gives what the first request would have answered.  `others` gives that for
    what else there is after a repetition: an action without ClientToken may have taken effect twice, as on AWS.
    """

    action: str
    needs: Callable[[Any], AbstractContextManager[Request]]
    delete: Callable[[Any, Any], object] = lambda _ec2, _answer: None
    token: bool = False
    final: str = ""
    find: Callable[[Any, Parameters], Any] = lambda _ec2, _request: None
    others: Callable[[Any, Parameters], list[Any]] = lambda _ec2, _request: []


def tagged(kind: str) -> list[Parameters]:
    """Return TagSpecifications."""
    return [{"ResourceType": kind, "Tags": TAGS}]


@contextmanager
def named(parameters: Parameters) -> Iterator[Request]:
    """A request that needs nothing beforehand."""
    yield lambda: parameters


@contextmanager
def a_vpc(ec2: Any) -> Iterator[str]:
    """A VPC; it may be deleted meanwhile."""
    vpc = ec2.create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
    try:
        yield vpc
    finally:
        with suppress(ClientError):
            ec2.delete_vpc(VpcId=vpc)


@contextmanager
def a_subnet(ec2: Any) -> Iterator[tuple[str, str]]:
    """A subnet and its VPC."""
    with a_vpc(ec2) as vpc:
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.77.1.0/24")["Subnet"]["SubnetId"]
        try:
            yield subnet, vpc
        finally:
            ec2.delete_subnet(SubnetId=subnet)


@contextmanager
def public(ec2: Any) -> Iterator[tuple[str, str]]:
    """A subnet of a VPC with an internet gateway, and an Elastic IP address."""
    with a_subnet(ec2) as (subnet, vpc), ExitStack() as stack:
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        stack.callback(ec2.delete_internet_gateway, InternetGatewayId=gateway)
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        stack.callback(ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc)
        allocation = ec2.allocate_address(Domain="vpc")["AllocationId"]
        stack.callback(ec2.release_address, AllocationId=allocation)
        yield subnet, allocation


@contextmanager
def launch(ec2: Any) -> Iterator[Request]:
    """An image and a type; the instance has a further volume."""
    devices = [{"DeviceName": "/dev/sdb", "Ebs": {"VolumeSize": 1, "DeleteOnTermination": True}}]
    tags = tagged("instance") + tagged("volume")
    request = {**small(ec2), "BlockDeviceMappings": devices, "TagSpecifications": tags}
    yield lambda: request


def small(ec2: Any) -> Parameters:
    """Return the parameters of a launch of one small instance."""
    images = ec2.describe_images(Owners=["amazon"], Filters=[{"Name": "state", "Values": ["available"]}])["Images"]
    types = ec2.describe_instance_types()["InstanceTypes"]
    local = [one for one in types if "instance-store" in one["SupportedRootDeviceTypes"]]
    smallest = min(local, key=lambda one: one["MemoryInfo"]["SizeInMiB"])
    return {"ImageId": images[0]["ImageId"], "InstanceType": smallest["InstanceType"], "MinCount": 1, "MaxCount": 1}


@contextmanager
def subnet_request(ec2: Any) -> Iterator[Request]:
    """A VPC with room for a subnet."""
    with a_vpc(ec2) as vpc:
        yield lambda: {"VpcId": vpc, "CidrBlock": "10.77.2.0/24", "TagSpecifications": tagged("subnet")}


@contextmanager
def nat_request(ec2: Any) -> Iterator[Request]:
    """A public subnet and an address."""
    with public(ec2) as (subnet, allocation):
        request = {"SubnetId": subnet, "AllocationId": allocation, "TagSpecifications": tagged("natgateway")}
        yield lambda: request


@contextmanager
def association_request(ec2: Any) -> Iterator[Request]:
    """An interface in a public subnet and an address."""
    with public(ec2) as (subnet, allocation):
        interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
        try:
            yield lambda: {"NetworkInterfaceId": interface, "AllocationId": allocation}
        finally:
            ec2.delete_network_interface(NetworkInterfaceId=interface)


@contextmanager
def image_request(ec2: Any) -> Iterator[Request]:
    """A running instance."""
    ids = [one["InstanceId"] for one in ec2.run_instances(**small(ec2))["Instances"]]
    try:
        ec2.get_waiter("instance_running").wait(InstanceIds=ids, WaiterConfig=WAIT)
        yield lambda: {"InstanceId": ids[0], "Name": unique("chaos"), "TagSpecifications": tagged("image")}
    finally:
        end(ec2, ids)


@contextmanager
def group_request(ec2: Any) -> Iterator[Request]:
    """A VPC."""
    with a_vpc(ec2) as vpc:
        tags = tagged("security-group")
        yield lambda: {"GroupName": "chaos", "Description": "chaos", "VpcId": vpc, "TagSpecifications": tags}


@contextmanager
def interface_request(ec2: Any) -> Iterator[Request]:
    """A subnet."""
    with a_subnet(ec2) as (subnet, _):
        yield lambda: {"SubnetId": subnet, "TagSpecifications": tagged("network-interface")}


@contextmanager
def table_request(ec2: Any) -> Iterator[Request]:
    """A VPC."""
    with a_vpc(ec2) as vpc:
        yield lambda: {"VpcId": vpc, "TagSpecifications": tagged("route-table")}


@contextmanager
def vpc_deletion(ec2: Any) -> Iterator[Request]:
    """A new VPC for each request."""
    with ExitStack() as stack:
        yield lambda: {"VpcId": stack.enter_context(a_vpc(ec2))}


@contextmanager
def subnet_deletion(ec2: Any) -> Iterator[Request]:
    """A new subnet for each request, in one VPC."""
    with a_vpc(ec2) as vpc:
        yield lambda: {"SubnetId": ec2.create_subnet(VpcId=vpc, CidrBlock="10.77.1.0/24")["Subnet"]["SubnetId"]}


@contextmanager
def volume_request(ec2: Any) -> Iterator[Request]:
    """A zone."""
    zone = ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
    yield lambda: {"AvailabilityZone": zone, "Size": 1, "TagSpecifications": tagged("volume")}


def delete_nat(ec2: Any, answer: Any) -> None:
    """Delete a NAT gateway, and wait until its address is free."""
    nat = answer["NatGateway"]["NatGatewayId"]
    ec2.delete_nat_gateway(NatGatewayId=nat)
    ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=[nat], WaiterConfig=WAIT)


def delete_volume(ec2: Any, answer: Any) -> None:
    """Delete a volume as soon as it is there."""
    ec2.get_waiter("volume_available").wait(VolumeIds=[answer["VolumeId"]], WaiterConfig=WAIT)
    ec2.delete_volume(VolumeId=answer["VolumeId"])


def delete_image(ec2: Any, answer: Any) -> None:
    """Deregister an image as soon as it is there."""
    ec2.get_waiter("image_available").wait(ImageIds=[answer["ImageId"]], WaiterConfig=WAIT)
    ec2.deregister_image(ImageId=answer["ImageId"])


def image_named(ec2: Any, request: Parameters) -> Any:
    """Find the image of a request by its name."""
    return ec2.describe_images(Owners=["self"], Filters=[{"Name": "name", "Values": [request["Name"]]}])["Images"][0]


def group_named(ec2: Any, request: Parameters) -> Any:
    """Find the group of a request by its name and VPC."""
    wanted = {"group-name": request["GroupName"], "vpc-id": request["VpcId"]}
    filters = [{"Name": name, "Values": [value]} for name, value in wanted.items()]
    return ec2.describe_security_groups(Filters=filters)["SecurityGroups"][0]


def subnet_found(ec2: Any, request: Parameters) -> Any:
    """Find the subnet of a request by its VPC and CIDR block."""
    wanted = {"cidr-block": request["CidrBlock"], "vpc-id": request["VpcId"]}
    filters = [{"Name": name, "Values": [value]} for name, value in wanted.items()]
    return {"Subnet": ec2.describe_subnets(Filters=filters)["Subnets"][0]}


def terminate(ec2: Any, answer: Any) -> None:
    """Terminate instances, with their volumes."""
    ids = [one["InstanceId"] for one in answer["Instances"]]
    ec2.get_waiter("instance_running").wait(InstanceIds=ids, WaiterConfig=WAIT)
    end(ec2, ids)
    assert eventually(lambda: not ec2.describe_volumes()["Volumes"])


# Only what is whole has its tags.
WHOLE = [{"Name": "tag:Name", "Values": ["chaos"]}]
SCENARIOS = [
    Scenario("run_instances", launch, terminate, token=True),
    Scenario(
        "create_vpc",
        lambda _: named({"CidrBlock": "10.78.0.0/16", "TagSpecifications": tagged("vpc")}),
        lambda ec2, answer: ec2.delete_vpc(VpcId=answer["Vpc"]["VpcId"]),
        others=lambda ec2, _: [{"Vpc": one} for one in ec2.describe_vpcs(Filters=WHOLE)["Vpcs"]],
    ),
    Scenario(
        "create_subnet",
        subnet_request,
        lambda ec2, answer: ec2.delete_subnet(SubnetId=answer["Subnet"]["SubnetId"]),
        final="InvalidSubnet.Conflict",
        find=subnet_found,
    ),
    Scenario("create_nat_gateway", nat_request, delete_nat, token=True),
    Scenario(
        "allocate_address",
        lambda _: named({"Domain": "vpc", "TagSpecifications": tagged("elastic-ip")}),
        lambda ec2, answer: ec2.release_address(AllocationId=answer["AllocationId"]),
        others=lambda ec2, _: ec2.describe_addresses(Filters=WHOLE)["Addresses"],
    ),
    Scenario(
        "associate_address",
        association_request,
        lambda ec2, answer: ec2.disassociate_address(AssociationId=answer["AssociationId"]),
    ),
    Scenario("create_image", image_request, delete_image, final="InvalidAMIName.Duplicate", find=image_named),
    Scenario("create_volume", volume_request, delete_volume, token=True),
    Scenario(
        "create_security_group",
        group_request,
        lambda ec2, answer: ec2.delete_security_group(GroupId=answer["GroupId"]),
        final="InvalidGroup.Duplicate",
        find=group_named,
    ),
    Scenario(
        "create_network_interface",
        interface_request,
        lambda ec2, answer: ec2.delete_network_interface(
            NetworkInterfaceId=answer["NetworkInterface"]["NetworkInterfaceId"]
        ),
        token=True,
    ),
    Scenario(
        "create_route_table",
        table_request,
        lambda ec2, answer: ec2.delete_route_table(RouteTableId=answer["RouteTable"]["RouteTableId"]),
        token=True,
    ),
    Scenario("delete_subnet", subnet_deletion, final="InvalidSubnetID.NotFound"),
    Scenario("delete_vpc", vpc_deletion, final="InvalidVpcID.NotFound"),
]
