"""RunInstances repeated with its ClientToken: after a launch, after a gateway was killed, after termination."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.errors import BackendError, Fault
from adapters.types.compute import NewServer, Server
from shim.errors import AwsError
from tests.ec2.launch.test_launch_half_done import Nova, launched

TOKEN: dict[str, Any] = {"ClientToken": "token"}
NOW = datetime.now(UTC)


class Remembering(Nova):
    """A Nova that keeps the servers' requests, and of deleted servers what the real one keeps."""

    def __init__(self, room: int = 100) -> None:
        super().__init__(room, Fault.QUOTA, "Quota exceeded for instances")
        self.tags: dict[str, tuple[str, ...]] = {}
        self.deleted: list[Server] = []
        self.order: list[str] = []
        self.on_the_way: list[Callable[[], None]] = []  # called while the next server is created

    async def create_server(self, new: NewServer) -> str:
        for happens in self.on_the_way:
            happens()
        self.on_the_way = []
        id = await super().create_server(new)  # noqa: A001
        self.order.append(id)
        self.tags[id] = new.tags
        self.alive[id] = replace(self.alive[id], description=new.description, created_at=datetime.now(UTC))
        return id

    async def delete_server(self, id: str) -> None:
        if id not in self.alive:
            raise BackendError(Fault.NOT_FOUND, service="compute", resource="server", id=id)
        self.deleted.append(replace(self.alive.pop(id), status="DELETED", metadata={}, terminated_at=NOW))

    async def set_server_description(self, id: str, description: str) -> None:
        if id not in self.alive:
            raise BackendError(Fault.NOT_FOUND, service="compute", resource="server", id=id)
        self.alive[id] = replace(self.alive[id], description=description)

    async def servers(self, *, tag: str = "", **_: object) -> list[Server]:
        return [one for one in self.alive.values() if not tag or tag in self.tags[one.id]]

    async def deleted_servers(self, since: datetime) -> list[Server]:
        return self.deleted

    def stop_after(self, count: int) -> None:
        """Restore the state that a gateway leaves if it is killed after so many answers of Nova."""
        self.alive = {one: self.alive[one] for one in self.order[:count]}


def rows(nova: Nova, **more: Any) -> list[dict[str, Any]]:
    answer = launched(nova, **TOKEN, **more)
    shown = {one["InstanceId"].removeprefix("i-") for one in answer["Instances"]}
    assert shown >= {one.replace("-", "") for one in nova.alive}
    return list(answer["Instances"])


def terminate(nova: Remembering, *ids: str) -> None:
    for id in ids:  # noqa: A001
        nova.deleted.append(replace(nova.alive.pop(id), status="DELETED", metadata={}, terminated_at=NOW))


@pytest.mark.parametrize("count", range(11))
def test_a_launch_that_was_cut_short_is_ended(count: int) -> None:
    nova = Remembering()
    rows(nova, MinCount=10, MaxCount=10)
    nova.stop_after(count)
    again = rows(nova, MinCount=10, MaxCount=10)
    assert [one["AmiLaunchIndex"] for one in again] == list(range(10))
    assert len(nova.alive) == 10
    assert set(nova.order[:count]) <= set(nova.alive), "what was made is kept"


@pytest.mark.parametrize("count", range(9))
def test_it_ends_between_the_least_and_the_most(count: int) -> None:
    nova = Remembering()
    rows(nova, MinCount=4, MaxCount=8)
    nova.stop_after(count)
    again = rows(nova, MinCount=4, MaxCount=8)
    assert len(again) == len(nova.alive) == (8 if count < 4 else count)


@pytest.mark.parametrize("count", [1, 3])
def test_one_that_cannot_be_ended_is_taken_back_whole(count: int) -> None:
    nova = Remembering()
    rows(nova, MinCount=4, MaxCount=4)
    nova.stop_after(count)
    nova.room = nova.made
    with pytest.raises(AwsError) as refused:
        launched(nova, **TOKEN, MinCount=4, MaxCount=4)
    assert refused.value.code == "InstanceLimitExceeded"
    assert nova.alive == {}


