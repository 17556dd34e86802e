"""A multipart upload of 10,000 parts, S3's maximum: stored, listed, completed, read at part boundaries, deleted.

PASSERELLE_BENCH_PARTS sets the number (10,000), each of S3's least size, 5 MiB: 52 GB, which must be free where an
embedded cloud's Swift keeps its objects.  That may be memory; the file `cloud/swift-devices` in the state directory
names another directory if it is written before the cloud is made.  `make bench` omits this measurement.
"""

import asyncio
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.s3_side_by_side import sign
from bench.stage import Stage
from bench.wire import Connection, ask
from tests.support.names import unique

MIB = 1 << 20
PART = 5 * MIB
AT_ONCE = 3
TRIES = 4  # a Swift without time or space answers 503; SDKs retry too
SPARE = 10 << 30  # bytes to leave free
SEAM = 4096


def run(stage: Stage) -> None:
    """Upload, check, delete, and print the times."""
    count = int(os.environ.get("PASSERELLE_BENCH_PARTS", "10000"))
    refuse_without_room(stage, count * PART + SPARE)
    s3, bucket = stage.aws("s3", read_timeout=3600, retries={"total_max_attempts": 1}), unique("bench-parts")
    s3.create_bucket(Bucket=bucket)
    where = {"Bucket": bucket, "Key": "many"}
    upload = s3.create_multipart_upload(**where)["UploadId"]
    try:
        memory = stage.memory()
        timed(f"{count} parts stored", lambda: asyncio.run(store(stage, {**where, "UploadId": upload}, count)))
        print(f"   memory +{stage.memory() - memory:.1f} MiB", flush=True)
        parts = timed("listed", lambda: list(listed(s3, where, upload)))
        assert [part["PartNumber"] for part in parts] == list(range(1, count + 1))
        done = timed(
            "completed",
            lambda: s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts}),
        )
        print(f"   OpenStack calls of the completion: {stage.gateway.call(done)['upstream_calls']}", flush=True)
        assert done["ETag"] == etag(parts), (done["ETag"], etag(parts))
        timed("read at its seams", lambda: check(s3, where, count, done["ETag"]))
        print(f"   memory +{stage.memory() - memory:.1f} MiB, {stage.memory():.0f} MiB in all", flush=True)
    finally:
        timed("deleted", lambda: delete(stage, s3, where, upload))


def refuse_without_room(stage: Stage, need: int) -> None:
    """Exit if an embedded cloud has fewer free bytes for objects; other clouds are not checked."""
    note = stage.target.state / "cloud" / "swift-devices"
    if os.environ.get("PASSERELLE_TEST_CLOUD") or not note.exists():
        return
    devices = Path(note.read_text())
    free = shutil.disk_usage(devices).free
    if devices.is_relative_to("/dev/shm"):  # noqa: S108 - a tmpfs may be larger than the free memory
        free = min(free, int(Path("/proc/meminfo").read_text().partition("MemAvailable:")[2].split()[0]) << 10)
    if free < need:
        raise SystemExit(f"{need >> 30} GiB must be free in {devices}, and {free >> 30} GiB are")


def timed(what: str, work: Any) -> Any:
    """Run some work, print its duration, and return its result."""
    started = time.perf_counter()
    found = work()
    print(f"   {what}: {time.perf_counter() - started:.1f} s", flush=True)
    return found


def content(number: int) -> bytes:
    """Return a fifth of a part: its number, repeated."""
    return number.to_bytes(8, "big") * (MIB // 8)


async def store(stage: Stage, where: dict[str, str], count: int) -> None:
    """Upload all parts, several concurrently."""
    numbers = iter(range(1, count + 1))
    started = time.perf_counter()

    async def worker() -> None:
        connection: Connection | None = None
        for number in numbers:
            request = ask("PUT", sign(stage, "upload_part", **where, PartNumber=number), body=content(number), repeat=5)
            connection = connection or await Connection.open(request)
            status = await connection.send(request)
            for again in range(1, TRIES):
                if status != 503:
                    break
                print(f"   part {number} answered 503, as Swift did; trying again", flush=True)
                await asyncio.sleep(5 * again)
                status = await connection.send(request)
            if status != 200:
                raise RuntimeError(f"part {number} answered {status}")
            if number % 500 == 0:
                rate = number * 5 / (time.perf_counter() - started)
                print(f"   {number} of {count} parts, {rate:.0f} MiB/s", flush=True)
        if connection:
            connection.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(worker())


def listed(s3: Any, where: dict[str, str], upload: str) -> Iterator[dict[str, Any]]:
    """Return the parts for CompleteMultipartUpload, from all pages of ListParts."""
    for page in s3.get_paginator("list_parts").paginate(**where, UploadId=upload):
        for part in page["Parts"]:
            assert part["Size"] == PART
            if part["PartNumber"] % 1000 == 1:
                sent = hashlib.md5(content(part["PartNumber"]) * 5, usedforsecurity=False).hexdigest()
                assert part["ETag"] == f'"{sent}"', part
            yield {"PartNumber": part["PartNumber"], "ETag": part["ETag"]}


def etag(parts: list[dict[str, Any]]) -> str:
    """Return the multipart ETag: the MD5 of the parts' MD5s, and their number."""
    joined = b"".join(bytes.fromhex(part["ETag"].strip('"')) for part in parts)
    return f'"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(parts)}"'


def check(s3: Any, where: dict[str, str], count: int, made: str) -> None:
    """Compare the object with the upload: size, bytes around boundaries of parts and manifests, last part."""
    head = s3.head_object(**where)
    assert (head["ContentLength"], head["ETag"]) == (count * PART, made), head
    (row,) = s3.list_objects_v2(Bucket=where["Bucket"])["Contents"]
    assert (row["Size"], row["ETag"]) == (count * PART, made), row
    for after in {1, 2, count // 2, 999, 1000, 1001, count - 1} & set(range(1, count)):
        span = f"bytes={after * PART - SEAM}-{after * PART + SEAM - 1}"
        found = s3.get_object(**where, Range=span)["Body"].read()
        assert found == content(after)[:SEAM] + content(after + 1)[:SEAM], span
    last = s3.get_object(**where, PartNumber=count)
    assert (last["PartsCount"], last["ContentLength"]) == (count, PART)
    assert last["Body"].read() == content(count) * 5


def delete(stage: Stage, s3: Any, where: dict[str, str], upload: str) -> None:
    """Delete the object, or the upload if it is incomplete; no segment may remain in Swift."""
    for one in s3.list_multipart_uploads(Bucket=where["Bucket"]).get("Uploads", ()):
        assert one["UploadId"] == upload
        s3.abort_multipart_upload(**where, UploadId=upload)
    s3.delete_object(**where)
    with stage.target.connect("main") as connection:
        left = [found.name for found in connection.object_store.objects(f"{where['Bucket']}+segments")]
    assert not left, f"{len(left)} segments stayed, {left[:2]}"
    s3.delete_bucket(Bucket=where["Bucket"])
