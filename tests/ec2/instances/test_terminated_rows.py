"""Terminated instances are built and serialised once, and their cached XML equals the normal writer's."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.types.compute import Server
from shim.cache import Cache
from shim.ec2.engine import ids
from shim.ec2.instances import instances
from shim.ec2.instances import rows as instance_rows
from shim.ec2.instances.instances import describe_instances
from shim.protocol.xml.rows import Written
from tests.ec2.acting import act
from tests.ec2.instances.test_instance_rows import SERVERS
from tests.ec2.instances.test_terminated import Nova, filtered, here, server, states, text


def answer(nova: Nova, cache: Cache, req: dict[str, Any] | None = None, region: str = "us-east-1", **more: Any) -> Any:
    found = here(nova, cache, **more)
    found.region = region
    return asyncio.run(act(describe_instances, found, req or {}))


def kept(result: Any) -> list[Written]:
    """Return the rows that are written; one that was built again is another object."""
    return [row for row in result["Reservations"] if type(row) is Written]


def anew(first: Any, second: Any) -> int:
    """Return how many rows the second answer built that the first had built before."""
    return len(second["Reservations"]) - len({id(row) for row in kept(first)} & {id(row) for row in kept(second)})


def test_of_a_thousand_and_ten_the_ten_that_live_are_built() -> None:
    nova, cache = Nova(10, 1000), Cache()
    first = answer(nova, cache)
    second = answer(nova, cache)
    assert len(second["Reservations"]) == 1010
    assert anew(first, second) == 10
    nova.delete(server(3).id)
    third = answer(nova, cache)
    assert anew(second, third) == 9 + 1
    assert anew(third, answer(nova, cache)) == 9


@given(st.lists(SERVERS, min_size=1, max_size=4), st.booleans())
def test_what_is_kept_says_what_the_writer_says(some: list[Server], filters: bool) -> None:
    nova, cache = Nova(2, 0), Cache()
    for number, one in enumerate(some, 1000):
        nova.delete(server(number).id)
        ended, changed = nova.deleted[server(number).id]
        # Nova deletes the metadata with a server; where it does not, the server may share a reservation.
        metadata = one.metadata if number == 1000 else {}
        nova.deleted[ended.id] = (
            replace(one, id=ended.id, status="DELETED", terminated_at=ended.terminated_at, metadata=metadata),
            changed,
        )
    servers = [*nova.living.values(), *(ended for ended, _ in nova.deleted.values())]
    call = here(nova, cache)
    context = asyncio.run(instance_rows.instance_context(call))
    plain = instances.grouped([instance_rows.reservation(one, context) for one in sorted(servers, key=lambda s: s.id)])
    req = {"Filters": filtered("hypervisor", "xen")} if filters else {}
    for _ in range(2):
        found = asyncio.run(act(describe_instances, call, req))
        assert len(kept(found)) == len([one for one, _ in nova.deleted.values() if not one.metadata])
        assert text(found) == text({"Reservations": plain})


def test_zones_are_named_after_the_region_that_is_asked_for() -> None:
    nova, cache = Nova(0, 3), Cache()
    for region in ("us-east-1", "eu-west-3", "us-east-1"):
        shown = text(answer(nova, cache, region=region, zones=("nova",)))
        assert shown.count(f"<availabilityZone>{region}a</availabilityZone>") == 3
    assert "<availabilityZone>us-east-1b<" in text(answer(nova, cache, zones=("other", "nova")))


def test_an_account_sees_its_own_number() -> None:
    nova, cache = Nova(0, 1), Cache()
    answer(nova, cache)
    call = here(nova, cache)
    call.caller = call.caller._replace(account_id="999999999999")
    assert "<ownerId>999999999999</ownerId>" in text(asyncio.run(act(describe_instances, call, {})))


def test_filters_read_what_is_kept() -> None:
    nova, cache = Nova(2, 3), Cache()
    answer(nova, cache)
    one = ids.aws("i", next(iter(nova.deleted)))
    for name, value, count in (
        ("instance-id", one, 1),
        ("instance-type", "m1.*", 5),
        ("instance-type", "x", 0),
        ("instance-state-name", "terminated", 3),
        ("owner-id", "123456789012", 5),
    ):
        found = answer(nova, cache, {"Filters": filtered(name, value)})
        assert text(found).count("<instanceId>") == count
    assert text(answer(nova, cache, {"InstanceIds": [one]})).count(f"<instanceId>{one}</instanceId>") == 1


def test_named_and_filtered_requests_leave_what_is_kept() -> None:
    nova, cache = Nova(2, 3), Cache()
    first = answer(nova, cache)
    answer(nova, cache, {"InstanceIds": [ids.aws("i", next(iter(nova.deleted)))]})
    answer(nova, cache, {"Filters": filtered("hypervisor", "xen")})
    assert anew(first, answer(nova, cache)) == 2


def test_pages_are_cut_from_what_is_kept() -> None:
    nova, cache, seen, token = Nova(2, 30), Cache(), "", ""
    while True:
        page = answer(nova, cache, {"MaxResults": 5, **({"NextToken": token} if token else {})})
        seen += text(page)
        token = page.get("NextToken", "")
        if not token:
            break
    assert seen.count("<instanceId>") == 32
    assert nova.asked == 1


def test_what_is_over_for_long_is_kept_no_more() -> None:
    nova, cache = Nova(1, 20), Cache()
    answer(nova, cache)
    before = cache.bytes
    known = cache.get("p", ("terminated",))
    cache.put("p", ("terminated",), replace(known, gone={}), size=1, seconds=60)
    nova.deleted.clear()
    assert len(answer(nova, cache)["Reservations"]) == 1
    assert cache.bytes < before / 10


@pytest.mark.parametrize("share", [50_000, 100_000, 150_000, 400_000])
def test_rows_never_cost_the_memory_of_the_servers(share: int) -> None:
    """The cached servers must not be evicted; rows are cached only in the remaining space."""
    nova, cache = Nova(2, 40), Cache(owner_bytes=share)
    first = answer(nova, cache)
    read = nova.read
    again = [answer(nova, cache) for _ in range(2)]
    assert (nova.read == read) is (share > 50_000)
    assert cache.bytes <= share
    assert len(text(again[1])) == len(text(first))
    assert anew(again[0], again[1]) >= (2 if share == 400_000 else 3)
    assert states(nova, cache).count("terminated") == 40


def test_a_row_weighs_its_xml() -> None:
    nova, cache = Nova(0, 50), Cache()
    shown = text(answer(nova, cache))
    servers, whole = Cache(), cache.bytes
    asyncio.run(instances.servers_of(here(nova, servers)))
    assert whole - servers.bytes > len(shown)
