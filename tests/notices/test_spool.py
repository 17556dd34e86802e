"""The spool on a real disk: what is stored, what a reader sees, and what has no room."""

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shim.notices.segments import Notice, Queue, Segment, line, parsed, queue_name, used
from shim.notices.spool import Entry, Spool

DESTINATION = "arn:aws:sns:us-east-1::t"


def notice(number: Any = 0, destination: str = DESTINATION) -> Notice:
    return Notice(destination, 1.5, {"number": number})


def read_all(path: Path) -> list[Any]:
    """Read a queue to its end as its deliverer does."""
    queue, found = Queue(path), []
    while window := queue.window(3):
        found += [one.body["number"] for one in window]
        queue.advance()
    return found


class Spooled:
    """A spool with what it counted."""

    def __init__(self, directory: Path, most: int = 1 << 30) -> None:
        self.counted = Counter[tuple[str, str]]()
        self.spool = Spool(directory, most, self._observe)

    def _observe(self, destination: str, outcome: str, number: int) -> None:
        self.counted[destination, outcome] += number


def test_what_is_stored_is_read_in_order_and_deleted_when_nobody_appends(tmp_path: Path) -> None:
    async def run() -> None:
        on = Spooled(tmp_path)
        assert await on.spool.put([Entry("p", notice(n)) for n in range(10)])
        path = tmp_path / queue_name(DESTINATION, "p")
        assert read_all(path) == list(range(10))
        assert used(tmp_path)[path.name] > 0  # the spool may still append
        assert read_all(path) == []
        assert await on.spool.put([Entry("p", notice("later"))])
        assert read_all(path) == ["later"]
        await on.spool.aclose()
        assert read_all(path) == []
        assert used(tmp_path) == {path.name: 0}
        assert on.counted == {(DESTINATION, "stored"): 11}

    asyncio.run(run())


def test_many_requests_share_a_write(tmp_path: Path) -> None:
    async def run() -> None:
        on = Spooled(tmp_path)
        assert all(await asyncio.gather(*(on.spool.put([Entry("p", notice(n))]) for n in range(500))))
        await on.spool.aclose()

    asyncio.run(run())
    assert sorted(read_all(tmp_path / queue_name(DESTINATION, "p"))) == list(range(500))


def test_a_full_queue_drops_what_is_new_and_leaves_others_room(tmp_path: Path) -> None:
    async def run() -> None:
        on = Spooled(tmp_path, most=1 << 16)
        fates = [await on.spool.put([Entry("p", notice("x" * 1000))]) for _ in range(10)]
        assert fates == [True] * 7 + [False] * 3  # an eighth of the spool: 8,192 bytes
        assert await on.spool.put([Entry("other", notice())])
        assert await on.spool.put([Entry("p", notice())], bounded=False)
        assert on.counted == {(DESTINATION, "stored"): 9, (DESTINATION, "dropped"): 3}
        await on.spool.aclose()

    asyncio.run(run())


def test_a_full_spool_drops_what_is_new(tmp_path: Path) -> None:
    async def run() -> None:
        on = Spooled(tmp_path, most=1 << 16)
        fates = [await on.spool.put([Entry(str(n), notice("x" * 7000))]) for n in range(12)]
        assert fates == [True] * 9 + [False] * 3
        await on.spool.aclose()

    asyncio.run(run())


def test_a_disk_that_fails_stops_nobody(tmp_path: Path) -> None:
    async def run() -> None:
        (tmp_path / "file").write_text("no directory")
        on = Spooled(tmp_path / "file")
        assert not await on.spool.put([Entry("p", notice())])
        await on.spool.aclose()
        assert on.counted == {(DESTINATION, "dropped"): 1}

    asyncio.run(run())


def test_a_cancelled_request_breaks_no_other(tmp_path: Path) -> None:
    async def run() -> None:
        on = Spooled(tmp_path)
        first, second = (asyncio.ensure_future(on.spool.put([Entry("p", notice(n))])) for n in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert await second
        await on.spool.aclose()

    asyncio.run(run())
    assert 1 in read_all(tmp_path / queue_name(DESTINATION, "p"))


WRITER = """
import asyncio, sys
from pathlib import Path
from shim.notices.segments import Notice
from shim.notices.spool import Entry, Spool

async def run():
    spool, number = Spool(Path(sys.argv[1]), 1 << 30, lambda *_: None), 0
    while True:
        await spool.put([Entry("p", Notice("d", 0.0, {"number": number}))])
        print(number, flush=True)
        number += 1

asyncio.run(run())
"""


def test_a_killed_writer_loses_nothing_that_it_reported(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout
    reported = [int(process.stdout.readline()) for _ in range(50)]
    path = tmp_path / queue_name("d", "p")
    assert read_all(path)[:50] == reported
    process.send_signal(signal.SIGKILL)
    rest = [int(one) for one in process.stdout.read().splitlines(keepends=True) if one.endswith(b"\n")]
    process.wait()
    process.stdout.close()
    with next(path.glob("*.jsonl")).open("ab") as file:
        file.write(b'{"half a li')  # what a kill in the middle of a write leaves
    for done in path.glob("*.done"):
        done.unlink()  # how far it was delivered is lost: all of it is shown again
    found = read_all(path)
    assert found[: len(reported) + len(rest)] == reported + rest
    assert not list(path.glob("*.jsonl"))


def test_a_reader_goes_on_where_it_was(tmp_path: Path) -> None:
    segment = Segment(tmp_path / "q")
    for number in range(9):
        segment.append(line(notice(number)))
    segment.close()
    first = Queue(tmp_path / "q")
    first.window(3)
    first.advance()
    assert [one.body["number"] for one in first.window(3)] == [3, 4, 5]  # and is killed before it advances
    assert read_all(tmp_path / "q") == [3, 4, 5, 6, 7, 8]
    assert not list((tmp_path / "q").iterdir())


def test_damaged_lines_are_left_out(tmp_path: Path) -> None:
    segment = Segment(tmp_path / "q")
    segment.append(b"\x00" * (300 << 10) + b"\n" + line(notice(1)) + b'{"to": 1}\n[]\n' + line(notice(2)))
    segment.close()
    assert read_all(tmp_path / "q") == [1, 2]


@given(body=st.dictionaries(st.text(), st.text() | st.integers(-(2**53), 2**53)))
def test_a_line_is_read_as_it_was_written(body: dict[str, Any]) -> None:
    one = Notice("d", 2.5, body)
    assert line(one).count(b"\n") == 1
    assert parsed(line(one)) == one
