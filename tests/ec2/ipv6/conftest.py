"""A gateway whose operator has named a subnet pool of IPv6, with room for two VPCs."""

from collections.abc import Iterator
from ipaddress import IPv6Network
from typing import Any, NamedTuple

import pytest
from openstack.connection import Connection

from tests.ec2.network.test_security_groups import uuid
from tests.support.clients import Boto
from tests.support.gateway import gateway as run_gateway
from tests.support.ipv6 import shared_pool
from tests.support.target import Target

POOL = "2001:db8:64::/55"


class Vpc(NamedTuple):
    """A VPC with an IPv6 block."""

    id: str
    block: str

    def subnet(self, number: int) -> str:
        """Return a /64 of the block."""
        return str(IPv6Network((int(IPv6Network(self.block)[0]) + (number << 64), 64)))

    def address(self, number: int, host: int) -> str:
        """Return an address of a subnet's block."""
        return str(IPv6Network(self.subnet(number))[host])


@pytest.fixture(scope="package")
def admin(cloud: Target) -> Iterator[Connection]:
    """The administrator's view."""
    with cloud.connect("admin") as connection:
        yield connection


@pytest.fixture(scope="package")
def pool(admin: Connection) -> Iterator[Any]:
    """A shared pool of two blocks."""
    with shared_pool(admin, POOL) as made:
        yield made


@pytest.fixture(scope="package")
def clients(cloud: Target, pool: Any) -> Iterator[Boto]:
    """Clients of that gateway."""
    with run_gateway(cloud, "ipv6", settings={"ec2_ipv6_pool": pool.name}) as running:
        made = Boto(running.url, dict(cloud.keys))
        yield made
        made.close()


@pytest.fixture(scope="package")
def v6(clients: Boto) -> Any:
    """EC2 at that gateway."""
    return clients("ec2")


@pytest.fixture(scope="package")
def vpc(v6: Any, openstack_main: Connection) -> Iterator[Vpc]:
    """A VPC with an IPv6 block, which is deleted with its subnets and interfaces."""
    made = v6.create_vpc(CidrBlock="10.64.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
    yield Vpc(made["VpcId"], made["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"])
    here = [{"Name": "vpc-id", "Values": [made["VpcId"]]}]
    for one in v6.describe_network_interfaces(Filters=here)["NetworkInterfaces"]:
        v6.delete_network_interface(NetworkInterfaceId=one["NetworkInterfaceId"])
    for one in v6.describe_subnets(Filters=here)["Subnets"]:
        v6.delete_subnet(SubnetId=one["SubnetId"])
    v6.delete_vpc(VpcId=made["VpcId"])
    assert openstack_main.network.find_router(uuid(made["VpcId"])) is None
