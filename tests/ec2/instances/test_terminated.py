"""Terminated instances are read once: the calls and rows that they cost, on a scripted Nova."""

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from adapters.errors import BackendError, Fault
from adapters.types.compute import Server
from shim.cache import Cache
from shim.config import Settings
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.instances.instances import describe_instances
from shim.ec2.instances.status import describe_instance_status
from shim.ec2.service import ec2
from shim.errors import AwsError
from shim.protocol.message import Head, Request
from tests.ec2.acting import act
from tests.ec2.conftest import eventually
from tests.ec2.engine.test_describe import call
from tests.ec2.instances.test_instance_costs import Cloud
from tests.ec2.instances.test_instance_rows import SERVER
from tests.support.gateway import Gateway
from tests.support.names import unique

REQUEST = Request(Head("POST", b"/", b"", ()), form=(("Action", "DescribeInstances"), ("Version", "2016-11-15")))


def server(number: int, **facts: Any) -> Server:
    return replace(SERVER, id=str(UUID(int=number)), metadata={}, volumes=(), **facts)


class Nova:
    """Live and deleted servers; `read` counts the deleted ones that were listed, `asked` the lists of them."""

    def __init__(self, living: int, gone: int, *, minutes: float = 10) -> None:
        self.living = {one.id: one for one in map(server, range(living))}
        self.deleted: dict[str, tuple[Server, datetime]] = {}  # with the time by which Nova filters
        self.read = self.asked = self.lists = 0
        for number in range(gone):
            self.delete(server(1000 + number).id, minutes=minutes)

    def delete(self, id: str, *, minutes: float = 0, changed_minutes: float | None = None) -> None:
        moment = datetime.now(UTC) - timedelta(minutes=minutes)
        one = replace(self.living.pop(id, replace(SERVER, id=id)), status="DELETED", metadata={}, volumes=())
        changed = moment if changed_minutes is None else datetime.now(UTC) - timedelta(minutes=changed_minutes)
        self.deleted[id] = replace(one, terminated_at=moment), changed

    async def servers(self, **_: Any) -> list[Server]:
        self.lists += 1
        return list(self.living.values())

    async def deleted_servers(self, since: datetime) -> list[Server]:
        self.asked += 1
        found = [one for one, changed in self.deleted.values() if changed >= since]
        self.read += len(found)
        return found

    async def server(self, id: str) -> Server:
        if id in self.living:
            return self.living[id]
        raise BackendError(Fault.NOT_FOUND, service="compute", resource="server", id=id)


def here(nova: Nova, cache: Cache, project: str = "p", **settings: Any) -> Call:
    found = call("DescribeInstances", project)
    found.cloud = Cloud(0)
    found.cloud.compute = nova
    found.cache = cache
    found.settings = Settings.model_validate({"page_token_key": "k", **settings})
    return found


def text(result: Any) -> str:
    """Serialise an answer of DescribeInstances, of which some rows are already serialised."""
    body = ec2.reply(ec2.operations["DescribeInstances"], result, request_id="r", request=REQUEST).body
    assert isinstance(body, bytes)
    return body.decode()


def states(nova: Nova, cache: Cache, project: str = "p", **req: Any) -> list[str]:
    answer = asyncio.run(act(describe_instances, here(nova, cache, project), req))
    return re.findall("<instanceState><code>[0-9]+</code><name>([a-z-]+)</name>", text(answer))


def costs(nova: Nova, cache: Cache, **req: Any) -> tuple[int, int]:
    """Describe; return the number of requests for deleted servers, and of servers listed."""
    before = nova.asked, nova.read
    states(nova, cache, **req)
    return nova.asked - before[0], nova.read - before[1]


def filtered(name: str, *values: str) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": list(values)}]


def test_a_thousand_are_read_once() -> None:
    nova, cache = Nova(10, 1000), Cache()
    assert sorted(set(states(nova, cache))) == ["running", "terminated"]
    assert nova.read == 1000
    assert len(states(nova, cache)) == 1010
    assert (nova.read, nova.asked, nova.lists) == (1000, 2, 2)


