"""Rules of all create actions: tags and tokens are checked first, a token creates one resource, failures are undone."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from shim.config import Settings
from shim.context import Call, Caller
from shim.ec2.engine.resource_types import INSTANCE, SECURITY_GROUP, VOLUME, ResourceType
from shim.ec2.tags import creating as module
from shim.ec2.tags.creating import HALF_DONE, Creation, creates, creating, half_done_name, is_half_done
from shim.errors import AwsError
from shim.locks import Locks

Thing = tuple[str, Mapping[str, str]]


def creation(call: Call, req: Mapping[str, Any], resource_type: ResourceType, *beside: ResourceType) -> Creation[Any]:
    """Read a request and return what it creates, as the gateway and an action do."""
    return creating(call, creates(resource_type, *beside)(call.settings, call.caller, call.operation, req))


class Store:
    """A store of resources with metadata that creates slowly."""

    def __init__(self) -> None:
        self.call = Call(
            cloud=None,  # type: ignore[arg-type]  # nothing of it is asked
            caller=Caller("access", "u", "user", "p", "project", "123456789012", frozenset()),
            request_id="r",
            region="us-east-1",
            operation="CreateVolume",
            settings=Settings.model_validate({}),
            locks=Locks(""),
        )
        self.things: dict[str, Mapping[str, str]] = {}
        self.fails = False

    async def made_with(self, mark: Mapping[str, str]) -> Iterable[Thing]:
        return [(one, held) for one, held in self.things.items() if mark.items() <= held.items()]

    async def delete(self, id: str) -> None:
        del self.things[id]

    async def create(self, **req: Any) -> str:
        new = creation(self.call, req, VOLUME)
        async with new.once(self.made_with):
            if new.earlier:
                return str(new.earlier[0])
            made = f"v{len(self.things)}"
            await asyncio.sleep(0.01)
            self.things[made] = new.items
            new.undo(self.delete, made)
            if self.fails:
                raise KeyError("a later step")
            return made


def test_a_token_makes_one_thing_even_for_requests_side_by_side() -> None:
    store = Store()

    async def scenario() -> list[str]:
        return await asyncio.gather(*(store.create(ClientToken="t", Size=1) for _ in range(5)))

    assert asyncio.run(scenario()) == ["v0"] * 5
    assert len(store.things) == 1


def test_without_a_token_each_makes_its_own() -> None:
    store = Store()

    async def scenario() -> list[str]:
        return [await store.create(Size=1) for _ in range(3)]

    assert asyncio.run(scenario()) == ["v0", "v1", "v2"]


@pytest.mark.parametrize("other", [{"Size": 2}, {"Size": 1, "TagSpecifications": [{"ResourceType": "volume"}]}])
def test_a_token_with_other_parameters_is_a_mismatch(other: dict[str, Any]) -> None:
    store = Store()

    async def scenario() -> None:
        await store.create(ClientToken="t", Size=1)
        with pytest.raises(AwsError) as refused:
            await store.create(ClientToken="t", **other)
        assert (refused.value.code, refused.value.status) == ("IdempotentParameterMismatch", 400)

    asyncio.run(scenario())


def test_what_failed_is_taken_back_and_its_token_makes_it_anew() -> None:
    store = Store()

    async def scenario() -> None:
        store.fails = True
        with pytest.raises(KeyError):
            await store.create(ClientToken="t")
        assert store.things == {}
        store.fails = False
        assert await store.create(ClientToken="t") == "v0"

    asyncio.run(scenario())


def test_a_unique_name_is_made_by_one_at_a_time() -> None:
    store, inside, most = Store(), [0], [0]

    async def make() -> None:
        async with creation(store.call, {}, SECURITY_GROUP).once(name="web"):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            await asyncio.sleep(0.005)
            inside[0] -= 1

    async def scenario() -> None:
        await asyncio.gather(*(make() for _ in range(4)))

    asyncio.run(scenario())
    assert most == [1]


def test_what_is_half_done_is_given_to_the_block_once_nothing_is_added_to_it() -> None:
    """OpenStack still creates what a killed gateway requested: the block waits, and the lock is free meanwhile."""
    store, looks, pauses = Store(), [0], []

    async def find(_: Mapping[str, str]) -> Iterable[Thing]:
        looks[0] += 1
        return [(f"v{number}", {HALF_DONE: ""}) for number in range(min(looks[0], 3))]

    async def watch() -> None:
        while looks[0] < 3:
            await asyncio.sleep(0.05)
            async with store.call.locks.hold("security-group name", "p", "web"):
                pauses.append(looks[0])

    async def scenario() -> list[str]:
        watching = asyncio.create_task(watch())
        async with creation(store.call, {}, SECURITY_GROUP).once(find, name="web", quiet=0.2) as new:
            await watching
            return new.half_done

    assert asyncio.run(scenario()) == ["v0", "v1", "v2"]
    assert looks == [4]
    assert {1, 2} <= set(pauses)


def test_a_wait_for_what_never_rests_ends() -> None:
    store, looks = Store(), [0]

    async def find(_: Mapping[str, str]) -> Iterable[Thing]:
        looks[0] += 1
        return [(f"v{number}", {HALF_DONE: ""}) for number in range(looks[0])]

    async def scenario() -> None:
        async with creation(store.call, {}, SECURITY_GROUP).once(find, name="web", quiet=0):
            pass

    asyncio.run(scenario())
    assert looks == [module.MOST_LOOKS]


def test_a_half_done_name_is_one_name_everywhere() -> None:
    assert half_done_name("vpc-1", "web") == half_done_name("vpc-1", "web") != half_done_name("vpc-1w", "eb")
    assert is_half_done(half_done_name("web"))
    assert not is_half_done("web")


@pytest.mark.parametrize(
    ("req", "code"),
    [
        ({"ClientToken": "x" * 65}, "InvalidParameterValue"),
        ({"ClientToken": "\x01"}, "InvalidParameterValue"),
        ({"TagSpecifications": [{"ResourceType": "instance", "Tags": []}]}, "InvalidParameterValue"),
        (
            {"TagSpecifications": [{"ResourceType": "volume", "Tags": [{"Key": f"k{n}"} for n in range(51)]}]},
            "TagLimitExceeded",
        ),
    ],
)
def test_what_needs_no_cloud_is_checked_at_once(req: dict[str, Any], code: str) -> None:
    with pytest.raises(AwsError) as refused:
        creation(Store().call, req, VOLUME)
    assert refused.value.code == code


def test_resource_types_beside_the_things_own_may_be_named() -> None:
    tags = [{"Key": "Name", "Value": "a"}]
    req = {"TagSpecifications": [{"ResourceType": "volume", "Tags": tags}, {"ResourceType": "instance", "Tags": []}]}
    new = creation(Store().call, req, VOLUME, INSTANCE)
    assert (new.tags, new.items) == ({"Name": "a"}, {"tag:Name": "a"})


def test_nothing_is_made_outside_the_block_that_would_take_it_back() -> None:
    with pytest.raises(RuntimeError):
        creation(Store().call, {}, VOLUME).undo(print)