@pytest.mark.parametrize("seen", [0, 2])
def test_what_a_killed_gateway_had_under_way_comes_on_top_of_nothing(seen: int) -> None:
    """Nova creates the requested servers although no client waits for its answer any more."""
    nova = Remembering()
    rows(nova, MinCount=3, MaxCount=5)
    late = {one: nova.alive[one] for one in nova.order[seen:4]}
    nova.stop_after(seen)
    nova.on_the_way = [lambda: nova.alive.update(late)]
    again = rows(nova, MinCount=3, MaxCount=5)
    assert len(again) == len(nova.alive) == 5
    assert [one["AmiLaunchIndex"] for one in again] == list(range(5))
    assert rows(nova, MinCount=3, MaxCount=5) == again


def test_what_comes_later_still_goes_with_the_next_repetition() -> None:
    nova = Remembering()
    first = rows(nova)
    (server,) = nova.alive.values()
    late = replace(server, id=server.id[:-4] + "ffff", created_at=datetime.now(UTC))
    nova.alive[late.id], nova.tags[late.id] = late, nova.tags[server.id]
    assert rows(nova) == first
    assert list(nova.alive) == [server.id]


def test_a_launch_of_which_some_were_terminated_is_answered_whole() -> None:
    nova = Remembering()
    rows(nova, MinCount=4, MaxCount=4)
    terminate(nova, *nova.order[2:])
    again = launched(nova, **TOKEN, MinCount=4, MaxCount=4)["Instances"]
    assert [one["State"]["Name"] for one in again] == ["pending", "pending", "terminated", "terminated"]
    assert [one["AmiLaunchIndex"] for one in again] == [0, 1, 2, 3]
    assert len(nova.alive) == 2


@pytest.mark.parametrize("count", [1, 3])
def test_a_launch_that_was_terminated_is_not_launched_again(count: int) -> None:
    nova = Remembering()
    rows(nova, MinCount=count, MaxCount=count)
    terminate(nova, *nova.order)
    with pytest.raises(AwsError) as refused:
        launched(nova, **TOKEN, MinCount=count, MaxCount=count)
    assert refused.value.code == "IdempotentInstanceTerminated"
    assert nova.alive == {}
    with pytest.raises(AwsError) as refused:
        launched(nova, **TOKEN, MinCount=count, MaxCount=count + 1)
    assert refused.value.code == "IdempotentParameterMismatch"


def test_one_that_is_on_its_way_out_has_been_terminated() -> None:
    nova = Remembering()
    rows(nova)
    nova.alive = {one.id: replace(one, task_state="deleting") for one in nova.alive.values()}
    with pytest.raises(AwsError) as refused:
        launched(nova, **TOKEN)
    assert refused.value.code == "IdempotentInstanceTerminated"


def test_a_launch_that_failed_can_be_asked_for_again() -> None:
    nova = Remembering(room=3)
    with pytest.raises(AwsError):
        launched(nova, **TOKEN, MinCount=4, MaxCount=8)
    assert len(nova.deleted) == 3
    nova.room = 100
    assert len(rows(nova, MinCount=4, MaxCount=8)) == 8


def test_a_failure_above_the_least_takes_back_in_an_order_that_leaves_no_doubt() -> None:
    """A launch is complete once server number MinCount exists: that one must be deleted before the earlier ones."""
    nova = Remembering(room=5)
    nova.fault = Fault.INVALID
    with pytest.raises(BackendError):
        launched(nova, **TOKEN, MinCount=4, MaxCount=8)
    assert [one.id for one in nova.deleted].index(nova.order[3]) == 1
    nova.room = 100
    assert len(rows(nova, MinCount=4, MaxCount=8)) == 8


def test_an_undoing_that_was_cut_short_is_ended() -> None:
    nova = Remembering()
    rows(nova, MinCount=3, MaxCount=3)
    last = nova.order[2]
    nova.alive[last] = replace(nova.alive[last], description=nova.alive[last].description.split(" ")[0] + " undone")
    assert len(rows(nova, MinCount=3, MaxCount=3)) == 3
    assert last not in nova.alive


def test_an_old_launch_of_which_some_are_forgotten_stays_as_it_is() -> None:
    nova = Remembering()
    rows(nova, MinCount=3, MaxCount=3)
    nova.alive.pop(nova.order[2])
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    nova.alive = {one.id: replace(one, created_at=long_ago) for one in nova.alive.values()}
    assert len(rows(nova, MinCount=3, MaxCount=3)) == 2