def test_one_that_ends_natively_is_noticed_and_read_alone() -> None:
    nova, cache = Nova(10, 100), Cache()
    states(nova, cache)
    nova.delete(server(3).id)
    assert states(nova, cache).count("terminated") == 101
    assert nova.read == 101


def test_one_that_ends_without_a_new_time_of_change_is_missed_and_looked_for() -> None:
    nova, cache = Nova(10, 100), Cache()
    states(nova, cache)
    nova.delete(server(3).id, changed_minutes=30)
    assert states(nova, cache).count("terminated") == 101
    assert costs(nova, cache) == (1, 0)


def test_one_that_nova_purged_is_looked_for_once() -> None:
    nova, cache = Nova(10, 5), Cache()
    states(nova, cache)
    del nova.living[server(3).id]
    assert len(states(nova, cache)) == 14
    assert costs(nova, cache) == (1, 0)


def test_one_that_was_made_and_ended_between_two_questions_is_shown() -> None:
    nova, cache = Nova(2, 0), Cache()
    states(nova, cache)
    nova.delete(server(77).id)
    assert states(nova, cache).count("terminated") == 1


def test_what_nova_purged_stays_until_its_time_is_over() -> None:
    nova, cache = Nova(1, 4), Cache()
    states(nova, cache)
    nova.deleted.clear()
    assert states(nova, cache).count("terminated") == 4
    known = cache.get("p", ("terminated",))
    ends = [one.until - datetime.now(UTC) for one in known.gone.values()]
    assert all(timedelta(minutes=49) < left < timedelta(minutes=51) for left in ends)  # an hour after its end
    over = {name: replace(one, until=datetime.now(UTC)) for name, one in known.gone.items()}
    cache.put("p", ("terminated",), replace(known, gone=over), size=1, seconds=60)
    assert states(nova, cache) == ["running"]


def test_each_replica_and_each_project_reads_for_itself() -> None:
    nova, one, other = Nova(2, 10), Cache(), Cache()
    for cache in (one, other):
        assert states(nova, cache).count("terminated") == 10
    assert states(nova, one, "q").count("terminated") == 10
    assert nova.read == 30


def test_more_than_an_account_may_keep_is_read_each_time_and_never_lost() -> None:
    nova, cache = Nova(2, 50), Cache(owner_bytes=5000)
    assert states(nova, cache).count("terminated") == 50
    assert states(nova, cache).count("terminated") == 50
    assert cache.get("p", ("terminated",)) is None


def test_many_projects_stay_within_the_cache() -> None:
    nova, cache = Nova(2, 20), Cache(total_bytes=100_000, owner_bytes=50_000)
    for project in range(30):
        assert states(nova, cache, f"p{project}").count("terminated") == 20
        assert cache.bytes <= 100_000


@pytest.mark.parametrize("filters", [
    filtered("instance-state-name", "running"),
    filtered("instance-state-name", "running", "pend*", "stop*"),
    filtered("instance-state-code", "16"),
    filtered("tag:Name", "*"),
    filtered("tag-key", "Name"),
    filtered("vpc-id", "vpc-1"),
    filtered("instance-type", "*") + filtered("instance-state-name", "running"),
])  # fmt: skip
def test_filters_that_exclude_it_ask_nothing_of_what_is_over(filters: list[dict[str, Any]]) -> None:
    nova, cache = Nova(3, 10), Cache()
    assert costs(nova, cache, Filters=filters) == (0, 0)


@pytest.mark.parametrize("filters", [
    filtered("instance-state-name", "terminated"),
    filtered("instance-state-name", "running", "term*"),
    filtered("instance-state-code", "48"),
    filtered("instance-type", "*"),
])  # fmt: skip
def test_other_filters_show_it(filters: list[dict[str, Any]]) -> None:
    assert states(Nova(3, 10), Cache(), Filters=filters).count("terminated") == 10


