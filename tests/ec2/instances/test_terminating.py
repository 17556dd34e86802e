"""TerminateInstances of a server that Nova's scheduler has not placed yet: Nova would delete it without a trace."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from adapters.errors import BackendError, Fault
from adapters.types.compute import Server
from shim.ec2.engine import ids
from shim.ec2.instances.power import terminate_instances
from tests.ec2.conftest import Launch, end
from tests.ec2.instances.test_instance_costs import Cloud, Counted, call
from tests.ec2.instances.test_instance_rows import SERVER


class Scheduling(Counted):
    """A Nova with one server, whose task state is the next of `states` in each answer; "" says that it is gone."""

    def __init__(self, states: list[str]) -> None:
        super().__init__(Counter())
        self.states = states
        self.deleted_in: list[str] = []

    async def servers(self, **_: object) -> list[Server]:
        return [self._now()]

    async def server(self, id: str) -> Server:
        if len(self.states) > 1:
            self.states.pop(0)
        if not self.states[0]:
            raise BackendError(Fault.NOT_FOUND, service="compute", resource="server")
        return self._now()

    async def delete_server(self, id: str) -> None:
        self.deleted_in.append(self.states[0])

    def _now(self) -> Server:
        return replace(SERVER, status="BUILD", task_state=self.states[0])


@pytest.mark.parametrize(
    ("states", "deleted_in"),
    [
        (["spawning"], "spawning"),
        (["scheduling", "scheduling", "scheduling", "networking"], "networking"),
        (["scheduling", "scheduling", ""], ""),
    ],
    ids=["is placed", "is placed later", "vanishes"],
)
def test_a_server_is_deleted_once_it_is_placed(states: list[str], deleted_in: str) -> None:
    cloud: Any = Cloud(0)
    nova = cloud.compute = Scheduling(states)
    terminating = call(cloud, "TerminateInstances")
    asyncio.run(terminate_instances(terminating, {"InstanceIds": [ids.aws("i", SERVER.id)]}))
    assert nova.deleted_in == [deleted_in]


def test_an_instance_that_is_terminated_at_once_stays_visible(ec2: Any, launch: Launch) -> None:
    for count in (1, 3):
        made = launch(count)
        end(ec2, made)
        rows = ec2.describe_instances(InstanceIds=made)["Reservations"]
        states = [one["State"]["Name"] for row in rows for one in row["Instances"]]
        assert states == ["terminated"] * count
