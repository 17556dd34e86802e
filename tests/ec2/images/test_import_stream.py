"""What is uploaded is what was inspected, also where the object is overwritten in between."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from shim.concurrency import Jobs, gather_all
from shim.context import Opened
from shim.ec2.engine.resource_types import IMPORT_IMAGE_TASK
from shim.ec2.images.importing import checked
from shim.ec2.images.inspection import FORMATS, RefusedDiskError, Verdict
from shim.ec2.images.task_records import TASK, Task, cancel
from shim.ec2.images.task_work import Progress, run, volume_gone
from shim.locks import Locks
from shim.undo import undoing
from tests.ec2.images.disks import BAD, GOOD

PIECE = 1000


async def _pieces(disk: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(disk), PIECE):
        yield disk[start : start + PIECE]


def sent(told: Verdict, disk: bytes) -> bytes:
    """Return what is passed on of a disk; raise RefusedDiskError with what was passed on before as its note."""
    passed = bytearray()

    async def pass_on() -> None:
        async for piece in checked(Opened(len(disk), _pieces(disk), lambda: None), told, Progress(None)):  # type: ignore[arg-type]
            passed.extend(piece)

    try:
        asyncio.run(pass_on())
    except RefusedDiskError as error:
        error.add_note(str(len(passed)))
        raise
    return bytes(passed)


def test_what_was_inspected_is_passed_on() -> None:
    disk = GOOD["qcow2"][1]
    assert sent(Verdict(FORMATS["QCOW2"], 1 << 20, len(disk)), disk) == disk


@pytest.mark.parametrize("name", ["qcow2 with a backing file", "qcow2 with a data file", "qcow2 of 17 TiB"])
def test_another_object_is_never_passed_on_whole(name: str) -> None:
    disk = BAD[name][1]
    with pytest.raises(RefusedDiskError) as error:
        sent(Verdict(FORMATS["QCOW2"], 1 << 20, len(disk)), disk)
    assert int(error.value.__notes__[0]) <= len(disk) - len(disk) % PIECE


def test_a_shorter_object_is_refused() -> None:
    disk = GOOD["raw"][1]
    with pytest.raises(RefusedDiskError):
        sent(Verdict(FORMATS["RAW"], len(disk) + 1, len(disk) + 1), disk)


def test_an_owner_has_one_running_job_and_a_bounded_number() -> None:
    running: list[str] = []
    most = 0

    async def work(jobs: Jobs, owner: str, go: asyncio.Event) -> None:
        nonlocal most
        async with jobs.turn(owner):
            running.append(owner)
            most = max(most, len(running))
            await go.wait()
            running.remove(owner)

    async def main() -> None:
        jobs, go = Jobs(running=2, of_owner=3), asyncio.Event()
        for owner in "aaabc":
            assert jobs.has_room(owner)
            jobs.start(owner, work(jobs, owner, go))
        assert not jobs.has_room("a")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert sorted(running) == ["a", "b"]
        go.set()
        async with asyncio.timeout(60), jobs.turn("a"):  # after all others of its owner
            assert jobs.has_room("a")
        jobs.start("d", asyncio.sleep(3600))
        await jobs.aclose()

    asyncio.run(main())
    assert most == 2


def test_a_place_is_nobody_elses_until_its_job_has_begun() -> None:
    async def main() -> None:
        jobs = Jobs(of_owner=2)
        with jobs.place("a") as first, jobs.place("a") as second, jobs.place("a") as third, jobs.place("b") as other:
            assert (first, second, third, other) == (True, True, False, True)
            jobs.start("a", asyncio.sleep(3600))
        with jobs.place("a") as more, jobs.place("a") as too_many:
            assert (more, too_many) == (True, False)
        assert jobs.has_room("a")
        await jobs.aclose()

    asyncio.run(main())


STATE = {"status": "active", "format": "RAW", "bucket": "b", "key": "k"}


class Glance:
    """Glance's images as it changes them: it reads one, and writes all properties that it read."""

    def __init__(self) -> None:
        self.properties: dict[str, str] = {TASK: IMPORT_IMAGE_TASK.name}

    async def update_image(self, id: str, *, set: Mapping[str, str]) -> Any:
        read = dict(self.properties)
        for _ in range(3):
            await asyncio.sleep(0)
        self.properties = {**read, **set}
        return SimpleNamespace(id=id, properties=dict(self.properties))


def begun(glance: Glance) -> tuple[Any, Task]:
    """Return a call to this Glance, and a task that is active."""
    caller = SimpleNamespace(project_id="p")
    call = SimpleNamespace(cloud=SimpleNamespace(images=glance), caller=caller, locks=Locks(""))
    record: Any = SimpleNamespace(id="0", properties={})
    return call, Task(IMPORT_IMAGE_TASK, record, STATE)


def test_changes_of_a_task_that_are_written_at_once_are_all_kept() -> None:
    glance = Glance()

    async def main() -> None:
        call, task = begun(glance)
        progress = Progress(task)
        await gather_all(progress.save(call, **change) for change in ({}, {"image": "1"}, {}))
        assert progress.task.state["image"] == "1"

    asyncio.run(main())
    assert '"image": "1"' in glance.properties["ec2:task:state"]


@pytest.mark.parametrize("turns", range(12))
def test_a_task_is_cancelled_or_it_ends_and_both_sides_agree(turns: int) -> None:
    async def main() -> None:
        call, task = begun(Glance())
        progress = Progress(task)
        await progress.save(call)

        async def cancelled() -> bool:
            for _ in range(turns):
                await asyncio.sleep(0)
            return (await cancel(call, task)).cancelled

        async def stopped() -> bool:
            try:
                await progress.step(call)
                await progress.step(call, last=True)
            except asyncio.CancelledError:
                return True
            return False

        told, done = await asyncio.gather(cancelled(), stopped())
        assert told is done

    asyncio.run(main())


class StuckCinder:
    """A Cinder whose volume is made for ever."""

    async def volume(self, id: str) -> Any:
        return SimpleNamespace(id=id, status="creating")


def test_a_volume_that_cannot_be_deleted_does_not_hold_the_gateway() -> None:
    """The task stays active without a sign of life, so that whoever reads it later deletes the volume."""
    glance = Glance()

    async def main() -> None:
        call, task = begun(glance)
        call.cloud.block = StuckCinder()
        jobs = Jobs()
        call.imports = SimpleNamespace(jobs=jobs)
        call.caller.account_id = "1"

        async def work(call: Any, progress: Progress) -> None:
            async with undoing() as undo:
                undo(partial(volume_gone, call, progress), "v")
                await progress.step(call, volume="v")
                await asyncio.sleep(60)

        jobs.start("1", run(call, Progress(task, patience=0.05), work))
        await asyncio.sleep(0.1)
        async with asyncio.timeout(5):
            await jobs.aclose()

    asyncio.run(main())
    assert json.loads(glance.properties["ec2:task:state"]) == {**STATE, "progress": 0, "volume": "v"}
