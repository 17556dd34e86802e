"""CreateVpc and CreateSubnet on a cloud that fails at each of their calls in turn: nothing half made remains."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import anyio
import pytest

from adapters.errors import BackendError, Fault
from adapters.types.compute import Zone
from adapters.types.network import Network, NewRule, NewSubnet, Router, SecurityGroup, Subnet, SubnetPool
from shim.config import Settings
from shim.ec2.network.vpcs import create_vpc
from shim.ec2.subnets.subnets import create_subnet
from tests.ec2.acting import act
from tests.ec2.test_half_done import call, stored

ROUTER = "00000000-0000-4000-8000-00000000000a"
VPC = "vpc-" + ROUTER.replace("-", "")
DOWN = BackendError(Fault.UNAVAILABLE, service="network")


@dataclass
class Cloud:
    """The parts of Neutron and Nova that the two actions use, in memory; the write with the number `fails_at` fails."""

    fails_at: int
    things: dict[str, Any] = field(default_factory=dict)
    joined: set[str] = field(default_factory=set)
    writes: int = 0
    made: int = 0

    def _write(self) -> None:
        self.writes += 1
        if self.writes == self.fails_at:
            raise DOWN

    def _make(self, make: Any) -> Any:
        self._write()
        self.made += 1
        id = f"00000000-0000-4000-9000-{self.made:012d}"  # noqa: A001
        self.things[id] = make(id)
        return self.things[id]

    def _of(self, kind: type) -> list[Any]:
        return [one for one in self.things.values() if isinstance(one, kind)]

    async def routers(self) -> list[Router]:
        return self._of(Router)

    async def router(self, id: str) -> Router:
        found: Router = self.things[id]
        return found

    async def networks(self, *, external: bool | None = None) -> list[Network]:
        return self._of(Network)

    async def subnets(self) -> list[Subnet]:
        return self._of(Subnet)

    async def ports(self, **_: Any) -> list[Any]:
        return []

    async def zones(self) -> list[Zone]:
        return [Zone("nova", True)]

    async def security_groups(self, *, name: str | None = None) -> list[SecurityGroup]:
        return self._of(SecurityGroup)

    async def create_router(self, name: str) -> Any:
        return self._make(lambda uuid: Router(uuid, name, "p", "ACTIVE", ()))

    async def create_security_group(self, name: str, description: str) -> Any:
        return self._make(lambda uuid: SecurityGroup(uuid, name, description, "p", (), ()))

    async def create_rules(self, rules: list[NewRule]) -> list[Any]:
        self._write()
        return [stored(rule, place) for place, rule in enumerate(rules)]

    async def create_network(self, name: str) -> Any:
        return self._make(lambda uuid: Network(uuid, name, "p", False, False, "ACTIVE", (), (), ()))

    async def create_subnet(self, new: NewSubnet) -> Any:
        cidr = new.cidr or "2001:db8::/56"
        return self._make(
            lambda uuid: Subnet(uuid, new.name, "p", new.network_id, new.version, cidr, new.gateway, new.pools, ())
        )

    async def visible_subnet_pools(self) -> list[SubnetPool]:
        return [SubnetPool("00000000-0000-4000-8000-00000000000b", "ipv6", "p", ())]

    async def set_tags(self, resource: str, id: str, tags: Any) -> None:
        self._write()
        self.things[id] = replace(self.things[id], tags=tuple(tags))

    async def _rename(self, id: str, name: str) -> None:
        self._write()
        self.things[id] = replace(self.things[id], name=name)

    rename_router = rename_network = rename_subnet = _rename

    async def _delete(self, id: str) -> None:
        del self.things[id]

    delete_router = delete_security_group = delete_subnet = _delete

    async def delete_network(self, id: str) -> None:
        inside = [one.id for one in self._of(Subnet) if one.network_id == id]
        assert not self.joined & set(inside)  # Neutron deletes no network with a router's port
        for one in (*inside, id):
            del self.things[one]

    async def add_interface(self, id: str, *, subnet_id: str) -> None:
        self._write()
        self.joined.add(subnet_id)

    async def remove_interface(self, id: str, *, subnet_id: str) -> None:
        self.joined.discard(subnet_id)


def tagged(kind: str) -> list[Mapping[str, Any]]:
    return [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": "n"}]}]


@pytest.mark.parametrize(
    ("action", "operation", "params", "before"),
    [
        (create_vpc, "CreateVpc", {"CidrBlock": "10.0.0.0/16", "TagSpecifications": tagged("vpc")}, {}),
        (
            create_vpc,
            "CreateVpc",
            {"CidrBlock": "10.0.0.0/16", "TagSpecifications": tagged("vpc"), "AmazonProvidedIpv6CidrBlock": True},
            {},
        ),
        (
            create_subnet,
            "CreateSubnet",
            {
                "VpcId": VPC,
                "CidrBlock": "10.0.1.0/24",
                "Ipv6CidrBlock": "2001:db8:0:1::/64",
                "TagSpecifications": tagged("subnet"),
            },
            {ROUTER: Router(ROUTER, "vpc", "p", "ACTIVE", ("ec2:cidr=10.0.0.0-16", "ec2:ipv6-block=2001:db8::-56"))},
        ),
        (
            create_subnet,
            "CreateSubnet",
            {"VpcId": VPC, "CidrBlock": "10.0.1.0/24", "TagSpecifications": tagged("subnet")},
            {ROUTER: Router(ROUTER, "vpc", "p", "ACTIVE", ("ec2:cidr=10.0.0.0-16",))},
        ),
    ],
)
def test_nothing_half_made_remains(action: Any, operation: str, params: dict[str, Any], before: dict[str, Any]) -> None:
    step, done = 0, False
    while not done:
        step += 1
        cloud = Cloud(step, dict(before))

        async def create(cloud: Cloud = cloud) -> None:
            here = call(operation, network=cloud, compute=cloud)
            here.settings = Settings.model_validate({"ec2_ipv6_pool": "ipv6"})
            await act(action, here, params)

        try:
            anyio.run(create)
            done = True
        except BackendError:
            pass
        assert done or (cloud.things, cloud.joined) == (before, set())
    assert step > 6  # every write has failed once
    assert {one.name for one in cloud.things.values()} >= {"n"}
