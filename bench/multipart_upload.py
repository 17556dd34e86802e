"""A multipart upload of 4 parts of 16 MiB, and the same static large object stored directly on Swift: the ratio.

Both sides send the same bytes one request after the other on one connection, in alternating turns, each turn to names
that nothing has yet: an object that replaces another must delete the other's segments, which Swift's own clients do
not.  The ratio is gateway over direct in uploads per second, the median over the turns.
"""

import http.client
import json
import re
import statistics
import time
from collections.abc import Callable
from functools import partial
from hashlib import md5
from urllib.parse import urlsplit

from bench.bars import BARS
from bench.s3_side_by_side import sign
from bench.stage import Stage
from tests.support.names import unique

TURNS = 9
PARTS = 4
PART = b"p" * (16 << 20)
ETAG = md5(PART, usedforsecurity=False).hexdigest()
BAR = 0.9

Send = Callable[[str, str, bytes], bytes]


def run(stage: Stage) -> None:
    """Measure both sides and print the ratio."""
    s3, bucket = stage.aws("s3"), unique("bench-multipart")
    s3.create_bucket(Bucket=bucket)
    swift = partial(sent, connection(stage.swift), {"X-Auth-Token": stage.token})
    gateway = partial(sent, connection(sign(stage, "list_buckets")), {})
    upload: dict[str, Callable[[str], None]] = {
        "direct": lambda key: directly(swift, stage.swift, bucket, key),
        "gateway": lambda key: through(gateway, stage, bucket, key),
    }
    seconds: dict[str, list[float]] = {"direct": [], "gateway": []}
    try:
        for name in ("gateway", "direct"):  # the gateway makes the container of segments
            upload[name](name)
        for number in range(TURNS):
            for name in ("direct", "gateway") if number % 2 else ("gateway", "direct"):
                started = time.perf_counter()
                upload[name](f"{name}-{number}")
                seconds[name].append(time.perf_counter() - started)
        ratio = statistics.median(d / g for d, g in zip(*seconds.values(), strict=True))
        direct, gone = (statistics.median(side) for side in seconds.values())
        said = BARS.at_least(f"multipart: {PARTS} parts of {len(PART) >> 20} MiB, ratio", ratio, BAR)
        print(f"   direct {direct:.2f} s, gateway {gone:.2f} s, ratio {ratio:.2f}, bar {BAR}: {said}")
    finally:
        for row in s3.list_objects_v2(Bucket=bucket).get("Contents", ()):
            s3.delete_object(Bucket=bucket, Key=row["Key"])  # with its segments, on either side
        s3.delete_bucket(Bucket=bucket)


def directly(swift: Send, url: str, bucket: str, key: str) -> None:
    """Store the segments and their manifest on Swift."""
    segments = f"{bucket}+segments"
    for number in range(PARTS):
        swift("PUT", f"{url}/{segments}/{key}/{number}", PART)
    rows = [{"path": f"/{segments}/{key}/{number}", "etag": ETAG, "size_bytes": len(PART)} for number in range(PARTS)]
    swift("PUT", f"{url}/{bucket}/{key}?multipart-manifest=put", json.dumps(rows).encode())


def through(gateway: Send, stage: Stage, bucket: str, key: str) -> None:
    """Upload the parts through the gateway and complete the upload."""
    where = {"Bucket": bucket, "Key": key}
    made = gateway("POST", sign(stage, "create_multipart_upload", **where), b"")
    found = re.search(rb"<UploadId>([^<]+)</UploadId>", made)
    assert found, made
    where["UploadId"] = found[1].decode()
    for number in range(1, PARTS + 1):
        gateway("PUT", sign(stage, "upload_part", **where, PartNumber=number), PART)
    rows = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{ETAG}</ETag></Part>" for number in range(1, PARTS + 1)
    )
    body = f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>"
    done = gateway("POST", sign(stage, "complete_multipart_upload", **where), body.encode())
    assert b"CompleteMultipartUploadResult" in done, done


def connection(url: str) -> http.client.HTTPConnection:
    """Return a connection to the host of a URL; it opens with the first request."""
    parts = urlsplit(url)
    return http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=120)


def sent(over: http.client.HTTPConnection, headers: dict[str, str], method: str, url: str, body: bytes) -> bytes:
    """Send a request and return the answer's body."""
    parts = urlsplit(url)
    over.request(method, f"{parts.path}?{parts.query}" if parts.query else parts.path, body, headers)
    answer = over.getresponse()
    text = answer.read()
    if not 200 <= answer.status < 300:
        raise RuntimeError(f"{method} {parts.path} answered {answer.status}: {text[:200]!r}")
    return text