def test_named_ones_that_live_ask_nothing_of_what_is_over() -> None:
    nova, cache = Nova(3, 10), Cache()
    named = [ids.aws("i", one) for one in nova.living]
    assert costs(nova, cache, InstanceIds=named) == (0, 0)
    assert costs(nova, cache, InstanceIds=named[:1]) == (0, 0)


def test_a_named_one_that_ended_is_asked_for_once() -> None:
    nova, cache = Nova(3, 10), Cache()
    gone = ids.aws("i", next(iter(nova.deleted)))
    states(nova, cache)
    assert states(nova, cache, InstanceIds=[gone]) == ["terminated"]
    assert states(nova, cache, InstanceIds=[gone, ids.aws("i", server(0).id)]) in (
        ["running", "terminated"], ["terminated", "running"])  # fmt: skip
    assert nova.asked == 1


def test_a_named_one_ends_under_the_eyes_of_a_waiter() -> None:
    nova, cache = Nova(3, 10), Cache()
    states(nova, cache)
    named = [ids.aws("i", server(1).id)]
    assert states(nova, cache, InstanceIds=named) == ["running"]
    nova.delete(server(1).id, changed_minutes=30)
    assert states(nova, cache, InstanceIds=named) == ["terminated"]
    assert states(nova, cache, InstanceIds=named) == ["terminated"]
    assert states(nova, cache).count("terminated") == 11


def test_a_status_of_what_never_was_is_missing_and_of_what_ended_left_out() -> None:
    nova, cache = Nova(3, 10), Cache()

    def status(*named: str) -> Any:
        return asyncio.run(act(describe_instance_status, here(nova, cache), {"InstanceIds": list(named)}))

    assert status(ids.aws("i", next(iter(nova.deleted)))) == {"InstanceStatuses": []}
    with pytest.raises(AwsError, match="does not exist"):
        status(ids.aws("i", server(99).id))
    asyncio.run(act(describe_instance_status, here(nova, cache), {}))
    assert nova.asked == 2


def test_nothing_is_asked_where_terminated_instances_are_not_shown() -> None:
    nova = Nova(3, 10)
    answer = asyncio.run(act(describe_instances, here(nova, Cache(), terminated_visible_seconds=0), {}))
    assert (len(answer["Reservations"]), nova.asked) == (3, 0)


def test_a_server_that_ends_natively_on_a_real_nova(
    ec2: Any, gateway: Gateway, openstack_main: Any, image: str, instance_type: str
) -> None:
    compute = openstack_main.compute
    flavor = compute.find_flavor(instance_type).id
    wanted = {"name": unique("ended"), "image_id": str(UUID(image.removeprefix("ami-"))), "flavor_id": flavor}
    made = [compute.create_server(**wanted, networks="none") for _ in range(2)]
    named = [ids.aws("i", one.id) for one in made]

    def shown() -> list[str]:
        found = ec2.describe_instances(Filters=[{"Name": "instance-id", "Values": named}])["Reservations"]
        return [one["Instances"][0]["State"]["Name"] for one in found]

    assert eventually(lambda: shown() == ["running", "running"])
    for one in made:
        compute.delete_server(one.id)
    assert eventually(lambda: shown() == ["terminated", "terminated"])
    assert shown() == ["terminated", "terminated"]

    def calls(**asked: Any) -> int:
        return gateway.least_calls(lambda: ec2.describe_instances(**asked))

    everything = calls()
    assert calls(Filters=[{"Name": "instance-state-name", "Values": ["running"]}]) == everything - 1
    assert calls(InstanceIds=named[:1]) == 3  # the server, its ports and the floating IPs: no list of servers

    def rows(**req: Any) -> list[Any]:
        found = ec2.describe_instances(**req)["Reservations"]
        return [one for one in found if one["Instances"][0]["InstanceId"] in named]

    assert rows() == rows() == rows(Filters=[{"Name": "hypervisor", "Values": ["xen"]}])
