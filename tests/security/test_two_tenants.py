"""Two tenants of one OpenStack: a large launch of one does not delay the calls of the other."""

import asyncio
from collections import deque

import httpx

from shim.concurrency import gather_all
from tests.openstack.stage import Tokens, Wire, token

TURNS = 4  # calls of one project to one service at a time
MANY = 100


class SlowNova:
    """A Nova with one worker: it answers one call after the other, in the order in which they came."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[str, asyncio.Event]] = deque()
        self.answered: list[str] = []
        self.busy = asyncio.Event()

    async def answer(self, request: httpx.Request) -> httpx.Response:
        mine = asyncio.Event()
        self.waiting.append((request.headers["X-Auth-Token"], mine))
        await mine.wait()
        return httpx.Response(200, json={"servers": [], "server": {}})

    async def work(self) -> None:
        while True:
            for _ in range(10):  # whoever is answered gets to ask again before the next answer
                await asyncio.sleep(0)
            if self.waiting:
                who, done = self.waiting.popleft()
                self.answered.append(who)
                done.set()
                self.busy.set()


def test_a_launch_of_many_stands_before_others_by_no_more_than_its_turns() -> None:
    nova = SlowNova()
    wire = Wire(nova.answer, each=TURNS, total=120.0)
    theirs = Tokens(first=token("theirs", project_id="f" * 32))

    async def scenario() -> None:
        working = asyncio.ensure_future(nova.work())
        launch = gather_all((wire.session().post("compute", "/servers", json={}) for _ in range(MANY)), most=MANY)
        launching = asyncio.create_task(launch)
        await nova.busy.wait()
        for ask in ("get", "post", "get"):  # DescribeInstances, a launch, DescribeInstances
            before = len(nova.answered)
            await getattr(wire.session(theirs), ask)("compute", "/servers/detail")
            stood_before = nova.answered[before : nova.answered.index("theirs", before)]
            assert len(stood_before) <= TURNS + 1  # and the one that is being answered
        assert not launching.done()
        await launching
        working.cancel()
        await wire.transport.aclose()

    asyncio.run(scenario())
    assert len(nova.answered) == MANY + 3
