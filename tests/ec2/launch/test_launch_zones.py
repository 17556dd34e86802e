"""The zone of a launch: that of its subnet, which Nova has to be told where there are several."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import pytest

from adapters.errors import Fault
from adapters.types.compute import NewServer, Zone
from adapters.types.network import Network, SecurityGroup, Subnet
from shim.config import Settings
from shim.context import Call, Caller
from shim.ec2.launch.run_instances import run_instances
from shim.errors import AwsError
from shim.locks import Locks
from tests.ec2.acting import act
from tests.ec2.instances.test_instance_costs import Counted
from tests.ec2.instances.test_instance_rows import NET
from tests.ec2.launch.test_launch_half_done import Cloud, Nova
from tests.ec2.launch.test_launch_request import ASKED

SUBNET = UUID("c" * 32)
SUBNET_ID = f"subnet-{SUBNET.hex}"
THREE = ("nova", "two", "three")


class Told(Nova):
    """A Nova of these zones that keeps what it was told to make."""

    def __init__(self, *zones: str) -> None:
        super().__init__(9, Fault.QUOTA, "")
        self._lists["zones"] = [Zone(one, True) for one in (*zones, "internal")]
        self.told: list[NewServer] = []

    async def create_server(self, new: NewServer) -> str:
        self.told.append(new)
        return await super().create_server(new)


def zones_told(nova: Told, tags: tuple[str, ...], **more: Any) -> set[str | None]:
    """Launch into the one subnet, whose network has these tags, and return the zones that Nova was told."""
    cloud: Any = Cloud(nova)
    subnet = Subnet(str(SUBNET), "", "p", NET, 4, "10.0.0.0/24", None, (), ())
    network = Network(NET, "default", "p", False, False, "ACTIVE", (subnet.id,), (), tags)
    group = SecurityGroup("a" * 32, "default", "", "p", (), ())
    cloud.network = Counted(Counter(), networks=[network], subnets=[subnet], security_groups=[group])
    caller = Caller("access", "u", "user", "p", "project", "123456789012", frozenset())
    call = Call(cloud, caller, "r", "us-east-1", "RunInstances", Settings.model_validate({}), Locks(""))
    asyncio.run(act(run_instances, call, {**ASKED, **more}))
    return {new.zone for new in nova.told}


@pytest.mark.parametrize("named", [{}, {"SubnetId": SUBNET_ID}, {"Placement": {"AvailabilityZone": "two"}}])
def test_an_instance_is_in_the_zone_of_its_subnet(named: dict[str, Any]) -> None:
    assert zones_told(Told(*THREE), ("ec2:az=two",), **named) == {"two"}


def test_a_network_that_spans_all_zones_leaves_the_choice_to_nova() -> None:
    assert zones_told(Told(*THREE), ()) == {None}
    assert zones_told(Told(*THREE), (), Placement={"AvailabilityZone": "three"}) == {"three"}


def test_a_zone_that_is_the_only_one_or_gone_is_not_named() -> None:
    assert zones_told(Told("nova"), ("ec2:az=nova",)) == {None}
    assert zones_told(Told("nova", "two"), ("ec2:az=gone",)) == {None}


def test_a_zone_that_is_not_the_subnets_is_refused() -> None:
    nova = Told(*THREE)
    with pytest.raises(AwsError) as refused:
        zones_told(nova, ("ec2:az=nova",), SubnetId=SUBNET_ID, Placement={"AvailabilityZone": "two"})
    assert (refused.value.code, refused.value.message) == (
        "InvalidParameterValue",
        f"Value (two) for parameter availabilityZone is invalid. Subnet '{SUBNET_ID}' is in the availability "
        "zone us-east-1a",
    )
    assert nova.made == 0


def test_a_zone_without_a_default_subnet_is_refused() -> None:
    nova = Told(*THREE)
    with pytest.raises(AwsError) as refused:
        zones_told(nova, ("ec2:az=two",), Placement={"AvailabilityZone": "us-east-1a"})
    assert (refused.value.code, refused.value.message) == (
        "InvalidInput",
        "No default subnet for availability zone: 'us-east-1a'.",
    )
    assert nova.made == 0
